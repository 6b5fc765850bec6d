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
from .bundle import Derived, read_bundle, write_bundle
from .check import CheckRequest, CheckResult, check, check_baseline, self_test
from .claim_runs import ClaimsPlan, ToMeasure, claims_command, planned_claims
from .claims import ClaimsResult, judge_claims
from .compact import compact
from .compare import AtAccuracy, Compared, compare_at_accuracy, compare_several, compare_sides
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
from .from_python import compare_commits, recommend, report_pages, run_frame
from .list import list_names
from .plot import plot_claims, plot_curves, plot_frame, plot_latency, plot_load, plot_pareto
from .recommend import Advice, Agreed, Wanted, advise, agreed, wanted_of
from .report import Written, report_suite, suites_of, write_report
from .run import Progress, cases_so_far, execute, idle, prepare, run
from .show import repeat_command, show
from .trend import history_of, last_slower, plot_trend

__all__ = [
    "Advice",
    "Agreed",
    "AtAccuracy",
    "CheckRequest",
    "CheckResult",
    "ClaimsPlan",
    "ClaimsResult",
    "Compared",
    "Derived",
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
    "ToMeasure",
    "Wanted",
    "Written",
    "advise",
    "agreed",
    "ahead",
    "answers_of",
    "cancel_fleet",
    "cases_so_far",
    "check",
    "check_baseline",
    "claims_command",
    "compact",
    "compare_at_accuracy",
    "compare_commits",
    "compare_files",
    "compare_several",
    "compare_sides",
    "convert",
    "count_nodes",
    "evaluate",
    "execute",
    "find_fleet",
    "history_of",
    "idle",
    "judge_claims",
    "last_slower",
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
    "planned_claims",
    "plot_claims",
    "plot_curves",
    "plot_frame",
    "plot_latency",
    "plot_load",
    "plot_pareto",
    "plot_trend",
    "prepare",
    "race_request",
    "read_bundle",
    "read_frame",
    "read_json",
    "recommend",
    "record",
    "repeat_command",
    "report_pages",
    "report_suite",
    "results_words",
    "resume_fleet",
    "run",
    "run_frame",
    "self_test",
    "show",
    "start_fleet",
    "status",
    "suites_of",
    "text_flags",
    "told",
    "wanted_of",
    "wide_frame",
    "work",
    "write_bundle",
    "write_report",
]
