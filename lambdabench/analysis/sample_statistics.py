"""A measurement that holds samples, with what they come to."""

import dataclasses

from ..core.record import Measurement
from .estimate import mean_rate, mean_rate_interval, median, median_interval


def complete(one: Measurement) -> Measurement:
    """Adds its statistic, the median where it names none, and its interval to a measurement that holds samples."""
    if not one.samples:
        return one
    if one.statistic == "mean_rate":
        low, high = mean_rate_interval(one.samples) or (None, None)
        return dataclasses.replace(one, value=mean_rate(one.samples), low=low, high=high)
    low, high = median_interval(one.samples) or (None, None)
    return dataclasses.replace(one, value=median(one.samples), low=low, high=high, statistic="median")
