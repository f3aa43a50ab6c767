"""STGAN: editing of facial attributes with selective transfer (Liu et al., CVPR 2019)."""
