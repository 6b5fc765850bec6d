"""Every error names the mend: what bad input is answered with, by the command line, before any framework loads."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.record import Record

FRAMEWORKS = ("torch", "jax", "timm", "openvino", "onnxruntime")
FILES = {
    "broken.toml": "grid = 3 3",
    "strange.toml": 'schema = 1\ntitel = "x"\nmetrics = ["latency"]\nreference = { model = "resnet50" }\n[[grid]]\nmodel = "resnet50"\n',
    "broken.py": "def make(:\n",
    "empty.py": "",
    "other.py": "def build():\n    return None\n",
    "broken.json": "{}",
    "broken.jsonl": "{}\n",
    "broken.zip": "no archive",
    "table.csv": "a,b\n1,2\n",
    "damaged/broken.parquet": "no Parquet",
    "net.bin": "",
    "net.pt": "",
    "out.pt": "",
}
QUICK = "run --suite quickstart"
TABLE = (
    # (arguments, what was found, what was expected or is to be done)
    ("run", "--suite, --find-front: found neither", "expected one, such as --suite quickstart"),
    ("run --suite quickstrt", "no suite is called 'quickstrt'", "did you mean 'quickstart'?"),
    ("run --suite absent.toml", "no suite file absent.toml", "`lambdabench list suites` names those that come"),
    ("run --suite broken.toml", "broken.toml: no TOML", "; mend that line"),
    ("run --suite strange.toml", "titel: unknown key", "did you mean 'title'?"),
    (f"{QUICK} --models zz*", "no model of quickstart matches zz*", "it has "),
    (f"{QUICK} --batch-size four", "--batch-size: found 'four'", "expected a whole number from 1 to 1,000,000"),
    (f"{QUICK} --dtype float31", "--dtype: found 'float31'", "expected one of float32"),
    (f"{QUICK} --budget soon", "--budget: found 'soon'", "expected a duration like 90s, 10m or 1h30m"),
    (f"{QUICK} --at p100", "--at: found 'p100'", "expected a quantile between p0 and p100 like p50"),
    (f"{QUICK} --load 2", "--load: found '2'", "expected a share of the service rate in whole percent like 0.7"),
    (f"{QUICK} --precision 250%", "--precision: found '250%'", "expected a share above 0 and below 100 %, like 2%"),
    (f"{QUICK} --share 7", "--share: found '7'", "expected a share and how many there are, as 2/5"),
    (f"{QUICK} --max-latency 5ms", "--max-latency: found without --find-front", "leave it out, or add --find-front"),
    (f"{QUICK} --for v4-8", "--for v4-8: nothing can be measured there", "use it with --dry-run"),
    (f"{QUICK} --model absent.py:make", "--model absent.py:make: there is no file absent.py", "give its path from "),
    (f"{QUICK} --model absent.there:make", "there is no module of that name here", "install it, start in the folder"),
    (f"{QUICK} --model broken.py:make", "broken.py:1: ", "def make(:; mend that line"),
    (f"{QUICK} --model empty.py:make", "empty.py has no 'make'", "write a function there that returns the network"),
    (f"{QUICK} --model other.py:biuld", "no callable of other.py is called 'biuld'", "did you mean 'build'?"),
    ("report", "no results in results; it has no rows", "lambdabench run --suite quickstart"),
    ("plot pareto --results absent", "absent is neither a file nor a folder", "give --results a folder"),
    ("plot pareto --results damaged", "broken.parquet is no readable Parquet file", "move it out of the results"),
    ("plot pareto --results rows --x thruput", "no axis is called 'thruput'", "did you mean 'throughput'?"),
    ("plot pareto --results rows --models zz*", "no case of rows has model zz*; there is resnet50", "choose one of"),
    ("plot pareto --results rows --batch-size 7", "batch_size 7; there is 1", "choose one of these, or measure it"),
    ("plot scaling --results rows", "no model has throughput or latency at two batch sizes", "--batch-size 1,2,4,8"),
    ("plot load --results rows", "no case was under a load", "lambdabench run --suite service"),
    ("plot roofline --results rows", "no layer was timed beside the ceilings", "lambdabench run --suite kernels"),
    ("plot trend --results rows", "a change of level takes", "lambdabench run --fresh measures again"),
    ("plot claims --claim zzzz", "no claim is called 'zzzz'", "known: "),
    ("list modles", "no kind of thing is called 'modles'", "did you mean 'models'?"),
    (
        "show resnet50 --results rows --mode train",
        "no case of resnet50 has mode train; there is inference",
        "choose one",
    ),
    ("compare nowhere rows", "nowhere is not there", "give a folder or file of results, a .csv table of speeds, a run"),
    ("compare nowhere rows --results rows", "is called 'nowhere'", "expected a folder or file of results"),
    ("recommend --max-latency 25", "--max-latency: found '25'", "expected a time above 0 with its unit, like 25ms"),
    ("recommend --license zzzz --from rows", "no licence is called 'zzzz'", "known: "),
    ("recommend --from table.csv", "table.csv: found columns a, b", "; rename them"),
    ("check", "check: found none of them", "expected one of --base REF, --baseline FILE"),
    ("check --base HEAD --self-test", "check: found --base and --self-test", "expected one of --base REF"),
    ("check --self-test --pytest tests", "--pytest: found without --base", "leave it out, or add --base"),
    ("check --base HEAD --pytest tests", "is in no git repository", "run check inside the one to be checked"),
    ("check --history absent.jsonl", "there is no baseline absent.jsonl", "--record makes one"),
    ("check --history broken.jsonl", "broken.jsonl is no baseline", "give a file that --record wrote"),
    ("import absent.json", "absent.json cannot be read: No such file", "give a file that pytest --benchmark-json"),
    ("import broken.json", "broken.json is no file of pytest-benchmark's", "give a file that pytest --benchmark-json"),
    ("convert resnet50 absent.pt out.pt", "there is no file absent.pt", "give the file of weights that is to be"),
    ("convert resnet50 net.bin out.pt", "found suffix '.bin'", "expected one of .safetensors, .pt, .pth"),
    ("convert resnet50 net.pt out.pt", "out.pt is there already", "--force replaces it"),
    ("convert resnet50 net.pt no/out.pt", "there is no folder no to write out.pt into", "make it first"),
    ("claims --machine nope --results rows", "--machine: found 'nope'", "give more of one of these names"),
    ("claims --budget 5m", "--budget: found without --dry-run", "leave it out, or add --dry-run"),
    ("claims --from broken.zip", "broken.zip is no bundle of lambdabench claims", "give one that --bundle wrote"),
    ("claims --tables nowhere.csv", "nowhere.csv is no readable CSV file", "give a table of speeds as UTF-8"),
    ("fleet status --results absent", "absent has no fleet", "lambdabench fleet run --suite quickstart --on local"),
    ("fleet run --suite quickstart --on cloud", "--on: found 'cloud'", "expected one of local, ray, slurm"),
    ("compact --min-age soon", "--min-age: found 'soon'", "expected a duration like 90s, 10m or 1h30m"),
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: Callable[..., Record]) -> Path:
    """A working folder with files that are wrong in one way each, and rows of one case."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    rows = [make_record(metric, value, suite="mine") for metric, value in (("latency", 0.1), ("throughput", 10.0))]
    store.write(rows, tmp_path / "rows" / "a.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("words", "seen", "mend"), TABLE, ids=[words for words, _, _ in TABLE])
def test_an_error_says_what_was_found_and_what_to_do(words: str, seen: str, mend: str, place: Path) -> None:
    loaded = {name for name in FRAMEWORKS if name in sys.modules}
    result = CliRunner().invoke(app, words.split())
    assert isinstance(result.exception, LambdabenchError), f"{result.output}{result.exception!r}"
    message = str(result.exception)
    assert seen in message
    assert mend in message.partition(seen)[2], f"after what was found stands what to do: {message}"
    assert result.exception.exit_code in (2, 3, 4)
    assert {name for name in FRAMEWORKS if name in sys.modules} == loaded, "bad input is refused before they load"


@pytest.mark.parametrize(
    ("words", "seen"),
    [("rnu", "rnu"), ("run --sute quickstart", "--sute"), ("show", "name"), ("convert resnet50", "source")],
)
def test_what_is_no_command_or_flag_is_named_and_help_is_offered(words: str, seen: str) -> None:
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 2
    assert seen in result.output
    assert "--help" in result.output or "-h" in result.output
