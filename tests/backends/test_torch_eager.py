"""torch's eager runtime does what the case asks and reads back what is in force."""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from lambdabench.backends import _torch_clocks, _torch_devices, _torch_precision, _torch_session, torch_eager
from lambdabench.core.errors import MismatchError, UnsupportedError
from lambdabench.core.spec import Case
from lambdabench.models.classification.torch import Classification


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    """Threads and precision are the process's: put back what was in force."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    _torch_precision.set_products(torch, "float32")


def case(**changes: Any) -> Case:
    given = {"model": "m", "device": "cpu", "batch_size": 2, "image_px": 8, "param_dtype": "float32", "threads": 1}
    return Case(**(given | changes))


def workload(*more: nn.Module) -> Classification:
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    return Classification(network=nn.Sequential(*body, *more), classes=5)


def session(given: Classification | None = None, **changes: Any) -> Any:
    return torch_eager.open_session(given or workload(), case(**changes), 0)


def test_the_cpu_is_the_last_device_and_says_what_it_is() -> None:
    *_, cpu = torch_eager.find_devices()
    assert (cpu.name, cpu.kind, cpu.backends) == ("cpu", "cpu", ("torch_eager",))
    assert cpu.title
    assert cpu.memory_bytes > 2**28
    assert cpu.gemm_flop_per_s is not None
    assert cpu.gemm_flop_per_s > 1e8
    assert torch_eager.FRAMEWORK == "torch"


@pytest.mark.parametrize("groups", [1, 3, 12])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_a_convolutions_gradients_cost_what_it_costs(groups: int, kind: type[nn.Module]) -> None:
    """The second layer, whose input has a gradient too; the first has none."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 12, 1), kind(12, 12, 3, stride=2, groups=groups), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(*layers)
    first = 2 * 2 * 64 * 3 * 12
    positions = 9 if kind is nn.Conv2d else 64
    second = 2 * 2 * positions * 12 * (12 // groups) * 9
    given = Classification(network=network, classes=12)
    assert session(given, mode="train").flops() == 2 * first + 3 * second
    assert session(given).flops() == first + second


def test_inference_is_evaluation_without_gradients() -> None:
    item = session()
    output = item.call()
    assert output.is_inference()
    effective = item.effective(output)
    assert (effective.mode, effective.device, effective.param_dtype, effective.output_dtype, effective.autocast) == (
        "inference", "cpu", "float32", "float32", "",
    )  # fmt: skip
    assert (effective.layout, effective.threads, effective.matmul, effective.batch_size) == (
        "contiguous",
        1,
        "highest",
        2,
    )
    assert item.check(output) == ""


def test_a_part_left_in_training_is_seen() -> None:
    given = workload()
    item = session(given)
    given.network[1].train()
    assert item.effective(item.call()).mode == "mixed"


def test_a_training_step_moves_the_weights_and_the_statistics() -> None:
    given = workload()
    before = {key: tensor.clone() for key, tensor in given.network.state_dict().items()}
    item = session(given, mode="train")
    output = item.call()
    after = given.network.state_dict()
    unmoved = [key for key in before if torch.equal(before[key], after[key])]
    assert set(unmoved) <= {"0.bias"}, "batch norm takes the bias before it out again"
    assert all(parameter.grad is None for parameter in given.network.parameters())
    assert not output.requires_grad
    assert item.effective(output).mode == "train"


@pytest.mark.parametrize("mode", ["inference", "train"])
@pytest.mark.parametrize(
    ("dtype", "param_dtype", "output_dtype", "autocast"),
    [
        ("float32", "float32", "float32", ""),
        ("bfloat16", "float32", "bfloat16", "bfloat16"),
        ("bfloat16", "bfloat16", "bfloat16", ""),
    ],
)
def test_precision_is_what_was_asked(mode: str, dtype: str, param_dtype: str, output_dtype: str, autocast: str) -> None:
    item = session(mode=mode, dtype=dtype, param_dtype=param_dtype)
    effective = item.effective(item.call())
    assert (effective.param_dtype, effective.output_dtype, effective.autocast) == (param_dtype, output_dtype, autocast)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_layout_is_read_off_weights_and_images(layout: str) -> None:
    item = session(layout=layout)
    assert item.effective(item.call()).layout == layout


def test_a_weight_in_another_layout_is_seen() -> None:
    given = workload()
    item = session(given, layout="channels_last")
    given.network[0].weight.data = given.network[0].weight.data.contiguous()
    assert item.effective(item.call()).layout == "mixed"


def test_five_dimensional_weights_keep_their_own_layout() -> None:
    given = Classification(
        network=nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 5, (3, 8, 8)), nn.Flatten()), classes=5
    )
    item = session(given, layout="channels_last")
    assert item.check(item.call()) == ""


