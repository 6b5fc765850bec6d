"""What a lost worker or a failed probe says, with small scripts in the place of the worker."""

import importlib
import sys
import time
from pathlib import Path

import pytest

from lambdabench import launch
from lambdabench.core.errors import ProbeError
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, ModelFacts, Sampling, Wish
from lambdabench.launch import errand, local

probing = importlib.import_module("lambdabench.launch.probe")  # the package's `probe` is the function


def job(number: int = 1, limit_bytes: int | None = None) -> Job:
    return Job(
        job_id=f"j{number}",
        case_id=f"c{number}",
        case=Case(model="m", backend="fake", device="fake", threads=1),
        metrics=("latency",),
        sampling=Sampling(),
        timeout_s=5.0,
        memory_limit_bytes=limit_bytes,
    )


def outcomes(jobs: list[Job], script: str) -> list[Outcome]:
    events = launch.run(jobs, command=(sys.executable, "-c", script))
    return [one.outcome for one in events if isinstance(one, launch.Finished)]


def test_a_signal_is_named() -> None:
    (found,) = outcomes([job()], "import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    assert (found.status, "SIGABRT" in found.reason) == ("crash", True)


def test_a_kill_from_outside_is_taken_for_want_of_memory() -> None:
    (found,) = outcomes([job()], "import os; os.kill(os.getpid(), 9)")
    assert (found.status, "by the kernel" in found.reason) == ("oom", True)


def test_only_the_last_words_are_told() -> None:
    (found,) = outcomes([job()], "import sys; sys.exit('first\\nsecond\\nthird\\nfourth')")
    assert found.reason == "the worker ended with exit code 1: second / third / fourth"


def test_each_job_of_a_dying_worker_has_its_own_outcome() -> None:
    assert [one.job_id for one in outcomes([job(1), job(2)], "raise SystemExit(3)")] == ["j1", "j2"]


def test_a_worker_that_never_begins_is_stopped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START_LIMIT_S", 0.3)
    start = time.monotonic()
    (found,) = outcomes([job()], "import time; time.sleep(60)")
    assert (found.status, "did not begin within 0.3 s" in found.reason) == ("timeout", True)
    assert time.monotonic() - start < 3.0


def test_a_worker_over_its_memory_before_its_first_job_gets_no_grace() -> None:
    start = time.monotonic()
    (found,) = outcomes([job(limit_bytes=2**20)], "import time; time.sleep(60)")
    assert found.status == "oom"
    assert time.monotonic() - start < 3.0


def test_a_failed_probe_tells_the_last_words_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "ROOT", "no_such_package")
    with pytest.raises(ProbeError, match=r"failed: .*no_such_package.*; run lambdabench doctor"):
        launch.probe([], cache=tmp_path)
    assert not list(tmp_path.iterdir()), "a failure is not remembered"


def test_the_cache_tells_wishes_and_versions_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (Wish(model="m", image_px=px) for px in (64, 96))
    assert probing._key((one,)) == probing._key((one,))
    assert probing._key((one,)) != probing._key((other,))
    before = probing._key((one,))
    monkeypatch.setattr(probing.host, "package_version", lambda name: f"{name} 99")
    assert probing._key((one,)) != before


def test_machines_that_share_a_home_do_not_share_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = probing._key(())
    monkeypatch.setattr(probing.host, "cpu_facts", lambda: ("another processor", "avx2"))
    assert probing._key(()) != before


def test_the_cache_tells_kernels_apart_that_are_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PACKAGE", tmp_path)
    (tmp_path / "kernel.cpp").write_text("int x = 1;")
    before = probing._key(())
    (tmp_path / "kernel.cpp").write_text("int x = 2;")
    assert probing._key(()) != before


@pytest.mark.parametrize(
    ("variable", "value", "other"),
    [
        ("CXX", "no_such_compiler", True),
        ("ONEDNN_MAX_CPU_ISA", "SSE41", True),
        ("LIBTPU_INIT_ARGS", "--x", True),
        ("TORCHINDUCTOR_CACHE_DIR", "/elsewhere", False),
    ],
)
def test_the_cache_tells_compilers_and_settings_apart(
    variable: str, value: str, other: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(probing.host, "package_version", lambda name: "1")
    before = probing._key(())
    monkeypatch.setenv(variable, value)
    assert (probing._key(()) != before) == other


@pytest.mark.parametrize(("px", "label"), [(None, "m"), (224, "m"), (96, "m@96")])
def test_facts_are_labelled_by_size_unless_it_is_the_models_own(px: int | None, label: str) -> None:
    facts = ModelFacts(name="m", family="f", native_px=224)
    assert probing._labels(facts, Wish(model="m", image_px=px)) == [label]


def test_a_probe_that_ends_well_without_an_answer_is_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "ask", lambda errand, folder, limit_s: "")
    with pytest.raises(ProbeError, match="the probe of this machine ended before it had written its answer"):
        launch.probe([], cache=tmp_path)
