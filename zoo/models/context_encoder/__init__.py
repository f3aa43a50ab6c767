"""Context Encoder: inpainting and feature learning (Pathak et al., CVPR 2016)."""
