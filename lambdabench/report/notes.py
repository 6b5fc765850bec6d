"""What a figure or a table must say beside its numbers: conditions, origins, what intervals cover, what is missing."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd

from ..analysis import pareto, published_accuracy, scripted
from ..analysis.answers import covered, have_range
from ..analysis.load_columns import LEGEND, loads_in
from ..analysis.published_accuracy import accuracy_sources
from ..analysis.tail_columns import columns_in
from ..analysis.tails import unseen
from ..core import fields
from ..core.fields import Field
from ..core.quantiles import fewest_calls, share_of
from ..core.units import format_time
from ..machine import libraries
from ..store import AHEAD_S

ORIGINS = ("quoted", "measured")
"""Of accuracies."""
HOLE = "Not shown"
"""What a line begins with that tells a hole."""
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
    quoted, measured = (accuracy_sources(points, name) if of_accuracy else [] for name in ORIGINS)
    if quoted:
        lines.append(
            f"Accuracy is quoted from {'; '.join(quoted)}, of weights at the size that was timed, {_data(points)}; "
            "speed timed with random weights."
        )
    if measured:
        alone = "" if quoted else "; nothing is quoted"
        lines.append(
            f"Accuracy is measured here, on {'; '.join(measured)} of each network from random weights{alone}. "
            "Speed is timed with random weights."
        )
    covers = covered(points, axes)
    if covers:
        over = ["Wilson, over the validation images"] if quoted else []
        over += ["the test images (Wilson) and how trainings differ"] if measured else []
        accuracy = f"; accuracy: {'; '.join(over)}" if over else ""
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}){accuracy}.")
    if not of_accuracy:
        return (*lines, *_holes(cases))
    networks = cases[cases["kind"] == "model"] if "kind" in cases else cases
    return (*lines, *_holes(networks), *_without_accuracy(networks))


def _data(points: pd.DataFrame) -> str:
    """What the accuracies' weights were trained on."""
    more = sorted({point for point in points.get("top1_data", ()) if point})
    if not more:
        return "trained on ImageNet-1k alone"
    return f"some of them on more than ImageNet-1k, named with their model: {'; '.join(more)}"


def _without_accuracy(cases: pd.DataFrame) -> list[str]:
    """Models that were timed and have no accuracy to stand at, by the reason."""
    if "top1" not in cases:
        return []
    silent = cases[(cases["status"] == "ok") & cases["top1"].isna()]
    reasons = silent.get("top1_missing", pd.Series(published_accuracy.NO_NETWORK, silent.index)).fillna(
        published_accuracy.NO_NETWORK
    )
    return [f"{HOLE}, {reason}: {', '.join(sorted(set(same['model'])))}." for reason, same in silent.groupby(reasons)]


def curve_notes(cases: pd.DataFrame, metrics: Sequence[str]) -> tuple[str, ...]:
    """The conditions and holes of metrics, of the cases that are drawn and of those that should be."""
    if cases.empty:
        return ()
    known = [name for name in metrics if name in cases]
    rows = cases[cases[known].notna().any(axis=1)]
    lines = _conditions(rows if len(rows) else cases, each="curves")
    covers = covered(cases, metrics)
    bars = [f"95 % intervals ({', '.join(covers)})"] if covers else []
    bars += ["least to most of several processes"] if have_range(cases, metrics) else []
    lines.append(f"Bars: {'; '.join(bars)}." if bars else "Without bars: read once a process.")
    return (*lines, *_holes(cases))


def load_notes(cases: pd.DataFrame) -> tuple[str, ...]:
    """The conditions of quantiles under loads, how requests arrive, what bars and marks say, and the holes."""
    loads = loads_in(cases)
    rows = cases[cases[list(loads)].notna().any(axis=1)] if loads else cases.iloc[:0]
    if rows.empty:
        return curve_notes(cases, ("latency",))
    counts = pd.concat([rows[f"{name}_calls"] for name in loads if f"{name}_calls" in rows])
    return (
        *_conditions(rows, each="panels"),
        *LEGEND,
        f"{_range(counts.dropna())} requests a load. At 0: the calls of `latency`, one after another. Hollow, with an arrow: not bounded, "
        "and more load_budget_s in [sampling] makes more requests.",
        *_holes(cases),
    )


