"""JAX's runtime does what the case asks, compiles once and says what each stage took, and reads back what is in force."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("flax")

import numpy as np  # noqa: E402
from flax import nnx  # noqa: E402
from jax import numpy as jnp  # noqa: E402

from lambdabench.backends import _jax_devices, _jax_session, jax_jit  # noqa: E402
from lambdabench.backends._jax_session import _XlaMeter  # noqa: E402
from lambdabench.core import codec  # noqa: E402
from lambdabench.core.errors import MismatchError, MissingExtraError, UnsupportedError  # noqa: E402
from lambdabench.core.record import Outcome  # noqa: E402
from lambdabench.core.spec import Case, Job, Sampling, default_param_dtype, options_from  # noqa: E402
from lambdabench.models.classification.jax import Classification  # noqa: E402
from lambdabench.worker.opening_metrics import LiveBench, difference  # noqa: E402

GIVEN: dict[str, Any] = {
    "model": "m",
    "backend": "jax_jit",
    "device": "cpu",
    "batch_size": 2,
    "image_px": 8,
    "param_dtype": "float32",
    "threads": int(os.environ["PJRT_NPROC"]),
}


class Net(nnx.Module):
    """Convolution, normalisation, a linear layer."""

    def __init__(self, dtype: Any = None, drop: float = 0.0) -> None:
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, 4, (3, 3), padding="VALID", dtype=dtype, rngs=rngs)
        self.norm = nnx.BatchNorm(4, dtype=dtype, rngs=rngs)
        self.drop = nnx.Dropout(drop, rngs=rngs)
        self.linear = nnx.Linear(4, 5, dtype=dtype, rngs=rngs)
        self.kernel = "einsum"

    def __call__(self, images: Any) -> Any:
        maps = nnx.relu(self.norm(self.conv(images)))
        return self.linear(self.drop(maps.mean((1, 2)))).astype(jnp.float32)


def case(**changes: Any) -> Case:
    return Case(**(GIVEN | changes))


def session(network: Any = None, **changes: Any) -> Any:
    asked = case(**changes)
    jax_jit.prepare(asked)
    return jax_jit.open_session(Classification(network=network or Net(), classes=5), asked, 0)


def reference(network: Net, images: Any, labels: Any, steps: int) -> list[float]:
    """Losses of steps of SGD written out with nnx alone."""
    network.train()

    def loss_of(network: Net) -> Any:
        logs = jax.nn.log_softmax(network(images))
        return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()

    losses: list[float] = []
    for _ in range(steps):
        loss, slopes = nnx.value_and_grad(loss_of)(network)
        losses.append(float(loss))
        state = nnx.state(network, nnx.Param)
        nnx.update(network, jax.tree.map(lambda item, slope: item - 1e-3 * slope, state, slopes))
    return losses


def test_devices_say_what_they_are() -> None:
    devices = jax_jit.find_devices()
    cpu = next(device for device in devices if device.name == "cpu")
    assert (cpu.kind, cpu.backends, cpu.sharding) == ("cpu", ("jax_jit",), ("jax_jit",))
    assert cpu.title
    assert cpu.memory_bytes > 2**28
    assert cpu.gemm_flop_per_s
    assert cpu.gemm_flop_per_s > 1e8


@pytest.mark.parametrize("absent", ["jax", "flax"])
def test_an_absent_framework_is_named_with_what_to_install(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_jit, "find_spec", lambda name: None if name == absent else object())
    with pytest.raises(MissingExtraError, match=rf'{absent} is not installed: pip install "lambdabench\[jax\]"'):
        jax_jit.find_devices()


def test_a_probe_takes_no_memory_ahead_and_leaves_the_variable_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_jax_devices.PREALLOCATE, raising=False)
    with _jax_devices._little_memory():
        assert os.environ[_jax_devices.PREALLOCATE] == "false"
    assert _jax_devices.PREALLOCATE not in os.environ
    monkeypatch.setenv(_jax_devices.PREALLOCATE, "true")
    with _jax_devices._little_memory():
        assert os.environ[_jax_devices.PREALLOCATE] == "false"
    assert os.environ[_jax_devices.PREALLOCATE] == "true"


def test_inference_reads_back_what_is_in_force() -> None:
    item = session()
    output = item.call()
    effective = item.effective(output)
    assert difference(case(), effective) == ""
    assert (effective.mode, effective.device, effective.devices, effective.batch_size) == ("inference", "cpu", 1, 2)
    assert (effective.param_dtype, effective.output_dtype, effective.autocast) == ("float32", "float32", "")
    assert (effective.layout, effective.matmul, effective.kernel) == ("", "highest", "einsum")
    assert effective.threads in (None, GIVEN["threads"])
    assert item.check(output) == ""
    item.close()


def test_jaxs_own_float32_asks_its_compiler_for_nothing() -> None:
    asked = case(dtype="float32_default")
    assert default_param_dtype("float32_default", "inference") == "float32"
    item = session(dtype="float32_default")
    effective = item.effective(item.call())
    assert (effective.matmul, effective.param_dtype, effective.autocast) == ("default", "float32", "")
    assert difference(asked, effective) == ""
    assert "matmul 'default' instead of 'highest'" in difference(case(), effective)
    item.close()


def test_calls_return_before_their_work_is_done() -> None:
    entry = session()
    entry.call()
    assert entry.asynchronous
    entry.synchronize()
    assert all(item.is_ready() for item in jax.tree.leaves(entry._pending))


def test_a_training_step_is_plain_sgd_with_statistics_and_state_carried_on() -> None:
    entry = session(mode="train")
    images, labels = (jnp.asarray(item) for item in Classification(network=Net(), classes=5).inputs(entry._case, 0))
    outputs = [np.asarray(entry.call()) for _ in range(3)]
    losses = [float(entry._workload.loss(jnp.asarray(item), (images, labels))) for item in outputs]
    assert losses == pytest.approx(reference(Net(), images, labels, 3), rel=1e-5)
    network = entry._steps.network(entry._params, entry._rest)
    assert float(jnp.abs(network.norm.mean[...]).max()) > 0
    effective = entry.effective(entry.call())
    assert (effective.mode, effective.matmul) == ("train", "highest")
    entry.close()


def test_the_state_of_a_training_step_takes_the_old_one_s_place() -> None:
    entry = session(mode="train")
    before = entry._params
    entry.call()
    assert all(item.is_deleted() for item in before)
    assert entry._program._compiled.memory_analysis().alias_size_in_bytes >= entry.parameter_bytes()


def test_a_part_left_in_training_is_seen() -> None:
    network = Net(drop=0.5)
    item = session(network)
    output = item.call()
    graph = nnx.split(_with_mode(network), nnx.Param, ...)[0]
    item._steps = dataclasses.replace(item._steps, graph=graph)
    assert item.effective(output).mode == "mixed"


def _with_mode(network: Net) -> Net:
    network.norm.train()
    return network


@pytest.mark.parametrize(("param_dtype", "autocast"), [("float32", "bfloat16"), ("bfloat16", "")])
def test_half_precision_is_computed_in_and_parameters_are_what_was_asked(param_dtype: str, autocast: str) -> None:
    item = session(Net(jnp.bfloat16), dtype="bfloat16", param_dtype=param_dtype)
    effective = item.effective(item.call())
    assert (effective.param_dtype, effective.autocast, effective.output_dtype) == (param_dtype, autocast, "float32")
    assert item.parameter_bytes() == item.parameters() * jnp.dtype(param_dtype).itemsize
    item.close()


@pytest.mark.parametrize(("network", "dtype"), [(Net, "bfloat16"), (lambda: Net(jnp.bfloat16), "float32")])
def test_another_dtype_than_asked_is_a_mismatch(network: Any, dtype: str) -> None:
    item = session(network(), dtype=dtype)
    with pytest.raises(MismatchError, match=r"the network computes in .* and not in .*: give its modules dtype"):
        item.call()


def test_stages_are_told_apart_and_nothing_compiles_while_it_is_timed() -> None:
    item = session()
    assert item.compilation() is None
    bench = LiveBench(item, case(), no_host_meter)
    compilation = item.compilation()
    assert (compilation.compiler, compilation.graphs, compilation.breaks, compilation.eager_frames) == ("xla", 1, 0, 0)
    assert 0 < compilation.trace_s + compilation.lower_s < compilation.seconds <= bench.first_call_s()
    assert len(item.time_calls(3)) == 3
    bench.verify()
    jax.jit(lambda x: x * 3)(jnp.zeros(3))
    with pytest.raises(MismatchError, match=r"compiled again while it was timed: .*1 graph.* became xla, \d graphs"):
        bench.verify()
    item.close()


def no_host_meter() -> Any:
    raise AssertionError("the backend has a meter of its own")


def test_memory_is_what_xla_plans_beside_the_arguments() -> None:
    item = session(batch_size=16)
    bench = LiveBench(item, case(batch_size=16), no_host_meter)
    assert bench.meter_name == "xla memory analysis"
    maps_bytes, logits_bytes = 4 * 16 * 6 * 6 * 4, 4 * 16 * 5
    assert logits_bytes + maps_bytes <= bench.extra_bytes() < logits_bytes + 8 * maps_bytes
    assert item.input_bytes() == 4 * 16 * 8 * 8 * 3
    item.close()


class Chip:
    """A device that keeps a peak: (bytes in use, peak) before and after each call."""

    process_index = 0

    def __init__(self, *numbers: tuple[int, int]) -> None:
        self._told = iter(numbers)

    def memory_stats(self) -> dict[str, int]:
        return dict(zip(("bytes_in_use", "peak_bytes_in_use"), next(self._told), strict=True))


class Planned:
    """A program that takes 7 bytes by its plan, compiled by its first call."""

    ready = False

    def extra_bytes(self) -> int:
        return 7

    def call(self) -> str:
        self.ready = True
        return "done"


def test_a_device_that_keeps_a_peak_is_asked_for_that_of_a_steady_call() -> None:
    program: Any = Planned()
    compiling, raising, steady = ((5, 10), (6, 90)), ((6, 90), (6, 96)), ((6, 96), (6, 96))
    meter = _XlaMeter(program, [Chip(*compiling, *raising, *steady)])
    assert meter.name == "xla memory analysis"
    result = [(meter.measure(program.call), meter.name) for _ in range(3)]
    assert result == [
        ((7.0, "done"), "xla memory analysis"),  # 85 bytes, the compiler's, are no step's
        ((90.0, "done"), "xla device peak"),
        ((7.0, "done"), "xla memory analysis"),  # the peak is another call's
    ]


def test_a_compiler_that_plans_no_memory_is_no_crash() -> None:
    item = session()
    item.call()
    item._program._compiled = SimpleNamespace(memory_analysis=lambda: None)
    assert math.isnan(item._program.extra_bytes())
    item.close()


def test_hosts_telling_each_other_the_time_is_no_part_of_what_they_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of 1 s between two readings, each of which takes the hosts 10 ms."""
    times = {"here": 100.0}

    def tell(values: Any) -> Any:
        times["here"] += 0.010
        return values

    monkeypatch.setattr(_jax_session, "agreed", tell)
    monkeypatch.setattr(_jax_session, "time", SimpleNamespace(perf_counter=lambda: times["here"]))
    clock = _jax_session._Clock()
    clock.now()
    start_s = clock.now()
    times["here"] += 1.0
    assert clock.now() - start_s == pytest.approx(1.0)


