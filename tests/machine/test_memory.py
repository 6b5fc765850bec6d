"""Extra memory of a piece of work: seen where it is taken, not seen where it is not, and said how it was read."""

import mmap
from pathlib import Path

import pytest

from lambdabench.machine.memory import HostMeter, trim

TAKEN = 64 * 2**20


def take() -> str:
    """Touches 64 MiB of pages and gives them back."""
    with mmap.mmap(-1, TAKEN) as pages:
        pages.write(b"\1" * TAKEN)
    return "result"


def test_the_peak_is_seen_after_it_is_gone() -> None:
    meter = HostMeter()
    if meter.name != "clear_refs":
        pytest.skip("the kernel does not let this process reset its peak")
    extra, result = meter.measure(take)
    again, _ = meter.measure(take)
    nothing, _ = meter.measure(lambda: None)
    assert result == "result"
    assert 0.9 * TAKEN < extra < 3 * TAKEN
    assert 0.9 * TAKEN < again < 3 * TAKEN
    assert nothing < TAKEN / 8


def test_without_reset_the_name_says_so_and_growth_is_never_negative(tmp_path: Path) -> None:
    meter = HostMeter(tmp_path / "absent")
    assert meter.name == "ru_maxrss"
    extra, result = meter.measure(take)
    assert result == "result"
    assert extra >= 0


def test_peak_and_start_are_read_from_status(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    1500 kB\nVmRSS:\t    1000 kB\n")
    meter = HostMeter(tmp_path)
    assert meter.name == "clear_refs"
    assert meter.measure(lambda: "result") == (500 * 1024.0, "result")
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_a_status_without_the_line_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\n")
    with pytest.raises(OSError, match="status has no VmRSS"):
        HostMeter(tmp_path).measure(lambda: None)


def test_trim_can_be_called_anywhere() -> None:
    trim()
