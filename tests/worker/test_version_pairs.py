"""The gate's cases in a worker: made, visited and let go, with scripted times."""

import dataclasses
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lambdabench
from lambdabench.core.gate_protocol import Entry, Opening, PairAnswered, PairAsked, Rules, Terms
from lambdabench.core.spec import Case, options_from
from lambdabench.worker import version_pairs
from lambdabench.worker.version_pairs import Pairs

PACKAGE = Path(lambdabench.__file__).parent
RULES = Rules(cap_s=2.0)
CASE = Case(
    model="scripted",
    backend="fake",
    device="fake",
    image_px=8,
    threads=1,
    param_dtype="float32",
    options=options_from({"latency_s": 0.01, "jitter": 0.0}),
)
ENTRY = Entry(label="a", case=CASE, rules=RULES)
OPENING = Opening(entry=ENTRY, base=str(PACKAGE), head=str(PACKAGE))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """A process holds one version of a name; this one has many, one after the other."""
    yield
    for name in [module for module in sys.modules if module.startswith(("lambdabench_base", "lambdabench_head"))]:
        del sys.modules[name]


def opened(pairs: Pairs, **changes: object) -> PairAnswered:
    opening = dataclasses.replace(OPENING, **changes)  # pyright: ignore[reportArgumentType]
    return pairs.answer(PairAsked(what="open", label="a", opening=opening))


def visited(pairs: Pairs, **changes: object) -> PairAnswered:
    terms = Terms(rules=RULES, **changes)  # pyright: ignore[reportArgumentType]
    return pairs.answer(PairAsked(what="visit", label="a", terms=terms))


def test_a_case_is_opened_visited_and_closed() -> None:
    pairs = Pairs()
    assert opened(pairs) == PairAnswered()
    same, slower = visited(pairs).compared, visited(pairs, slowdown=1.05).compared
    assert same is not None
    assert slower is not None
    assert (same.verdict.finding, slower.verdict.finding) == ("same", "slower")
    assert [len(compared.builds) for compared in (same, slower)] == [1, 1]
    closed = pairs.answer(PairAsked(what="close", label="a"))
    assert len(closed.sides) == 2
    assert closed.trouble is None
    with pytest.raises(KeyError):
        visited(pairs)


def test_what_is_opened_again_is_made_anew_beside_what_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bool] = []
    make = version_pairs._made

    def seen(opening: Opening, *versions: object) -> object:
        made.append(opening.swapped)
        return make(opening, *versions)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(version_pairs, "_made", seen)
    pairs = Pairs()
    opened(pairs)
    opened(pairs, swapped=True)
    assert made == [False, True]
    first, second = pairs._held["a"]
    assert first.head.session is not second.head.session
    pairs.answer(PairAsked(what="close", label="a"))
    assert pairs._held == {}


def test_processes_that_one_has_forked_have_their_memory_laid_out_each_in_its_way() -> None:
    lengths: list[int] = []
    for seed in (1, 2, 1):
        pairs = Pairs()
        opened(pairs, seed=seed)
        opened(pairs, seed=seed + 10)
        (before,) = pairs._before
        lengths.append(len(before))
    assert lengths[0] == lengths[2] != lengths[1]
    assert all(length % version_pairs.STEP_BYTES == 0 for length in lengths)


def test_an_anchor_takes_bases_turns() -> None:
    pairs = Pairs()
    assert opened(pairs, base="", anchored=True).trouble is None
    compared = visited(pairs, fixed_s=0.05).compared
    assert compared is not None
    assert pairs._held["a"][0].base is None
    assert compared.base_s > 0


@pytest.mark.parametrize(("side", "trouble"), [("base", "unmeasured"), ("head", "head")])
def test_a_version_that_cannot_be_imported_is_its_sides_trouble(tmp_path: Path, side: str, trouble: str) -> None:
    folder = tmp_path / "lambdabench"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('broken')")
    pair_outcome = opened(Pairs(), **{side: str(folder)}).trouble
    assert pair_outcome is not None
    assert (pair_outcome.label, pair_outcome.trouble, pair_outcome.reason) == ("a", trouble, "RuntimeError: broken")


def test_another_answer_is_no_question_of_speed_and_the_case_is_let_go(tmp_path: Path) -> None:
    folder = tmp_path / "lambdabench"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    fake = folder / "backends" / "fake.py"
    text = fake.read_text()
    assert text.count('return "output"') == 1
    fake.write_text(text.replace('return "output"', 'return "another"'))
    pairs = Pairs()
    pair_outcome = opened(pairs, head=str(folder)).trouble
    assert pair_outcome is not None
    assert pair_outcome.trouble == "outputs"
    assert pairs._held == {}
