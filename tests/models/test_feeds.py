"""What a user's own network is fed: images of any shape, what inputs() beside it gives, or what an exported program takes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lambdabench import models
from lambdabench.backends import torch_eager
from lambdabench.cli.case_labels import fed_lines
from lambdabench.core.errors import LambdabenchError, UnsupportedError
from lambdabench.core.spec import Case, Wish, options_from

SOURCE = """
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn


@dataclass
class Answer:
    logits: torch.Tensor
    note: str = "none"


class Pair(NamedTuple):
    logits: torch.Tensor
    mask: torch.Tensor


class Gray(nn.Module):
    def __init__(self, give=lambda y: y):
        super().__init__()
        self.c, self.give = nn.Conv2d(1, 4, 3), give

    def forward(self, x):
        return self.give(self.c(x).mean((2, 3)))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.e = nn.Conv2d(1, 4, 3), nn.Embedding(10, 4)

    def forward(self, image, *, tokens):
        return {"logits": self.c(image).mean((2, 3)) + self.e(tokens).mean(1), "loss": None}


def gray():
    return Gray()

def gives_a_tuple():
    return Gray(lambda y: (y, y.sum()))

def gives_a_named_tuple():
    return Gray(lambda y: Pair(y, y > 0))

def gives_a_dict():
    return Gray(lambda y: {"logits": y, "aux": [y, None]})

def gives_a_dataclass():
    return Gray(Answer)

def gives_a_list_of_images():
    return Gray(lambda y: [{"scores": one[:2]} for one in y])

def gives_a_text():
    return Gray(lambda y: "none")

def gives_one_number():
    return Gray(lambda y: y.sum())

def learns():
    return Gray(Answer)

def learns_loss_of(output):
    return output.logits.sum()

