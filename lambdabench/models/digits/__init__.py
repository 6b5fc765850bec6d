"""Small networks for images of 8x8 pixels, which learn in seconds: residual blocks of one depth whose spatial layer is a convolution
(He et al., arXiv 1512.03385), global self-attention (arXiv 1904.09925) or a lambda layer (arXiv 2102.08602).
"""
