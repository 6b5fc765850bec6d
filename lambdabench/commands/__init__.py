"""What the program can do, as functions: no printing, no exit. The command line and Python call the same ones."""

from ..plan.shares import parse_share
from ..pytest_benchmark.file_comparison import FileChange, compare_files
from ..pytest_benchmark.rows import Ran, Timed, place, record
from ..pytest_benchmark.saved_file import Saved, read_json
from ..store import ahead, told
from ..suite.parse_overrides import overrides_of
from ._candidates import RaceRequest, race_request
from ._judgement import Judgement
from ._race_result import RaceResult
from ._results import nothing_of, results_words
from ._run_types import Prepared, RunRequest, RunResult
from .check import CheckRequest, CheckResult, check, check_baseline, self_test
from .compact import compact
from .compare import AtAccuracy, Compared, compare_at_accuracy, compare_sides
from .convert import convert, options_of
from .evaluate import EvaluateRequest, EvaluateResult, Seen, evaluate
from .fleet import (
    FleetRequest,
    FleetStatus,
    cancel_fleet,
    count_nodes,
    find_fleet,
    look_after,
    plan_fleet,
    plan_texts,
    resume_fleet,
    start_fleet,
    status,
    text_flags,
    work,
)
from .frames import answers_of, pareto_frame, read_frame, wide_frame
from .list import list_names
from .plot import plot_curves, plot_latency, plot_pareto
from .recommend import Advice, Wanted, advise
from .report import write_report
from .run import Progress, cases_so_far, execute, idle, prepare, run, run_frame
from .show import repeat_command, show

__all__ = [
    "Advice",
    "AtAccuracy",
    "CheckRequest",
    "CheckResult",
    "Compared",
    "EvaluateRequest",
    "EvaluateResult",
    "FileChange",
    "FleetRequest",
    "FleetStatus",
    "Judgement",
    "Prepared",
    "Progress",
    "RaceRequest",
    "RaceResult",
    "Ran",
    "RunRequest",
    "RunResult",
    "Saved",
    "Seen",
    "Timed",
    "Wanted",
    "advise",
    "ahead",
    "answers_of",
    "cancel_fleet",
    "cases_so_far",
    "check",
    "check_baseline",
    "compact",
    "compare_at_accuracy",
    "compare_files",
    "compare_sides",
    "convert",
    "count_nodes",
    "evaluate",
    "execute",
    "find_fleet",
    "idle",
    "list_names",
    "look_after",
    "nothing_of",
    "options_of",
    "overrides_of",
    "pareto_frame",
    "parse_share",
    "place",
    "plan_fleet",
    "plan_texts",
    "plot_curves",
    "plot_latency",
    "plot_pareto",
    "prepare",
    "race_request",
    "read_frame",
    "read_json",
    "record",
    "repeat_command",
    "results_words",
    "resume_fleet",
    "run",
    "run_frame",
    "self_test",
    "show",
    "start_fleet",
    "status",
    "text_flags",
    "told",
    "wide_frame",
    "work",
    "write_report",
]
