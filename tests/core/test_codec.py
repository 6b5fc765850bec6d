"""What is written is what is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench.core import codec
from lambdabench.core.record import Measurement, Outcome
from lambdabench.core.spec import Case, Job, Sampling, options_from

values = st.one_of(st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.booleans())
cases = st.builds(
    Case,
    model=st.text(min_size=1),
    batch_size=st.integers(1, 4096),
    image_px=st.none() | st.integers(1, 2048),
    options=st.dictionaries(st.text(min_size=1), values).map(options_from),
)


@given(cases)
def test_a_job_survives_the_trip(case: Case) -> None:
    job = Job(job_id="a", case_id="b", case=case, metrics=("latency",), sampling=Sampling(), memory_limit_bytes=None)
    assert codec.decode(Job, codec.encode(job)) == job


texts = st.text(st.characters(codec=None, exclude_categories=()))
"""Halves of letters too."""


@given(texts, st.lists(st.tuples(texts, texts)).map(tuple))
def test_a_text_is_whatever_python_calls_one(reason: str, sources: tuple[tuple[str, str], ...]) -> None:
    outcome = Outcome(job_id=reason, status="crash", reason=reason, sources=sources)
    assert codec.decode(Outcome, json.loads(json.dumps(codec.encode(outcome)))) == outcome


@given(st.lists(st.floats(allow_nan=False)).map(tuple))
def test_an_outcome_survives_the_trip(samples: tuple[float, ...]) -> None:
    outcome = Outcome(
        job_id="a",
        status="ok",
        measurements=(Measurement(metric="latency", unit="s/step", value=None, samples=samples),),
    )
    assert codec.decode(Outcome, codec.encode(outcome)) == outcome


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="found 'x'"):
        codec.decode(int, "x")
    with pytest.raises(TypeError, match="none of"):
        codec.decode(Outcome, {"job_id": "a", "status": "fine"})


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (tuple[float, ...], [1.0, "x"]),
        (tuple[int, ...], [1, True]),
        (tuple[str, ...], "text"),
        (tuple[str, int], ["a", "b"]),
        (dict[str, float], ["a"]),
        (dict[str, float], {"a": "b"}),
        (bool, 1),
        (float, True),
        (float | None, "1"),
        (Sampling, [1]),
    ],
)
def test_what_only_looks_alike_is_refused(kind: Any, data: object) -> None:
    with pytest.raises(TypeError, match="found "):
        codec.decode(kind, data)


def test_a_whole_number_is_a_float_where_one_is_expected() -> None:
    numbers = codec.decode(tuple[float, ...], [1, 2.5])
    assert numbers == (1.0, 2.5)
    assert [type(value) for value in numbers] == [float, float]
    assert codec.decode(float | None, 3) == 3.0


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    codec.write(tmp_path / "a.json", ("x", "y"))
    assert codec.read(tuple[str, ...], tmp_path / "a.json") == ("x", "y")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
