"""Devices are looked at anew for every run: another GPU is another machine, one that is absent or busy is never remembered as that."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from lambdabench import launch, plan
from lambdabench.core import codec
from lambdabench.core.identity import fingerprint
from lambdabench.core.spec import Case, Cell, Device, Environment, Machine, Suite
from lambdabench.launch import unlisted_devices
from lambdabench.machine.accelerators import Accelerator, told

probing = importlib.import_module("lambdabench.launch.probe")  # the package's `probe` is the function
CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager", "jax_jit"), gemm_flop_per_s=1e11)


def gpu(title: str, **changes: Any) -> Accelerator:
    return Accelerator(
        **({"kind": "cuda", "title": title, "uuid": f"GPU-{title}", "memory_bytes": 80 * 2**30} | changes)
    )


def device(title: str, **changes: Any) -> Device:
    return Device(name="cuda:0", title=title, memory_bytes=2**36, backends=("torch_eager",), **changes)


class Bench:
    """A machine whose accelerators come and go: `here` is what the look finds, `probed` what a probe would."""

    def __init__(self, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here: tuple[Accelerator, ...] = ()
        self.probed: tuple[Device, ...] = ()
        self.asked, self._environment = 0, environment
        self.versions = {"torch": "2.15.0+cu130"}
        monkeypatch.setattr(probing.accelerators, "look", lambda: self.here)
        monkeypatch.setattr(unlisted_devices.host, "package_version", lambda name: self.versions.get(name, ""))
        monkeypatch.setattr(probing, "ask", self._ask)

    def _ask(self, errand: str, folder: Path, **_: Any) -> str:
        self.asked += 1
        usable = tuple(item for item in self.probed if not item.problem)
        environment = Environment(
            lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1, gpu=usable[0].title, gpus=told(self.here)
        )
        busy = tuple(item for item in self.probed if item.problem)
        codec.write(folder / "machine.json", Machine(devices=usable, environment=environment, busy=busy))
        codec.write(folder / "names.json", ())
        codec.write(folder / "catalogue.json", ())
        return ""


@pytest.fixture
def bench(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(environment, monkeypatch)


def test_another_gpu_is_another_machine_and_none_is_none(bench: Bench, tmp_path: Path) -> None:
    machines: list[Machine] = []
    for title in ("A100", "H100", "", "A100"):
        bench.here = (gpu(title),) if title else ()
        bench.probed = (*([device(title)] if title else []), CPU)
        machines += [launch.probe((), cache=tmp_path).machine for _ in range(2)]
    assert [machine.devices[0].title for machine in machines] == [
        name for name in ("A100", "H100", "a cpu", "A100") for _ in "ab"
    ]
    assert bench.asked == 3, "each is remembered by itself"
    assert len({fingerprint(machine.environment) for machine in machines}) == 3


@pytest.mark.parametrize("change", [{"uuid": "GPU-2"}, {"memory_bytes": 40 * 2**30}, {"mig": "MIG"}, {"driver": "571"}])
def test_each_part_of_a_gpus_identity_makes_another_machine(
    change: dict[str, Any], bench: Bench, tmp_path: Path
) -> None:
    prints: set[str] = set()
    bench.probed = (device("A100"), CPU)
    for changes in ({}, change):
        bench.here = (gpu("A100", **changes),)
        prints.add(fingerprint(launch.probe((), cache=tmp_path).machine.environment))
    assert (bench.asked, len(prints)) == (2, 2)


def test_a_busy_device_is_named_and_never_remembered(bench: Bench, tmp_path: Path) -> None:
    bench.here = (gpu("A100", holders=((2**30, 38 * 2**30),)),)
    bench.probed = (CPU,)  # a driver that gives it to nobody else does not even count it
    (absent,) = launch.probe((), cache=tmp_path).machine.busy
    assert (absent.name, absent.problem) == ("cuda:0", f"process {2**30} holds 38.0 GiB")
    bench.probed = (CPU, device("A100", problem="CUDA error: all devices are busy"))
    (busy,) = launch.probe((), cache=tmp_path).machine.busy
    assert busy.problem == f"CUDA error: all devices are busy (process {2**30} holds 38.0 GiB)"
    assert not list(tmp_path.iterdir())
    bench.here, bench.probed = (gpu("A100"),), (device("A100"), CPU)
    free = launch.probe((), cache=tmp_path).machine
    assert (free.devices[0].name, free.busy, bench.asked) == ("cuda:0", (), 3)


def test_a_device_that_nothing_here_drives_is_no_absence(bench: Bench, tmp_path: Path) -> None:
    bench.versions, bench.here, bench.probed = {"torch": "2.15.0+cpu"}, (gpu("A100"), gpu("i", kind="xpu")), (CPU,)
    for _ in range(2):
        assert launch.probe((), cache=tmp_path).machine.busy == ()
    assert bench.asked == 1
    bench.versions = {"torch": "2.15.0+cpu", "jax-cuda13-plugin": "0.10"}
    (absent,) = launch.probe((), cache=tmp_path).machine.busy
    assert (absent.backends, absent.problem) == (("jax_jit",), "jax_jit found none to use")


def test_amds_device_that_nothing_finds_is_called_as_cases_call_it(bench: Bench, tmp_path: Path) -> None:
    bench.versions, bench.here, bench.probed = {"torch": "2.15.0+rocm6.4"}, (gpu("MI300X", kind="rocm"),), (CPU,)
    (absent,) = launch.probe((), cache=tmp_path).machine.busy
    assert absent.name == "cuda:0"
    bench.probed = (device("MI300X"), CPU)
    assert [launch.probe((), cache=tmp_path).machine.busy for _ in "ab"] == [(), ()]
    assert bench.asked == 2, "found, it is remembered"


def test_a_device_that_the_look_does_not_see_is_not_remembered(bench: Bench, tmp_path: Path) -> None:
    bench.probed = (device("A100"), CPU)
    launch.probe((), cache=tmp_path)
    bench.probed = (device("H100"), CPU)
    assert launch.probe((), cache=tmp_path).machine.devices[0].title == "H100"


BUSY = Machine(
    devices=(CPU,),
    environment=Environment(lambdabench="0", cpu="", cpu_flags="", cores=1, memory_gib=1),
    busy=(device("A100", problem="process 7 holds 38.0 GiB"),),
)


@pytest.mark.parametrize("cell", [Cell(case=Case(model="a", device="cuda"), grid="g"),
    Cell(case=Case(model="a", device="cuda:0"), grid="g"),
    Cell(case=Case(model="a"), grid="g"),
    Cell(case=Case(model="a"), grid="g", prefer=("tpu", "cuda")),
])  # fmt: skip
def test_cases_for_a_busy_device_are_skipped_under_its_own_name(cell: Cell) -> None:
    """And not measured on a CPU in its place, nor stored as a case of the CPU's."""
    result = plan.make(Suite(name="s", cells=(cell,), metrics=("latency",)), BUSY, {}, {}, plan.Request())
    (skip,) = result.skips
    assert (result.jobs, result.fallback, skip.status, skip.case.device.partition(":")[0]) == (
        (),
        "",
        "skipped",
        "cuda",
    )
    assert skip.reason == (
        "device cuda:0 (A100) is here and busy: process 7 holds 38.0 GiB; run again when it is free, or use another --device"
    )
    with pytest.raises(Exception, match="is here and busy"):
        plan.make(Suite(name="s", cells=(cell,), metrics=()), BUSY, {}, {}, plan.Request(device_asked=True))


def test_a_busy_device_stops_no_case_of_another(environment: Environment) -> None:
    cells = (
        Cell(case=Case(model="a", device="cpu"), grid="g"),
        Cell(case=Case(model="b", backend="jax_jit"), grid="g"),
    )
    jobs = plan.make(Suite(name="s", cells=cells, metrics=("latency",)), BUSY, {}, {}, plan.Request()).jobs
    assert {job.case.device for job in jobs} == {"cpu"}
