"""What control groups leave and count, read from files that are written here: both generations, nested, in a container or not."""

from pathlib import Path

import pytest

from lambdabench.machine import cgroups, host

GIB = 2**30
NO_LIMIT = "9223372036854771712"


def write(folder: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """(proc, root) of the files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "proc", folder / "cg"


@pytest.mark.parametrize(
    ("files", "left", "limit"),
    [
        ({}, None, None),
        ({"proc/self/cgroup": "0::/\n"}, None, None),
        (
            {"proc/self/cgroup": "0::/a\n", "cg/a/memory.max": "max\n", "cg/a/memory.current": "5"},
            None,
            None,
        ),
        (
            {"proc/self/cgroup": "0::/a\n", "cg/a/memory.max": str(4 * GIB), "cg/a/memory.current": str(GIB)},
            3 * GIB,
            4 * GIB,
        ),
        (  # the tighter one is above
            {
                "proc/self/cgroup": "0::/a/b\n",
                "cg/a/b/memory.max": str(8 * GIB),
                "cg/a/b/memory.current": str(GIB),
                "cg/a/memory.max": str(4 * GIB),
                "cg/a/memory.current": str(2 * GIB),
            },
            2 * GIB,
            4 * GIB,
        ),
        (  # pages of files are given back
            {
                "proc/self/cgroup": "0::/a\n",
                "cg/a/memory.max": str(4 * GIB),
                "cg/a/memory.current": str(3 * GIB),
                "cg/a/memory.stat": f"anon {GIB}\ninactive_file {GIB}\nactive_file {GIB}\n",
            },
            3 * GIB,
            4 * GIB,
        ),
        (  # a soft limit is one
            {
                "proc/self/cgroup": "0::/a\n",
                "cg/a/memory.max": "max",
                "cg/a/memory.high": str(GIB),
                "cg/a/memory.current": str(2 * GIB),
            },
            0,
            GIB,
        ),
        (  # a container's own group is its root; the path is the host's
            {
                "proc/self/cgroup": "0::/system.slice/docker-1.scope\n",
                "cg/memory.max": str(2 * GIB),
                "cg/memory.current": str(GIB),
            },
            GIB,
            2 * GIB,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu:/\n4:memory:/slurm/job_1\n0::/\n",
                "cg/memory/slurm/job_1/memory.limit_in_bytes": str(4 * GIB),
                "cg/memory/slurm/job_1/memory.usage_in_bytes": str(GIB),
                "cg/memory/slurm/job_1/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB // 2}\n",
                "cg/memory/memory.limit_in_bytes": NO_LIMIT,
                "cg/memory/memory.usage_in_bytes": str(9 * GIB),
            },
            3 * GIB + GIB // 2,
            4 * GIB,
        ),
    ],
)
def test_memory_is_what_the_tightest_group_leaves(
    files: dict[str, str], left: int | None, limit: int | None, tmp_path: Path
) -> None:
    proc, root = write(tmp_path, {**files, "cg/cgroup.controllers": ""})
    assert (cgroups.available_bytes(proc, root), cgroups.limit_bytes(proc, root)) == (left, limit)


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, None),
        ({"proc/vmstat": "pgfault 7\noom_kill 3\n"}, 3),
        (  # another group's kills are not this one's
            {
                "proc/self/cgroup": "0::/a\n",
                "proc/vmstat": "oom_kill 3\n",
                "cg/a/memory.events": "low 0\noom 2\noom_kill 1\n",
            },
            1,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/a\n",
                "proc/vmstat": "oom_kill 3\n",
                "cg/memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            },
            2,
        ),
        ({"proc/self/cgroup": "0::/a\n", "proc/vmstat": "oom_kill 3\n", "cg/a/memory.max": "max"}, 3),
    ],
)
def test_the_kernels_kills_are_counted(files: dict[str, str], count: int | None, tmp_path: Path) -> None:
    assert cgroups.oom_kills(*write(tmp_path, {**files, "cg/cgroup.controllers": ""})) == count


def test_groups_beside_the_first_generation_have_a_folder_of_their_own(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "3:cpu:/\n0::/a\n",
        "cg/unified/a/memory.max": "7",
        "cg/unified/a/memory.current": "3",
    }
    assert cgroups.available_bytes(*write(tmp_path, files)) == 4


def test_what_is_free_is_within_the_groups_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.cgroups, "available_bytes", lambda: 12345)
    monkeypatch.setattr(host.cgroups, "limit_bytes", lambda: 23456)
    assert (host.available_bytes(), host.allowed_bytes()) == (12345, 23456)
