"""Where an operating system has no fork, no `resource` and no /proc, rows are read, drawn and asked, and measuring is refused in a line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "results" / "reference" / "epyc-2-cores"
STEPS = """
import sys
import lambdabench as lb
assert len(lb.wide(lb.read("results"))) == 24
from lambdabench.cli import main
for words in (["report", "quickstart"], ["recommend", "--max-latency", "25ms"], ["list", "suites"], ["run", "--suite", "quickstart"]):
    sys.argv = ["lambdabench", *words]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    print("exit", words[0], code)
"""


def test_rows_from_anywhere_are_read_and_measuring_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "results" / "quickstart").mkdir(parents=True)
    for path in ROWS.glob("*.parquet"):
        shutil.copy(path, tmp_path / "results" / "quickstart")
    own = {"PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "other_system"), str(ROOT))), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", STEPS], cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    endings = [line for line in done.stdout.splitlines() if line.startswith("exit")]
    assert endings == ["exit report 0", "exit recommend 0", "exit list 0", "exit run 2"]
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert "measuring needs Linux or macOS, and this is Windows: on Windows use WSL 2" in error
    assert (tmp_path / "reports" / "quickstart" / "index.html").is_file()
    assert sorted(path.name for path in (tmp_path / "results" / "quickstart").iterdir()) == sorted(
        path.name for path in ROWS.glob("*.parquet")
    )
