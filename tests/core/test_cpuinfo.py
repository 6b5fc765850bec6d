"""One reading of /proc/cpuinfo for all who ask."""

import platform
from pathlib import Path

import pytest

from lambdabench.core import cpuinfo

X86 = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2: odd\n\nprocessor\t: 1\nmodel name\t: Other\nflags\t\t: fpu\n"
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd sve\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("text", "name", "flags"),
    [
        (X86, "Some CPU @ 2 GHz", "fpu avx2: odd"),
        (ARM, "a name", "fp asimd sve"),
        ("", "a name", ""),
        (None, "a name", ""),
    ],
)
def test_a_processor_is_told_as_x86_as_arm_and_not_at_all(
    text: str | None, name: str, flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "processor", lambda: "a name")
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    assert (cpuinfo.name(path), cpuinfo.instruction_sets(path)) == (name, flags)


def test_what_is_no_text_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_bytes(b"model name\t: caf\xe9\n")
    assert cpuinfo.name(path) == "caf\ufffd"
    assert cpuinfo.read(tmp_path) == {}
