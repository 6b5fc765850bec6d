"""What a case's visits in one process come to: its timed metrics, beside what was found when it was opened."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..analysis.estimate import half_width, median
from ..analysis.sample_statistics import complete
from ..analysis.visits import FEWEST
from ..core import registry
from ..core.record import POWER_CAP, SLOWED, Energy, Measurement, Noise, Outcome, Served, Visit
from ..core.row_flags import POWER_CAPPED, SHARED, THROTTLED, VARIES
from ..machine import quiet
from .case_state import Stay

WIDE = 0.10
"""Where a network's work differs from call to call, a median that is known to less is no number of it."""


@dataclasses.dataclass(frozen=True, slots=True)
class VisitBench:
    """What a timed metric asks of a `core.ports.Visited`, answered from visits."""

    case: object
    visits: Sequence[Visit]

    def latencies(self) -> tuple[float, ...]:
        return tuple(second for visit in self.visits for second in visit.seconds)

    def wall_latencies(self) -> tuple[float, ...]:
        return tuple(second for visit in self.visits for second in visit.wall or visit.seconds)

    def clock(self) -> str:
        return "device events" if any(visit.wall for visit in self.visits) else ""

    def rates(self) -> tuple[tuple[float, ...], int] | None:
        rates = tuple(visit.rate for visit in self.visits if visit.rate is not None)
        return (rates, self.visits[-1].loops) if rates else None

    def energies(self) -> tuple[Energy, ...]:
        return tuple(visit.energy for visit in self.visits if visit.energy is not None)

    def served(self) -> tuple[Served, ...]:
        return tuple(served for visit in self.visits for served in visit.served)


def visited_outcome(stay: Stay) -> Outcome:
    """The outcome of a case in one process so far: samples of the visits in the order they were made, and those visits."""
    if not stay.visits:
        return stay.opened
    timed = [metric for metric in (registry.load("metrics", name) for name in stay.job.metrics) if metric.TIMED]
    measurements = [measurement for metric in timed for measurement in _measurements(metric, stay)]
    status, reason = stay.opened.status, stay.opened.reason
    if VARIES in stay.opened.flags and (width := _width(measurements)) > WIDE:
        status = "noisy"
        reason = f"its work is another in every call, and so is its time (±{100 * width:.0f} %): there is no one number"
    noise = noise_of(stay.visits)
    return dataclasses.replace(
        stay.opened,
        status=status,
        reason=reason,
        flags=(*stay.opened.flags, *_flags(noise)),
        measurements=(*measurements, *stay.opened.measurements),
        visits=tuple(stay.visits),
        noise=noise,
    )


def _flags(noise: Noise) -> tuple[str, ...]:
    """Why to doubt times that were taken on a device under this noise."""
    reasons = set((noise.throttle or "").split(","))
    names = {THROTTLED: reasons & SLOWED, POWER_CAPPED: POWER_CAP in reasons, SHARED: noise.other_processes}
    return tuple(name for name, is_so in names.items() if is_so)


def starved(stays: Sequence[Stay]) -> tuple[str, bool]:
    """(Why the times of a case on a CPU are no number of it, by the noise of all its visits; empty where they are, or where enough of
    them were left alone; whether others wanted the CPU too)."""
    visits = [visit for stay in stays for visit in stay.visits]
    if not visits or stays[0].job.case.device.partition(":")[0] != "cpu":
        return "", False
    if sum(not quiet.is_disturbed(visit) for visit in visits) >= FEWEST:
        return "", False
    noise = noise_of(visits)
    lost = quiet.lost_of(noise)
    return quiet.starved(noise), lost is not None and lost >= quiet.CONTENDED_SHARE


def _width(measurements: Sequence[Measurement]) -> float:
    """Half the width of the interval of the median of all calls, as a share of it."""
    samples = next((measurement.samples for measurement in measurements if measurement.metric == "latency"), ())
    return (half_width(samples) or 0.0) if samples else 0.0


def _measurements(metric: Any, stay: Stay) -> list[Measurement]:
    """A timed metric over all visits, and of each by itself; one a load of what has several."""
    each = [_answers(metric, stay, [visit]) for visit in stay.visits]
    result: list[Measurement] = []
    for name, whole in _answers(metric, stay, stay.visits).items():
        mine = [answers.get(name) for answers in each]
        values = tuple(float(("nan" if item is None else complete(item).value) or "nan") for item in mine)
        counts = tuple(0 if item is None else len(item.samples) for item in mine)
        is_told = bool(whole.samples)
        result.append(
            dataclasses.replace(
                complete(whole), visit_values=values if is_told else (), visit_samples=counts if is_told else ()
            )
        )
    return result


def _answers(metric: Any, stay: Stay, visits: Sequence[Visit]) -> dict[str, Measurement]:
    """What a metric answers of visits, by name."""
    answered = metric.answer(VisitBench(case=stay.job.case, visits=visits))
    return {item.metric: item for item in _listed(answered)}


def _listed(answered: Measurement | tuple[Measurement, ...] | None) -> tuple[Measurement, ...]:
    if answered is None:
        return ()
    return answered if isinstance(answered, tuple) else (answered,)


def noise_of(visits: Sequence[Visit]) -> Noise:
    """Each figure over visits: the median, but of a heat the highest, of a lowest clock the lowest, of others on a device the most, of
    reasons all that there were."""
    result = {
        field.name: _over(field.name, [getattr(visit.noise, field.name) for visit in visits]) for field in fields(Noise)
    }
    return Noise(**result)


def _over(name: str, values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return EXTREMES.get(name, median)(known)


def _all_reasons(texts: Sequence[str]) -> str:
    return ",".join(sorted({name for text in texts for name in text.split(",") if name}))


EXTREMES: Mapping[str, Callable[[Any], Any]] = {
    "sm_clock_least_mhz": min,
    "temperature_c": max,
    "other_processes": max,
    "throttle": _all_reasons,
}
