"""Image classification as a workload: seeded random images, cross entropy, logits of the right shape."""
