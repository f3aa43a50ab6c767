"""What models are compared with, and protocols that compare them."""
