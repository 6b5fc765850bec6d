"""Options as people read them: those alone that tell some cases from others."""

from collections.abc import Mapping, Sequence

from .spec import Value

SCRIPTED = frozenset(
    {
        "latency_s",
        "jitter",
        "first_call_s",
        "memory_bytes",
        "parameters",
        "flops",
        "sleep_s",
        "largest_batch",
        "fail",
        "compile_s",
        "trace_s",
        "lower_s",
        "graphs",
        "breaks",
        "xla_flops",
        "load_s",
        "export_s",
        "file_bytes",
        "difference",
        "top1",
    }
)
"""Options that are the fake backend's script, and no network's."""


def differing(cases: Sequence[tuple[str, Mapping[str, Value]]]) -> tuple[str, ...]:
    """The options in which some (model, options) differ: by value, or within a model by being there."""
    keys = sorted({key for _, options in cases for key in options})
    return tuple(key for key in keys if _differs(key, cases))


def shared(options: Sequence[Mapping[str, Value]]) -> tuple[str, ...]:
    """The options that all have, with one value."""
    return tuple(
        sorted(key for key in options[0] if all(key in option and option[key] == options[0][key] for option in options))
    )


def phrase(options: Mapping[str, Value], keys: Sequence[str]) -> str:
    """ "kernel=conv2d scope=23" of these keys, as far as the options have them."""
    return " ".join(f"{key}={_word(options[key])}" for key in keys if key in options)


def _differs(key: str, cases: Sequence[tuple[str, Mapping[str, Value]]]) -> bool:
    values = {_word(options[key]) for _, options in cases if key in options}
    has = {model for model, options in cases if key in options}
    return len(values) > 1 or any(model in has and key not in options for model, options in cases)


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
