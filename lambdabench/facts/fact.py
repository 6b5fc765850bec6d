"""A published accuracy, with what is known of the weights that have it."""

from dataclasses import dataclass

from ..core.spec import Options
from .tags import beyond

VALIDATION_IMAGES = 50_000
"""Of ImageNet-1k."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A published ImageNet-1k top-1 accuracy: percent of `images` validation images at `eval_px` pixels a side."""

    architecture: str
    tag: str
    eval_px: int
    crop: float | None
    """Share of a side of the image that is seen."""
    value: float
    images: int
    source: str
    options: Options = ()
    """Options that make the network another than its name alone says."""
    top5: float | None = None
    """Percent, where it is published."""
    parameters: int | None = None
    """As the source counts them, in steps of 10,000."""
    interpolation: str = ""
    licence: str = ""
    """Of the weights, as `licences` reads it; "unknown" where timm does not know, empty where none are published."""
    data: str = ""
    """What the weights were trained on beyond ImageNet-1k; empty where there is nothing."""
    taught_by: str = ""
    """What a teacher or tokenizer of theirs saw beyond these."""

    @property
    def more_data(self) -> str:
        """The data beyond ImageNet-1k that its weights, or what taught them, saw; empty where there is none."""
        return beyond(self.data, self.taught_by)
