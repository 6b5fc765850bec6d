"""What the installed timm says of its weights. It is named after the framework that it loads; no weights are downloaded."""

import timm

from .weights import Described

UNKNOWN = "unknown"
VERSION: str = timm.__version__


def described(name: str) -> Described | None:
    """Of weights by their name, "architecture.tag"; None where timm has none of that name."""
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError:  # the architecture is there, the tag is not
        return None
    if config is None:
        return None
    own = (int(config.input_size[-1]), float(config.crop_pct))
    tested = (config.test_input_size or config.input_size, config.test_crop_pct or config.crop_pct)
    return Described(
        crops=(own, (int(tested[0][-1]), float(tested[1]))),
        interpolation=config.interpolation,
        licence=config.license or UNKNOWN,
    )
