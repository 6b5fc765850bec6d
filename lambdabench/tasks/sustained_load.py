"""A device under load from rest on, and copies that its caches hold or do not: what `prove` holds against what a run does by itself."""

from collections.abc import Callable

from ..core.proof_protocol import Copied, Loaded, Moment
from ..machine import nvidia, quiet
from ..machine.nvidia import Reading
from .device_work import DeviceWork

LOAD_S = 8.0
CALL_S = 0.005
"""Most of a call: longer ones tell too little of a rise of some tenths of a second."""
LEAST_SIDE, SIZING_CALLS = 256, 3
READ_EVERY_S, EARLY_EVERY_S, EARLY_S = 0.1, 0.02, 1.0
"""How often NVML is asked, and how often in the first second: a device has no work meanwhile."""
COPIED_BYTES = 2**28
"""What no cache holds."""
COPIES, LARGE_COPIES, COLD_COPIES = 200, 20, 25
"""How many are timed; of those before which caches are emptied fewer, since that takes longer than they do."""


def load(work: DeviceWork, load_s: float = LOAD_S) -> Loaded:
    """Calls of one product for so many seconds, from rest on."""
    side, dtype = _side(work), work.sizes.dtype
    call = work.product(side, dtype)
    call()
    work.rest(work.sizes.rest_s)
    reading, before = work.read(), quiet.take_snapshot()
    moments = [] if reading is None else [_moment(0.0, reading)]
    seconds, spent_s, next_s = list[float](), 0.0, EARLY_EVERY_S
    while spent_s < load_s:
        begun_s = work.now()
        call()
        seconds.append(work.now() - begun_s)
        spent_s += seconds[-1]
        if moments and spent_s >= next_s:
            reading, next_s = work.read(), spent_s + (EARLY_EVERY_S if spent_s < EARLY_S else READ_EVERY_S)
            moments += [] if reading is None else [_moment(spent_s, reading)]
    noise = quiet.noise_between(before, quiet.take_snapshot(), len(seconds))
    return Loaded(dtype=dtype, side=side, seconds=tuple(seconds), moments=tuple(moments), lost=quiet.lost_of(noise))


def copies(work: DeviceWork) -> Copied:
    """The quickest of some copies. Raises UnsupportedError where nothing empties the device's caches."""
    small_bytes, before = work.sizes.cached_bytes, quiet.take_snapshot()
    warm = work.time_copies(small_bytes, COPIES, cold=False)
    cold = work.time_copies(small_bytes, COLD_COPIES, cold=True)
    large = work.time_copies(COPIED_BYTES, LARGE_COPIES, cold=False)
    noise = quiet.noise_between(before, quiet.take_snapshot(), COPIES + COLD_COPIES + LARGE_COPIES)
    return Copied(
        large_bytes=2 * COPIED_BYTES,
        large_s=min(large),
        small_bytes=2 * small_bytes,
        warm_s=min(warm),
        cold_s=min(cold),
        lost=quiet.lost_of(noise),
    )


def _side(work: DeviceWork) -> int:
    """The largest that a call of is short enough, in halves."""
    side = work.sizes.side
    while side > LEAST_SIDE and _quickest_s(work, work.product(side, work.sizes.dtype)) > CALL_S:
        side //= 2
    return side


def _quickest_s(work: DeviceWork, call: Callable[[], object]) -> float:
    """Seconds of a call, after one that may compile."""
    call()
    seconds = list[float]()
    for _ in range(SIZING_CALLS):
        begun_s = work.now()
        call()
        seconds.append(work.now() - begun_s)
    return min(seconds)


def _moment(after_s: float, reading: Reading) -> Moment:
    reasons = None if reading.reasons is None else tuple(sorted(nvidia.names_of(reading.reasons)))
    return Moment(after_s=after_s, sm_clock_mhz=reading.sm_clock_mhz, reasons=reasons)
