"""What commands say of results folders that are empty, are links to themselves, or hold times that have not come yet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lambdabench import commands, launch, store
from lambdabench.cli.app import app
from lambdabench.core.errors import NothingMeasuredError, StoreError
from lambdabench.core.record import Record

FUTURE = "2099-01-01T00:00:00.000+00:00"
READING = (
    ("plot", "pareto"),
    ("plot", "scaling"),
    ("plot", "memory"),
    ("plot", "roofline"),
    ("report", "quickstart"),
    ("show", "resnet50"),
    ("list", "runs"),
    ("compare", "previous", "latest"),
)


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(result: Result) -> str:
    return f"{result.output}{result.exception or ''}"


@pytest.mark.parametrize("words", READING)
def test_an_empty_folder_is_named(words: tuple[str, ...], away: Path) -> None:
    (away / "mine").mkdir()
    result = call(*words, "--results", "mine")
    assert result.exception is None or isinstance(result.exception, NothingMeasuredError)
    assert "no results" in said(result)
    assert "in mine; it has no rows; lambdabench run --suite quickstart --results mine" in said(result)


@pytest.mark.parametrize("words", READING)
def test_in_a_checkout_without_results_the_committed_ones_are_said(
    words: tuple[str, ...], make_record: Callable[..., Record], away: Path
) -> None:
    (away / "lambdabench").mkdir()
    (away / "lambdabench" / "__init__.py").touch()
    for name in ("one", "two"):
        store.write([make_record()], Path("results", "reference", name, "a.parquet"))
    kind = "committed results are there: --results results/reference/one or --results results/reference/two"
    assert kind in said(call(*words))


def test_a_link_to_itself_is_refused_before_anything_is_measured(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (away / "loop").symlink_to(away / "loop")
    monkeypatch.setattr(launch, "probe", None)
    result = call("run", "--suite", "quickstart", "--results", "loop")
    assert isinstance(result.exception, StoreError)
    assert "loop/quickstart cannot be written: Too many levels of symbolic links; give another --results" in str(
        result.exception
    )


def test_times_that_lie_in_the_future_are_told(make_record: Callable[..., Record], away: Path) -> None:
    kinds = {"suite": "quickstart", "backend": "torch_eager"}
    store.write([make_record("latency", **kinds)], Path("results", "quickstart", "a.parquet"))
    assert commands.ahead(Path("results")) == ""
    assert commands.ahead(Path("results"), lambda: 1767225600.0 - 301) != ""
    assert commands.ahead(Path("results"), lambda: 1767225600.0 - 299) == ""
    store.write([make_record("throughput", started_at=FUTURE, **kinds)], Path("results", "quickstart", "b.parquet"))
    for words in (("plot", "pareto"), ("report", "quickstart"), ("show", "resnet50"), ("list", "runs")):
        result = call(*words)
        assert "! results has times in the future, up to 2099-01-01 00:00 UTC: a clock was ahead" in said(result), words
    page = (away / "reports" / "quickstart" / "index.md").read_text()
    assert "Times lie in the future, up to 2099-01-01 00:00 UTC: a clock was ahead" in page
