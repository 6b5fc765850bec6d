"""Images a second: pipelined blocks where dispatch is asynchronous, derived from the latencies where it is not."""

from ..core.ports import Bench
from ..core.record import Measurement

TITLE = "Throughput"
UNIT = "image/s"
BETTER = "higher"


def answer(bench: Bench) -> Measurement:
    """Images a second over all devices; the origin says which way it was found."""
    blocks = bench.rates()
    if blocks is not None:
        rates, loops = blocks
        return Measurement(metric="throughput", unit=UNIT, value=None, samples=rates, loops_per_sample=loops)
    derived = tuple(bench.case.batch_size / seconds for seconds in bench.latencies())
    return Measurement(
        metric="throughput", unit=UNIT, value=None, samples=derived, origin="derived", source="batch / latency"
    )
