"""A suite's cases as the gate names and settles them: head's definitions, for both sides."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from .. import plan
from .. import suite as suites
from ..core import fields
from ..core.errors import DeviceError, RequestError
from ..core.gate_protocol import Entry, Rules
from ..core.globs import picked, unmatched
from ..core.spec import Case, Machine, Suite, default_param_dtype
from ..launch import probe

UNUSUAL = sorted(fields.quiet("mode", "devices").items(), key=lambda pair: pair[0] == "backend")
"""Fields that a name tells where they are not usual; the backend last, since waivers are written by name."""


def suite_of(name: str, repository: Path) -> Suite:
    """The suite of a path, else the repository's own of that name, else the one that comes with this program."""
    own = repository / "suites" / f"{name}.toml"
    return suites.load(str(own) if "/" not in name and own.is_file() else name)


def entries_of(suite: Suite, rules: Rules) -> tuple[Entry, ...]:
    """A suite's cases on the devices that are here, one thread each where none is said."""
    machine = _machine(suite)
    entries: dict[str, Entry] = {}
    for cell in suite.cells:
        case = _settled(cell.case, cell.prefer, machine)
        entries.setdefault(label(case), Entry(label=label(case), case=case, rules=rules))
    return tuple(entries.values())


def matching(entries: Sequence[Entry], glob: str) -> tuple[Entry, ...]:
    """Entries whose label matches. Raises RequestError naming some that there are."""
    names = set(picked([entry.label for entry in entries], glob))
    chosen = tuple(entry for entry in entries if entry.label in names)
    if not chosen:
        raise RequestError(unmatched([entry.label for entry in entries], glob, "case"))
    return chosen


def label(case: Case) -> str:
    """A case's name for people and for waivers: "lambda_layer d64 56x56 inference", and whatever else is not usual."""
    options = dict(case.options)
    dim, size = options.pop("dim", None), options.pop("size", None)
    words = [
        case.model,
        *([f"d{dim}"] if dim is not None else []),
        str(size or f"{case.image_px}x{case.image_px}"),
        case.mode,
    ]
    if case.batch_size != 1:
        words.append(f"b{case.batch_size}")
    words += [str(getattr(case, name)) for name, usual in UNUSUAL if getattr(case, name) != usual]
    if case.threads != 1:
        words.append(f"{case.threads} threads")
    if case.device != "cpu":
        words.append(case.device)
    return " ".join([*words, *(f"{key}={value}" for key, value in options.items())])


def _machine(suite: Suite) -> Machine | None:
    """What the probe finds, where a case asks for something else than the CPU or scripted times by name."""
    plain = all(cell.case.device in ("cpu", "fake") and not cell.prefer for cell in suite.cells)
    return None if plain else probe(()).machine


def _settled(case: Case, prefer: tuple[str, ...], machine: Machine | None) -> Case:
    threads = case.threads or 1
    if machine is None:
        dtype = case.param_dtype or default_param_dtype(case.dtype, case.mode)
        return dataclasses.replace(case, image_px=case.image_px or plan.FALLBACK_PX, threads=threads, param_dtype=dtype)
    kinds = prefer or ((case.device,) if case.device != "auto" else ())
    able = [device for device in machine.devices if case.backend in device.backends]
    named = [device for kind in kinds for device in able if kind in (device.name, device.kind)]
    if not able or (kinds and not named and not prefer):
        raise DeviceError(
            f"{case.backend} has no device {case.device} here; there are {', '.join(d.name for d in able)}"
        )
    device = (named or able)[0].name
    return plan.resolve(dataclasses.replace(case, threads=threads), device, machine, {})
