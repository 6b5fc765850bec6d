"""A measurement that holds samples, with what they come to."""

import dataclasses

from ..core.record import Measurement
from .estimate import mean_rate, mean_rate_interval, median, median_interval
from .wilson import mean_share


def complete(one: Measurement) -> Measurement:
    """Adds its statistic, the median where it names none, and its interval to a measurement that holds samples."""
    if not one.samples:
        return one
    if one.statistic == "mean_rate":
        low, high = mean_rate_interval(one.samples) or (None, None)
        return dataclasses.replace(one, value=mean_rate(one.samples), low=low, high=high)
    if one.statistic == "mean_share":
        shares = [percent / 100 for percent in one.samples]
        mean, low, high = (100 * share for share in mean_share(shares, one.loops_per_sample))
        return dataclasses.replace(one, value=mean, low=min(low, mean), high=max(high, mean))
    low, high = median_interval(one.samples) or (None, None)
    return dataclasses.replace(one, value=median(one.samples), low=low, high=high, statistic="median")
