"""TP-GAN: a frontal view from a profile (Huang, Zhang, Li and He, ICCV 2017)."""
