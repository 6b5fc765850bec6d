"""Committed figures and tables are those of the committed rows: drawn anew, every number and every word is the same."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def _redraw() -> ModuleType:
    spec = importlib.util.spec_from_file_location("redraw", ROOT / ".ci" / "redraw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REDRAW = _redraw()


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, drawn anew into a folder."""
    folder = tmp_path_factory.mktemp("anew")
    REDRAW.main(folder)
    return folder


@pytest.mark.parametrize("place", REDRAW.FIGURES, ids=str)
def test_a_committed_figure_shows_the_numbers_of_its_rows(place: Path, anew: Path) -> None:
    said = "run .venv/bin/python .ci/redraw.py, look at the figures, commit them"
    here, there = (pd.read_csv(folder / f"{place}.csv") for folder in (ROOT, anew))
    pd.testing.assert_frame_equal(here, there, check_exact=False, rtol=1e-9, obj=f"{place}.csv; {said}")
    words = [TEXT.findall((folder / f"{place}.svg").read_text(encoding="utf-8")) for folder in (ROOT, anew)]
    assert words[0] == words[1], said
    assert (ROOT / f"{place}.png").exists()


@pytest.mark.parametrize("page", [*REDRAW.TABLES, *REDRAW.WHOLE], ids=str)
def test_a_committed_table_holds_the_numbers_of_its_rows(page: Path, anew: Path) -> None:
    assert (ROOT / page).read_text(encoding="utf-8") == (anew / page).read_text(encoding="utf-8")


def test_the_page_of_the_claims_says_what_its_rows_say(anew: Path) -> None:
    here, there = (folder / REDRAW.CLAIMS for folder in (ROOT, anew))
    assert (here / "index.md").read_text(encoding="utf-8") == (there / "index.md").read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(pd.read_csv(here / "summary.csv"), pd.read_csv(there / "summary.csv"), rtol=1e-9)
    assert {path.name for path in here.glob("*.svg")} == {path.name for path in there.glob("*.svg")}


def test_every_committed_figure_is_known_and_every_page_shows_a_known_one() -> None:
    places = ROOT / REDRAW.PAGES
    drawn = {
        path.with_suffix("").relative_to(ROOT) for path in places.rglob("*") if path.suffix in (".svg", ".png", ".csv")
    }
    assert drawn == set(REDRAW.FIGURES)
    for page in (ROOT / "README.md", *places.rglob("*.md")):
        for shown in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            place = (page.parent / shown).resolve().relative_to(ROOT)
            assert place.with_suffix("") in REDRAW.FIGURES or REDRAW.CLAIMS in place.parents, f"{page}: {shown}"