def test_a_program_with_a_loop_has_no_count_of_its_compilers() -> None:
    class Turning(Net):
        def __call__(self, images: Any) -> Any:
            output = super().__call__(images)
            return jax.lax.fori_loop(0, 3, lambda _, y: y @ jnp.ones((5, 5)), output)

    item = session(Turning())
    item.call()
    assert item.compiler_flops() is None
    assert item.flops() > 0
    item.close()


def test_the_memory_of_a_steady_step_is_not_the_compilers_peak() -> None:
    item = session()
    item.meter = _XlaMeter(item._program, [Chip((5, 10), (6, 10**12), (6, 10**12), (6, 10**12))])
    bench = LiveBench(item, case(), no_host_meter)
    assert bench.extra_bytes() == item._program.extra_bytes()
    assert bench.meter_name == "xla memory analysis"
    item.close()


def test_what_read_the_steady_step_is_what_is_told() -> None:
    item = session()
    item.meter = _XlaMeter(item._program, [Chip((5, 10), (6, 40), (6, 40), (6, 45))])
    bench = LiveBench(item, case(), no_host_meter)
    assert (bench.extra_bytes(), bench.meter_name) == (39.0, "xla device peak")
    item.close()


def test_flops_are_the_networks_and_xla_counts_its_own() -> None:
    item = session()
    item.call()
    assert item.flops() == 2 * 2 * (36 * 27 * 4 + 4 * 5)
    assert item.compiler_flops() > 0
    item.close()


