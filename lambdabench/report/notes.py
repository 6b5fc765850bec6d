"""What a figure or a table must say beside its numbers: conditions, origins, what intervals cover, what is missing."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd

from ..analysis import accuracies, pareto, scripted
from ..analysis.answers import covered, have_range
from ..analysis.tail_columns import columns_in
from ..analysis.tails import unseen
from ..core import fields
from ..core.fields import Field
from ..core.quantiles import fewest_calls, share_of
from ..core.units import format_time
from ..machine import libraries
from ..store import AHEAD_S

NAMED = 8
"""Models that are named for one kind of hole; of more, the number is said."""
PLAIN = fields.quiet("mode", "dtype")
"""What needs no word."""
NUMBER = re.compile(r"\d[\d.,]*")


def notes(
    cases: pd.DataFrame,
    points: pd.DataFrame,
    axes: Sequence[str] = ("throughput", "top1"),
    across: Sequence[str] = (),
) -> tuple[str, ...]:
    """The conditions and origins of a front's points, by what fronts are apart, and the holes among the cases."""
    if cases.empty:
        return ()
    lines = [*_conditions(points if len(points) else cases, each="a front"), *_fronts(points, across)]
    of_accuracy = "top1" in axes
    if of_accuracy:
        lines += _origins(points)
    covers = covered(points, axes)
    if covers:
        wilson = "; accuracy: Wilson, over the validation images" if of_accuracy else ""
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}){wilson}.")
    if not of_accuracy:
        return (*lines, *_holes(cases))
    networks = cases[cases["kind"] == "model"] if "kind" in cases else cases
    return (*lines, *_holes(networks), *_without_accuracy(networks))


def _origins(points: pd.DataFrame) -> list[str]:
    """Where accuracies are from: those that are quoted, and those that were measured."""
    quoted, measured = (accuracies.sources(points, are_measured=one) for one in (False, True))
    lines = list[str]()
    if quoted:
        lines.append(
            f"Accuracy is quoted from {'; '.join(quoted)}, of weights at the size that was timed, {_data(points)}; "
            "speed timed with random weights."
        )
    if measured:
        named = "Where a name says so accuracy" if quoted else "Accuracy"
        lines.append(f"{named} was measured, not quoted: {'; '.join(measured)}.")
    return lines


def _data(points: pd.DataFrame) -> str:
    """What the accuracies' weights were trained on."""
    more = sorted({one for one in points.get("top1_data", ()) if one})
    if not more:
        return "trained on ImageNet-1k alone"
    return f"some of them on more than ImageNet-1k, named with their model: {'; '.join(more)}"


def _without_accuracy(cases: pd.DataFrame) -> list[str]:
    """Models that were timed and have no accuracy to stand at, by the reason."""
    if "top1" not in cases:
        return []
    silent = cases[(cases["status"] == "ok") & cases["top1"].isna()]
    elsewhere = silent.get("top1_elsewhere", pd.Series("", silent.index)).fillna("") != ""
    lines = []
    for of_others, reason in (
        (False, "no published accuracy at this size"),
        (True, "no published accuracy of the weights that were asked for, only of others (--weights best)"),
    ):
        if names := sorted(set(silent[elsewhere == of_others]["model"])):
            lines.append(f"Not shown, {reason}: {', '.join(names)}.")
    return lines


def curve_notes(cases: pd.DataFrame, metrics: Sequence[str]) -> tuple[str, ...]:
    """The conditions and holes of metrics, of the cases that are drawn and of those that should be."""
    if cases.empty:
        return ()
    known = [name for name in metrics if name in cases]
    told = cases[cases[known].notna().any(axis=1)]
    lines = _conditions(told if len(told) else cases, each="curves")
    covers = covered(cases, metrics)
    bars = [f"95 % intervals ({', '.join(covers)})"] if covers else []
    bars += ["least to most of several processes"] if have_range(cases, metrics) else []
    lines.append(f"Bars: {'; '.join(bars)}." if bars else "Without bars: read once a process.")
    return (*lines, *_holes(cases))


