"""Trains a network of a case once, and tests it: its accuracy, measured. No framework is imported until one is trained."""

import importlib
from importlib.util import find_spec

from ... import models
from ...core import registry
from ...core.errors import UnsupportedError
from ...core.record import Measurement
from ...core.shapes import CHANNELS_OPTION, shape_of
from ...core.spec import Case
from ...core.training import METRIC, Recipe


def train(case: Case, seed: int) -> Measurement:
    """The accuracy on the test images, one sample, of one training from the random weights and in the order of images of a seed.

    On the case's device, in float32; tested in the case's precision. What belongs to a backend alone (folding, compiling) changes no
    weights and is left out. Raises UnsupportedError for a network without a recipe, images of another shape or another framework.
    """
    recipe = models.recipes().get(case.model)
    if recipe is None:
        raise UnsupportedError(f"{case.model} cannot be trained here; these can: {', '.join(models.recipes())}")
    refuse_other_images(case)
    backend = registry.load("backends", case.backend)
    backend.prepare(case)
    if not backend.FRAMEWORK:  # nothing is trained where times are a script
        return measurement(recipe, *backend.train(case, seed))
    if not find_spec(f"{__package__}.{backend.FRAMEWORK}"):
        raise UnsupportedError(f"nothing is trained in {backend.FRAMEWORK.upper()}; use --backend torch_eager")
    loop = importlib.import_module(f"{__package__}.{backend.FRAMEWORK}")
    return measurement(recipe, *loop.train(case, recipe, seed))


def measurement(recipe: Recipe, right: int, images: int) -> Measurement:
    """What it comes to that so many of the test images were told rightly."""
    return Measurement(
        metric=METRIC,
        unit="%",
        value=None,
        samples=(100 * right / images,),
        loops_per_sample=images,
        statistic="mean_share",
        source=f"{recipe.title}, {images} test images",
    )


def refuse_other_images(case: Case) -> None:
    """Raises UnsupportedError where a network is made for other images, or other classes, than it would be trained on."""
    channels, classes, px = models.channels(case.model), models.classes(case.model), models.native_px(case.model)
    shape = shape_of(case.image_px or px, {CHANNELS_OPTION: channels} | dict(case.options))
    wanted = shape_of(px, {CHANNELS_OPTION: channels})
    if shape != wanted or dict(case.options).get("num_classes", classes) != classes:
        raise UnsupportedError(
            f"{case.model} is trained on images of {wanted.told()} and {classes} classes, found {shape.told()} and "
            f"{dict(case.options).get('num_classes', classes)}; leave out --image-px, --input and num_classes, or the metric {METRIC}"
        )
