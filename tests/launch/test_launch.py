"""The variables of a worker process, and the probe's memory."""

import time
from pathlib import Path

import pytest

from lambdabench import launch
from lambdabench.core.spec import Wish
from lambdabench.machine import host


def test_workers_get_the_threads_and_the_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TOP_PAD_", "7")
    worker_environment = launch.worker_environment(3)
    assert worker_environment["OMP_NUM_THREADS"] == "3"
    assert worker_environment["MALLOC_TOP_PAD_"] == "7", "the user's own setting stays"
    assert "MALLOC_TRIM_THRESHOLD_" in worker_environment


def test_no_setting_of_an_environment_varies_with_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    names = [host.settings(launch.worker_environment(threads)) for threads in (None, 1, 4)]
    assert len(set(names)) == 1


def test_the_probe_is_remembered(tmp_path: Path) -> None:
    first = launch.probe([Wish(model="resnet50", image_px=64)], cache=tmp_path)
    assert first.machine.devices
    start = time.monotonic()
    assert launch.probe([Wish(model="resnet50", image_px=64)], cache=tmp_path) == first
    assert time.monotonic() - start < 1.0