def tail_notes(cases: pd.DataFrame, limit_s: float | None = None) -> tuple[str, ...]:
    """The conditions of quantiles of latency, what their bars and marks say, what may have escaped them, and the holes."""
    told = cases[cases["latency_calls"].notna()] if "latency_calls" in cases else cases.iloc[:0]
    if told.empty:
        return curve_notes(cases, ("latency",))
    lines = _conditions(told, each="lines")
    lines.append(
        f"Quantiles of {_range(told['latency_calls'])} calls a case: all of every visit, disturbed ones too, but the cold ones. "
        "Bars: each end holds with 95 % confidence by itself, calls that come in bursts counted as fewer."
    )
    names = columns_in(told)
    short = {name: int(told[f"latency_{name}_high"].isna().sum()) for name in names}
    if any(short.values()):
        open_ = [name for name in names if short[name]]
        count = ", ".join(f"{name} in {short[name]}" for name in open_)
        needs = ", ".join(f"{fewest_calls(share_of(name)):,}" for name in open_)
        lines.append(
            f"Hollow, with an arrow: not bounded, {count} of {len(told)} cases. That takes {needs} independent calls; "
            f"lambdabench run --at {open_[-1]} makes them."
        )
    visits = told["latency_visits"].dropna() if "latency_visits" in told else pd.Series(dtype=float)
    if len(visits):
        least = f"{100 * unseen(int(visits.min())):.0f} %"
        lines.append(
            f"{_range(visits)} visits a case: what disturbs less than {least} of the time may have met none of the fewest."
        )
    if limit_s is not None:
        lines.append(
            f"Right: the share of calls that took longer than {format_time(limit_s)}, with its 95 % interval (Wilson)."
        )
    return (*lines, *_holes(cases))


def _range(values: pd.Series) -> str:
    """ "59 to 240"."""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _ahead(cases: pd.DataFrame) -> list[str]:
    """A line where times have not come yet."""
    now = datetime.now(UTC) + timedelta(seconds=AHEAD_S)
    late = sorted(str(one) for one in cases["started_at"].dropna() if str(one) > now.isoformat(timespec="milliseconds"))
    if not late:
        return []
    return [
        f"Times lie in the future, up to {late[-1][:16].replace('T', ' ')} UTC: a clock was ahead; days are not to be trusted."
    ]


def _frameworks(cases: pd.DataFrame) -> list[str]:
    """What the backends run on with its versions, "torch 2.15.0"."""
    runtimes = (cases["backend"] if "backend" in cases else pd.Series("torch_eager", cases.index)).map(
        libraries.runtime
    )
    found: list[str] = []
    for runtime in sorted(set(runtimes) - {""}):
        told = cases[runtimes == runtime].get(f"env_{runtime}", pd.Series(dtype="str"))
        versions = sorted({str(one) for one in told.dropna() if one})
        found += [f"{runtime} {', '.join(versions)}"] if versions else []
    return found


def _conditions(cases: pd.DataFrame, each: str) -> list[str]:
    """A line a device: what was measured on it, with what, when; a line where environments differ, in what; one for scripts."""
    lines = []
    for device, same in cases.groupby("device_name"):
        days = sorted({str(one)[:10] for one in same["started_at"] if one})
        when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
        told = [*_settings(same), *_frameworks(same), f"mode {', '.join(sorted(set(same['mode'])))}", when]
        lines.append(f"Measured on {device}, {', '.join(told)}.")
    return [*lines, *_ahead(cases), *_environments(cases, each), *scripted.said(cases)]


def _settings(cases: pd.DataFrame) -> list[str]:
    """dtypes and threads; devices, backends and layouts where they are not the plain ones."""
    told = [", ".join(sorted(set(cases["dtype"])))]
    threads = [str(int(one)) for one in sorted(set(cases["threads"]))]
    told.append(f"{', '.join(threads)} thread{'' if threads == ['1'] else 's'}")
    for name, plain in PLAIN.items():
        found = _distinct(cases, fields.NAMED[name])
        if found and found != [plain]:
            told.append(" and ".join(fields.word(fields.NAMED[name], one) for one in found))
    return told


