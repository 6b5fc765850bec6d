"""Images a second, the mean rate: all images over all seconds, whatever calls were slow. Pipelined blocks where dispatch is
asynchronous, derived from the latencies where it is not. How long one step usually takes is `latency`, a median."""

from ..core.ports import Visited
from ..core.record import Measurement

TITLE = "Throughput"
UNIT = "image/s"
BETTER = "higher"
TIMED = True
COLUMN = "image/s"
PLACE = 1


def answer(bench: Visited) -> Measurement:
    """Images a second over all devices; the origin says which way it was found.

    Blocks are of equally many steps, and so are calls, so images over seconds is the harmonic mean of the samples: batch over mean
    latency where calls are synchronous. Samples stay the rates of single blocks or calls.
    """
    blocks = bench.rates()
    if blocks is not None:
        rates, loops = blocks
        return Measurement(
            metric="throughput",
            unit=UNIT,
            value=None,
            samples=rates,
            loops_per_sample=loops,
            statistic="mean_rate",
        )
    derived = tuple(bench.case.batch_size / seconds for seconds in bench.latencies())
    return Measurement(
        metric="throughput",
        unit=UNIT,
        value=None,
        samples=derived,
        statistic="mean_rate",
        origin="derived",
        source="batch / mean latency",
    )
