"""The second program: what it is asked, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from lambdabench.core import codec
from lambdabench.core.spec import ModelFacts, Wish
from lambdabench.worker import probe
from lambdabench.worker.__main__ import USAGE, main


@pytest.mark.parametrize("arguments", [[], ["run"], ["probe"], ["measure", "folder"], ["serve", "folder"]])
def test_other_arguments_are_answered_with_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == USAGE


def test_a_thread_that_a_network_left_running_keeps_nothing_waiting() -> None:
    program = (
        "import atexit, threading, time\nfrom lambdabench.worker.__main__ import end\n"
        "atexit.register(print, 'tidied', flush=True)\nthreading.Thread(target=time.sleep, args=(60,)).start()\nend(3)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (3, "tidied\n")


def test_networks_are_described_one_by_one_once_frameworks_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends the process leaves the answers before it."""

    def described(wish: Wish) -> ModelFacts:
        assert (tmp_path / "started").exists()
        if wish.image_px == 64:
            raise SystemExit(3)
        return ModelFacts(name=wish.model, family="user", native_px=8)

    monkeypatch.setattr(probe.models, "describe", described)
    monkeypatch.setattr(probe.models, "warm", lambda: None)
    codec.write(tmp_path / "wishes.json", (Wish(model="a.py:b"), Wish(model="a.py:b", image_px=64)))
    with pytest.raises(SystemExit):
        main(["describe", str(tmp_path)])
    assert codec.read(ModelFacts, tmp_path / "0.json").name == "a.py:b"
    assert not (tmp_path / "1.json").exists()
