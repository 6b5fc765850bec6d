"""A measurement that holds samples, with what they come to."""

import dataclasses

from ..core.record import Measurement
from .estimate import mean_rate, mean_rate_interval, median, median_interval
from .wilson import mean_share


def complete(measurement: Measurement) -> Measurement:
    """Adds its statistic, the median where it names none, and its interval to a measurement that holds samples."""
    if not measurement.samples:
        return measurement
    if measurement.statistic == "mean_rate":
        low, high = mean_rate_interval(measurement.samples) or (None, None)
        return dataclasses.replace(measurement, value=mean_rate(measurement.samples), low=low, high=high)
    if measurement.statistic == "mean_share":
        shares = [percent / 100 for percent in measurement.samples]
        mean, low, high = (100 * share for share in mean_share(shares, measurement.loops_per_sample))
        return dataclasses.replace(measurement, value=mean, low=min(low, mean), high=max(high, mean))
    low, high = median_interval(measurement.samples) or (None, None)
    return dataclasses.replace(measurement, value=median(measurement.samples), low=low, high=high, statistic="median")
