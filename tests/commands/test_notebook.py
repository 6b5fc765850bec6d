"""A notebook sees how far a run is; a terminal, a script and an IPython without a notebook see nothing of that."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.commands import Prepared, Progress, notebook
from lambdabench.conduct import Turn, case_state
from lambdabench.core.spec import Case, Cell, Environment, Job, Machine, Plan, Sampling, Suite


class Handle:
    """What IPython gives for a line that changes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def update(self, item: object) -> None:
        self.lines.append(repr(item))


def jobs() -> tuple[Job, ...]:
    cases = [Case(model="resnet50", device="cpu", image_px=px, threads=1, param_dtype="float32") for px in (160, 224)]
    return tuple(
        Job(job_id=str(case.image_px), case_id="c", case=case, metrics=("latency",), sampling=Sampling())
        for case in cases
    )


def prepared(environment: Environment) -> Prepared:
    return Prepared(
        suite=Suite(name="mine", cells=(Cell(case=jobs()[0].case, grid="g"),), metrics=("latency",)),
        machine=Machine(devices=(), environment=environment),
        plan=Plan(jobs=jobs(), skips=(), device_title="a cpu"),
        fingerprint="f00",
        defaults={},
    )


def ipython(shell: Any, handle: Handle) -> Any:
    return SimpleNamespace(get_ipython=lambda: shell, display=SimpleNamespace(display=lambda item, display_id: handle))


def test_a_notebook_has_a_line_that_tells_cases_apart(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Handle()
    monkeypatch.setitem(sys.modules, "IPython", ipython(SimpleNamespace(kernel=object()), handle))
    show = notebook.progress_of(prepared(environment))
    assert show is not None
    for job in jobs():
        turn = Turn(standing=case_state.CaseState(job=job), job=job, opening=True)
        show(Progress(turn=turn, visits=1, total=4, records=tuple))
    assert handle.lines == ["1/4 visits · opening resnet50 b=1 (160 px)", "1/4 visits · opening resnet50 b=1 (224 px)"]


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_elsewhere_there_is_none(shell: Any, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ipython(shell, Handle()))
    assert notebook.progress_of(prepared(environment)) is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook.progress_of(prepared(environment)) is None
