"""Seconds until a request is answered, from when it was *scheduled* to arrive: requests arrive at a fixed rate at one process that serves
one at a time, in turn.

A row a load, called latency_under_load_70 (percent of the service rate) or latency_under_load_30_per_s. The model is MLPerf Inference's
server scenario (arXiv 1911.02549): arrivals are a Poisson process, seeded, drawn before anything is served; a request is a step of the
case's batch. **Coordinated omission is avoided**: a server that stalls does not put off the requests that arrive meanwhile, and each of
them has waited from when it was due. None is dropped, and the last one is waited for.

Loads (`[sampling] loads`, `--load`) are shares of the rate at which the case's own timed calls follow each other, or requests a second; the
row's source says both. That rate is found once a run, in the first visit that nothing disturbed. A visit joins its queue in the middle:
where less than 98 % of what can be served arrives, what waits at its beginning is what a simulation of the same queue, on the times of
the visit's own calls, has waiting then; those requests are served and not counted. Where more arrive than are served there is no such
number, and the cell is `unsupported`. A visit's passport is of its timed calls alone.

The value is the median; `show`, `report`, `plot load` and `lb.wide` tell p95 and p99 with their bounds. What one process can serve at
most is `saturation_rate`.
"""

from ..core.loads import load_of
from ..core.ports import Visited
from ..core.record import Measurement, Served

TITLE = "Latency under load"
UNIT = "s/step"
BETTER = "lower"
TIMED = True
COLUMN = ""
BESIDE = ("saturation_rate",)
"""Asked for where this is."""


def answer(bench: Visited) -> tuple[Measurement, ...]:
    """Seconds of every request of every visit, a measurement a load; none where nobody asked."""
    by_load: dict[str, list[Served]] = {}
    for served in bench.served():
        by_load.setdefault(served.load, []).append(served)
    return tuple(
        Measurement(
            metric=load_of(load).metric,
            unit=UNIT,
            value=None,
            samples=tuple(second for served in visits for second in served.seconds),
            statistic="median",
            source=_source(load, visits),
            lacking=_endless(load, visits),
        )
        for load, visits in by_load.items()
    )


def _source(load: str, visits: list[Served]) -> str:
    """ "Poisson arrivals, 36.6 a second, 70 % of the service rate"."""
    rates = [served.rate for served in visits]
    text = " to ".join(dict.fromkeys(f"{rate:.4g}" for rate in (min(rates), max(rates))))
    share = load_of(load).share
    of_service = "" if share is None else f", {load_of(load).told()} of the service rate"
    return f"Poisson arrivals, {text} a second{of_service}"


def _endless(load: str, visits: list[Served]) -> str:
    """Why a number of requests a second has no latency: more arrive than are served, and how long one waits is how long that has gone
    on. Empty where fewer do."""
    busy = [second for served in visits for second in served.busy]
    rate = load_of(load).per_s
    if rate is None or not busy or rate * sum(busy) < len(busy):
        return ""
    return f"{rate:g} requests a second arrive and {len(busy) / sum(busy):.4g} are served: what they wait grows without end"
