"""What a lost worker or a failed probe says, with small scripts in the place of the worker."""

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdabench import launch
from lambdabench.core import codec, sources
from lambdabench.core.errors import ProbeError
from lambdabench.core.foreign import MOST_CHARACTERS
from lambdabench.core.record import SETTLED, Outcome
from lambdabench.core.spec import Case, Environment, Job, Machine, ModelFacts, Sampling, Wish
from lambdabench.launch import errand, local, want

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


def test_of_a_hundred_megabytes_that_a_worker_said_the_end_is_its_reason() -> None:
    """A hole in its log, which takes no room."""
    said = (
        "import sys; sys.stderr.seek(10**8); sys.stderr.write('https://u:pw@host is the \\x1b[1mreason'); sys.exit(3)"
    )
    (found,) = outcomes([job()], said)
    assert found.status == "crash"
    assert found.reason.startswith("the worker ended with exit code 3: ")
    assert found.reason.endswith("https://***@host is the \x1b[1mreason")
    assert len(found.reason) <= MOST_CHARACTERS


def test_a_signal_is_named() -> None:
    (found,) = outcomes([job()], "import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    assert (found.status, "SIGABRT" in found.reason) == ("crash", True)


KILLS_ITSELF = "import os; os.kill(os.getpid(), 9)"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[int | None]], None]:
    """What the kernel counts from now on, a value a reading; the last one stays. 100 GiB are free, of 100."""

    def count(values: list[int | None]) -> None:
        monkeypatch.setattr(want.cgroups, "oom_kills", lambda: values.pop(0) if len(values) > 1 else values[0])

    monkeypatch.setattr(want.host, "available_bytes", lambda: 100 * 2**30)
    monkeypatch.setattr(want.host, "allowed_bytes", lambda: 100 * 2**30)
    count([None])
    return count


def test_a_worker_killed_without_want_of_memory_is_tried_once_more(
    kills: Callable[[list[int | None]], None], tmp_path: Path
) -> None:
    kills([3])
    (found,) = outcomes([job()], f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); {KILLS_ITSELF}")
    assert (tmp_path / "starts").read_text() == "xx"
    assert (found.status, found.flags) == ("crash", ("killed",))
    assert "killed from outside twice (SIGKILL), and nothing says that memory ran out" in found.reason
    assert "of 100.0 GiB that were free, and the kernel counts no kill" in found.reason
    assert found.status not in SETTLED, "the next run tries it again"


def test_a_worker_killed_once_has_its_number_from_the_second_one(
    kills: Callable[[list[int | None]], None], tmp_path: Path
) -> None:
    """The jobs before and after it are measured once."""
    first = f"""
import os, pathlib, sys
from lambdabench.core import codec
from lambdabench.core.record import SETTLED, Outcome
from lambdabench.core.spec import Job
folder, log = pathlib.Path(sys.argv[1]), pathlib.Path({str(tmp_path / "log")!r})
for one in codec.read(tuple[Job, ...], folder / "jobs.json"):
    (folder / f"{{one.job_id}}.started").touch()
    log.open("a").write(one.job_id + " ")
    if one.job_id == "j2" and log.read_text().count("j2") == 1:
        os.kill(os.getpid(), 9)
    codec.write(folder / f"{{one.job_id}}.json", Outcome(job_id=one.job_id, status="ok"))
"""
    found = outcomes([job(1), job(2), job(3)], first)
    assert [(one.job_id, one.status, one.flags) for one in found] == [(f"j{n}", "ok", ()) for n in (1, 2, 3)]
    assert (tmp_path / "log").read_text() == "j1 j2 j2 j3 "


def test_a_kill_that_the_kernel_counts_is_want_of_memory(kills: Callable[[list[int | None]], None]) -> None:
    kills([3, 4])
    (found,) = outcomes([job()], KILLS_ITSELF)
    assert (found.status, found.flags) == ("oom", ())
    assert "killed for want of memory: the kernel counts it" in found.reason


