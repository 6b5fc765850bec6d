"""Checkpoints between torch and JAX: there and back byte by byte, and every refusal."""

import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner, Result

from lambdabench import commands, launch, models
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError
from lambdabench.launch import one_shot_worker
from lambdabench.tasks import convert as task
from lambdabench.worker.__main__ import main

SMALL = ("--image-px", "64", "--num-classes", "3")


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Weights of a small classifier, some in half precision, with statistics and counts that are not the initial ones."""
    torch.manual_seed(0)
    network = models.create("resnet50_ccll", image_px=64, num_classes=3)
    tensors = {
        name: torch.randn_like(item) if item.is_floating_point() else item
        for name, item in network.state_dict().items()
    }
    tensors["head.weight"] = tensors["head.weight"].bfloat16()
    tensors["head.bias"] = tensors["head.bias"].half()
    return tensors


@pytest.fixture
def here(away: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the weights in both kinds of file. The worker's errand runs in this process, which is quick."""
    torch.save(state, "net.pt")
    save_file({name: task.to_numpy(tensor) for name, tensor in state.items()}, "net.safetensors")

    def ask(errand: str, folder: Path, *, limit_s: float) -> str:
        return "" if main([errand, str(folder)]) == 0 else "failed"

    monkeypatch.setattr(sys.modules[launch.convert.__module__], "ask", ask)
    return away


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["convert", "resnet50_ccll", *words, *SMALL])


def refused(result: Result) -> str:
    assert isinstance(result.exception, LambdabenchError), result.output
    assert result.exception.exit_code == 2
    return str(result.exception)


