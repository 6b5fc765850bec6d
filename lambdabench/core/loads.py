"""Loads of a service as people write them: "0.7" of the rate at which a case's own calls follow each other, or "30/s", requests a second;
and the metrics of each, which are called after it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

METRIC = "latency_under_load"
SUFFIX = re.compile(rf"({METRIC})_(\d+(?:_\d+)?_per_s|\d+)")
"""The name of the metric at one load: latency_under_load_70, latency_under_load_30_per_s."""
EXPECTED = "expected a share of the service rate in whole percent like 0.7, or requests a second like 30/s or 0.5/s"
_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)/s")
_SHARE = re.compile(r"0?\.\d{1,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many requests arrive: a `share` of the service rate, above 0 and below 1, or `per_s` requests a second; the other is None."""

    share: float | None = None
    per_s: float | None = None

    def rate(self, service_s: float) -> float:
        """Requests a second, where serving one takes `service_s` seconds on average."""
        return self.per_s if self.per_s is not None else (self.share or 0.0) / service_s

    @property
    def metric(self) -> str:
        """The metric of the latencies at this load."""
        if self.per_s is None:
            return f"{METRIC}_{round(100 * (self.share or 0.0))}"
        return f"{METRIC}_{f'{self.per_s:g}'.replace('.', '_')}_per_s"

    def told(self) -> str:
        """ "70 %" of the service rate, "30/s"."""
        return f"{round(100 * (self.share or 0.0))} %" if self.per_s is None else f"{self.per_s:g}/s"


def load_of(text: str) -> Load:
    """The load that a text says. Raises ValueError for what is none."""
    if match := _RATE.fullmatch(text):
        if float(match[1]) > 0:
            return Load(per_s=float(match[1]))
    elif _SHARE.fullmatch(text) and float(text) > 0:
        return Load(share=round(float(text), 2))
    raise ValueError(f"found {text!r}, {EXPECTED}")


def load_named(metric: str) -> Load | None:
    """The load of a metric's name; None of another metric."""
    match = SUFFIX.fullmatch(metric)
    if match is None:
        return None
    number = match[2].removesuffix("_per_s")
    return Load(per_s=float(number.replace("_", "."))) if number != match[2] else Load(share=int(number) / 100)


def metrics_of(loads: Iterable[str]) -> tuple[str, ...]:
    """The metrics of some loads."""
    return tuple(load_of(load).metric for load in loads)