def _environments(cases: pd.DataFrame, each: str) -> list[str]:
    """In what the environments differ, where there are several."""
    found = cases.drop_duplicates("fingerprint")
    if len(found) < 2:
        return []
    values = {
        str(name): list(dict.fromkeys("absent" if one == "" or pd.isna(one) else str(one) for one in found[name]))
        for name in found
        if str(name).startswith("env_")
    }
    said = [f"{name.removeprefix('env_')} ({', '.join(ones)})" for name, ones in values.items() if len(ones) > 1]
    words = ", ".join(fields.word(fields.NAMED["fingerprint"], one) for one in found["fingerprint"])
    differ = f": they differ in {', '.join(said)}" if said else ""
    return [f"Rows of {len(found)} environments are shown; each has {each} of its own ({words}){differ}."]


def _fronts(points: pd.DataFrame, across: Sequence[str]) -> list[str]:
    """By what fronts are apart, and over what one was asked for."""
    lines = []
    if apart := pareto.parted_by(points, across):
        could = [one for one in apart if one.joins]
        how = f"; --across {','.join(_flag(one) for one in could)} draws one" if could else ""
        lines.append(
            f"A front each of {_and([_values(points, one) for one in apart])}: other programs or machines{how}."
        )
    over = [fields.NAMED[one] for one in sorted(pareto.joined(across))]
    if varied := [one for one in over if len(_distinct(points, one)) > 1]:
        lines.append(f"Fronts are over {_and([_values(points, one) for one in varied])}, as asked for.")
    return lines


def _values(points: pd.DataFrame, field: Field) -> str:
    """ "backend (torch_compile, torch_eager)"."""
    found = [str(one) for one in _distinct(points, field)]
    shown = found if field.name != "fingerprint" else [one[:6] for one in found]
    return f"{field.title} ({', '.join(shown).lower() if field in fields.PROGRAMS else ', '.join(shown)})"


def _flag(field: Field) -> str:
    return field.name.removeprefix(fields.OPTION)


def _and(parts: Sequence[str]) -> str:
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def _distinct(cases: pd.DataFrame, field: Field) -> list[object]:
    """The values of a field, "" aside."""
    column = "options" if field in fields.PROGRAMS else field.name
    found = {fields.value({column: one}, field) for one in cases[column].unique()} if column in cases else set[object]()
    return sorted(found - {""}, key=str)


def _teller(cases: pd.DataFrame) -> Callable[[dict[str, object]], str]:
    """What tells a case from the others, its sizes aside."""
    known = [one for one in ("model", *(field.name for field in fields.SETTINGS), "options") if one in cases]
    rows = cases[known].drop_duplicates().to_dict("records")
    return fields.teller([{str(key): one for key, one in row.items()} for row in rows])


def _holes(cases: pd.DataFrame) -> list[str]:
    """A line for each kind of hole, naming its cases; reasons that differ in numbers only are one kind, told by the first."""
    missing = cases[cases["status"] != "ok"]
    if missing.empty:
        return []
    tell = _teller(cases)
    rows = [{str(key): one for key, one in row.items()} for row in missing.to_dict("records")]
    missing = missing.assign(told=[tell(row) for row in rows])
    kinds = missing["reason"].astype(str).str.replace(NUMBER, "#", regex=True)
    lines = []
    for (status, _), same in missing.groupby([missing["status"], kinds], sort=False):
        named = [_name(str(model), alike) for model, alike in same.groupby("model", sort=False)]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        likewise = " (the others likewise)" if same["reason"].nunique() > 1 else ""
        lines.append(f"Not shown: {', '.join(named[:NAMED])}{more}: {status}: {same['reason'].iloc[0]}{likewise}.")
    return lines


def _name(model: str, cases: pd.DataFrame) -> str:
    """A model with the batch sizes of its cases, with their image sizes where there are several, and with what tells them from others."""
    batches, sizes = (", ".join(str(int(one)) for one in sorted(set(cases[key]))) for key in ("batch_size", "image_px"))
    told = "; ".join(dict.fromkeys(one for one in cases["told"] if one))
    name = f"{model} batch {batches}" + (f" at {sizes} px" if cases["image_px"].nunique() > 1 else "")
    return f"{name} ({told})" if told else name
