"""Rows that cannot be as somebody says they were measured: what a reviewer is told before any figure of theirs.

Rows hold every call of every visit with its time, so that values, intervals, visits, two metrics of one run and the clock must agree, and
nothing computes faster than a product of matrices did beside it. Who makes all of it up consistently is not found out by this.
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import fields
from ..core.identity import case_id, fingerprint
from ..core.record import Measurement
from ..core.spec import Case, Environment, Value, options_from
from .estimate import mean_rate, median
from .resolution import NEGLIGIBLE
from .sample_statistics import complete
from .visit_tables import against, fits

Line = Mapping[str, Any]
Defaults = Callable[[Case], Mapping[str, Value]]
"""The identity defaults of a case's options."""
EXACT = 1e-9
"""Relative error with which what was computed from the same numbers agrees."""
ABOVE_CEILING = 2.25
"""A convolution of 3x3 by Winograd's algorithm F(2x2, 3x3) multiplies so many times less than is counted (Lavin and Gray, arXiv
1509.09308); nothing else that is counted here takes fewer operations."""
SURE = 0.999
"""Confidence with which a pair of one architecture must be off: of a thousand honest ones one is."""
COUNTED = (None, "", "einsum", "xla_einsum")
"""Kernels of lambda layers that do what is counted of them; others take transforms, which do far less. None of most networks."""
OVERLAP_S = 0.001
"""Clocks are read to less."""
FILLED = 0.5
"""Share of the time of each of its visits that a case's calls take at least: of honest ones 0.75 and more do, the rest is calls that warm
caches and reading counters."""
FEWEST_VISITS = 5
CEILING, PRODUCT = "ceiling", "product"
ENVIRONMENT = "env_"
MOST = 3
"""Rows of one kind of problem that are named; the others are counted."""


def problems(rows: pd.DataFrame, defaults: Defaults, control: Sequence[str]) -> tuple[str, ...]:
    """Everything about some long rows (all columns) that cannot be, a line each. `control`: models that are one architecture under two
    names."""
    table = [{str(key): cell for key, cell in row.items()} for row in rows.to_dict("records")]
    of_rows = (
        ("identity", lambda line: _identity(line, defaults)),
        ("environment", _environment),
        ("value", _value),
        ("interval", _interval),
        ("visits", _visits),
    )
    result = [line for name, check in of_rows for line in _few(name, (_at(row, check(row)) for row in table))]
    for name, check in (
        ("two metrics", _two_metrics),
        ("twice", _twice),
        ("clock", _clock),
        ("ceiling", _above_ceiling),
    ):
        result += _few(name, check(table))
    return (*result, *_few("control", _control(rows, control)))


def _few(name: str, lines: Iterator[str]) -> list[str]:
    every = [line for line in lines if line]
    more = [f"{name}: {len(every) - MOST} more rows like these"] if len(every) > MOST else []
    return [*(f"{name}: {line}" for line in every[:MOST]), *more]


def _at(line: Line, problem: str) -> str:
    return f"{_name(line)}: {problem}" if problem else ""


def _name(line: Line) -> str:
    return f"{line['model']}@{line['image_px']} b{line['batch_size']} {line['metric'] or ''} ({line['case_id']})"


def _identity(line: Line, defaults: Defaults) -> str:
    """The case id is the hash of what the row says its case is."""
    if line.get("model_hash"):
        return ""
    known = {field.name: line[field.name] for field in fields.OF_CASE if field.name in line}
    known |= {name: int(known[name]) for name in ("devices", "batch_size", "image_px", "threads")}
    case = Case(**{**known, "options": options_from(fields.options(line))})
    own = case_id(case, defaults(case))
    return "" if own == line["case_id"] else f"its settings are those of case {own}"


def _environment(line: Line) -> str:
    """The fingerprint is the hash of the environment."""
    names = [field.name for field in dataclasses.fields(Environment) if field.name != "versions"]
    if any(not _is_known(line.get(f"{ENVIRONMENT}{name}")) for name in names):
        return ""  # a file of an older schema
    libraries = sorted(
        (key.removeprefix(ENVIRONMENT), str(item))
        for key, item in line.items()
        if key.startswith(ENVIRONMENT) and key.removeprefix(ENVIRONMENT) not in names and _is_known(item) and item
    )
    values = {name: line[f"{ENVIRONMENT}{name}"] for name in names}
    values |= {name: int(values[name]) for name in ("cores", "memory_gib")}
    digest = fingerprint(Environment(**values, versions=tuple(libraries)))
    return (
        ""
        if digest == line["fingerprint"]
        else f"its environment is that of {digest}, and not of {line['fingerprint']}"
    )


