"""What observers found of a visit is one passport."""

import contextlib
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.worker import visit_observers


class Watch:
    def __init__(self, text: Mapping[str, Any]) -> None:
        self.told, self.said = text, list[str]()

    def warm(self) -> None:
        self.said.append("warm")

    def found(self, calls: int) -> Mapping[str, Any]:
        self.said.append(f"found {calls}")
        return self.told


def scripted(patch: pytest.MonkeyPatch, *watches: Watch) -> None:
    def entering(watch: Watch) -> Any:
        @contextlib.contextmanager
        def observe(device: str) -> Iterator[Watch]:
            watch.said.append(device)
            try:
                yield watch
            finally:
                watch.said.append("left")

        return SimpleNamespace(observe=observe)

    patch.setattr(visit_observers, "observers", lambda: [entering(watch) for watch in watches])


def test_all_observers_are_entered_warmed_and_asked_and_what_one_does_not_know_the_other_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Watch({"cpu_pressure": 0.25, "power_w": None})
    card = Watch({"power_w": 500.0, "throttle": "", "cpu_pressure": None})
    scripted(monkeypatch, host, card)
    with visit_observers.around("cuda:1") as watching:
        watching.warm()
        noise = watching.noise(7)
    assert (noise.cpu_pressure, noise.power_w, noise.throttle, noise.steal) == (0.25, 500.0, "", None)
    assert host.said == card.said == ["cuda:1", "warm", "found 7", "left"]


def test_a_visit_that_fails_leaves_no_observer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch({})
    scripted(monkeypatch, watch)
    with pytest.raises(MemoryError), visit_observers.around("cpu"):
        raise MemoryError
    assert watch.said == ["cpu", "left"]
