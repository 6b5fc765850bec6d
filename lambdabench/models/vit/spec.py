"""Variants of the family, without a framework."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A plain vision transformer with a class token (arXiv 2010.11929, Table 1)."""

    width: int
    depth: int
    heads: int
    native_px: int = 224
    patch_px: int = 16


TINY = Variant(width=192, depth=12, heads=3)
SMALL = Variant(width=384, depth=12, heads=6)
BASE = Variant(width=768, depth=12, heads=12)
VARIANTS = {
    "vit_tiny_patch16_224": TINY,
    "vit_small_patch16_224": SMALL,
    "vit_base_patch16_224": BASE,
    "vit_large_patch16_384": Variant(width=1024, depth=24, heads=16, native_px=384),
    "deit_tiny_patch16_224": TINY,
    "deit_small_patch16_224": SMALL,
    "deit_base_patch16_224": BASE,
}
DROP_OPTIONS: dict[str, float] = {"drop_rate": 0.0, "drop_path_rate": 0.0}


def native_px(name: str) -> int:
    """Pixels a side of the images that a variant is meant for."""
    return VARIANTS[name].native_px


def options_of(name: str) -> dict[str, float]:
    """The options that a variant takes, with their identity defaults."""
    return dict(DROP_OPTIONS)
