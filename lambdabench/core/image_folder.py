"""Images in a folder a class, as torchvision's ImageFolder has them: which there are, of which class, and a digest of them."""

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import EvaluationError

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""Of files that are images (torchvision.datasets.folder.IMG_EXTENSIONS)."""
CLASSES = "classes.txt"
"""A file beside the folders that names them, a line a class, in the order of the network's outputs."""
DIGITS = 12
SHOWN = 3
"""Names that a message lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """`images`: paths below `place` with the places of their classes in `classes`, whatever of them has images."""

    place: Path
    classes: tuple[str, ...]
    images: tuple[tuple[str, int], ...]
    is_limited: bool = False
    """Whether there are more images than these."""

    @property
    def digest(self) -> str:
        """12 hex digits over path, size in bytes and class of every image, in order: what is inside is not read."""
        digest = hashlib.sha256()
        for name, label in self.images:
            digest.update(f"{name}\0{(self.place / name).stat().st_size}\0{label}\n".encode())
        return digest.hexdigest()[:DIGITS]


def find(place: Path, limit: int | None = None) -> ImageFolder:
    """The images of a folder in an order that mixes the classes and is the same every time, the first `limit` of them.

    A class's place is that of its folder in sorted order, as ImageNet's wnids have it, or of its line in classes.txt. Raises
    EvaluationError where there is no folder, no image, or a folder that classes.txt does not name.
    """
    if not place.is_dir():
        raise EvaluationError(
            f"--data: there is no folder {place}; give one that holds a folder of images for each class"
        )
    folders = sorted(path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
    listed = place / CLASSES
    classes = _listed(listed, folders) if listed.is_file() else tuple(folders)
    number = {name: index for index, name in enumerate(classes)}
    result = [(path, number[name]) for name in folders for path in _images(place, name)]
    if not result:
        raise EvaluationError(
            f"--data: {place} has no images, expected a folder for each class with files like .jpeg or .png in it"
        )
    random.Random(0).shuffle(result)
    kept = result if limit is None else result[:limit]
    return ImageFolder(place=place, classes=classes, images=tuple(kept), is_limited=len(kept) < len(result))


def _images(place: Path, name: str) -> list[str]:
    """The images of a class, in folders within its own too."""
    names = [
        os.path.relpath(os.path.join(folder, file), place)
        for folder, _, files in os.walk(place / name, followlinks=True)
        for file in files
        if os.path.splitext(file)[1].lower() in ENDINGS and not file.startswith(".")
    ]
    return sorted(names)


def _listed(path: Path, folders: Sequence[str]) -> tuple[str, ...]:
    """The classes of a classes.txt. Raises EvaluationError where it does not name each folder once."""
    classes = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    if twice := sorted({name for name in classes if classes.count(name) > 1})[:SHOWN] if _repeats(classes) else []:
        raise EvaluationError(f"{path} names {', '.join(twice)} more than once, expected each class on one line")
    if strange := [name for name in folders if name not in set(classes)]:
        more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
        raise EvaluationError(
            f"{path} does not name {', '.join(strange[:SHOWN])}{more}; expected a line for each folder, in the order of the "
            "network's outputs"
        )
    return classes


def _repeats(classes: Sequence[str]) -> bool:
    return len(set(classes)) < len(classes)
