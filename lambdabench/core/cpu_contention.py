"""What a visit's passport says of it: whether other programs had the CPU that it wanted."""

DISTURBED = 0.06
"""Share of the time that a visit wanted a CPU in which it had none, from where on what it measured is the other programs too. On two
cores of an AMD EPYC 98 % of visits on a free machine lost under 0.03 and all under 0.05; of those that another program met all but
one lost over 0.08, and took 1.1 to 50 times as long."""
LEAST_S = 0.05
"""Of a shorter visit the counters say nothing: the kernel counts ticks of 4 to 10 ms."""
BUSY_PRESSURE = 0.5
"""Where nobody counts what the process itself waited for: some task waited in so much of the time."""


def lost_share(
    waited: float | None, steal: float | None, pressure: float | None, per_wall: float | None
) -> float | None:
    """Share [0, 1] of the time in which work that never rests wanted a CPU and had none; None where nothing tells.

    What the process itself `waited` for, where the kernel counts it. Else, where tasks waited in most of the time (`pressure`), what it
    lacks of one whole CPU: a call that is waited for keeps one thread busy at least. Where no task waited, a process that used little
    slept of its own accord. Time that other virtual machines took (`steal`) comes on top. All as `core.record.Noise` has them.
    """
    if waited is None and pressure is not None and per_wall is not None:
        waited = max(0.0, 1.0 - per_wall) if pressure >= BUSY_PRESSURE else 0.0
    values = [value for value in (waited, steal) if value is not None]
    return max(values) if values else None
