"""The program as its users meet it: whole runs on scripted times, in a folder of their own."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lambdabench import cli, commands, store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError, StoreError

SUITE = """
schema = 1
title = "Scripted"
metrics = ["latency", "throughput", "peak_memory", "parameters"]
control = ["vit_small_patch16_224", "deit_small_patch16_224"]
reference = { model = "resnet50" }
job_timeout_s = 20
[sampling]
spread_processes = 2
[defaults]
backend = "fake"
device = "fake"
batch_size = [1, 4]
[[grid]]
model = ["resnet50", "vit_small_patch16_224", "deit_small_patch16_224"]
"""


WRITTEN = {"pareto": ("svg", "png", "csv"), "index": ("html", "md", "json")}
"""Beside each other for a suite."""


def call(*words: str) -> Result:
    """Runs a command in this process. An error of ours comes back as `result.exception`."""
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def mine(away: Path) -> str:
    """A suite of scripted times in an empty working folder."""
    (away / "mine.toml").write_text(SUITE)
    return "mine.toml"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of a run of that suite, and what it said: four processes, which tests of what comes after need not start again."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "mine.toml").write_text(SUITE)
    with contextlib.chdir(folder):
        return folder, call("run", "--suite", "mine.toml")


@pytest.fixture
def done(mine: str, away: Path, first: tuple[Path, Result]) -> str:
    """The suite, and in the working folder what its run left there."""
    shutil.copytree(first[0], away, dirs_exist_ok=True)
    return mine


def test_of_several_hosts_the_first_alone_stores_and_prints(
    mine: str, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDABENCH_COORDINATOR", "127.0.0.1:1")
    monkeypatch.setenv("LAMBDABENCH_PROCESSES", "2")
    monkeypatch.setenv("LAMBDABENCH_PROCESS_ID", "1")
    result = call("run", "--suite", mine, "--models", "resnet50", "--batch-size", "1")
    assert (result.exit_code, result.output) == (0, "process 1 of 2 is done; process 0 stores and prints\n")
    assert [path.name for path in away.iterdir()] == ["mine.toml"]
    monkeypatch.setenv("LAMBDABENCH_PROCESS_ID", "0")
    for _ in range(2):  # what is there is measured again: the others do not have it
        result = call("run", "--suite", mine, "--models", "resnet50", "--batch-size", "1")
        assert "1 case in" in result.output
    assert len(list(away.glob("results/mine/*.parquet"))) == 2


def test_devices_are_a_number_or_all(mine: str) -> None:
    result = call("run", "--suite", mine, "--devices", "some")
    assert "--devices: found 'some'" in str(result.exception)
    assert call("run", "--suite", mine, "--devices", "all", "--dry-run").exit_code == 0


def test_a_run_ends_in_a_table_a_file_and_a_figure(first: tuple[Path, Result]) -> None:
    away, result = first
    assert result.exit_code == 0, result.output
    for part in (
        "mine   scripted times (fake)",
        "6 ok",
        "control pair",
        "80.8 ±0.3 q",
        "[low, high]: 95 % interval",
        "exit 0: all is well",
    ):
        assert part in result.output
    (file,) = (away / "results" / "mine").glob("*.parquet")
    rows = store.read(file)
    assert len(rows) == 6 * 3 * 4, "cases, processes, metrics"
    visits = (
        rows[rows["metric"] == "latency"].groupby("case_id")["visit_round"].agg(lambda series: sum(map(len, series)))
    )
    assert set(visits) == {9}
    figures, pages = ({f"{name}.{ending}" for ending in endings} for name, endings in WRITTEN.items())
    assert {path.name for path in (away / "reports" / "mine").iterdir()} == figures | pages


def test_a_second_run_keeps_what_is_there_and_fresh_does_not(done: str) -> None:
    again = call("run", "--suite", done)
    assert "0 cases" in again.output
    assert "6 kept from before" in again.output
    assert "6 cases" in call("run", "--suite", done, "--fresh", "--dry-run").output


def test_a_part_of_a_suite_run_again_leaves_the_figure_whole(done: str, away: Path) -> None:
    before = (away / "reports" / "mine" / "pareto.csv").read_text()
    assert "vit_small" in before
    result = call("run", "--suite", done, "--models", "resnet50")
    assert (away / "reports" / "mine" / "pareto.csv").read_text() == before
    assert "saved reports/mine/pareto.svg · reports/mine/pareto.png · reports/mine/pareto.csv" in result.output
    assert "\npage  reports/mine/index.html\n" in result.output
    table = result.output.partition("front  model")[2].partition("● on the front")[0]
    assert "resnet50" in table
    assert "vit_small" not in table


def test_figures_go_where_they_are_asked_for(mine: str, away: Path) -> None:
    words = ("--models", "resnet50", "--batch-size", "1", "--results", "else where", "--reports", "pages")
    result = call("run", "--suite", mine, *words)
    assert sorted(path.name for path in away.iterdir()) == ["else where", "mine.toml", "pages"]
    assert "saved else where/mine/" in result.output
    assert "pages/mine/pareto.svg" in result.output
    assert "next  lambdabench plot pareto --suite mine --results 'else where'" in result.output


def test_a_suite_of_ones_own_is_named_by_its_path_everywhere(mine: str, away: Path) -> None:
    (away / "sü te").mkdir()
    own = str((away / mine).rename(away / "sü te" / "sü te.toml"))
    result = call("run", "--suite", own, "--models", "resnet50", "--results", "R")
    assert "next  lambdabench plot pareto --suite 'sü te' --results R" in result.output
    assert call("plot", "pareto", "--suite", own, "--results", "R").exit_code == 0
    assert call("plot", "pareto", "--suite", "sü te", "--results", "R").exit_code == 0
    assert (
        "repeat  lambdabench run --suite 'PATH/sü te.toml' --models"
        in call("show", "resnet50", "--results", "R").output
    )
    wrong = str(call("report", "sü te", "--results", "R").exception)
    assert "sü te has results in R and does not come with the package: name its file" in wrong
    assert "lambdabench report 'PATH/sü te.toml' --results R" in wrong
    assert call("report", own, "--results", "R").exit_code == 0
    page = (away / "reports" / "sü te" / "index.md").read_text()
    assert f"Repeat: `lambdabench run --suite '{own}' --fresh --results R`" in page


def test_failures_are_rows_with_reasons_and_exit_code_1(done: str, away: Path) -> None:
    text = SUITE + '\n[[grid]]\nmodel = "levit_256"\nbatch_size = 4\noptions = { fail = ["oom", "crash"] }\n'
    (away / done).write_text(text)
    result = call("run", "--suite", done)
    assert result.exit_code == 1
    assert '✗ levit_256 {"fail":"oom"} b=4  oom: asked to run out of memory' in result.output
    assert "1 oom" in result.output
    assert "lambdabench show levit_256" in result.output
    shown = call("show", "levit_256")
    assert "oom: asked to run out of memory" in shown.output
    assert "repeat  lambdabench run --suite PATH/mine.toml --models levit_256" in shown.output


def test_unsupported_cells_are_well_unless_strict(done: str, away: Path) -> None:
    (away / done).write_text(SUITE + '\n[[grid]]\nmodel = "levit_256"\noptions = { fail = "unsupported" }\n')
    assert call("run", "--suite", done).exit_code == 0
    assert call("run", "--suite", done, "--strict").exit_code == 1


def test_nothing_measured_is_exit_3(mine: str, away: Path) -> None:
    (away / mine).write_text(SUITE.replace('device = "fake"', 'device = "tpu"'))
    result = call("run", "--suite", mine)
    assert result.exit_code == 3
    assert "device tpu is not here" in result.output


def test_no_usable_number_is_exit_3_kept_or_not(mine: str, away: Path) -> None:
    grid = '[[grid]]\nmodel = "levit_256"\noptions = { fail = "unsupported" }\n'
    (away / mine).write_text(re.sub(r"(?s)(control|reference) = .*?\n|\[\[grid.*", "", SUITE) + grid)
    for _ in range(2):
        result = call("run", "--suite", mine)
        assert (result.exit_code, "exit 3: no case has a usable number: 2 " in result.output) == (3, True), (
            result.output
        )


def test_a_run_whose_control_pair_is_off_ranks_nothing_and_is_exit_3(mine: str, away: Path) -> None:
    grids = "".join(
        f'[[grid]]\nmodel = "{name}"\noptions = {{ latency_s = {latency_s} }}\n'
        for name, latency_s in (("resnet50", 0.02), ("vit_small_patch16_224", 0.01), ("deit_small_patch16_224", 0.012))
    )
    (away / mine).write_text(re.sub(r"(?s)\[\[grid.*", "", SUITE) + grids)
    result = call("run", "--suite", mine, "--batch-size", "1")
    assert result.exit_code == 3
    assert "! nothing is ranked: the control pair, one architecture under two names, is 1.2" in result.output
    assert "exit 3: this run cannot tell what it is to rank" in result.output
    assert not list((away / "reports").rglob("pareto.*")), "no front is drawn"
    page = (away / "reports" / "mine" / "index.html").read_text(encoding="utf-8")
    assert "Nothing is ranked: the control pair" in page
    assert 'class="front" d="M' not in page
    assert "●" not in result.output.partition("\n\n")[2].partition("!")[0]


def test_a_precision_that_is_not_reached_is_exit_3_and_patience_goes_on_for_it(done: str, away: Path) -> None:
    asked = ("run", "--suite", done, "--batch-size", "1", "--precision", "1e-12")
    result = call(*asked)
    assert result.exit_code == 3
    assert "! ratios to 0.0 %, 1e-10 % asked. Run again with --patience" in result.output
    assert "exit 3: what was asked is not known as precisely yet" in result.output
    count = len(store.read(away / "results"))
    result = call(*asked, "--patience", "15s")
    assert result.exit_code == 3
    assert "going on: ratios to 0.0 %, 1e-10 % asked" in result.output
    more = store.newest(store.read(away / "results"))
    assert len(more) > count
    assert more["replicate"].max() >= 3, "in further processes"
    again = call("run", "--suite", done, "--batch-size", "1")
    assert (again.exit_code, "0 cases in" in again.output) == (0, True), "a plain run has nothing to add"
    assert call("run", "--suite", done, "--batch-size", "1", "--precision", "50%", "--patience", "1h").exit_code == 0


def test_json_says_the_same(done: str) -> None:
    item = json.loads(call("run", "--suite", done, "--json").stdout)
    assert item["exit_code"] == 0
    assert item["counts"] == {"ok": 6}
    case = item["cases"][0]
    assert {"model", "latency", "latency_low", "top1", "top1_source", "on_front"} <= set(case)


def test_a_dry_run_measures_nothing(mine: str, away: Path) -> None:
    result = call("run", "--suite", mine, "--dry-run", "--models", "resnet*", "--batch-size", "2,8")
    assert result.exit_code == 0
    assert "2 cases in 9 visits each, in 3 processes, about" in result.output
    assert "all: backend fake, device fake, devices 1, mode inference, px 224, dtype float32" in result.output
    assert not (away / "results").exists()


def test_a_dry_run_tells_cases_apart(mine: str, away: Path) -> None:
    text = SUITE + '\n[[grid]]\nmodel = "levit_256"\nbatch_size = 4\noptions = { sleep_s = [0.1, 0.2], noise = 0.1 }\n'
    (away / mine).write_text(text)
    result = call("run", "--suite", mine, "--dry-run", "--models", "levit_256")
    lines = [line for line in result.output.splitlines() if line.startswith("levit_256")]
    assert {re.split(r"  +", line)[1] for line in lines} == {"sleep_s=0.1", "sleep_s=0.2"}
    assert "noise=0.1" in result.output.splitlines()[0]
    jobs = json.loads(call("run", "--suite", mine, "--dry-run", "--models", "levit_256", "--json").output)["jobs"]
    assert {job["case"]["options"]["sleep_s"] for job in jobs} == {0.1, 0.2}
    assert {"device", "batch_size", "image_px", "dtype", "threads"} <= set(jobs[0]["case"])


def test_a_budget_names_what_it_leaves_out(mine: str) -> None:
    result = call("run", "--suite", mine, "--budget", "1s")
    assert "left out by the budget of 1 s" in result.output
    assert "left out by the budget: about" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--suite", "quickstrt"), "did you mean 'quickstart'"),
        (("run", "--suite", "mine.toml", "--models", "zzz"), "no model of mine matches zzz"),
        (("run", "--suite", "mine.toml", "--batch-size", "four"), "--batch-size: found 'four'"),
        (("run", "--suite", "mine.toml", "--dtype", "float31"), "expected one of float32"),
        (("run", "--suite", "mine.toml", "--budget", "soon"), "expected a duration"),
        (("run", "--suite", "mine.toml", "--device", "tpu"), "device tpu is not here"),
        (("run", "--suite", "quickstart", "--model", "absent.py:make"), "there is no file absent.py"),
        (("run", "--suite", "mine.toml", "--budget", "0s"), "--budget: found '0s', expected a duration above 0"),
        (
            ("run", "--suite", "mine.toml", "--models", ""),
            "--models: found '', expected a value or several with commas",
        ),
        (("run", "--suite", "mine.toml", "--batch-size", ""), "--batch-size: found ''"),
        (("run", "--suite", "mine.toml", "--dtype", " , "), "--dtype: found ' , '"),
        (("run", "--suite", "mine.toml", "--device", ""), "--device: found ''"),
        (("run", "--suite", "mine.toml", "--batch-size", "²"), "--batch-size: found '²'"),
        (("run", "--suite", "mine.toml", "--batch-size", "9" * 5000), "expected a whole number from 1 to 1,000,000"),
        (("run", "--suite", "mine.toml", "--patience", "soon"), "--patience: found 'soon'"),
        (("run", "--suite", "mine.toml", "--precision", "0"), "--precision: found '0'"),
        (("run", "--suite", "mine.toml", "--precision", "250%"), "expected a share above 0 and below 100 %"),
        (("run", "--suite", "mine.toml", "--threads", "1000001"), "--threads: found '1000001'"),
        (("plot", "scaling", "--models", ""), "--models: found ''"),
        (("plot", "pareto", "--weights", ""), "--weights: found ''"),
        (("plot", "memory", "--suite", ""), "--suite: found ''"),
        (("report", "mine.toml", "--weights", ","), "--weights: found ','"),
        (("plot", "pareto", "--results", "absent"), "neither a file nor a folder"),
        (("plot", "pareto", "--x", "thruput"), "did you mean 'throughput'"),
        (("list", "modles"), "did you mean 'models'"),
        (("show", "resnet51"), "neither a file nor a folder"),
    ],
)
def test_a_wrong_request_is_exit_2_with_a_clear_message(words: tuple[str, ...], said: str, mine: str) -> None:
    result = call(*words)
    assert isinstance(result.exception, LambdabenchError), result.output
    assert result.exception.exit_code == 2
    assert said in str(result.exception)


def test_figures_and_pages_are_drawn_from_any_folder(done: str, away: Path) -> None:
    (away / "results").rename(away / "elsewhere")
    shutil.rmtree(away / "reports")
    result = call("plot", "pareto", "--results", "elsewhere", "--x", "latency", "--batch-size", "4", "--out", "figures")
    assert result.exit_code == 0, result.output
    header, first, *_ = (away / "figures" / "pareto.csv").read_text().splitlines()
    assert "latency [s/step]" in header
    assert ",4," in first
    page = call("report", done, "--results", "elsewhere")
    assert page.exit_code == 0, page.output
    text = (away / "reports" / "mine" / "index.md").read_text()
    for part in (
        "# Scripted",
        "| resnet50",
        "80.8 ±0.3 q",
        "## Conditions",
        "speed timed with random weights",
        "pareto.svg",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("run", "--suite", "mine.toml", "--results", "file"),
            "file/mine cannot be written: Not a directory; give another --results",
        ),
        (("run", "--suite", "mine.toml"), "reports/mine cannot be written: Not a directory; its figures go there"),
        (
            ("plot", "pareto", "--out", "file"),
            "file cannot be written: Not a directory; free space, or give another folder",
        ),
        (
            ("report", "mine.toml", "--reports", "file"),
            "file/mine cannot be written: Not a directory; free space, or give another folder",
        ),
        (("check", "--base", "HEAD", "--save", "file"), "file cannot be written: Not a directory; give another --save"),
        (
            ("check", "--base", "HEAD", "--markdown", "file/a.md"),
            "file cannot be written: Not a directory; give another --markdown",
        ),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_measured(
    words: tuple[str, ...], said: str, done: str, away: Path
) -> None:
    shutil.rmtree(away / "reports")
    for name in ("file", "reports"):
        (away / name).touch()
    rows = len(store.read(away / "results"))
    result = call(*words)
    assert isinstance(result.exception, StoreError), result.output
    assert result.exception.exit_code == 2
    assert said in str(result.exception)
    assert len(store.read(away / "results")) == rows


def test_lists(mine: str) -> None:
    assert "quickstart" in call("list", "suites").output
    backends = call("list", "backends").output
    assert "torch_eager" in backends
    assert "the optimizer's step stays eager." in " ".join(backends.split())
    assert "throughput" in call("list", "metrics").output
    assert "lambda_layer" in call("list", "layers").output
    assert "pareto" in call("list", "plots").output
    assert "scripted times" in call("list", "devices").output
    models = call("list", "models", "--like", "resnet50_l?[cl][cl]").output
    assert re.findall(r"resnet50_l\w+", models) == ["resnet50_lccc", "resnet50_llcc", "resnet50_lllc", "resnet50_llll"]
    assert json.loads(call("list", "suites", "--schema").output)["title"] == "SuiteFile"


def test_every_command_has_an_example_in_its_help() -> None:
    for words in (["run"], ["plot", "pareto"], ["report"], ["show"], ["list"], ["convert"], ["doctor"], ["compare"]):
        result = call(*words, "--help")
        assert result.exit_code == 0
        assert f"lambdabench {' '.join(words)}" in " ".join(result.output.split())


def program(*words: str) -> list[str]:
    return [sys.executable, "-m", "lambdabench", *words]


def test_errors_go_to_stderr_without_a_traceback(away: Path) -> None:
    done = subprocess.run(program("run", "--suite", "quickstrt"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no suite is called 'quickstrt'")
    assert "Traceback" not in done.stderr


def wait_for_rows(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if list(folder.rglob("[!.]*.parquet")) and (store.read(folder)["status"] == "ok").any():
            return
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_keeps_what_is_done_and_goes_on(how: signal.Signals, away: Path) -> None:
    slow = SUITE.replace("[[grid]]", "[[grid]]\noptions = { sleep_s = 0.003 }", 1)
    (away / "mine.toml").write_text(slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child ignores what is ignored here
    with subprocess.Popen(
        program("run", "--suite", "mine.toml"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=away,
    ) as running:
        wait_for_rows(away / "results")
        os.kill(running.pid, how)
        said, _ = running.communicate(timeout=60)
    signal.signal(signal.SIGINT, before)
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert "Go on with  lambdabench run --suite mine.toml" in said
    before = store.read(away / "results")
    again = call("run", "--suite", "mine.toml")
    assert again.exit_code == 0, again.output
    rows = store.newest(store.read(away / "results"))
    timed = rows[rows["metric"] == "latency"]
    assert set(timed.groupby("case_id")["visit_round"].agg(lambda series: sum(map(len, series)))) == {9}
    if (before["metric"] == "latency").any():
        assert timed["run_id"].nunique() == 2, "what was visited is kept"
    third = call("run", "--suite", "mine.toml")
    assert "0 cases" in third.output
    assert "6 kept from before" in third.output
    assert "6 ok" in again.output


def test_ctrl_c_before_anything_runs_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lambdabench", "list", "suites"])
    monkeypatch.setattr(commands, "list_names", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == "interrupted"


STOPPED = """
import sys
class Finder:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from lambdabench.cli import main
main()
"""


def test_ctrl_c_while_libraries_load_is_exit_130() -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


LOADED = "import sys, {module}; print(sorted({{'torch', 'jax', 'timm', 'pandas', 'matplotlib', 'pyarrow'}} & set(sys.modules)))"


@pytest.mark.parametrize(
    ("module", "loaded"), [("lambdabench", "[]"), ("lambdabench.cli.app", "[]"), ("lambdabench.store", None)]
)
def test_importing_the_program_loads_no_framework(module: str, loaded: str | None) -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module)], capture_output=True, text=True, check=True
    ).stdout
    if loaded is None:
        assert "pyarrow" in said, "this check can fail"
    else:
        assert said.strip() == loaded


def test_the_commands_load_no_framework_either() -> None:
    code = "import sys, lambdabench.commands; print(sorted({'torch', 'jax', 'timm'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