def test_both_layouts_give_the_same_numbers() -> None:
    first, second = (session(layout=layout).call() for layout in ("contiguous", "channels_last"))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({"devices": 2}, "leave out --devices"),
        ({"dtype": "tf32"}, "use --dtype float32"),
        ({"options": (("cudnn_benchmark", True),)}, "cuDNN is not of cpu; leave out cudnn_benchmark"),
        ({"options": (("caches", "hot"),)}, "use one of warm, cold"),
        ({"dtype": "float32_default"}, "what JAX's compiler takes for float32; use --dtype float32 or tf32"),
        ({"dtype": "tf32", "device": "cuda:0", "param_dtype": "bfloat16"}, "tf32 compute on bfloat16 parameters"),
        ({"param_dtype": "bfloat16"}, "use --dtype"),
    ],
)
def test_what_torch_cannot_do_is_refused_with_the_fix(changes: dict[str, Any], fix: str) -> None:
    with pytest.raises(UnsupportedError, match=fix):
        session(**changes)


def test_threads_are_set_and_read_back() -> None:
    item = session(threads=2)
    assert item.effective(item.call()).threads == torch.get_num_threads() == 2


def test_counts() -> None:
    item = session()
    weights = (3 * 9 * 4 + 4) + 2 * 4 + (4 * 5 + 5)
    assert (item.parameters(), item.parameter_bytes()) == (weights, 4 * weights)
    assert item.input_bytes() == 4 * 2 * 3 * 8 * 8
    forward = 2 * 2 * (36 * 4 * 27 + 4 * 5)
    assert item.flops() == forward
    assert 2 * forward <= session(mode="train").flops() <= 3 * forward


def test_calls_on_a_cpu_are_synchronous_and_each_takes_time() -> None:
    item = session()
    item.synchronize()
    assert (item.asynchronous, item.meter) == (False, None)
    times = item.time_calls(3)
    assert len(times) == 3
    assert min(times) > 0


def test_outputs_that_are_not_numbers_or_of_another_shape_are_wrong() -> None:
    item = session()
    output = item.call().clone()
    output[0, 1] = math.nan
    assert item.check(output) == "1 of 10 outputs are not finite"
    assert "expected (2, 5)" in item.check(output[:, :2])


