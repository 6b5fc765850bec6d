"""What a program that JAX has traced computes: its operations walked and counted, by name, without importing JAX.

The rule is that of torch's FlopCounterMode, so that twins agree: convolutions and matrix products only, 2 per multiply-accumulate,
taps that fall on padding counted, zeros between the elements of a strided gradient not counted. One difference: torch 2.15 counts
the gradient by the kernel of a grouped convolution `groups` times over, this counts what is computed.
"""

import math
from collections.abc import Iterator
from typing import Any

from .lambdas import applied_macs

UNSEEN = ("while", "pallas_call", "ffi_call")
"""Operations of whose work XLA's count holds a part, or none."""
PRODUCTS = ("dot_general", "conv_general_dilated", "ffi_call")
"""Of calls of foreign functions, those of the kernels here."""
WHOLE = ("lambda_layer", "lambda_layer_train", "lambda_layer_back")
"""Those of a whole lambda layer."""


def products(jaxpr: Any) -> Iterator[tuple[Any, int]]:
    """(Equation, times it runs) of every convolution and matrix product, inner programs entered.

    A scan's body runs `length` times, a kernel's (Pallas) once a grid point, each branch of a condition once; the body of a loop whose
    end is not known before it runs is counted once.
    """
    for equation in jaxpr.eqns:
        if equation.primitive.name in PRODUCTS and (_lambdas(equation) or equation.primitive.name != "ffi_call"):
            yield equation, 1
        times = _times(equation)
        for inner in _inner(equation):
            for item, count in products(inner):
                yield item, times * count


def flops(jaxpr: Any) -> float:
    """FLOP of one run of a jaxpr, 2 x multiply-accumulate."""
    return float(sum(2 * times * _macs(equation) for equation, times in products(jaxpr)))


def is_countable(jaxpr: Any) -> bool:
    """Whether a compiler that walks the program once sees all that it does: it counts the body of a loop once however often that runs,
    and of a kernel or a foreign function nothing."""
    return all(
        not (equation.primitive.name in UNSEEN or (equation.primitive.name == "scan" and _times(equation) > 1))
        and all(is_countable(inner) for inner in _inner(equation))
        for equation in jaxpr.eqns
    )


def written_elements(jaxpr: Any) -> float:
    """Elements that convolutions and matrix products write in one run."""
    return float(sum(times * math.prod(equation.outvars[0].aval.shape) for equation, times in products(jaxpr)))


def operand_dtypes(jaxpr: Any) -> set[str]:
    """Names of the dtypes that convolutions and matrix products compute in, the first operand's."""
    return {str(equation.invars[0].aval.dtype) for equation, _ in products(jaxpr)}


def precisions(jaxpr: Any) -> set[str]:
    """Precision asked of each product of float32 matrices, in lower case ("highest"; "default" where none is)."""
    return {
        _precision(equation.params["precision"])
        for equation, _ in products(jaxpr)
        if "precision" in equation.params and str(equation.invars[0].aval.dtype) == "float32"
    }


def _precision(item: Any) -> str:
    both = _listed(item)
    return ",".join(
        sorted({"default" if entry is None else str(getattr(entry, "name", entry)).lower() for entry in both})
    )


def _inner(equation: Any) -> Iterator[Any]:
    """The programs that an equation holds in its parameters."""
    for value in equation.params.values():
        for item in _listed(value):
            if hasattr(item, "eqns"):
                yield item
            elif hasattr(item, "jaxpr") and hasattr(item.jaxpr, "eqns"):
                yield item.jaxpr


def _listed(value: Any) -> list[Any]:
    """A parameter as a list: of its members, or of itself alone."""
    return list(value) if isinstance(value, (tuple, list)) else [value]  # pyright: ignore[reportUnknownArgumentType]


def _times(equation: Any) -> int:
    name, params = equation.primitive.name, equation.params
    if name == "scan":
        return int(params["length"])
    if name == "pallas_call":
        return math.prod(params["grid_mapping"].grid)
    if name == "shard_map":
        return math.prod(params["mesh"].shape.values())
    return 1


def _lambdas(equation: Any) -> int:
    """How many products a kernel of the lambda layer stands for: 1 forward, 2 backward; 0 for anything else."""
    forward, backward = ("apply_lambdas", *WHOLE[:2]), ("apply_lambdas_backward", WHOLE[2])
    return {**dict.fromkeys(forward, 1), **dict.fromkeys(backward, 2)}.get(_target(equation), 0)


def _target(equation: Any) -> str:
    return str(equation.params.get("target_name", "")).rpartition(".")[2]


def _layer_macs(equation: Any) -> int:
    """Of a map [b, y, x, d], projections [d, channels] of queries, keys and values, norms, table [1, k, r_y, r_x]; some may be empty."""
    (b, y, x, d), queries, keys, values, _, table = (invar.aval.shape for invar in equation.invars[:6])
    v, content = values[1], math.prod(keys) > 0
    heads = dict(equation.params["attributes"])["heads"]
    k = queries[1] // heads
    channels = queries[1] + v + k * content
    scope = table[2:] if math.prod(table) else None
    applied = applied_macs((b, heads, k, y, x), (b, v, 1, y, x), content=content, scope=scope)
    return b * y * x * (d * channels + k * v * content) + applied


def _applied_macs(equation: Any) -> int:
    """Of queries [b, y, x, h, k], values [b, u, j, i, v], content [b, k, v] and table [u, k, r_y, r_x], which may be empty."""
    (b, y, x, h, k), (_, u, j, i, v), content, table = (invar.aval.shape for invar in equation.invars[:4])
    scope = table[2:] if math.prod(table) else None
    return applied_macs((b, h, k, y, x), (b, v, u, j, i), content=math.prod(content) > 0, scope=scope)


def _macs(equation: Any) -> int:
    if _target(equation) in WHOLE:
        return _lambdas(equation) * _layer_macs(equation)
    if products_here := _lambdas(equation):
        return products_here * _applied_macs(equation)
    left, right = (invar.aval.shape for invar in equation.invars[:2])
    out = equation.outvars[0].aval.shape
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return math.prod(out) * math.prod(left[axis] for axis in contracted)
    numbers = equation.params["dimension_numbers"]
    per_output = right[numbers.rhs_spec[1]] * math.prod(right[axis] for axis in numbers.rhs_spec[2:])
    if numbers.lhs_spec[0]:  # a gradient by the kernel: channels stand where images do, every output is a tap
        return math.prod(out) * per_output
    positions = math.prod(out[axis] for axis in numbers.out_spec[2:])
    reads = math.prod(left[axis] for axis in numbers.lhs_spec[2:])
    # a gradient by the input, or a transposed convolution, writes more positions than it reads: those it reads do the work
    return math.prod(out) // positions * min(positions, reads) * per_output
