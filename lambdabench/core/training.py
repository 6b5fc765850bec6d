"""How a network is trained, where its accuracy is measured and not quoted."""

from dataclasses import dataclass

METRIC = "top1"
"""What a training is for."""
WEIGHTS = "trained"
"""What rows say of weights that were trained for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training from random weights: AdamW, its rate raised and lowered in one cycle, cross entropy."""

    data: str
    """What it is trained on: a module of `tasks.train`."""
    title: str
    """The same as people read it."""
    needs: str
    """The module that it comes with, beside the framework's."""
    install: str
    """What to do where that is absent."""
    images: int
    """To learn from; those that it is tested on are others."""
    epochs: int
    batch_size: int
    learning_rate: float
    """The highest."""
    weight_decay: float

    @property
    def steps(self) -> int:
        """Of a training."""
        return self.epochs * (self.images // self.batch_size)
