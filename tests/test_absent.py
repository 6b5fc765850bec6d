"""Without torch, or without JAX, or with neither: what is there works, and the rest says which extra brings it."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
JAX = "jax,jaxlib,flax"
TORCH = "torch,torchvision,timm"


def run(folder: Path, absent: str, *words: str) -> subprocess.CompletedProcess[str]:
    own = {
        "PYTHONPATH": os.pathsep.join((str(HERE / "absent"), str(HERE.parent))),
        "LAMBDABENCH_ABSENT": absent,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "lambdabench", *words]
    return subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=240)


def is_measured(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a run of real networks is well; on a busy machine its one case may be noisy, which leaves no number."""
    return done.returncode == 0 or (done.returncode == 3 and " noisy" in done.stdout)


def test_without_jax_a_suite_of_both_measures_torch_and_says_what_is_left_out(tmp_path: Path) -> None:
    words = ("run", "--suite", "frameworks", "--models", "mobilenetv2_100", "--image-px", "64", "--batch-size", "1")
    done = run(tmp_path, JAX, *words)
    assert is_measured(done), done.stdout + done.stderr
    assert 'pip install "lambdabench[jax]"' in done.stdout


def test_without_torch_jax_measures_its_own_networks(tmp_path: Path) -> None:
    words = ("run", "--suite", "frameworks", "--models", "mobilenetv2_100", "--image-px", "64", "--batch-size", "1")
    done = run(tmp_path, TORCH, *words)
    assert is_measured(done), done.stdout + done.stderr
    assert 'pip install "lambdabench[torch]"' in done.stdout


def test_with_neither_the_whole_path_runs_on_scripted_times_alone(tmp_path: Path) -> None:
    both = f"{TORCH},{JAX}"
    words = ("run", "--suite", "quickstart", "--models", "resnet50")
    done = run(tmp_path, both, *words, "--backend", "fake", "--device", "fake")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = run(tmp_path, both, *words)
    assert asked.returncode == 3, asked.stdout + asked.stderr
    assert 'pip install "lambdabench[torch]"' in asked.stdout
