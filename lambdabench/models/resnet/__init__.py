"""ResNets of bottlenecks (He et al., arXiv 1512.03385) and all that grew from them: lambda and attention layers in place of the 3x3
(arXiv 2102.08602), ResNet-RS (arXiv 2103.07579), BoTNet (arXiv 2101.11605).
"""
