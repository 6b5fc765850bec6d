"""What every backend keeps, ours and outsiders': a new module is tested by being there."""

import functools
import importlib
from typing import Any

import exported_networks
import pytest

from lambdabench.core import registry
from lambdabench.core.errors import MissingExtraError, UnsupportedError
from lambdabench.core.exported import FORMATS
from lambdabench.core.ports import Session, Workload
from lambdabench.core.spec import Case, Device, Library
from lambdabench.machine.memory import HostMeter
from lambdabench.worker.opening_metrics import LiveBench, difference


class TorchWorkload:
    """One convolution and a mean, with four outputs an image."""

    weights = "random"

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")
        nn = self.torch.nn
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        maker = self.torch.Generator().manual_seed(seed)
        px = case.image_px
        images = self.torch.randn(case.batch_size, 3, px, px, generator=maker)
        return (images, self.torch.zeros(case.batch_size, dtype=self.torch.long))[: 2 if case.mode == "train" else 1]

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        return self.torch.nn.functional.cross_entropy(output, inputs[1])

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[:1]

    def check(self, output: Any, case: Case) -> str:
        return "" if output.shape == (case.batch_size, 4) else f"shape {tuple(output.shape)}"

    def features(self, output: Any, case: Case) -> str:
        return ""


class JaxWorkload:
    """The same in JAX."""

    weights = "random"

    def __init__(self) -> None:
        pytest.importorskip("jax")
        self.nnx = pytest.importorskip("flax.nnx")
        conv = self.nnx.Conv(3, 4, (3, 3), padding="VALID", rngs=self.nnx.Rngs(0))
        self.network = self.nnx.Sequential(conv, lambda maps: maps.mean((1, 2)))

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        numpy = pytest.importorskip("numpy")
        maker = numpy.random.default_rng(seed)
        images = maker.standard_normal((case.batch_size, case.image_px, case.image_px, 3), dtype=numpy.float32)
        return (images, numpy.zeros(case.batch_size, numpy.int32))[: 2 if case.mode == "train" else 1]

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        import jax

        return -jax.nn.log_softmax(output)[:, 0].mean()

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[:1]

    def check(self, output: Any, case: Case) -> str:
        return "" if output.shape == (case.batch_size, 4) else f"shape {tuple(output.shape)}"

    def features(self, output: Any, case: Case) -> str:
        return ""


def file_in(format_: str) -> Any:
    """A file of the same."""
    for name in ("torch", *importlib.import_module(f"lambdabench.tasks.exporters.{format_}").PACKAGES):
        pytest.importorskip(name)
    return exported_networks.small(format_)


WORKLOADS: dict[str, Any] = {
    "": lambda: None,
    "torch": TorchWorkload,
    "jax": JaxWorkload,
    **{name: functools.partial(file_in, name) for name in FORMATS},
}


@pytest.fixture(params=registry.names("backends"))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def backend(name: str) -> Any:
    return registry.load("backends", name)


def open_small(backend: Any, name: str, **fields: Any) -> tuple[Session, Case]:
    """A session on the CPU, or on the device of a backend without a framework."""
    if backend.FRAMEWORK not in WORKLOADS:
        pytest.skip(f"no small workload is written for {backend.FRAMEWORK}")
    workload: Workload | None = WORKLOADS[backend.FRAMEWORK]()
    device = "fake" if not backend.FRAMEWORK else "cpu"
    settings: dict[str, Any] = {"batch_size": 2, "image_px": 8, "param_dtype": "float32", "threads": 1} | fields
    case = Case(model="m", backend=name, device=device, **settings)
    if backend.FRAMEWORK in FORMATS:
        found_devices(backend)
    backend.prepare(case)
    return backend.open_session(workload, case, 0), case


def test_it_names_its_framework(backend: Any) -> None:
    assert backend.FRAMEWORK in ("", "torch", "jax", *FORMATS)
    assert backend.__doc__


def test_its_own_options_have_a_default_among_what_they_may_be(backend: Any) -> None:
    assert set(backend.CHOICES) <= set(backend.OPTIONS)
    assert all(backend.OPTIONS[key] in allowed for key, allowed in backend.CHOICES.items())
    assert isinstance(backend.COMPILES, bool)


def test_it_names_its_libraries_each_once(backend: Any) -> None:
    named: tuple[Library, ...] = getattr(backend, "LIBRARIES", ())
    assert len({library.name for library in named}) == len(named)
    assert named or not backend.FRAMEWORK


def found_devices(backend: Any) -> tuple[Device, ...]:
    """Its devices; skips where its framework is absent, which it must say with what to install."""
    try:
        return backend.find_devices()
    except MissingExtraError as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))


def test_its_devices_name_it(name: str, backend: Any) -> None:
    devices = found_devices(backend)
    assert devices
    assert len({item.name for item in devices}) == len(devices)
    for device in devices:
        assert name in device.backends
        assert device.title
        assert device.memory_bytes > 0


@pytest.mark.parametrize("mode", ["inference", "train"])
def test_a_small_case_runs_with_the_settings_asked_for(name: str, backend: Any, mode: str) -> None:
    if mode == "train" and backend.FRAMEWORK in FORMATS:
        with pytest.raises(UnsupportedError, match="use --mode inference"):
            open_small(backend, name, mode=mode)
        return
    session, case = open_small(backend, name, mode=mode)
    output = session.call()
    session.synchronize()
    assert session.check(output) == ""
    assert difference(case, session.effective(output)) == ""
    session.close()


def test_times_are_positive_and_as_many_as_asked_for(name: str, backend: Any) -> None:
    session, _ = open_small(backend, name)
    times = session.time_calls(3)
    assert len(times) == 3
    assert min(times) > 0
    session.close()


def test_counts_are_positive(name: str, backend: Any) -> None:
    session, _ = open_small(backend, name)
    session.call()
    counts = session.parameters(), session.parameter_bytes(), session.input_bytes(), session.flops()
    assert min(counts) > 0
    assert session.parameter_bytes() >= session.parameters()
    session.close()


def test_a_bench_gets_its_answers(name: str, backend: Any) -> None:
    session, case = open_small(backend, name)
    bench = LiveBench(session, case, HostMeter)
    assert bench.first_call_s() > 0
    assert len(session.time_calls(6)) == 6
    bench.verify()
    session.close()


def test_what_it_cannot_do_is_refused_with_what_to_ask_instead(name: str, backend: Any) -> None:
    if not backend.FRAMEWORK:
        pytest.skip("a scripted backend can do everything")
    with pytest.raises(UnsupportedError, match=r"use |leave out "):
        open_small(backend, name, devices=64)
