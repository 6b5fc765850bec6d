"""What is written is what is read."""

from pathlib import Path

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


@given(st.lists(st.floats(allow_nan=False)).map(tuple))
def test_an_outcome_survives_the_trip(samples: tuple[float, ...]) -> None:
    one = Outcome(
        job_id="a",
        status="ok",
        measurements=(Measurement(metric="latency", unit="s/step", value=None, samples=samples),),
    )
    assert codec.decode(Outcome, codec.encode(one)) == one


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="found 'x'"):
        codec.decode(int, "x")
    with pytest.raises(TypeError, match="none of"):
        codec.decode(Outcome, {"job_id": "a", "status": "fine"})


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    codec.write(tmp_path / "a.json", ("x", "y"))
    assert codec.read(tuple[str, ...], tmp_path / "a.json") == ("x", "y")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
