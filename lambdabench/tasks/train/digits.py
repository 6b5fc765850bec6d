"""scikit-learn's digits, 1,797 handwritten ones of 8x8 pixels that come inside the package (E. Alpaydin and C. Kaynak, "Optical
recognition of handwritten digits", UCI Machine Learning Repository, https://doi.org/10.24432/C50P49: the test part of that set).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

WHITE = 16.0
"""The largest value of a pixel: how many of 4x4 are set."""
MEAN, SPREAD = 0.305, 0.376
"""Of all pixels, as shares of `WHITE`, rounded: what networks learn from is centred and scaled by them."""
SPLIT_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Images [count, channels, height, width] in float32 and their labels, to learn from and to be tested on."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def load() -> Split:
    """898 to learn from and 899 for the test, the same ones always; of each class as many on either side, but one."""
    item: Any = load_digits()
    images = ((item.images / WHITE - MEAN) / SPREAD).astype(np.float32)[:, None]
    labels = item.target.astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    test, train = order[::2], order[1::2]
    return Split(images=images[train], labels=labels[train], test_images=images[test], test_labels=labels[test])
