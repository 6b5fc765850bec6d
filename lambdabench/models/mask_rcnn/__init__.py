"""Mask R-CNN (He et al., arXiv 1703.06870) with a feature pyramid on our backbones (arXiv 2102.08602, Table 6)."""
