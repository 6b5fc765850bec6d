"""MobileNet-v2 (Sandler et al., arXiv 1801.04381) with lightweight lambda blocks (arXiv 2102.08602, Table 17)."""