@pytest.mark.parametrize(
    ("peak", "limit", "kills", "said"),
    [
        (95, None, None, "it held 95.0 GiB of 100.0 GiB that were free"),
        (75, 80, None, "it held 75.0 GiB of its limit of 80.0 GiB"),
        (50, 80, None, ""),
        (50, None, 3, ""),
        (1, None, 4, "the kernel counts it, at 1.0 GiB"),
    ],
)
def test_only_what_is_seen_proves_want_of_memory(peak: int, limit: int | None, kills: int | None, said: str) -> None:
    witness = want.Witness(free_bytes=100 * 2**30, kills=3)
    assert witness.proof(peak * 2**30, limit and limit * 2**30, kills=kills or 3) == said


@pytest.mark.parametrize(("free", "flags", "mend"), [(39, ("crowded",), "close programs"), (41, (), "--batch-size")])
def test_what_others_left_is_no_answer_for_good(
    free: int, flags: tuple[str, ...], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.host, "allowed_bytes", lambda: 100)
    found = local._full(job(), "stopped", free)
    assert (found.status, found.flags, mend in found.reason) == ("oom", flags, True)


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
        ("LIBTPU_INIT_ARGS", "--xla_x", True),
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


def answering(monkeypatch: pytest.MonkeyPatch, *answers: ModelFacts) -> list[str]:
    """A probe with these facts; what it was asked for, one entry an errand."""
    asked: list[str] = []
    environment = Environment(lambdabench="1", cpu="a cpu", cpu_flags="", cores=1, memory_gib=1)

    def ask(errand: str, folder: Path, limit_s: float) -> str:
        asked.append(errand)
        codec.write(folder / "machine.json", Machine(devices=(), environment=environment))
        codec.write(folder / "names.json", ("m",))
        codec.write(folder / "catalogue.json", answers)
        return ""

    monkeypatch.setattr(probing, "ask", ask)
    return asked


@pytest.mark.parametrize("file", probing.FILES)
@pytest.mark.parametrize("content", [b"", b"{", b"[3]", b'"text"', b"null", b"{}", b"[]", b"\xff"])
def test_a_damaged_probe_file_is_made_anew(
    file: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, ModelFacts(name="m", family="f", native_px=8))
    first = launch.probe([Wish(model="m")], cache=tmp_path)
    assert launch.probe([Wish(model="m")], cache=tmp_path) == first
    assert asked == ["probe"]
    (folder,) = tmp_path.iterdir()
    (folder / file).write_bytes(content)
    again = launch.probe([Wish(model="m")], cache=tmp_path)
    if (file, content) != ("names.json", b"[]"):  # which is an answer
        assert (again, asked) == (first, ["probe", "probe"])


def test_a_probe_that_cannot_be_kept_is_an_answer_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch)
    (tmp_path / "file").write_text("")
    assert launch.probe([], cache=tmp_path / "file").names == launch.probe([], cache=Path("/proc")).names == ("m",)
    assert asked == ["probe", "probe"]


def test_facts_of_a_users_network_are_counted_anew_when_a_file_that_the_probe_saw_imported_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late.py"
    late.write_text("depth = 1")
    (tmp_path / "net.py").write_text("def m(): ...")
    wish = Wish(model=f"{tmp_path}/net.py:m")
    asked = answering(monkeypatch)

    def ask(errand: str, folder: Path, **_: Any) -> str:
        asked.append(errand)
        told = tuple(sources.digests([str(late)]).items())
        codec.write(folder / "0.json", ModelFacts(name=wish.model, family="user", native_px=8, sources=told))
        return ""

    monkeypatch.setattr(probing.users, "ask", ask)
    for _ in range(2):
        launch.probe([wish], cache=tmp_path / "probe")
    assert asked == ["probe", "describe"]
    late.write_text("depth = 30")
    launch.probe([wish], cache=tmp_path / "probe")
    assert asked == ["probe", "describe", "describe"], "the machine is the same"


def test_out_of_memory_beside_others_on_a_device_is_no_answer_for_good() -> None:
    full, well = (Outcome(job_id="j", status=status, reason="full") for status in ("oom", "ok"))
    found = local._beside("process 7 holds 40.0 GiB", full)
    assert (found.status, found.flags) == ("oom", ("crowded",))
    assert found.reason == "full; process 7 holds 40.0 GiB: run again when the device is free"
    assert local._beside("process 7 holds 40.0 GiB", well) == well
    assert local._beside("", full) == full
