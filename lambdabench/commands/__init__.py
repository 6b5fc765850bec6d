"""What the program can do, as functions: no printing, no exit. The command line and Python call the same ones."""

from .clocks import ahead
from .comparing import FileChange, compare_files
from .converting import convert, options_of
from .gating import CheckRequest, CheckResult, check, check_baseline, self_test
from .measuring import Prepared, Progress, RunRequest, RunResult, cases_so_far, execute, idle, prepare, run, run_frame
from .overriding import overrides_of
from .reading import (
    list_names,
    nothing_of,
    pareto_frame,
    plot_curves,
    plot_pareto,
    read_frame,
    repeat_command,
    results_words,
    show,
    wide_frame,
    write_report,
)
from .recommending import Advice, Wanted, advise, memory, percent, price, rate
from .recording import Ran, Timed, place, record
from .saved import Saved, read_json
from .tailing import plot_latency

__all__ = [
    "Advice",
    "CheckRequest",
    "CheckResult",
    "FileChange",
    "Prepared",
    "Progress",
    "Ran",
    "RunRequest",
    "RunResult",
    "Saved",
    "Timed",
    "Wanted",
    "advise",
    "ahead",
    "cases_so_far",
    "check",
    "check_baseline",
    "compare_files",
    "convert",
    "execute",
    "idle",
    "list_names",
    "memory",
    "nothing_of",
    "options_of",
    "overrides_of",
    "pareto_frame",
    "percent",
    "place",
    "plot_curves",
    "plot_latency",
    "plot_pareto",
    "prepare",
    "price",
    "rate",
    "read_frame",
    "read_json",
    "record",
    "repeat_command",
    "results_words",
    "run",
    "run_frame",
    "self_test",
    "show",
    "wide_frame",
    "write_report",
]
