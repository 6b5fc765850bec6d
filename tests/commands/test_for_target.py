"""Suites for machines that are not here: planned as if they were, halved by what the compiler says, kept as a table."""

from pathlib import Path

import pytest

from lambdabench.commands.for_target import compile_cases, machine_of
from lambdabench.core.ahead import CaseAhead, Compiled
from lambdabench.core.errors import MissingExtraError, UnknownNameError
from lambdabench.core.spec import Case, Environment, Machine
from lambdabench.core.targets import target_of, variables
from lambdabench.facts import ahead
from lambdabench.launch import ahead as launch

TARGET = target_of("v5e-8")
CASE = Case(model="resnet50_cccc", backend="jax_jit", device="tpu:0", devices=8, batch_size=1024, image_px=224)
GIB = 2**30


def compiler(fixed_gib: float, gib_an_image: float) -> tuple[list[int], object]:
    """(Batches that it was asked for, a compiler of a linear program)."""
    batches: list[int] = []

    def compiled(asked: CaseAhead, limit_s: float) -> Compiled:
        batches.append(asked.case.batch_size)
        needed_bytes = int((fixed_gib + gib_an_image * asked.case.batch_size) * GIB)
        if needed_bytes > asked.target.memory_bytes:
            return Compiled(status="too_large", needed_bytes=needed_bytes, seconds=1.0)
        return Compiled(status="fits", argument_bytes=GIB, extra_bytes=needed_bytes - GIB, seconds=2.0, libtpu="1")

    return batches, compiled


def test_a_batch_is_halved_until_it_fits_and_hopeless_halves_are_left_out() -> None:
    batches, compiled = compiler(2.0, 0.1)
    (row,) = compile_cases(TARGET, [CASE], compile_=compiled)  # pyright: ignore[reportArgumentType]
    assert batches == [1024, 128]  # half of 104 GiB, and half of that, cannot fit
    assert (row.status, row.fits, row.needed_gib) == ("too_large", 128, 104.4)
    assert row.arguments_gib + row.extra_gib == pytest.approx(14.8, abs=0.01)


def test_what_never_fits_or_does_not_end_says_so() -> None:
    _, compiled = compiler(20.0, 0.1)
    (row,) = compile_cases(TARGET, [CASE], compile_=compiled)  # pyright: ignore[reportArgumentType]
    assert (row.status, row.fits) == ("too_large", 0)
    (late,) = compile_cases(
        TARGET, [CASE], compile_=lambda asked, limit_s: Compiled(status="unfinished", reason="slow")
    )
    assert (late.status, late.fits, late.reason) == ("unfinished", 0, "slow")


def test_rows_are_found_again_by_the_case_that_they_are_of(tmp_path: Path) -> None:
    _, compiled = compiler(1.0, 0.01)
    row, *_ = compile_cases(TARGET, [CASE], compile_=compiled)  # pyright: ignore[reportArgumentType]
    path = tmp_path / "ahead.csv"
    path.write_text(ahead.text_of([row]))
    assert ahead.read(path) == (row,)
    assert ahead.find(ahead.read(path), "v5e-8", CASE) == row
    assert ahead.find(ahead.read(path), "v4-8", CASE) is None
    assert ahead.joined([row], [row]) == (row,)
    assert ahead.read(tmp_path / "none.csv") == ()


def test_a_target_is_a_machine_of_its_chips() -> None:
    here = Machine(
        devices=(),
        environment=Environment(lambdabench="0", cpu="", cpu_flags="", cores=2, memory_gib=8, python="3.11"),
    )
    machine = machine_of(TARGET, here)
    assert [device.name for device in machine.devices] == [f"tpu:{index}" for index in range(8)]
    assert variables(TARGET)["TPU_ACCELERATOR_TYPE"] == "v5litepod-8"
    with pytest.raises(UnknownNameError, match="did you mean 'v5e-8'"):
        target_of("v5e8")


def test_without_a_compiler_that_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(errand: str, folder: Path, **_: object) -> str:
        (folder / "answer.json").write_text('{"status": "absent", "reason": "needs libtpu: pip install"}')
        return ""

    monkeypatch.setattr(launch, "ask", answered)
    with pytest.raises(MissingExtraError, match="pip install"):
        launch.compile_case(CaseAhead(target=TARGET, case=CASE), limit_s=1.0)