def tail_notes(cases: pd.DataFrame, limit_s: float | None = None) -> tuple[str, ...]:
    """The conditions of quantiles of latency, what their bars and marks say, what may have escaped them, and the holes."""
    rows = cases[cases["latency_calls"].notna()] if "latency_calls" in cases else cases.iloc[:0]
    if rows.empty:
        return curve_notes(cases, ("latency",))
    lines = _conditions(rows, each="lines")
    lines.append(
        f"Quantiles of {_range(rows['latency_calls'])} calls a case: all of every visit, disturbed ones too, but the cold ones. "
        "Bars: each end holds with 95 % confidence by itself, calls that come in bursts counted as fewer."
    )
    names = columns_in(rows)
    short = {name: int(rows[f"latency_{name}_high"].isna().sum()) for name in names}
    if any(short.values()):
        open_ = [name for name in names if short[name]]
        count = ", ".join(f"{name} in {short[name]}" for name in open_)
        needs = ", ".join(f"{fewest_calls(share_of(name)):,}" for name in open_)
        lines.append(
            f"Hollow, with an arrow: not bounded, {count} of {len(rows)} cases. That takes {needs} independent calls; "
            f"lambdabench run --at {open_[-1]} makes them."
        )
    visits = rows["latency_visits"].dropna() if "latency_visits" in rows else pd.Series(dtype=float)
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
    late = sorted(
        str(item) for item in cases["started_at"].dropna() if str(item) > now.isoformat(timespec="milliseconds")
    )
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
    names: list[str] = []
    for runtime in sorted(set(runtimes) - {""}):
        text = cases[runtimes == runtime].get(f"env_{runtime}", pd.Series(dtype="str"))
        versions = sorted({str(item) for item in text.dropna() if item})
        names += [f"{runtime} {', '.join(versions)}"] if versions else []
    return names


def _conditions(cases: pd.DataFrame, each: str) -> list[str]:
    """A line a device: what was measured on it, with what, when; a line where environments differ, in what; one for scripts."""
    lines = []
    for device, same in cases.groupby("device_name"):
        days = sorted({str(item)[:10] for item in same["started_at"] if item})
        when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
        names = [*_settings(same), *_frameworks(same), f"mode {', '.join(sorted(set(same['mode'])))}", when]
        lines.append(f"Measured on {device}, {', '.join(names)}.")
    return [*lines, *_ahead(cases), *_environments(cases, each), *scripted.said(cases)]


def _settings(cases: pd.DataFrame) -> list[str]:
    """dtypes and threads; devices, backends and layouts where they are not the plain ones."""
    names = [", ".join(sorted(set(cases["dtype"])))]
    threads = [str(int(thread)) for thread in sorted(set(cases["threads"]))]
    names.append(f"{', '.join(threads)} thread{'' if threads == ['1'] else 's'}")
    for name, plain in PLAIN.items():
        items = _distinct(cases, fields.NAMED[name])
        if items and items != [plain]:
            names.append(" and ".join(fields.word(fields.NAMED[name], item) for item in items))
    return names


def _environments(cases: pd.DataFrame, each: str) -> list[str]:
    """In what the environments differ, where there are several."""
    rows = cases.drop_duplicates("fingerprint")
    if len(rows) < 2:
        return []
    values = {
        str(name): list(dict.fromkeys("absent" if item == "" or pd.isna(item) else str(item) for item in rows[name]))
        for name in rows
        if str(name).startswith("env_")
    }
    said = [f"{name.removeprefix('env_')} ({', '.join(ones)})" for name, ones in values.items() if len(ones) > 1]
    words = ", ".join(fields.word(fields.NAMED["fingerprint"], item) for item in rows["fingerprint"])
    differ = f": they differ in {', '.join(said)}" if said else ""
    return [f"Rows of {len(rows)} environments are shown; each has {each} of its own ({words}){differ}."]


