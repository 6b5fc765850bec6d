"""The flags of a row: why to doubt its numbers, or what is still to come of its case. Each is said once."""

from dataclasses import dataclass

UNFINISHED, HALVED, CROWDED, KILLED = "unfinished", "halved", "crowded", "killed"
NOT_STEADY, CAPPED, CONTENDED, GRAPH_BREAKS = "not_steady", "capped", "contended", "graph_breaks"
THROTTLED, POWER_CAPPED, SHARED = "throttled", "power_capped", "shared_device"
GROWS, VARIES, UNWATCHED = "memory_grows", "work_varies", "unwatched"
LIMITED = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag, as the column `flags` of a row has it among others, comma-separated and sorted."""

    name: str
    meaning: str


FLAGS = (
    Flag(name=UNFINISHED, meaning="The case is still to be visited: a later run goes on there."),
    Flag(name=HALVED, meaning="The case did not fit; its answer is that of a smaller batch."),
    Flag(
        name=CROWDED,
        meaning="The case did not fit in what other programs had left of the memory: a later run tries it again.",
    ),
    Flag(name=KILLED, meaning="Its process was ended from outside, for no want of memory that anybody saw."),
    Flag(name=NOT_STEADY, meaning="Times of the warm-up had not settled when its share of the time was over."),
    Flag(
        name=CAPPED,
        meaning="Of rows of schema versions 1 to 5: the case's time was over before its number was as precise as asked.",
    ),
    Flag(name=CONTENDED, meaning="Other programs wanted the CPU in all but a few of its visits."),
    Flag(name=GRAPH_BREAKS, meaning="The compiler did not take the network as a whole: parts of it run without."),
    Flag(name=THROTTLED, meaning="Heat or a fault held the device's clock down in some visits."),
    Flag(
        name=POWER_CAPPED,
        meaning="The card kept within its power limit in some visits, as heavy work makes most cards do.",
    ),
    Flag(name=SHARED, meaning="Processes that are not the run's were on the device in some visits."),
    Flag(name=GROWS, meaning="The network keeps something of every call."),
    Flag(name=VARIES, meaning="The network does another work in each call."),
    Flag(
        name=UNWATCHED,
        meaning="The network fails where its operators are counted: whether it keeps or varies is not known.",
    ),
    Flag(name=LIMITED, meaning="An accuracy of a part of the images that were there."),
)
"""Every flag that a row can have."""


def has_flag(flags: object, name: str) -> bool:
    """Whether a flag is among those of a row."""
    return name in str(flags).split(",")


def listed() -> list[dict[str, str]]:
    """A mapping a flag, as `lambdabench list` prints them."""
    return [{"flag": flag.name, "what": flag.meaning} for flag in FLAGS]
