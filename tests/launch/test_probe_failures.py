"""What a failed probe says, and what of a probe is remembered."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from lambdabench import launch
from lambdabench.core import codec, sources
from lambdabench.core.errors import ProbeError
from lambdabench.core.spec import Environment, Machine, ModelFacts, Wish
from lambdabench.launch import one_shot_worker

probing = importlib.import_module("lambdabench.launch.probe")  # the package's `probe` is the function


def test_a_failed_probe_tells_the_last_words_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_shot_worker, "ROOT", "no_such_package")
    with pytest.raises(ProbeError, match=r"failed: .*no_such_package.*; run lambdabench doctor"):
        launch.probe([], cache=tmp_path)
    assert not list(tmp_path.iterdir()), "a failure is not remembered"


def test_the_cache_tells_wishes_and_versions_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    wish, other = (Wish(model="m", image_px=px) for px in (64, 96))
    assert probing._key((wish,)) == probing._key((wish,))
    assert probing._key((wish,)) != probing._key((other,))
    before = probing._key((wish,))
    monkeypatch.setattr(probing.host, "package_version", lambda name: f"{name} 99")
    assert probing._key((wish,)) != before


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
        names = tuple(sources.digests([str(late)]).items())
        codec.write(folder / "0.json", ModelFacts(name=wish.model, family="user", native_px=8, sources=names))
        return ""

    monkeypatch.setattr(probing.user_networks, "ask", ask)
    for _ in range(2):
        launch.probe([wish], cache=tmp_path / "probe")
    assert asked == ["probe", "describe"]
    late.write_text("depth = 30")
    launch.probe([wish], cache=tmp_path / "probe")
    assert asked == ["probe", "describe", "describe"], "the machine is the same"