def _value(line: Line) -> str:
    """A value is its statistic of the samples."""
    made = _completed(line)
    if made is None or _is_close(made.value, line["value"]):
        return ""
    return f"its samples give {made.value:.6g}, and it says {line['value']:.6g}"


def _interval(line: Line) -> str:
    made = _completed(line)
    if made is None or (_is_close(made.low, line["low"]) and _is_close(made.high, line["high"])):
        return ""
    return f"its samples give the interval [{made.low}, {made.high}], and it says [{line['low']}, {line['high']}]"


def _completed(line: Line) -> Measurement | None:
    """The measurement of a row's samples; None where it has none, or where an older schema took another statistic."""
    samples, statistic = _list(line.get("samples")), line.get("statistic")
    if not samples or statistic not in ("median", "mean_rate"):
        return None
    return complete(
        Measurement(
            metric=str(line["metric"]), unit=str(line["unit"]), value=None, samples=tuple(samples), statistic=statistic
        )
    )


def _visits(line: Line) -> str:
    """Each visit's number is that of its own samples, and all samples are some visit's."""
    samples, counts, values = (_list(line.get(name)) for name in ("samples", "visit_samples", "visit_values"))
    statistic = {"median": median, "mean_rate": mean_rate}.get(str(line.get("statistic")))
    if not samples or not counts or statistic is None:
        return ""
    if sum(counts) != len(samples) or len(counts) != len(values):
        return f"{len(samples)} samples and {len(values)} numbers of visits, and visits of {int(sum(counts))}"
    for place, part in enumerate(_parts(samples, counts)):
        if part and not _is_close(statistic(part), values[place]):
            return f"visit {place + 1} says {values[place]:.6g}, and its samples {statistic(part):.6g}"
    return ""


def _two_metrics(table: Sequence[Line]) -> Iterator[str]:
    """Where throughput is derived from latency, both are of the same calls."""
    groups: dict[tuple[Any, ...], dict[str, Line]] = {}
    for line in table:
        groups.setdefault(_process(line), {})[str(line["metric"])] = line
    for group in groups.values():
        rate, latency = group.get("throughput"), group.get("latency")
        if rate is None or latency is None or rate["origin"] != "derived":
            continue
        rates, seconds = (np.array(_list(line.get("samples"))) for line in (rate, latency))
        batch = float(rate["batch_size"])
        if len(rates) != len(seconds) or not np.allclose(rates * seconds, batch, rtol=1e-6):
            yield f"{_name(rate)}: its rates are not those of the same process's latencies"


def _twice(table: Sequence[Line]) -> Iterator[str]:
    """No process has two rows of one metric."""
    counts = Counter((*_process(line), line["metric"]) for line in table if line["metric"])
    for key, count in counts.items():
        if count > 1:
            yield f"case {key[1]}: {count} rows of {key[-1]} in process {key[2]} of run {key[0]}"


def _clock(table: Sequence[Line]) -> Iterator[str]:
    """Visits of one run follow each other: none ends after the next one's start, and no case's calls leave half of each unaccounted for."""
    latencies = [line for line in table if line["metric"] == "latency" and _list(line.get("visit_samples"))]
    runs: dict[Any, list[tuple[float, float, int, Line]]] = {}
    for line in latencies:
        runs.setdefault((line["run_id"], line["device"]), []).extend(_busy(line))
    for visits in runs.values():
        yield from _of_run(sorted(visits, key=lambda visit: visit[0]))


def _of_run(visits: Sequence[tuple[float, float, int, Line]]) -> Iterator[str]:
    shares: dict[str, list[float]] = {}
    overlapping: dict[str, str] = {}
    names: dict[str, Line] = {}
    for (start, busy, number, line), (after, _, other, _) in itertools.pairwise(visits):
        key = str(line["case_id"])
        names[key] = line
        if start + busy > after + OVERLAP_S:
            overlapping.setdefault(
                key,
                f"{_name(line)}: the calls of its visit in round {number} take {start + busy - after:.3g} s more than there was",
            )
        if number == other and after > start:
            shares.setdefault(key, []).append(busy / (after - start))
    yield from overlapping.values()
    for key, filled in shares.items():
        if names[key]["device"] == "cpu" and len(filled) >= FEWEST_VISITS and max(filled) < FILLED:
            yield f"{_name(names[key])}: its calls take {100 * max(filled):.0f} % of the time of its visits at most"