def test_a_broken_output_is_told() -> None:
    network = Net()
    network.linear.bias[...] = jnp.array([jnp.nan, 0, 0, 0, 0])
    item = session(network)
    assert item.check(item.call()) == "2 of 10 outputs are not finite"


def test_programs_are_kept_on_disk_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    hits: list[str] = []
    jax.monitoring.register_event_listener(lambda name, **_: hits.append(name) if name.endswith("cache_hits") else None)
    for options, hit in (({}, 0), ({"compile_cache": "on"}, 0), ({"compile_cache": "on"}, 1), ({}, 1)):
        item = session(options=options_from(options))
        item.call()
        assert item.compilation().graphs == 1
        item.close()
        assert (len(hits) > 0) == hit
        hits = hits[:1]
    assert any(tmp_path.iterdir())
    jax.config.update("jax_enable_compilation_cache", False)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"dtype": "tf32"}, "use --dtype float32"),
        ({"param_dtype": "bfloat16"}, "use --dtype"),
        ({"mode": "features"}, "use --mode inference or train"),
        ({"devices": 99}, "--xla_force_host_platform_device_count"),
        ({"threads": 99}, "use --threads 1"),
        ({"options": (("compile_cache", "warm"),)}, "use one of off, on"),
    ],
)
def test_what_it_cannot_do_is_refused_with_what_to_ask(changes: dict[str, Any], advice: str) -> None:
    if "threads" in changes and _jax_devices.pool_threads() is None:
        pytest.skip("threads have no names here")
    with pytest.raises(UnsupportedError) as caught:
        session(**changes)
    assert advice in str(caught.value)


