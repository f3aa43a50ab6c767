"""Face parsing network of Generative Face Completion (Li et al., CVPR 2017): VGG19 and back."""
