"""Generative Face Completion (Li et al., CVPR 2017)."""
