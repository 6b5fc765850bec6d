"""JAX over several devices and several processes gives one device's numbers. A CPU stands for them, in processes of their own."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core import codec
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Job, Sampling

pytest.importorskip("jax")
pytest.importorskip("flax")

ROOT = Path(__file__).parents[2]
NETWORK = """
from flax import nnx
from jax import numpy as jnp

class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)
        self.linear = nnx.Linear(4, 5, rngs=rngs)

    def __call__(self, images):
        return self.linear(nnx.relu(self.norm(self.conv(images))).mean((1, 2))).astype(jnp.float32)
"""
STEPS = (
    NETWORK
    + """
import dataclasses, json
import jax
from lambdabench.backends import jax_jit
from lambdabench.core.errors import UnsupportedError
from lambdabench.core.spec import Case
from lambdabench.models.classification.jax import Classification

def case(devices, batch_size=16, threads=8):
    return Case(model="m", backend="jax_jit", device="cpu", devices=devices, batch_size=batch_size, image_px=6, mode="train",
                param_dtype="float32", threads=threads)

def session(asked):
    return jax_jit.open_session(Classification(network=Net(), classes=5), asked, 0)

def losses(devices):
    one = session(case(devices))
    outputs = [one.call() for _ in range(3)]
    labels = one._inputs[1]
    found = one.effective(outputs[-1])
    return {
        "losses": [float(one._workload.loss(output, (None, labels))) for output in outputs],
        "effective": [found.device, found.devices, found.batch_size, found.mode],
        "bytes": [one.parameter_bytes(), one.input_bytes()],
        "flops": one.flops(),
        "problem": one.check(outputs[-1]),
    }

jax_jit.prepare(case(8))
told = {"devices": [one.name for one in jax_jit.find_devices()], "one": losses(1), "eight": losses(8), "refused": []}
for strange in (case(8, batch_size=12), case(9), case(8, threads=2)):
    try:
        session(strange)
    except UnsupportedError as error:
        told["refused"].append(str(error))
print(json.dumps(told))
"""
)


def variables(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **more}


@pytest.fixture(scope="module")
def eight() -> dict[str, Any]:
    """What a process with eight devices has to say."""
    flags = variables(XLA_FLAGS="--xla_force_host_platform_device_count=8")
    flags.pop("PJRT_NPROC", None)
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, env=flags, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_device_is_listed(eight: dict[str, Any]) -> None:
    assert eight["devices"] == ["cpu", *(f"cpu:{index}" for index in range(1, 8))]


def test_steps_on_eight_devices_are_those_on_one(eight: dict[str, Any]) -> None:
    assert eight["eight"]["losses"] == pytest.approx(eight["one"]["losses"], rel=1e-5)
    assert len(set(eight["one"]["losses"])) == 3
    assert eight["eight"]["problem"] == ""
    assert eight["one"]["effective"] == ["cpu", 1, 16, "train"]
    assert eight["eight"]["effective"] == ["cpu", 8, 16, "train"]


def test_counts_are_the_whole_batchs_and_parameters_are_on_every_device(eight: dict[str, Any]) -> None:
    item, many = eight["one"], eight["eight"]
    assert many["flops"] == item["flops"]
    assert many["bytes"] == [8 * item["bytes"][0], item["bytes"][1]]


def test_what_does_not_fit_is_refused_with_what_to_ask(eight: dict[str, Any]) -> None:
    batch, devices, threads = eight["refused"]
    assert "a batch of 12 is not divisible by 8 devices; use --batch-size 16" in batch
    assert "9 devices from cpu on are not here, of 8; use --devices 8, or all" in devices
    assert "use --threads 8" in threads


def test_two_processes_measure_one_case_together_and_agree_on_every_number(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    case = Case(
        model=f"{tmp_path}/net.py:Net", backend="jax_jit", device="cpu", devices=2, batch_size=4, image_px=6, mode="train",
        param_dtype="float32", threads=1,
    )  # fmt: skip
    job = Job(
        job_id="job", case_id="0" * 12, case=case, metrics=("latency", "throughput", "first_call", "compile", "flops"),
        sampling=Sampling(case_budget_s=0.3),
    )  # fmt: skip
    outcomes = together(tmp_path, job, address)
    assert all(outcome.status in ("ok", "noisy") for outcome in outcomes), [outcome.reason for outcome in outcomes]
    assert outcomes[0].measurements == outcomes[1].measurements
    assert outcomes[0].effective.devices == 2


STAYING = Path(__file__).parents[1] / "conduct" / "staying.py"


def together(folder: Path, job: Job, address: str) -> list[Outcome]:
    """Outcomes of two worker processes."""
    started = []
    for process in range(2):
        (folder / str(process)).mkdir()
        codec.write(folder / str(process) / "job.json", job)
        own = variables(LAMBDABENCH_COORDINATOR=address, LAMBDABENCH_PROCESS_ID=str(process), LAMBDABENCH_PROCESSES="2")
        command = [sys.executable, str(STAYING), str(folder / str(process))]
        started.append(subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    said = [item.communicate(timeout=120)[0] for item in started]
    assert [item.returncode for item in started] == [0, 0], said
    return [codec.read(Outcome, folder / str(process) / "outcome.json") for process in range(2)]