def _busy(line: Line) -> Iterator[tuple[float, float, int, Line]]:
    """(Start, seconds of all calls, round) of each visit of a row of latency."""
    parts = _parts(_list(line["samples"]), _list(line["visit_samples"]))
    cold = _parts(_list(line.get("visit_cold_s")), _list(line.get("visit_cold")))
    starts, numbers = _list(line["visit_started_s"]), _list(line["visit_round"])
    for start, number, calls, before in zip(starts, numbers, parts, cold, strict=False):
        yield float(start), float(sum(calls) + sum(before)), int(number), line


def _above_ceiling(table: Sequence[Line]) -> Iterator[str]:
    """Nothing computes more in a second than a product of matrices did on the same device in the same precision."""
    known = {
        (line["run_id"], line["case_id"]): line
        for line in table
        if line["metric"] == "flops" and line["status"] == "ok"
    }
    ceilings: dict[tuple[Any, ...], float] = {}
    rates = [line for line in table if line["metric"] == "throughput" and line["status"] == "ok" and line["value"]]
    for line in rates:
        count = known.get((line["run_id"], line["case_id"]))
        if count is not None and line["model"] == CEILING and fields.options(line).get("of", PRODUCT) == PRODUCT:
            ceilings[_device(line)] = max(ceilings.get(_device(line), 0.0), line["value"] * count["value"])
    for line in rates:
        count, most = known.get((line["run_id"], line["case_id"])), ceilings.get(_device(line))
        if count is None or most is None or line["kind"] != "model" or line.get("effective_kernel") not in COUNTED:
            continue
        speed = line["value"] * count["value"]
        if speed > ABOVE_CEILING * most:
            yield f"{_name(line)}: {speed / 1e9:.4g} GFLOP/s, where a product of matrices did {most / 1e9:.4g} beside it"


def _device(line: Line) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("device", "device_name", "fingerprint", "dtype", "threads"))


def _control(rows: pd.DataFrame, control: Sequence[str]) -> Iterator[str]:
    """One architecture under two names is as fast as itself."""
    timed = rows[(rows["metric"] == "throughput") & (rows["status"] == "ok") & rows["visit_round"].notna()]
    mine = timed[timed["model"].isin(list(control))]
    apart = [*(field.name for field in fields.COMPARED), "image_px", "options", "fingerprint"]
    for _, same in mine.groupby(apart, observed=True):
        pair = [same.loc[same["model"] == model, "case_id"].unique().tolist() for model in control]
        if len(pair) != 2 or any(len(ids) != 1 for ids in pair):
            continue
        print_ = same["fingerprint"].iloc[0]
        visits = timed[timed["fingerprint"] == print_]
        ratio = against(
            list(fits(visits.assign(case=visits["case_id"].astype(str)))), pair[0][0], pair[1][0], confidence=SURE
        )
        if ratio is not None and (ratio.low > NEGLIGIBLE or ratio.high < 1 / NEGLIGIBLE):
            yield f"{' over '.join(control)}, one architecture, is {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], and not 1"


def _process(line: Line) -> tuple[Any, ...]:
    return line["run_id"], line["case_id"], line["replicate"]


def _parts(items: Sequence[float], counts: Sequence[float]) -> list[Sequence[float]]:
    ends = [0, *itertools.accumulate(int(count) for count in counts)]
    return [items[low:high] for low, high in itertools.pairwise(ends)]


def _list(cell: Any) -> list[float]:
    return [] if cell is None or isinstance(cell, float) else list(cell)


def _is_known(cell: Any) -> bool:
    return cell is not None and cell == cell  # NaN is no value


def _is_close(made: float | None, said: Any) -> bool:
    if made is None or not _is_known(said):
        return made is None and not _is_known(said)
    return bool(np.isclose(made, float(said), rtol=EXACT, atol=0.0))