NETWORKS = """
def ours():
    from flax import nnx
    return nnx.Sequential(nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0)), lambda maps: maps.mean((1, 2)))

def theirs():
    from torch import nn
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""
STAYING = Path(__file__).parents[1] / "conduct" / "staying.py"


def outcome(folder: Path, network: str, **changes: Any) -> tuple[Outcome, str]:
    """Of a worker process of its own: the outcome, and which frameworks it loaded."""
    (folder / "net.py").write_text(NETWORKS)
    asked = case(model=f"{folder}/net.py:{network}", **{"dtype": "bfloat16", "threads": 1} | changes)
    job = Job(
        job_id="job", case_id="0" * 12, case=asked, metrics=("latency", "trace"), sampling=Sampling(case_budget_s=0.1)
    )
    codec.write(folder / "job.json", job)
    done = subprocess.run([sys.executable, str(STAYING), str(folder)], capture_output=True, text=True, check=True)
    return codec.read(Outcome, folder / "outcome.json"), done.stdout.strip()


def test_a_worker_of_jax_loads_no_torch_and_runs_a_users_network(tmp_path: Path) -> None:
    result, loaded = outcome(tmp_path, "ours")
    assert (result.status, result.reason) in {("ok", ""), ("noisy", result.reason)}
    assert result.effective.autocast == "bfloat16"
    assert {measurement.metric for measurement in result.measurements} == {"latency", "trace"}
    assert loaded == "['jax']"


def test_a_worker_of_torch_loads_no_jax(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result, loaded = outcome(tmp_path, "theirs", backend="torch_eager", dtype="float32")
    assert result.status in ("ok", "noisy")
    assert "jax" not in loaded


def test_networks_of_the_other_framework_are_refused_with_the_backend_to_ask(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from lambdabench import models

    (tmp_path / "net.py").write_text(NETWORKS)
    torchs, ours = (case(model=f"{tmp_path}/net.py:{name}") for name in ("theirs", "ours"))
    with pytest.raises(UnsupportedError, match=r"returned a Sequential, a torch module.*use --backend torch_eager"):
        models.create_workload(torchs, "jax")
    with pytest.raises(UnsupportedError, match=r"returned a Sequential, a module of flax.*use --backend jax_jit"):
        models.create_workload(dataclasses.replace(ours, backend="torch_eager"), "torch")
