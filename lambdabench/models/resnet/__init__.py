"""ResNet-v1 with bottlenecks (He et al., arXiv 1512.03385) whose 3x3 convolutions a stage may replace by lambda layers."""