class Maps(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(1, 4, 3, stride=2, padding=1)

    def forward(self, x):
        return [self.c(x), self.c(x)[:, :, ::2, ::2]]

def maps():
    return Maps()

def two():
    return Two()

def not_on_meta():
    Gray(lambda y: y).c.weight.sum().item()
    assert not torch.empty(()).is_meta
    return Two()

not_on_meta_inputs = lambda batch_size: two_inputs(batch_size)

def two_inputs(batch_size):
    return {"image": torch.randn(batch_size, 1, 24, 40), "tokens": torch.randint(0, 10, (batch_size, 7))}

def sized():
    return Gray()

def sized_inputs(batch_size, image_px=16):
    height, width = image_px if isinstance(image_px, tuple) else (image_px, image_px)
    return torch.randn(batch_size, 1, height, width)

def fixed():
    return Gray()

def fixed_inputs():
    return (torch.ones(4, 1, 16, 16),)

def strange():
    return Gray()

def strange_inputs(batch_size, words):
    return torch.ones(4, 1, 16, 16)

def empty():
    return Gray()

def empty_inputs(batch_size):
    return "nothing"

def short():
    return Gray()

def short_inputs(batch_size):
    return torch.ones(3, 1, 16, 16)
"""
GRAY = {"input": "1x8x16"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "fed.py"
    path.write_text(SOURCE)
    return path


def case(model: object, name: str = "", options: dict[str, Any] | None = None, **changes: Any) -> Case:
    given = {"device": "cpu", "batch_size": 2, "image_px": 16, "param_dtype": "float32", "threads": 1}
    reference = f"{model}:{name}" if name else str(model)
    return Case(model=reference, options=options_from(options or {}), **(given | changes))


def session(asked: Case) -> Any:
    return torch_eager.open_session(models.create_workload(asked), asked, 0)


def inputs(asked: Case) -> str:
    """What the row says of a network that was checked."""
    item = session(asked)
    output = item.call()
    assert item.check(output) == ""
    effective = item.effective(output)
    assert (effective.batch_size, effective.mode) == (asked.batch_size, asked.mode)
    return effective.inputs


def test_gray_images_that_are_not_square(file: Path) -> None:
    assert inputs(case(file, "gray", GRAY)) == "float32 2x1x8x16"
    facts = models.describe(Wish(model=f"{file}:gray", image_px=16, options=options_from(GRAY)))
    assert (facts.problem, facts.flops_per_image) == ("", 2 * 6 * 14 * 4 * 9)


@pytest.mark.parametrize("name", ["tuple", "named_tuple", "dict", "dataclass", "list_of_images"])
def test_outputs_of_any_structure_are_checked_and_measured(file: Path, name: str) -> None:
    asked = case(file, f"gives_a_{name}", GRAY)
    item = session(asked)
    output = item.call()
    assert inputs(asked) == "float32 2x1x8x16"
    assert len(item.values(output)) == (2 if name == "list_of_images" else 8)
    assert item.doubts() == ()
    broken = item.call()
    first = next(iter(torch.utils._pytree.tree_leaves(broken)))
    tensor = first.logits if hasattr(first, "logits") else first
    with torch.inference_mode():
        tensor[:] = float("nan")
    assert "outputs are not finite" in item.check(broken)


def test_feature_maps_of_images_that_are_not_square(file: Path) -> None:
    asked = case(file, "maps", {"input": "1x8x16"}, mode="features")
    item = session(asked)
    output = item.call()
    assert item.check(output) == ""
    effective = item.effective(output)
    assert (effective.mode, effective.features, effective.inputs) == ("features", "2:4 4:4", "float32 2x1x8x16")
    assert item.doubts() == ()
    assert "expected 8 x 16 px divided by 2" in item.check([output[0][:, :, :, :4]])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gives_a_text", "the output is a str without a tensor"),
        ("gives_one_number", "the output's shape is (), expected (2,)"),
    ],
)
def test_an_output_that_is_not_of_the_batch_is_wrong(file: Path, name: str, said: str) -> None:
    item = session(case(file, name, GRAY))
    assert said in item.check(item.call())


def test_training_with_a_structured_output_says_what_it_needs(file: Path) -> None:
    item = session(case(file, "gives_a_dict", GRAY, mode="train"))
    with pytest.raises(UnsupportedError, match=r"needs logits \[batch, classes\], found a dict; put loss_of\(output\)"):
        item.call()
    item = session(case(file, "learns", GRAY, mode="train"))
    before = item._network.c.weight.detach().clone()
    item.call()
    assert not torch.equal(before, item._network.c.weight)
    assert item.doubts() == ()


def test_inputs_beside_the_callable_are_arguments_by_place_or_by_name(file: Path) -> None:
    assert inputs(case(file, "two", image_px=40)) == "float32 2x1x24x40, int64 2x7"
    assert inputs(case(file, "fixed", batch_size=4)) == "float32 4x1x16x16"
    assert inputs(case(file, "sized", image_px=8)) == "float32 2x1x8x8"
    assert inputs(case(file, "sized", {"input": "1x8x24"}, image_px=24)) == "float32 2x1x8x24"


def test_planning_knows_the_size_that_inputs_beside_the_callable_have(file: Path) -> None:
    facts = models.describe(Wish(model=f"{file}:two"))
    assert (facts.problem, facts.native_px, facts.image_px) == ("", 40, 40)
    assert facts.flops_per_image == 2 * 22 * 38 * 4 * 9
    assert facts.fed == "float32 1x1x24x40, int64 1x7"
    name = f"{file}:two is fed float32 1x1x24x40, int64 1x7"
    assert fed_lines([facts.name], [facts, models.describe(Wish(model=f"{file}:gray"))]) == [name]
    assert fed_lines(["another"], [facts]) == []
    facts = models.describe(Wish(model=f"{file}:not_on_meta"))
    assert (facts.native_px, bool(facts.problem)) == (40, True)
    assert models.describe(Wish(model=f"{file}:sized", image_px=8)).flops_per_image == 2 * 36 * 4 * 9


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("two", {"image_px": 32}, r"inputs\(\) of .*:two is for images of 1x24x40 only, found 3x32x32; use --input 1x24x40"),
        ("fixed", {}, r"is for batch 4 only, found 2; use --batch-size 4, or let the batch be dynamic .* inputs\(batch_size\)"),
        ("strange", {}, r"inputs\(\) of .* takes batch_size, words, expected batch_size, and image_px"),
        ("empty", {}, r"gave a str, expected a tensor, a tuple of arguments, or a dict of arguments by name"),
        ("short", {}, r"for 2 images, and gave tensors whose first axes are 3; expected 2 on the first axis"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_say_what_to_do(file: Path, name: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LambdabenchError, match=said):
        session(case(file, name, **changes))


def test_weights_of_two_frameworks_need_images(file: Path) -> None:
    with pytest.raises(UnsupportedError, match="says itself what it is fed; leave out the option weights"):
        models.create_workload(case(file, "two", {"weights": "seeded"}, image_px=40))


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c, self.e = nn.Conv2d(1, 4, 3), nn.Embedding(10, 4)

    def forward(self, image: Any, *, tokens: Any) -> Any:
        return {"logits": self.c(image).mean((2, 3)) + self.e(tokens).mean(1)}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes any batch of gray images of one shape, and tokens by name."""
    path = tmp_path_factory.mktemp("programs") / "both.pt2"
    batch = torch.export.Dim("batch", min=1, max=64)
    given = (torch.randn(4, 1, 24, 40),), {"tokens": torch.randint(0, 10, (4, 7))}
    exported = torch.export.export(Both().eval(), *given, dynamic_shapes={"image": {0: batch}, "tokens": {0: batch}})
    torch.export.save(exported, path)
    return path


def test_a_programs_inputs_are_read_from_its_signature(program: Path) -> None:
    asked = case(program, image_px=40)
    item = session(asked)
    output = item.call()
    assert item.check(output) == ""
    assert item.effective(output).inputs == "float32 2x1x24x40, int64 2x7"
    assert (
        inputs_of(case(program, options={"input": "1x24x40"}, image_px=40, batch_size=3))
        == "float32 3x1x24x40, int64 3x7"
    )
    assert item.doubts() == ()
    facts = models.describe(Wish(model=str(program)))
    assert (facts.problem, facts.native_px, facts.parameters) == ("", 40, 4 * 9 + 4 + 40)
    assert facts.flops_per_image == 2 * 22 * 38 * 4 * 9


def inputs_of(asked: Case) -> str:
    item = session(asked)
    return item.effective(item.call()).inputs


def test_a_program_of_one_shape_says_so(program: Path) -> None:
    with pytest.raises(
        UnsupportedError, match=r"is exported for images of 1x24x40 only, found 3x64x64; use --input 1x24x40"
    ):
        session(case(program, image_px=64))


@pytest.mark.parametrize("model", ["resnet18", "resnet50_cccc"])
def test_images_and_classes_follow_a_networks_options(model: str) -> None:
    asked = case(model, options={"in_chans": 1, "num_classes": 10}, image_px=32)
    assert inputs(asked) == "float32 2x1x32x32"
    assert inputs(case(model, options={"input": "2x32x64"}, image_px=64)) == "float32 2x2x32x64"
    facts = models.describe(Wish(model=model, image_px=64, options=(("input", "2x32x64"),)))
    assert facts.problem == ""


def test_a_shape_that_a_network_refuses_is_unsupported_with_its_own_size() -> None:
    with pytest.raises(UnsupportedError, match=r"halonet26t does not take images of 3x100x160 .*--image-px 256"):
        models.create_workload(case("halonet26t", options={"input": "3x100x160"}, image_px=160))
