"""The compiled kernel equals the portable one in float64, values and gradients, on every shape; built once, by whoever comes first."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from lambdabench import kernels, layers
from lambdabench.core.errors import LambdabenchError
from lambdabench.kernels import _cpu, conv2d, cpu
from lambdabench.kernels._cpu import build

pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")

Tensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None]
SHAPES = st.fixed_dictionaries(
    {
        "b": st.integers(1, 3),
        "h": st.integers(1, 9),
        "k": st.integers(1, 17),
        "v": st.integers(1, 40),
        "u": st.integers(1, 2),
        "size": st.tuples(st.integers(1, 9), st.integers(1, 9)),
        "context": st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
        "scope": st.tuples(st.sampled_from((1, 3, 7, 23)), st.sampled_from((1, 3, 5, 9))),
        "left_out": st.sampled_from(("", "content", "embeddings")),
        "turned": st.booleans(),
        "threads": st.integers(1, 3),
    }
)


def inputs(shape: dict, dtype: torch.dtype = torch.float32) -> Tensors:
    b, h, k, v, u = (shape[key] for key in "bhkvu")
    torch.manual_seed(0)
    queries, values = torch.randn(b, h, k, *shape["size"]), torch.randn(b, v, u, *(shape["context"] or shape["size"]))
    if shape["turned"]:
        queries, values = (tensor.movedim(2, -1).contiguous().movedim(-1, 2) for tensor in (queries, values))
    content = None if shape["left_out"] == "content" else torch.randn(b, k, v)
    table = None if shape["left_out"] == "embeddings" else torch.randn(k, u, *shape["scope"])
    return tuple(
        None if tensor is None else tensor.to(dtype).requires_grad_() for tensor in (queries, values, content, table)
    )  # pyright: ignore[reportReturnType]


def answers(apply: object, given_: Tensors) -> list[torch.Tensor]:
    """Output and gradients of what is there."""
    y = apply(*given_)  # pyright: ignore[reportCallIssue]
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    there = [tensor for tensor in given_ if tensor is not None]
    tensors = torch.autograd.grad((y * weight).sum(), there, allow_unused=True)
    return [
        y.detach(),
        *(torch.zeros_like(tensor) if got is None else got for tensor, got in zip(there, tensors, strict=True)),
    ]


@settings(max_examples=80, deadline=None)
@given(SHAPES)
def test_values_and_gradients_are_the_portable_kernels_in_float64(shape: dict) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(shape["threads"])
    try:
        narrow = inputs(shape)
        wide: Tensors = tuple(None if item is None else item.detach().double().requires_grad_() for item in narrow)  # pyright: ignore[reportAssignmentType]
        for tensor, wanted in zip(answers(cpu.apply, narrow), answers(conv2d.apply, wide), strict=True):
            assert tensor.shape == wanted.shape
            assert tensor.dtype == torch.float32
            assert (tensor - wanted).abs().max() <= 5e-6 * max(1.0, float(wanted.abs().max()))
    finally:
        torch.set_num_threads(before)


BIG = {"b": 2, "h": 4, "k": 16, "v": 128, "u": 1, "size": (28, 30), "context": None, "scope": (23, 23)} | {
    "left_out": "",
    "turned": False,
}


def test_a_map_of_a_network_is_exact() -> None:
    narrow = inputs(BIG)
    wide: Tensors = tuple(None if item is None else item.detach().double().requires_grad_() for item in narrow)  # pyright: ignore[reportAssignmentType]
    for tensor, wanted in zip(answers(cpu.apply, narrow), answers(conv2d.apply, wide), strict=True):
        assert (tensor - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize(
    "change",
    [
        {"b": 1, "h": 2, "k": 3, "v": 5, "size": (30, 28), "threads": 1},
        {"b": 3, "h": 1, "k": 5, "v": 9, "size": (44, 30), "scope": (31, 31), "left_out": "content", "threads": 3},
        {"v": 16, "size": (40, 41), "context": (38, 29), "threads": 2},
        {"b": 1, "h": 2, "k": 6, "v": 5, "size": (57, 90), "threads": 1},
    ],
)
def test_transforms_are_exact(change: dict) -> None:
    """Wide scopes on large maps: odd depths, no content, another context, threads that share an image, rows apart, long lines."""
    shape = BIG | change
    before = torch.get_num_threads()
    torch.set_num_threads(shape["threads"])
    try:
        narrow = inputs(shape)
        wide: Tensors = tuple(None if item is None else item.detach().double().requires_grad_() for item in narrow)  # pyright: ignore[reportAssignmentType]
        for tensor, wanted in zip(answers(cpu.apply, narrow), answers(conv2d.apply, wide), strict=True):
            assert (tensor - wanted).abs().max() <= 5e-6 * wanted.abs().max()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_storage_only(dtype: torch.dtype) -> None:
    half = inputs(BIG, dtype)
    same: Tensors = tuple(None if item is None else item.detach().float().requires_grad_() for item in half)  # pyright: ignore[reportAssignmentType]
    tensor, wanted = cpu.apply(*half), cpu.apply(*same)
    assert tensor.dtype == dtype
    assert torch.equal(tensor, wanted.to(dtype))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # inside opcheck
def test_it_passes_torchs_own_checks() -> None:
    shape = BIG | {"v": 5, "size": (4, 5), "scope": (3, 3)}
    operator = getattr(torch.ops, cpu.SPACE).apply_lambdas
    torch.library.opcheck(operator, inputs(shape))
    torch.library.opcheck(operator, inputs(shape | {"left_out": "content"}))


def test_a_layer_of_it_is_compiled_whole_exported_and_checkpointed() -> None:
    layer = layers.create("lambda_layer", 16, scope=5, kernel="cpu").eval()
    x = torch.randn(2, 16, 6, 6)
    wanted = layer(x)
    torch.testing.assert_close(torch.compile(layer, fullgraph=True, backend="aot_eager")(x), wanted)
    torch.testing.assert_close(torch.export.export(layer, (x,)).module()(x), wanted)
    again = torch.utils.checkpoint.checkpoint(layer, x.requires_grad_(), use_reentrant=False)
    again.sum().backward()
    assert x.grad is not None


def test_operations_are_counted_as_the_portable_kernels() -> None:
    given_ = inputs(BIG | {"size": (14, 14)})
    counts: list[int] = []
    for apply in (cpu.apply, conv2d.apply):
        with FlopCounterMode(display=False) as counter:
            apply(*given_).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1]


def test_a_layer_takes_it_where_it_can_and_says_so() -> None:
    layer = layers.create("lambda_layer", 16, scope=5)
    assert layer.kernel == "cpu"
    assert layer.double().kernel == "conv2d"
    with torch.device("meta"):
        assert layers.create("lambda_layer", 16, scope=5).kernel == "conv2d"
    assert layers.create("lambda_layer", 16, scope=5, kernel="conv2d").kernel == "conv2d"


def test_a_training_step_keeps_its_inputs_alone() -> None:
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    given_ = inputs(BIG)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda item: item):
        cpu.apply(*given_)
    assert sum(tensor.numel() for tensor in kept) == sum(tensor.numel() for tensor in given_ if tensor is not None)


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    source = f"from pathlib import Path; from lambdabench.kernels._cpu import build; print(build.built(Path({str(tmp_path)!r})))"
    both = [subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (popen.communicate()[0] for popen in both)
    assert first == second
    assert first.strip().endswith(".so")
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_without_a_compiler_the_portable_kernel_runs_and_a_wish_says_why(tmp_path: Path) -> None:
    source = """
