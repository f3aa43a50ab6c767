"""The attribute classifier that scores edited faces (released with STGAN, CVPR 2019)."""
