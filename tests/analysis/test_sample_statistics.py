"""What samples come to."""

from lambdabench.analysis.sample_statistics import complete
from lambdabench.core.record import Measurement


def test_a_measurement_without_samples_stays_as_it_is() -> None:
    measurement = Measurement(metric="parameters", unit="1", value=3.0)
    assert complete(measurement) is measurement


def test_too_few_samples_have_a_median_and_no_interval() -> None:
    measurement = complete(Measurement(metric="latency", unit="s/step", value=None, samples=(1.0, 2.0, 4.0)))
    assert (measurement.value, measurement.low, measurement.high) == (2.0, None, None)
