"""Feature maps of backbones for dense prediction (detection, segmentation), by timm's `features_only`."""
