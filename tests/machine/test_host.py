"""What this host is, read from files that are written here."""

from pathlib import Path

import pytest

from lambdabench.machine import host


def test_processor_and_the_flags_that_select_kernels(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: sse2 fma avx2 avx\n\nmodel name\t: Other\n"
    )
    assert host.cpu_facts(path) == ("Some CPU @ 2 GHz", "avx avx2 fma")


def test_processor_without_cpuinfo_has_a_name(tmp_path: Path) -> None:
    assert host.cpu_facts(tmp_path / "absent")[0]


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n"}, None),
        ({"cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_quota_of_both_generations_of_control_groups(files: dict[str, str], cpus: float | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert host.cgroup_quota(tmp_path) == cpus


@pytest.mark.parametrize(
    ("affinity", "physical", "quota", "cores"),
    [(8, 4, None, 4), (2, 4, None, 2), (8, 8, 3.5, 3), (8, 8, 0.5, 1), (8, None, None, 8)],
)
def test_cores_are_the_smallest_of_three_limits(
    affinity: int, physical: int | None, quota: float | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
    monkeypatch.setattr(host.psutil, "cpu_count", lambda logical: physical)
    monkeypatch.setattr(host, "cgroup_quota", lambda: quota)
    assert host.usable_cores() == cores


def test_settings_that_are_set_sorted() -> None:
    environment = {"MALLOC_TOP_PAD_": "1", "GLIBC_TUNABLES": "x=2", "PATH": "/bin", "LD_PRELOAD": "libjemalloc.so"}
    assert host.settings(environment) == "GLIBC_TUNABLES=x=2 LD_PRELOAD=libjemalloc.so MALLOC_TOP_PAD_=1"


@pytest.mark.parametrize(
    "variable",
    [
        "ATEN_CPU_CAPABILITY",
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_DEVICE_MAX_CONNECTIONS",
        "CUDA_LAUNCH_BLOCKING",
        "CUDA_MODULE_LOADING",
        "HSA_XNACK",
        "MIOPEN_FIND_MODE",
        "PYTORCH_ENABLE_MPS_FALLBACK",
        "PYTORCH_MPS_PREFER_METAL",
        "PYTORCH_NO_CUDA_MEMORY_CACHING",
        "PYTORCH_TUNABLEOP_ENABLED",
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
        "TPU_CHIPS_PER_PROCESS_BOUNDS",
        "UR_L0_USE_IMMEDIATE_COMMANDLISTS",
        "DNNL_MAX_CPU_ISA",
        "GOMP_SPINCOUNT",
        "JAX_ENABLE_X64",
        "KMP_AFFINITY",
        "MKL_ENABLE_INSTRUCTIONS",
        "NVIDIA_TF32_OVERRIDE",
        "OMP_PROC_BIND",
        "ONEDNN_MAX_CPU_ISA",
        "OPENBLAS_CORETYPE",
        "TORCHINDUCTOR_FREEZING",
        "TRITON_INTERPRET",
        "XLA_FLAGS",
    ],
)
def test_what_changes_the_kernels_that_run_is_a_setting(variable: str) -> None:
    assert host.settings({variable: "1"}) == f"{variable}=1"


@pytest.mark.parametrize(
    "variable",
    [
        *host.THREAD_VARIABLES,
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_COORDINATOR_ADDRESS",
        "JAX_PLATFORMS",
        "JAX_PROCESS_ID",
        "TPU_WORKER_ID",
        "TPU_WORKER_HOSTNAMES",
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
        "TRITON_HOME",
    ],
)
def test_what_the_case_holds_hosts_and_folders_are_none(variable: str) -> None:
    assert host.settings({variable: "1"}) == ""


def test_versions_of_present_and_absent_packages() -> None:
    assert host.package_version("pytest") == pytest.__version__
    assert host.package_version("no-such-package-here") == ""
    assert host.package_versions(("no-such-package-here", "pytest")) == pytest.__version__
    assert host.package_versions(("no-such-package-here",)) == ""


def test_memory_is_there() -> None:
    assert 0 < host.available_bytes() <= (host.memory_gib() + 1) * 2**30


def test_hash_follows_source_and_names_but_not_caches(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = host.source_hash(tmp_path)
    (tmp_path / "a.pyc").write_text("compiled")
    assert host.source_hash(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2")
    second = host.source_hash(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, host.source_hash(tmp_path)}) == 3
    assert len(first) == 12


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("JAX_SECRET_THING", "tok", ""),
        ("OMP_SECRET", "tok", ""),
        ("MKL_PASSWORD", "tok", ""),
        ("TORCHINDUCTOR_REMOTE", "redis://u:pw@h", ""),
        ("TORCHINDUCTOR_REDIS_URL", "redis://u:pw@h", ""),
        ("TRITON_REDIS_HOST", "h.internal", ""),
        ("XLA_PYTHON_CLIENT_TOKEN", "tok", ""),
        ("MALLOC_CONF", "prof_prefix:redis://u:pw@h", "MALLOC_CONF=<address>"),
        ("XLA_FLAGS", "--xla_dump_to=/home/alice", ""),
        (
            "XLA_FLAGS",
            "--xla_dump_to=/home/alice --xla_cpu_enable_fast_math=true",
            "XLA_FLAGS=--xla_cpu_enable_fast_math=true",
        ),
        (
            "XLA_FLAGS",
            "--api_key=tok --xla_gpu_autotune_level=4",
            "XLA_FLAGS=--api_key=<value> --xla_gpu_autotune_level=4",
        ),
        ("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/home/alice/cuda", ""),
        ("XLA_FLAGS", "/home/alice/flags.txt", "XLA_FLAGS=<path 1427f84a>"),
        ("LIBTPU_INIT_ARGS", "--xla_tpu_x=1", "LIBTPU_INIT_ARGS=--xla_tpu_x=1"),
        ("LD_PRELOAD", "/home/alice/lib/libjemalloc.so.2", "LD_PRELOAD=<path d5a44a63>/libjemalloc.so.2"),
        ("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128,expandable_segments:True", None),
        ("GOMP_CPU_AFFINITY", "0 3 1-2 4-15:2", None),
        ("OMP_PLACES", "{0:4}:2:4", None),
        ("GLIBC_TUNABLES", "glibc.malloc.arena_max=2:glibc.malloc.tcache_count=0", None),
        ("KMP_AFFINITY", "granularity=fine,compact,1,0", None),
    ],
)
def test_a_row_holds_what_changes_numbers_and_no_secret_and_no_path(
    variable: str, value: str, shown: str | None
) -> None:
    text = host.settings({variable: value, f"{variable}_OF_MINE": value})
    assert text == (f"{variable}={value}" if shown is None else shown)
    assert not any(name in text for name in ("tok", "pw", "alice", "internal"))


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "HOME", "PATH", "JAX_COMPILATION_CACHE_DIR"])
def test_variables_of_others_are_no_settings(name: str) -> None:
    assert host.settings({name: "x"}) == ""


def test_another_path_is_another_setting() -> None:
    name, other = (host.settings({"LD_PRELOAD": f"/opt/{version}/libjemalloc.so.2"}) for version in "12")
    assert name != other