def test_seed_decides_the_inputs() -> None:
    first, same, other = (torch_eager.open_session(workload(), case(), seed).call() for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_an_exported_program_runs_in_the_mode_it_holds() -> None:
    network = workload().network.eval()
    exported = torch.export.export(network, (torch.randn(2, 3, 8, 8),)).module()
    item = session(Classification(network=exported, classes=5))
    output = item.call()
    assert item.check(output) == ""
    assert item.effective(output).mode == "", "no flag says it"
    with pytest.raises(UnsupportedError, match="use --mode inference"):
        session(Classification(network=exported, classes=5), mode="train")


class Accelerator:
    """Two devices that are not there. Says, in order, where each thing went: what names no device goes to the current one."""

    def __init__(self) -> None:
        self.current, self.told = torch.device("cuda:0"), list[str]()

    def set_device(self, device: torch.device) -> None:
        self.current = device
        self.told.append(f"set {device}")

    def place(self, device: torch.device, what: Any) -> Any:
        self.told.append(f"place {device}")
        return what

    def synchronize(self) -> None:
        self.told.append(f"synchronize {self.current}")

    def make_event(self, *, enable_timing: bool) -> Any:
        assert enable_timing
        names, record = self.told, f"record {self.current}"
        return SimpleNamespace(record=lambda: names.append(record), elapsed_time=lambda end: 1.0)


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Accelerator:
    """In the place of torch's modules of devices; what is placed on it stays on the CPU."""
    result = Accelerator()
    for module in (torch.cuda, torch.xpu, torch.mps):
        monkeypatch.setattr(module, "set_device", result.set_device, raising=False)
        monkeypatch.setattr(module, "synchronize", result.synchronize)
        monkeypatch.setattr(module, "Event", result.make_event, raising=False)
    monkeypatch.setattr(_torch_devices, "start_libraries", lambda device: result.told.append(f"start {device}"))
    for name in ("_placed", "_to_device"):
        monkeypatch.setattr(_torch_session.TorchSession, name, lambda self, what: result.place(self._device, what))
    return result


@pytest.mark.parametrize("device", ["cuda:1", "xpu:1"])
def test_a_device_is_the_current_one_before_anything_is_placed(device: str, accelerator: Accelerator) -> None:
    item = session(device=device)
    assert accelerator.told[0] == f"set {device}"
    assert accelerator.told[1] == f"start {device}"
    assert set(accelerator.told[2:]) == {f"place {device}"}
    accelerator.told.clear()
    assert len(item.time_calls(2)) == 2
    made_before = ["record"] * 4  # an event is made when it is first recorded, which must not be timed
    by_events = [*made_before, "synchronize", *["record", "record", "synchronize"] * 2]
    timed = by_events if device == "cuda:1" else ["synchronize"] * 2
    assert accelerator.told == [f"{what} {device}" for what in timed]
    assert len(item.by_host) == (2 if device == "cuda:1" else 0), "where events tell, the host's clock does too"


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_a_device_that_is_the_only_one_of_its_kind_is_current_anyway(device: str, accelerator: Accelerator) -> None:
    session(device=device)
    assert not [name for name in accelerator.told if name.startswith("set")]


def test_cold_calls_begin_with_empty_caches_and_are_timed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flush is not timed, and no pipelined block, whose calls would find each other's caches, stands beside."""
    order: list[str] = []
    monkeypatch.setattr(_torch_clocks, "flush_of", lambda torch, device: lambda: order.append("flush"))
    item = session(options=(("caches", "cold"),))
    monkeypatch.setattr(item, "call", lambda: order.append("call"))
    assert len(item.time_calls(2)) == 2
    assert order == ["flush", "call", "flush", "call"]
    assert not item.asynchronous
    order.clear()
    warm = session()
    warm.time_calls(2)
    assert order == []


def test_a_flush_writes_more_than_caches_hold() -> None:
    flushed = _torch_clocks.flush_of(torch, torch.device("cpu"))()
    assert flushed.numel() * flushed.element_size() == _torch_clocks.FLUSHED_BYTES


def test_on_a_gpu_the_flush_ends_before_the_first_event(
    accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_torch_clocks, "flush_of", lambda torch, device: lambda: accelerator.told.append("flush"))
    item = session(device="cuda:1", options=(("caches", "cold"),))
    accelerator.told.clear()
    item.time_calls(1)
    names = [name.removesuffix(" cuda:1") for name in accelerator.told]
    assert names[names.index("flush") :] == ["flush", "synchronize", "record", "record", "synchronize"]


@pytest.mark.parametrize("asked", [False, True])
def test_cudnns_search_is_what_the_case_says(
    asked: bool, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", not asked)
    session(device="cuda:0", options=(("cudnn_benchmark", asked),))
    assert torch.backends.cudnn.benchmark == asked
    _torch_precision.refuse_other_search(torch, asked)
    with pytest.raises(MismatchError, match=f"benchmark is {asked} instead of {not asked}"):
        _torch_precision.refuse_other_search(torch, not asked)


def test_a_devices_libraries_start_before_any_case_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first case of a process, which the order decides, had their start in its first call."""
    ran: list[str] = []
    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda *size, device: ran.append(device) or ones(*size))
    _torch_devices.start_libraries.cache_clear()
    for device in ("cuda:0", "cpu", "cuda:0", "cuda:1"):
        _torch_devices.start_libraries(device)
    assert ran == ["cuda:0", "cuda:1"]
    _torch_devices.start_libraries.cache_clear()


class WithoutFloat64(torch.Tensor):
    """A tensor as Apple's GPU and Intel's Arc have it: nothing of it is ever float64."""

    def double(self) -> torch.Tensor:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")

    def cpu(self, *_: Any) -> torch.Tensor:
        return self.as_subclass(torch.Tensor)


def test_outputs_of_a_device_without_float64_are_read() -> None:
    item = session()
    assert item.values(torch.tensor([[1.5, 2.5]]).as_subclass(WithoutFloat64)) == (1.5, 2.5)
    assert item.values(torch.tensor([[0.1]], dtype=torch.float64)) == (0.1,)


@pytest.mark.parametrize("device", ["cuda:0", "xpu:0", "mps"])
def test_every_device_gives_back_what_its_allocator_keeps(
    device: str, accelerator: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[str] = []
    for kind in ("cuda", "xpu", "mps"):
        monkeypatch.setattr(getattr(torch, kind), "empty_cache", lambda kind=kind: emptied.append(kind))
    session(device=device).rest()
    assert emptied == [device.partition(":")[0]]


def test_a_device_is_named_as_cases_name_it() -> None:
    names = {name: _torch_session._device_name(torch.device(name)) for name in ("mps:0", "cpu", "cuda:1", "xpu:0")}
    assert names == {"mps:0": "mps", "cpu": "cpu", "cuda:1": "cuda:1", "xpu:0": "xpu:0"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_calls_are_timed_by_events_and_memory_by_the_allocator() -> None:
    item = session(device="cuda:0", dtype="tf32")
    output = item.call()
    assert item.asynchronous
    assert (item.effective(output).device, item.effective(output).matmul) == ("cuda:0", "high")
    assert min(item.time_calls(3)) > 0
    assert item.meter.measure(item.call)[0] > 0
    item.close()
