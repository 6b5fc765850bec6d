"""A field that is added to a case needs its line in `Case` and its description: shown with a copy of the package that has one more.

Two things a copy would still lack, and test_fields.py says so: the key of suite files and the flag of `run`, which pydantic and Typer
read off literal signatures.
"""

import importlib
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lambdabench
from lambdabench.core import identity
from lambdabench.core.spec import Case

NAME = "a_version_with_a_field"
DESCRIPTION = 'Field(name="clock", title="clock", words="clock {}", parts=True, joins=True, is_quiet=True, id_default="free"),\n    '
CHANGES = {
    "spec.py": ('    model_hash: str = ""\n', '    model_hash: str = ""\n    clock: str = "free"\n'),
    "fields.py": ('Field(\n        name="fingerprint"', f'{DESCRIPTION}Field(\n        name="fingerprint"'),
}
"""A line in `Case`, and where it is told: the setting of a GPU's clock, say."""
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module", autouse=True)
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("copy") / "anywhere"
    shutil.copytree(Path(lambdabench.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, (old, new) in CHANGES.items():
        text = (folder / "core" / file).read_text()
        assert text.count(old) == 1
        (folder / "core" / file).write_text(text.replace(old, new))
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield
    for name in [module for module in sys.modules if module.split(".")[0] == NAME]:
        del sys.modules[name]


def part(name: str) -> Any:
    """A module of the copy."""
    return importlib.import_module(f"{NAME}.{name}")


def case(**changes: Any) -> Any:
    known = {"model": "resnet50", "device": "cpu", "image_px": 224, "threads": 2, "param_dtype": "float32"}
    return part("core.spec").Case(**known | changes)


def records() -> list[Any]:
    """Latency and throughput of a network at two batch sizes under either setting."""
    record, spec = part("core.record"), part("core.spec")
    environment = spec.Environment(lambdabench="0", cpu="a cpu", cpu_flags="", cores=2, memory_gib=8)
    rows: list[Any] = []
    for measured in (case(batch_size=batch, clock=clock) for clock in ("free", "fixed") for batch in (1, 4)):
        for metric, unit in (("latency", "s/step"), ("throughput", "image/s")):
            number = record.Measurement(metric=metric, unit=unit, value=2.0, low=1.9, high=2.1, samples=(1.9, 2.0, 2.1))
            rows.append(
                record.Record(
                    run_id="r", started_at="2026-01-01T00:00:00.000+00:00", suite="s", fingerprint="f00", replicate=0,
                    case_id=part("core.identity").case_id(measured), case=measured, weights="random",
                    requested_batch_size=measured.batch_size, device_name="a cpu", status="ok", flags="", reason="",
                    measurement=number, effective=record.Effective(), environment=environment, noise=record.Noise(),
                )
            )  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def cases(copy: None) -> pd.DataFrame:
    """The wide table of the copy."""
    store = part("store")
    return part("analysis.table").wide(store.newest(store.frame(records())))


def test_the_usual_value_leaves_identities_as_they_were_and_another_is_another_case() -> None:
    before = Case(model="resnet50", device="cpu", image_px=224, threads=2, param_dtype="float32")
    assert part("core.identity").case_id(case()) == identity.case_id(before)
    assert part("core.identity").case_id(case(clock="fixed")) != identity.case_id(before)


def test_it_has_a_column_in_files_and_in_tables(cases: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "s" / "r.parquet"
    path.parent.mkdir()
    part("store.files").write(records(), path)
    assert set(part("store").read(path)["clock"]) == {"free", "fixed"}
    assert list(cases["clock"]) == ["free", "free", "fixed", "fixed"]
    assert part("store.columns").FIRST == importlib.import_module("lambdabench.store.columns").FIRST


def test_rows_of_files_without_it_are_of_the_value_that_ids_leave_out() -> None:
    rows = part("store").read(GOLDEN)
    assert len(rows) > 0
    assert set(rows["clock"]) == {"free"}


def test_labels_and_tables_tell_it_where_it_varies(cases: pd.DataFrame) -> None:
    labels = part("core.fields").labels(cases.to_dict("records"))
    assert [text.split(", ")[-1] for text in labels] == ["clock free", "clock free", "clock fixed", "clock fixed"]
    assert part("cli.case_labels").teller([case(), case(clock="fixed")])(case()) == " (clock free)"
    titles = [str(column.header) for column in part("cli.case_table").case_table(cases, 200).columns]
    assert "clock" in titles
    assert {"clock"} <= {*part("cli.show_view").SETTINGS} & {*part("cli.plan_view").SETTINGS}


def test_it_parts_fronts_unless_one_is_asked_for_over_it(cases: pd.DataFrame) -> None:
    pareto = part("analysis.pareto")
    points = pareto.pareto(cases)
    assert [(group.batch, group.told) for group in pareto.groups(points)] == [
        (batch, f"clock {clock}") for batch, clock in ((1, "fixed"), (1, "free"), (4, "fixed"), (4, "free"))
    ]
    assert [group.batch for group in pareto.groups(points, ("clock",))] == [1, 4]
    assert part("commands._results").known_joining(("clock",)) == ("clock",)
    notes = part("report").notes(cases, points)
    assert any(re.search(r"A front each of clock \(fixed, free\).*--across clock", line) for line in notes)


def test_it_is_never_on_one_curve(cases: pd.DataFrame) -> None:
    curves = part("plots._curve_groups").find(cases, "batch_size", "latency", {"resnet50": ("black", "o")})
    assert sorted(curve.name for curve in curves) == ["resnet50, clock fixed", "resnet50, clock free"]
    assert [len(curve.points) for curve in curves] == [2, 2]


def test_conditions_and_names_say_it_where_it_is_not_usual(cases: pd.DataFrame) -> None:
    fixed = cases[cases["clock"] == "fixed"]
    assert ", clock fixed, " in part("report").notes(fixed, fixed.iloc[:0])[0]
    assert "clock" not in part("report").notes(cases[cases["clock"] == "free"], fixed.iloc[:0])[0]
    label = part("gate.suite_cases").label
    assert label(case(clock="fixed")) == f"{label(case())[: -len(' 2 threads')]} fixed 2 threads"


def test_cases_that_differ_in_it_are_not_compared(cases: pd.DataFrame) -> None:
    setting = part("plan.budget").setting
    assert setting(case()) != setting(case(clock="fixed"))
    assert "clock" in part("analysis.agreement").SAME
    assert "clock" in part("analysis.paper_comparison").SETTING
    assert "clock" in part("plots.roofline").PANEL