from lambdabench import kernels, layers
print(kernels.choose("auto"), layers.create("lambda_layer", 16, scope=5).kernel)
try:
    kernels.choose("cpu")
except Exception as error:
    print(type(error).__name__, error)
"""
    own = {"CXX": "no_such_compiler", "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", source], env=os.environ | own, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first == "conv2d conv2d"
    assert second.startswith("OptionError no C++ compiler (no_such_compiler): the portable kernel runs")


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("echo 'a++ (Some System) 1.2'; echo Copyright", "a++ (Some System) 1.2"),
        ("exit 0", "{path}"),
    ],
)
def test_a_compiler_is_told_by_the_first_line_of_its_version_and_builds_nothing(
    script: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a++"
    path.write_text(f'#!/bin/sh\n[ "$*" = --version ] || exit 1\n{script}\n')
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    assert build.compiler() == name.format(path=path)


@pytest.mark.parametrize("absent", ["no_such_compiler", "no_program"])
def test_no_compiler_is_told_as_none(absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "no_program"
    path.write_bytes(b"\x7fELF of nothing")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / absent))
    assert build.compiler() == ""


def test_names() -> None:
    assert "cpu" in kernels.names("torch")
    with pytest.raises(LambdabenchError, match="kernel cpu does not run in jax"):
        kernels.check("cpu", "jax")
    assert importlib.util.find_spec("lambdabench.kernels._cpu") is not None


def test_it_compiles_for_arm64(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="no cross compiler; pip install ziglang")
    flags = [name for name in build.FLAGS if name not in ("-O3", "-march=native")]
    target, to = ("-target", "aarch64-linux-gnu"), str(tmp_path / "arm64.so")
    command = [sys.executable, "-m", "ziglang", "c++", *target, "-O1", *flags, str(build.SOURCE), "-o", to]
    subprocess.run(command, check=True, timeout=500)


SANITIZED = r"""
#include "lambda.cpp"
int main() {
  for (int64_t side : {7, 14, 23})
    for (int64_t images : {1, 3, 5})
      for (int64_t heads : {1, 4, 6})
        for (int64_t scope : {7, 31})
          for (int64_t first : {0, 1}) {
            const int64_t n = side * side, k = heads == 6 ? 5 : 16, v = heads == 1 ? 16 : 8, depth = 24, threads = 2;
            const std::vector<float> x(images * depth * n, 0.5f), weights(std::max(heads * k, v) * depth, 0.1f);
            const std::vector<float> table(k * scope * scope, 1.0f);
            std::vector<float> y(images * heads * v * n);
            Layer layer{};
            layer.x = x.data(), layer.table = table.data(), layer.y = y.data();
            for (const float*& one : layer.weights) one = weights.data();
            const int64_t sizes[] = {images, side, side, side, side, heads, k, 1, v, scope, scope};
            std::copy_n(sizes, 11, layer.sizes);
            layer.depth = depth, layer.channels_first = first, layer.threads = threads;
            lambda_layer(&layer);
            const int64_t channels = heads * k + k + v, norms = heads * k + v, pitch = (channels + 15) / 16 * 16;
            const std::vector<float> norm(std::max(heads * k, v), 1.0f), d_y(y.size(), 0.25f);
            const int64_t each = 2, of_piece = each * n * pitch + 16;  // images in a piece
            std::vector<std::vector<float>> pieces((images + each - 1) / each, std::vector<float>(of_piece));
            std::vector<float*> rows;
            for (auto& piece : pieces) rows.push_back(piece.data());
            std::vector<float> kept(3 * norms + images * k * (2 + v)), d_x(x.size());
            std::vector<float> gradients(channels * depth + 2 * norms + table.size());
            const float *w = weights.data(), *one = norm.data();
            const float* given[] = {x.data(), w, w, w, one, one, one, one, nullptr, table.data()};
            const double epsilons[] = {1e-5, 1e-5};
            lambda_layer_train(given, epsilons, y.data(), rows.data(), kept.data(), sizes, depth, first, threads, each);
            float* all = gradients.data();
            lambda_layer_back(given, rows.data(), kept.data(), d_y.data(), d_x.data(), all, sizes, depth, first, threads, each);
          }
}
"""


def test_nothing_is_written_beside_what_was_taken(tmp_path: Path) -> None:
    """Images of one thread each and then one that threads share, of rows that are no multiple of a group."""
    source, program = tmp_path / "sanitized.cpp", tmp_path / "sanitized"
    source.write_text(SANITIZED)
    flags = ["-fsanitize=address", "-O0", *(name for name in build.FLAGS if name not in ("-O3", "-fPIC", "-shared"))]
    command = ["g++", *flags, f"-I{build.SOURCE.parent}", str(source), "-o", str(program), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    if "asan" in done.stderr:
        pytest.skip("no address sanitizer for g++")
    assert not done.returncode, done.stderr
    subprocess.run([program], check=True, timeout=200)
