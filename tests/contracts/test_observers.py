"""What every observer keeps: it can be entered on any device, says fields of `Noise` or nothing, and leaves nothing behind."""

import threading
from dataclasses import fields

import pytest

from lambdabench.core import registry
from lambdabench.core.record import Noise

OBSERVERS = registry.names("observers")


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "tpu:3", "fake"])
@pytest.mark.parametrize("name", OBSERVERS)
def test_an_observer_says_fields_of_noise_or_nothing(name: str, device: str) -> None:
    before = threading.active_count()
    with registry.load("observers", name).observe(device) as watch:
        watch.warm()
        item = watch.found(3)
    assert set(item) <= {field.name for field in fields(Noise)}
    assert threading.active_count() == before


@pytest.mark.parametrize("name", OBSERVERS)
def test_an_observer_leaves_when_a_visit_fails(name: str) -> None:
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="the network failed"), registry.load("observers", name).observe("cpu"):
        raise RuntimeError("the network failed")
    assert threading.active_count() == before
