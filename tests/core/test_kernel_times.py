"""What `auto` chooses by: measured before modelled, never another kind's, the nearest stage, directions that all have."""

import math

import pytest

import lambdabench as lb
from lambdabench import kernels
from lambdabench.core.kernel_times import MEASURED, KernelTime, Stage, of_kind, ranking
from lambdabench.facts import kernel_times

SMALL, LARGE = Stage(batch=1, side=7, scope=7), Stage(batch=1, side=56, scope=23)


def time(kernel: str, seconds: float, **changes: object) -> KernelTime:
    given = {"kind": "A", "origin": "model", "stage": SMALL, "direction": "forward"} | changes
    return KernelTime(kernel=kernel, seconds=seconds, **given)  # pyright: ignore[reportArgumentType]


def test_measured_times_go_before_a_model_and_another_kind_has_no_say() -> None:
    times = [time("a", 1.0), time("b", 2.0, origin=MEASURED), time("c", 0.1, kind="B")]
    assert [item.kernel for item in of_kind(times, "A")] == ["b"]
    assert [item.kernel for item in of_kind(times, "B")] == ["c"]
    assert of_kind(times, "C") == ()


def test_the_nearest_stage_decides_by_the_directions_that_all_have() -> None:
    times = [
        time("a", 1.0),
        time("b", 2.0),
        time("a", 9.0, direction="backward"),
        time("c", math.inf),
        time("b", 1.0, stage=LARGE),
        time("a", 2.0, stage=LARGE),
    ]
    assert ranking(times, 10, 7) == ("a", "b")
    assert ranking(times, 40, 23) == ("b", "a")
    assert ranking((), 7, 7) == ()


def test_auto_takes_the_quickest_of_its_kind_that_runs_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    from lambdabench.kernels import _xla_target

    def chosen(side: int, scope: int) -> str:
        return kernels.choose_xla("auto", (side, side), (side, side), (scope, scope), "tpu")

    monkeypatch.setattr(_xla_target, "kind", lambda: "A")
    times = (time("conv2d", 0.1), time("xla_conv", 1.0), time("xla_rows", 2.0))
    monkeypatch.setattr(kernel_times, "known", lambda: times)
    assert chosen(7, 7) == "xla_conv"  # conv2d is torch's
    monkeypatch.setattr(_xla_target, "kind", lambda: "B")
    assert chosen(7, 7) == "xla_dense"
    assert chosen(56, 7) == "xla_rows"


def test_auto_in_torch_is_the_quickest_of_the_device_that_a_layer_is_moved_to(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    times = [
        *(time(kernel, seconds, kind="meta", origin=MEASURED) for kernel, seconds in (("einsum", 1.0), ("conv2d", 2.0))),
        *(time(kernel, seconds, kind="meta", origin=MEASURED, stage=LARGE) for kernel, seconds in (("einsum", 2.0), ("conv2d", 1.0))),
        time("xla_rows", 0.1, kind="meta", origin=MEASURED),
    ]  # fmt: skip
    monkeypatch.setattr(kernel_times, "known", lambda: times)
    small, large = (lb.create_layer("lambda_layer", 8, 8, scope=7, size=(side, side)) for side in (7, 56))
    here = small.kernel
    assert small.to("meta").kernel == "einsum"
    assert large.to("meta").kernel == "conv2d"
    assert small.to_empty(device="cpu").kernel == here
    named = lb.create_layer("lambda_layer", 8, 8, scope=7, size=(7, 7), kernel="conv2d").to("meta")
    assert named.kernel == "conv2d"
    with torch.device("meta"):
        assert lb.create_layer("lambda_layer", 8, 8, scope=7, size=(7, 7)).kernel == "einsum"
    monkeypatch.setattr(kernel_times, "known", list)
    assert small.to("meta").kernel == "conv2d"  # nothing is known of it


def test_the_shipped_table_is_of_a_model_that_it_names_and_is_read_back() -> None:
    times = kernel_times.shipped()
    assert {item.origin for item in times} == {"libtpu cost model"}
    assert all(item.seconds > 0 for item in times)
    assert {source.partition(":")[0] for source in kernel_times.sources()} == {item.kind for item in times}
    assert all("cost model of libtpu" in source for source in kernel_times.sources())
    text = kernel_times.table(times, ("source", "another"))
    assert text.startswith("# source\n# another\nkind,origin,")
    assert len(text.splitlines()) == 3 + len(times)
    assert kernel_times.table(times, kernel_times.sources()) == kernel_times.FILE.read_text()


def test_a_shipped_direction_never_hides_another() -> None:
    """Where kernels share no direction nothing ranks them."""
    forward = {(item.kind, item.stage, item.kernel) for item in kernel_times.shipped() if item.direction == "forward"}
    assert {(item.kind, item.stage, item.kernel) for item in kernel_times.shipped()} == forward