def _fronts(points: pd.DataFrame, across: Sequence[str]) -> list[str]:
    """By what fronts are apart, and over what one was asked for."""
    lines = []
    if apart := pareto.parted_by(points, across):
        could = [field for field in apart if field.joins]
        how = f"; --across {','.join(_flag(field) for field in could)} draws one" if could else ""
        lines.append(
            f"A front each of {_and([_values(points, field) for field in apart])}: other programs or machines{how}."
        )
    over = [fields.NAMED[name] for name in sorted(pareto.joined(across))]
    if varied := [field for field in over if len(_distinct(points, field)) > 1]:
        lines.append(f"Fronts are over {_and([_values(points, field) for field in varied])}, as asked for.")
    return lines


def _values(points: pd.DataFrame, field: Field) -> str:
    """ "backend (torch_compile, torch_eager)"."""
    names = [str(item) for item in _distinct(points, field)]
    shown = names if field.name != "fingerprint" else [name[:6] for name in names]
    return f"{field.title} ({', '.join(shown).lower() if field in fields.PROGRAMS else ', '.join(shown)})"


def _flag(field: Field) -> str:
    return field.name.removeprefix(fields.OPTION)


def _and(parts: Sequence[str]) -> str:
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def _distinct(cases: pd.DataFrame, field: Field) -> list[object]:
    """The values of a field, "" aside."""
    column = "options" if field in fields.PROGRAMS else field.name
    items = (
        {fields.value({column: case}, field) for case in cases[column].unique()} if column in cases else set[object]()
    )
    return sorted(items - {""}, key=str)


def _teller(cases: pd.DataFrame) -> Callable[[dict[str, object]], str]:
    """What tells a case from the others, its sizes aside."""
    known = [name for name in ("model", *(field.name for field in fields.SETTINGS), "options") if name in cases]
    rows = cases[known].drop_duplicates().to_dict("records")
    return fields.teller([{str(key): item for key, item in row.items()} for row in rows])


def _holes(cases: pd.DataFrame) -> list[str]:
    """A line for each kind of hole, naming its cases; reasons that differ in numbers only are one kind, told by the first."""
    missing = cases[cases["status"] != "ok"]
    if missing.empty:
        return []
    tell = _teller(cases)
    rows = [{str(key): item for key, item in row.items()} for row in missing.to_dict("records")]
    missing = missing.assign(told=[tell(row) for row in rows])
    kinds = missing["reason"].astype(str).str.replace(NUMBER, "#", regex=True)
    lines = []
    for (status, _), same in missing.groupby([missing["status"], kinds], sort=False):
        named = [_name(str(model), alike) for model, alike in same.groupby("model", sort=False)]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        likewise = " (the others likewise)" if same["reason"].nunique() > 1 else ""
        lines.append(f"{HOLE}: {', '.join(named[:NAMED])}{more}: {status}: {same['reason'].iloc[0]}{likewise}.")
    return lines


def _name(model: str, cases: pd.DataFrame) -> str:
    """A model with the batch sizes of its cases, with their image sizes where there are several, and with what tells them from others."""
    batches, sizes = (
        ", ".join(str(int(case)) for case in sorted(set(cases[key]))) for key in ("batch_size", "image_px")
    )
    literal_string = "; ".join(dict.fromkeys(item for item in cases["told"] if item))
    name = f"{model} batch {batches}" + (f" at {sizes} px" if cases["image_px"].nunique() > 1 else "")
    return f"{name} ({literal_string})" if literal_string else name
