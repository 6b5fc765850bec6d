"""One training in torch."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ... import models
from ...core import registry
from ...core.shapes import OPTION
from ...core.spec import Case
from ...core.training import Recipe
from ...models.classification.torch import build

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
TEST_BATCH = 256


def train(case: Case, recipe: Recipe, seed: int) -> tuple[int, int]:
    """(Test images that are told rightly, test images). One seed on one device gives one answer."""
    split = registry.load("tasks.train", recipe.data).load()
    device = torch.device(case.device)
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the host
        torch.manual_seed(seed)
        network = build(case.model, _options(case), case.image_px).to(device)
    images, labels, test_images, test_labels = (
        torch.from_numpy(item).to(device) for item in (split.images, split.labels, split.test_images, split.test_labels)
    )
    with one_thread():
        fit(network, images, labels, recipe, seed)
        return right(network, test_images, test_labels, case), len(test_labels)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """On a CPU one thread works: networks so small gain little by a second one, wait for it where other programs have its core, and
    would depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fit(network: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe, seed: int) -> None:
    """Trains by the recipe; the order of the images is the seed's."""
    order = torch.Generator().manual_seed(seed)
    made = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    rates = torch.optim.lr_scheduler.OneCycleLR(made, recipe.learning_rate, total_steps=recipe.steps)
    network.train()
    for _ in range(recipe.epochs):
        places = torch.randperm(len(images), generator=order).to(images.device)
        for batch in places.split(recipe.batch_size)[: len(images) // recipe.batch_size]:
            made.zero_grad()
            functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            made.step()
            rates.step()


def right(network: nn.Module, images: Tensor, labels: Tensor, case: Case) -> int:
    """How many images are told rightly, in the case's precision."""
    network = network.eval()
    if case.param_dtype in HALF:
        network, images = network.to(HALF[case.param_dtype]), images.to(HALF[case.param_dtype])
    is_mixed = case.dtype in HALF and case.param_dtype not in HALF
    mixed: Any = torch.autocast(images.device.type, HALF[case.dtype]) if is_mixed else contextlib.nullcontext()
    with torch.no_grad(), mixed:
        items = [network(batch).argmax(1) for batch in images.split(TEST_BATCH)]
    return int((torch.cat(items) == labels).sum())


def _options(case: Case) -> dict[str, Any]:
    """What makes the network another one: neither its backend's, nor what says how it begins or what it is fed."""
    gone = {*registry.load("backends", case.backend).OPTIONS, *models.WORKLOADS_OWN} - {OPTION}
    return {key: value for key, value in case.options if key not in gone}