def same(result: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(result) == list(expected)
    for name, tensor in expected.items():
        assert result[name].dtype == tensor.dtype, name
        assert result[name].shape == tensor.shape, name
        assert task.to_numpy(result[name]).tobytes() == task.to_numpy(tensor).tobytes(), name


def test_there_and_back_is_equal_byte_by_byte(here: Path, state: dict[str, torch.Tensor]) -> None:
    counts = sum(name.endswith("num_batches_tracked") for name in state)
    there = call("net.pt", "jax.safetensors")
    assert there.output == f"saved jax.safetensors: {len(state) - counts} tensors, torch to jax\n"
    file = load_file("jax.safetensors")
    assert not [name for name in file if name.endswith(("weight", "running_mean", "num_batches_tracked"))]
    assert file["head.kernel"].dtype == ml_dtypes.bfloat16
    assert file["head.kernel"].shape == (2048, 3)
    conv = state["c2.0.conv1.weight"].numpy()
    np.testing.assert_array_equal(file["c2.0.conv1.kernel"], conv.transpose(2, 3, 1, 0))
    back = call("jax.safetensors", "back.pt")
    assert back.output == f"saved back.pt: {len(state)} tensors, jax to torch\n"
    same(torch.load("back.pt", weights_only=True), state)
    call("jax.safetensors", "back.safetensors")
    same({name: task.to_torch(load_file("back.safetensors")[name]) for name in state}, state)
    assert Path("jax.safetensors").stat().st_mode == Path("net.pt").stat().st_mode
    network = models.create("resnet50_ccll", image_px=64, num_classes=3)
    network.load_state_dict(torch.load("back.pt", weights_only=True))
    assert sorted(path.name for path in here.iterdir() if path.name.startswith(".")) == []


def test_a_source_of_the_asked_framework_is_rewritten(here: Path, state: dict[str, torch.Tensor]) -> None:
    assert "torch to torch" in call("net.safetensors", "again.pth").output
    loaded = torch.load("again.pth", weights_only=True)
    same({name: loaded[name] for name in state}, state)
    assert "torch to torch" in call("net.pt", "again.safetensors", "--to", "torch").output
    assert call("net.safetensors", "jax.safetensors", "--to", "jax").exit_code == 0
    assert "jax to jax" in call("jax.safetensors", "jax2.safetensors", "--to", "jax").output
    assert Path("jax.safetensors").read_bytes() == Path("jax2.safetensors").read_bytes()


def test_counts_are_filled_in_and_nnx_lists_are_left_out(here: Path, state: dict[str, torch.Tensor]) -> None:
    torch.save({name: tensor for name, tensor in state.items() if not name.endswith("tracked")}, "old.pt")
    assert f"{len(state)} tensors" in call("old.pt", "new.pt").output
    call("net.pt", "jax.safetensors")
    listed = {name.replace("c2.0", "c2.layers.0"): array for name, array in load_file("jax.safetensors").items()}
    save_file(listed, "listed.safetensors")
    assert call("listed.safetensors", "back.pt").exit_code == 0
    assert torch.equal(torch.load("back.pt", weights_only=True)["c2.0.conv1.weight"], state["c2.0.conv1.weight"])


def test_everything_that_differs_is_told_at_once(here: Path, state: dict[str, torch.Tensor]) -> None:
    wrong = dict(state) | {"extra.weight": torch.zeros(2), "head.bias": torch.zeros(4)}
    del wrong["c2.0.conv1.weight"], wrong["c3.0.bn1.running_var"]
    torch.save(wrong, "wrong.pt")
    said = refused(call("wrong.pt", "out.safetensors"))
    assert "missing: c2.0.conv1.weight, c3.0.bn1.running_var" in said
    assert "unexpected: extra.weight" in said
    assert "of another shape: head.bias (4,), expected (3,)" in said
    assert not Path("out.safetensors").exists()
    call("net.pt", "jax.safetensors")
    jax = load_file("jax.safetensors")
    jax["head.kernel"] = np.zeros((2048, 5), np.float32)
    jax["strange"] = jax.pop("head.bias")
    save_file(jax, "wrong.safetensors")
    said = refused(call("wrong.safetensors", "out.pt"))
    assert (
        "missing: head.bias; unexpected: strange; of another shape: head.kernel (2048, 5), expected (2048, 3)" in said
    )


def test_a_target_is_replaced_by_force_only(here: Path) -> None:
    Path("out.safetensors").write_text("mine")
    assert "--force replaces it" in refused(call("net.pt", "out.safetensors"))
    assert Path("out.safetensors").read_text() == "mine"
    assert call("net.pt", "out.safetensors", "--force").exit_code == 0
    assert len(load_file("out.safetensors")) > 100
    with pytest.raises(LambdabenchError, match="is there already"):
        task.write(Path("out.safetensors"), {}, "jax", force=False)
    Path("folder.pt").mkdir()
    assert "cannot be written" in refused(call("net.pt", "folder.pt", "--force"))
    assert not list(here.glob(".*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("absent.pt", "out.pt"), "there is no file absent.pt"),
        (("net.bin", "out.pt"), "found suffix '.bin', expected one of .safetensors, .pt, .pth"),
        (("net.pt", "out.npz"), "found suffix '.npz'"),
        (("net.pt", "absent/out.pt"), "there is no folder absent"),
        (("net.pt", "out.pt", "--to", "jax"), "torch's own file"),
        (("broken.pt", "out.safetensors"), "broken.pt cannot be read as .pt: it is no file of torch.save's"),
        (("empty.pt", "out.safetensors"), "empty.pt cannot be read as .pt: it is no file of torch.save's"),
        (("cut.pt", "out.safetensors"), "cut.pt cannot be read as .pt: PytorchStreamReader failed"),
        (("broken.safetensors", "out.pt"), "broken.safetensors cannot be read as .safetensors"),
        (("unsafe.pt", "out.pt"), "unsafe.pt holds more than tensors: loading it would call pathlib.Po"),
        (("list.pt", "out.pt"), "holds a list, expected a state dict"),
        (("wrapped.pt", "out.pt"), "no tensors: epoch, model; save the state dict alone"),
        (("net.pt", "out.pt", "--option", "scope"), "--option: found 'scope', expected key=value"),
        (("net.pt", "out.pt", "--option", "scoop=3"), "takes no option scoop"),
        (("net.pt", "out.pt", "--option", "scope=wide"), "found scope 'wide'"),
        (("net.pt", "out.pt", "--option", "heads=0"), "found heads 0, expected a whole number of at least 1"),
    ],
)
def test_a_wrong_request_is_exit_2_with_a_clear_message(words: tuple[str, ...], said: str, here: Path) -> None:
    for name in ("broken.pt", "broken.safetensors"):
        Path(name).write_text("nothing of the kind")
    Path("empty.pt").touch()
    Path("cut.pt").write_bytes(Path("net.pt").read_bytes()[:1000])
    torch.save([torch.zeros(1)], "list.pt")
    torch.save({"epoch": 3, "model": {}}, "wrapped.pt")
    torch.save({"path": Path("x")}, "unsafe.pt")
    assert said in refused(call(*words))
    assert not Path("out.pt").exists()


def test_an_unknown_model_is_told_the_nearest(here: Path) -> None:
    result = CliRunner().invoke(app, ["convert", "resnet50_ccl", "net.pt", "out.safetensors"])
    assert "no model is called 'resnet50_ccl'; did you mean 'resnet50_" in refused(result)
    assert CliRunner().invoke(app, ["convert", "resnet50", "net.pt", "o.pt", "--to", "numpy"]).exit_code == 2


def test_what_is_not_installed_is_told_with_the_extra_that_brings_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[commands.convert.__module__], "NEEDED", ("torch", "no_such_package"))
    said = refused(call("net.pt", "out.safetensors"))
    assert said == 'conversion needs no_such_package: pip install "lambdabench[torch]"'


def test_options_are_json_or_text() -> None:
    words = ["scope=7", "rate=0.5", "shared=true", "pool=avg", "range=[1, 2]"]
    values = dict(commands.options_of(words, num_classes=3))
    assert values == {"scope": 7, "rate": 0.5, "shared": True, "pool": "avg", "range": "[1, 2]", "num_classes": 3}


def test_the_program_loads_no_framework_while_the_worker_converts(away: Path) -> None:
    """The whole way once, through both programs, with a network of timm's."""
    network = models.create("resnet10t", num_classes=2)
    torch.save(network.state_dict(), "net.pt")
    words = ["convert", "resnet10t", "net.pt", "net.safetensors", "--num-classes", "2"]
    code = (
        "import sys; from lambdabench.cli.app import app; app(sys.argv[1:], standalone_mode=False);"
        "print({'torch', 'jax', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    count = sum(not name.endswith("num_batches_tracked") for name in network.state_dict())
    assert done.stdout == f"saved net.safetensors: {count} tensors, torch to jax\nset()\n"
    assert len(load_file("net.safetensors")) == count


def test_a_worker_that_fails_is_told_by_its_last_words(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_shot_worker, "ROOT", "no_such_package")
    Path("net.pt").touch()
    result = CliRunner().invoke(app, ["convert", "resnet50", "net.pt", "out.pt"])
    assert "the conversion failed: " in refused(result)
    assert "no_such_package" in str(result.exception)
