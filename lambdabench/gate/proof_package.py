"""The package that `proof_pairs` checks: one that no process can hold twice. It registers torch operators under fixed names and
ships an extension in C; how much work each of its kernels does is data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

KINDS = ("native_compute", "native_memory", "native_allocating", "torch_gemm", "torch_tiny", "torch_allocating")
SIZES = (0, 1)
UNITS = 100
"""Pieces of work in a call, of about 20 microseconds each: five more are five percent."""
BUILD = "pip install --quiet --no-deps --no-build-isolation ."

SETUP = """
from setuptools import Extension, setup

setup(
    name="proofops",
    version="1.0",
    package_dir={"": "src"},
    packages=["proofops"],
    package_data={"proofops": ["work.json"]},
    ext_modules=[Extension("proofops._native", ["src/native.c"], extra_compile_args=["-O2"])],
)
"""
NATIVE = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static double compute(long units, long size) {
    double value = 1.0;
    for (long step = 0; step < units * (size ? 5000 : 2500); step++) value = value * 0.999999 + 1e-9;
    return value;
}

static double memory(long units, long size) {
    static float *first, *second;
    const long count = 1L << 20, share = size ? 16384 : 8192;
    if (!first) {
        first = malloc(count * sizeof(float));
        second = malloc(count * sizeof(float));
        for (long i = 0; i < count; i++) first[i] = second[i] = 1.0f;
    }
    for (long unit = 0; unit < units; unit++) {
        const long start = unit * share % count;
        for (long i = start; i < start + share; i++) second[i] = 0.5f * second[i] + first[i];
    }
    return second[0];
}

static double allocating(long units, long size) {
    double total = 0.0;
    const size_t bytes = size ? 65536 : 32768;
    for (long unit = 0; unit < 4 * units; unit++) {
        volatile char *block = malloc(bytes);
        memset((void *)block, (int)unit, bytes);
        total += block[bytes / 2];
        free((void *)block);
    }
    return total;
}

static PyObject *run(PyObject *self, PyObject *arguments) {
    const char *kind;
    long units, size;
    if (!PyArg_ParseTuple(arguments, "sll", &kind, &units, &size)) return NULL;
    if (!strcmp(kind, "native_compute")) return PyFloat_FromDouble(compute(units, size));
    if (!strcmp(kind, "native_memory")) return PyFloat_FromDouble(memory(units, size));
    return PyFloat_FromDouble(allocating(units, size));
}

static PyMethodDef methods[] = {{"run", run, METH_VARARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods};
PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
"""
INIT = '''
import json
from pathlib import Path

import torch

from . import _native

WORK = json.loads((Path(__file__).parent / "work.json").read_text())


@torch.library.custom_op("proofops::gemm", mutates_args=())
def gemm(value: torch.Tensor, units: int) -> torch.Tensor:
    found = value
    for _ in range(units):
        found = value @ value
    return found.clone()


@torch.library.custom_op("proofops::tiny", mutates_args=())
def tiny(value: torch.Tensor, units: int) -> torch.Tensor:
    found = value.clone()
    for _ in range(10 * units):
        found.mul_(0.5)
    return found


@torch.library.custom_op("proofops::allocating", mutates_args=())
def allocating(value: torch.Tensor, units: int) -> torch.Tensor:
    found = value
    for _ in range(units):
        found = value + 1.0
    return found


OPERATORS = {"torch_gemm": (gemm, (96, 128)), "torch_tiny": (tiny, (4, 8)), "torch_allocating": (allocating, (128, 256))}


def kernel(kind, size):
    """A call of no arguments that does as much work as work.json says."""
    units = WORK[f"{kind}-{size}"]
    if kind not in OPERATORS:
        return lambda: _native.run(kind, units, size)
    operator, sides = OPERATORS[kind]
    value = torch.full((sides[size], sides[size]), 0.01)
    return lambda: operator(value, units)
'''
TESTS = """
import proofops
import pytest


@pytest.mark.parametrize("size", {sizes})
@pytest.mark.parametrize("kind", {kinds})
def test_kernel(benchmark, kind, size):
    work = proofops.kernel(kind, size)
    benchmark(lambda: (work(), None)[1])  # more work may give other numbers
"""


def names() -> tuple[str, ...]:
    """Its kernels."""
    return tuple(f"{kind}-{size}" for kind in KINDS for size in SIZES)


def write(folder: Path, sizes: Sequence[int] = SIZES, kinds: Sequence[str] = KINDS) -> None:
    """The package with its tests, in an empty folder."""
    source = folder / "src" / "proofops"
    source.mkdir(parents=True)
    (folder / "setup.py").write_text(SETUP)
    (folder / "src" / "native.c").write_text(NATIVE)
    (source / "__init__.py").write_text(INIT)
    (folder / "bench").mkdir()
    (folder / "bench" / "test_kernels.py").write_text(TESTS.format(sizes=list(sizes), kinds=list(kinds)))
    (folder / ".gitignore").write_text("build/\n*.egg-info/\n__pycache__/\n")
    set_work(folder, {})


def set_work(folder: Path, more: Mapping[str, int]) -> None:
    """How many units each kernel does: `UNITS`, and so many more."""
    work = {name: UNITS + more.get(name, 0) for name in names()}
    (folder / "src" / "proofops" / "work.json").write_text(json.dumps(work, indent=1))
