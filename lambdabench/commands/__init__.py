"""What the program can do, as functions: no printing, no exit. The command line and Python call the same ones."""

from ..pytest_benchmark.file_comparison import FileChange, compare_files
from ..pytest_benchmark.rows import Ran, Timed, place, record
from ..pytest_benchmark.saved_file import Saved, read_json
from ..store import ahead
from ..suite.parse_overrides import overrides_of
from ._candidates import RaceRequest, race_request
from ._judgement import Judgement
from ._race_result import RaceResult
from ._results import nothing_of, results_words
from ._run_types import Prepared, RunRequest, RunResult
from .check import CheckRequest, CheckResult, check, check_baseline, self_test
from .compare import AtAccuracy, Compared, compare_at_accuracy, compare_sides
from .convert import convert, options_of
from .evaluate import EvaluateRequest, EvaluateResult, Seen, evaluate
from .frames import answers_of, pareto_frame, read_frame, wide_frame
from .list import list_names
from .plot import plot_curves, plot_frame, plot_latency, plot_pareto
from .recommend import Advice, Wanted, advise
from .report import Written, report_suite, suites_of, write_report
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
    "Written",
    "advise",
    "ahead",
    "answers_of",
    "cases_so_far",
    "check",
    "check_baseline",
    "compare_at_accuracy",
    "compare_files",
    "compare_sides",
    "convert",
    "evaluate",
    "execute",
    "idle",
    "list_names",
    "nothing_of",
    "options_of",
    "overrides_of",
    "pareto_frame",
    "place",
    "plot_curves",
    "plot_frame",
    "plot_latency",
    "plot_pareto",
    "prepare",
    "race_request",
    "read_frame",
    "read_json",
    "record",
    "repeat_command",
    "report_suite",
    "results_words",
    "run",
    "run_frame",
    "self_test",
    "show",
    "suites_of",
    "wide_frame",
    "write_report",
]
