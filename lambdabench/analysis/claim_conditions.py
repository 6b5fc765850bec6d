"""The cases that a claim is tested on: of each condition those of both sides, equal in runtime, layout, threads, dtype, fold, batch,
environment and device. Never two of anything in one ratio, and nothing that is not ok.
"""

import fnmatch
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ..core import fields
from ..core.spec import Value, default_param_dtype
from ..facts.claims import Claim, ConditionSet, Fault, Setting, network, settings
from .published_accuracy import what

Line = Mapping[str, Any]
Kernel = Literal["paper's", "ours"]
KERNELS: tuple[Kernel, ...] = ("paper's", "ours")
"""The layer as the paper lists it, and as it is computed here unless somebody asks otherwise."""
EINSUM, AUTO = "einsum", "auto"
IN_JAX = {EINSUM: "xla_einsum", "conv2d": "xla_conv"}
JAX = "jax_jit"
BEST = "best of each"
"""In the place of a runtime: each side under what is fastest for it."""
OF_ENVIRONMENT = ("device_name", "fingerprint", "threads")
"""What cases of one ratio share beside what the condition says."""
Status = Literal["ok", "failed", "not run", "outside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How both sides are to run, on a kind of device; `recipe`: whose weights "theirs" are, of a curve."""

    setting: Setting
    device: str
    mode: str
    kernel: Kernel
    recipe: str = ""
    is_headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A network of a side: its options but for those that say how it runs, and its kernel, "" where it has none to choose."""

    name: str
    options: Mapping[str, Value]
    kernel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A device that cases ran on."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The cases of one environment in which most of what was wanted is ok. `missing`: networks without a case, `failed`: those whose case
    has no number, with the reason."""

    by_name: Mapping[str, Line]
    missing: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def status(self) -> Status:
        """Whether there is a ratio to be had."""
        return "failed" if self.failed else "not run" if self.missing else "ok"

    @property
    def reason(self) -> str:
        """What is missing, in words; empty where nothing is."""
        if self.failed:
            name, why = self.failed[0]
            return f"{name}: {why}"
        return f"not run: {', '.join(self.missing)}" if self.missing else ""


def machines(cases: pd.DataFrame) -> tuple[Machine, ...]:
    """The machines of a table of answers, that with the newest case first."""
    if cases.empty:
        return ()
    newest = cases.sort_values("started_at", ascending=False, kind="stable")
    pairs = zip(newest["device"], newest["device_name"], strict=True)
    return tuple(dict.fromkeys(Machine(kind=str(device).partition(":")[0], name=str(name)) for device, name in pairs))


def conditions(claim: Claim, known: ConditionSet, kind: str, recipes: Sequence[str] = ("",)) -> tuple[Condition, ...]:
    """Every condition of a claim on a kind of device, for each kernel and recipe, its headline first."""
    return tuple(
        Condition(setting=setting, device=kind, mode=known.mode, kernel=kernel, recipe=recipe, is_headline=place == 0)
        for kernel in KERNELS
        for recipe in recipes
        for place, setting in enumerate(settings(known, kind))
    )


def wanted(
    names: Sequence[str], options: Mapping[str, Value], condition: Condition, choosing: Collection[str]
) -> tuple[Wanted, ...]:
    """The networks of a side under a condition. `choosing`: models whose lambda layers have a kernel to choose."""
    own = options.get("kernel")
    result: list[Wanted] = []
    for name in names:
        kernel = str(own) if own else (EINSUM if condition.kernel == "paper's" else AUTO)
        if network(name)[0] not in choosing:
            kernel = ""
        elif condition.setting.backend == JAX:
            kernel = IN_JAX.get(kernel, kernel)
        rest = {key: value for key, value in options.items() if key != "kernel"}
        result.append(Wanted(name=name, options=rest, kernel=kernel))
    return tuple(result)


def under(lines: Sequence[Line], condition: Condition, machine: Machine) -> list[Line]:
    """The cases that ran, or were to run, under a condition on a machine."""
    return [line for line in lines if _is_under(line, condition, machine)]


def _is_under(line: Line, condition: Condition, machine: Machine) -> bool:
    setting = condition.setting
    asked = {
        "kind": "model",
        "param_dtype": default_param_dtype(setting.dtype, condition.mode),
        "mode": condition.mode,
        "devices": 1,
        "device_name": machine.name,
    } | {field.name: value for field, value in said(setting)}
    if str(line["device"]).partition(":")[0] != machine.kind:
        return False
    return all(fields.value(line, fields.NAMED[name]) == value for name, value in asked.items())


def said(setting: Setting) -> tuple[tuple[fields.Field, Any], ...]:
    """Each field of a case that a setting says something of, with its value."""
    names = [name if name in fields.NAMED else f"{fields.OPTION}{name}" for name in Setting.__slots__]
    values = (getattr(setting, name) for name in Setting.__slots__)
    return tuple(zip((fields.NAMED[name] for name in names), values, strict=True))


def matched(lines: Sequence[Line], names: Sequence[Wanted]) -> Cases:
    """The newest environment among cases of one condition in which all networks are ok, else that in which most are."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(tuple(str(line[name]) for name in OF_ENVIRONMENT), []).append(line)
    every = [_matched(group, names) for group in groups.values()] or [_matched((), names)]
    return max(every, key=lambda cases: (_ok(cases), _newest(cases)))


def _ok(cases: Cases) -> int:
    return len(cases.by_name)


def _newest(cases: Cases) -> str:
    return max((str(line["started_at"]) for line in cases.by_name.values()), default="")


def _matched(lines: Sequence[Line], names: Sequence[Wanted]) -> Cases:
    by_name: dict[str, Line] = {}
    missing: list[str] = []
    failed: list[tuple[str, str]] = []
    for item in names:
        same = sorted((line for line in lines if is_of(line, item)), key=lambda line: str(line["started_at"]))
        usable = [line for line in same if line["status"] == "ok"]
        if usable:
            by_name[key_of(item)] = usable[-1]
        elif same:
            failed.append((item.name, f"{same[-1]['status']}: {same[-1]['reason']}"))
        else:
            missing.append(item.name)
    return Cases(by_name=by_name, missing=tuple(missing), failed=tuple(failed))


def key_of(item: Wanted) -> str:
    """What tells a network of a claim from its others."""
    return f"{item.name} {json.dumps(dict(item.options), sort_keys=True)} {item.kernel}"


def is_of(line: Line, item: Wanted) -> bool:
    """Whether a case, as a row or as its fields, is of a network of a side, however it runs."""
    model, px = network(item.name)
    options = dict(fields.options(line))
    kernel = options.get("kernel", AUTO) if item.kernel else ""
    return (
        line["model"] == model
        and line["image_px"] == px
        and not line.get("model_hash")
        and what(options) == dict(item.options)
        and kernel == item.kernel
    )


def fault_of(lines: Sequence[Line], faults: Sequence[Fault]) -> Fault | None:
    """A known fault of a library that one of some cases runs into; None where none does."""
    return next((fault for fault in faults for line in lines if _runs_into(line, fault)), None)


def _runs_into(line: Line, fault: Fault) -> bool:
    version = str(line.get(f"env_{fault.library}") or "")
    return (
        str(line["device"]).partition(":")[0] == fault.device
        and any(version == begin or version.startswith(f"{begin}.") for begin in fault.versions)
        and (not fault.dtypes or line["dtype"] in fault.dtypes)
        and any(fnmatch.fnmatchcase(str(line["model"]), glob) for glob in fault.models)
    )


def label(condition: Condition) -> str:
    """A condition in words, without its device: "torch_eager float32 b4 channels_last fold"."""
    setting = condition.setting
    words = [setting.backend, setting.dtype, f"b{setting.batch_size}"]
    words += [setting.layout] if setting.layout not in ("", "contiguous") else []
    words += ["fold"] if setting.fold else []
    words += [setting.compile_mode] if setting.compile_mode not in ("", "default") else []
    return " ".join(words)
