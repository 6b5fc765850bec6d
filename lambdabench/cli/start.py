"""What `lambdabench` says by itself: what to do first, and what is there already."""

from pathlib import Path

from .. import __version__

FIRST = (
    ("first", "lambdabench doctor", "is this machine fit to measure, and what can it tell: 20 s"),
    ("", "lambdabench run --suite quickstart --open", "12 networks, some minutes; then its page in your browser"),
    ("then", "lambdabench recommend --max-latency 25ms", "which of them to take"),
    ("", "lambdabench list suites", "what else there is to measure"),
    ("yours", "lambdabench run --suite quickstart --model net.py:make --image-px 224", "your own network beside them"),
    ("help", "lambdabench --help", "every command; each has examples under its own --help"),
    ("", "lambdabench --install-completion", "names of commands, suites and runtimes by Tab"),
)
THERE = ("there", "lambdabench report --open", "pages of what was measured here: {suites}")
MOST = 4
"""Suites that are named."""


def start_text(results: Path, width: int) -> str:
    """The lines, for a terminal of so many columns."""
    lines = [
        f"lambdabench {__version__}: which vision backbone is fastest at the accuracy you need?",
        "",
    ]
    suites = _suites_in(results)
    named = ", ".join(suites[:MOST]) + (f" and {len(suites) - MOST} more" if len(suites) > MOST else "")
    there = [(THERE[0], THERE[1], THERE[2].format(suites=named))] if suites else []
    rows = [*there, *FIRST]
    widest = max(len(command) for _, command, _ in rows)
    beside = [f"{head:<6} {command:<{widest}}  {what}" for head, command, what in rows]
    if max(map(len, beside)) > width:
        beside = [line for head, command, what in rows for line in (f"{head:<6} {command}", f"{'':<9}{what}")]
    return "\n".join([*lines, *beside])


def _suites_in(results: Path) -> list[str]:
    """Names of folders with results, without a look into these."""
    if not results.is_dir():
        return []
    return sorted({path.parent.name for path in results.glob("*/*.parquet")})
