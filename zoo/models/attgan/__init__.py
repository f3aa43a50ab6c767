"""AttGAN: facial attribute editing by only changing what you want (He et al., TIP 2019)."""
