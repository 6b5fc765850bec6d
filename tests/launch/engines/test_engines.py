"""What engines say without their systems, and how they read what these print."""

import re
from pathlib import Path

import pytest

from lambdabench.commands._fleet_nodes import chosen, local_nodes
from lambdabench.core.errors import MissingExtraError, RequestError
from lambdabench.core.fleet import Node, Share
from lambdabench.core.scripted_nodes import scripted_nodes
from lambdabench.launch.engines import bring, exit_words, folder_files, free_node, ray, slurm
from lambdabench.machine import accelerators
from lambdabench.machine.accelerators import Accelerator


def test_absent_packages_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "ray", None)
    monkeypatch.setattr(slurm, "submitit", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lambdabench\[ray\]'"):
        ray.open_engine()
    with pytest.raises(MissingExtraError, match=r"pip install 'lambdabench\[slurm\]'"):
        slurm.open_engine()


def test_without_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(slurm, "submitit", object())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match="there is no sbatch here; run this where SLURM's commands are"):
        slurm.open_engine()
    with pytest.raises(RequestError, match=r"sinfo does not answer: .*; is SLURM up"):
        slurm.SlurmEngine().nodes()


SINFO = """n1|l4,fast|gpu:l4:8(S:0-1)|idle
n1|l4,fast|gpu:l4:8(S:0-1)|idle
n2|fast,avx512|(null)|mix
n3|(null)|gpu:2|alloc
n4|(null)|(null)|idle
n5|(null)|(null)|down*
n6|(null)|(null)|idle*
n7|(null)|(null)|drain
"""


def test_slurms_nodes_by_gres_else_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_ask", lambda *_: SINFO)
    nodes = slurm.SlurmEngine().nodes()
    assert [(node.name, node.kind) for node in nodes] == [
        ("n1", "l4"), ("n2", "fast&avx512"), ("n3", "gpu"), ("n4", "cpu"),
    ]  # fmt: skip
    assert [node.devices[0] for node in nodes] == ["cuda", "cpu", "cuda", "cpu"]


@pytest.mark.parametrize(
    ("kind", "placed"),
    [
        ("l4", {"gres": "gpu:l4:1"}),
        ("gpu", {"gres": "gpu:1"}),
        ("fast&avx512", {"constraint": "fast&avx512"}),
        ("cpu", {}),
    ],
)
def test_a_job_is_put_on_a_node_of_its_kind(kind: str, placed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\n".join("|".join(line.split("|")[1:3]) for line in SINFO.splitlines())
    monkeypatch.setattr(slurm, "_ask", lambda *_: lines)
    assert slurm._placed(kind) == placed


GPUS = tuple(
    Accelerator(kind="cuda", title=title, uuid=f"GPU-{place}") for place, title in enumerate(("L4", "L4", "A100"))
)


def test_gpus_of_a_box_are_nodes_that_see_themselves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "look", lambda: GPUS)
    nodes = local_nodes({"torch_eager"})
    assert [(node.name, node.kind, node.variables) for node in nodes] == [
        ("cuda:0", "L4", (("CUDA_VISIBLE_DEVICES", "GPU-0"),)),
        ("cuda:1", "L4", (("CUDA_VISIBLE_DEVICES", "GPU-1"),)),
        ("cuda:2", "A100", (("CUDA_VISIBLE_DEVICES", "GPU-2"),)),
    ]
    assert [node.name for node in chosen(nodes, ("auto",), 1, ())] == ["cuda:2", "cuda:0"]
    assert [node.name for node in chosen(nodes, ("L4",), None, {"cuda"})] == ["cuda:0", "cuda:1"]
    with pytest.raises(RequestError, match="no node has a device tpu; there are 1 A100, 2 L4"):
        chosen(nodes, (), None, {"tpu"})
    with pytest.raises(RequestError, match="there is no node to measure on"):
        chosen((), (), None, ())
    monkeypatch.setattr(accelerators, "look", lambda: ())
    assert [(node.name, node.devices) for node in local_nodes({"torch_eager"})] == [("cpu", ("cpu",))]


def test_scripted_nodes() -> None:
    nodes = scripted_nodes({"LAMBDABENCH_FAKE_NODES": "a, b:1.5"})
    assert [(node.name, node.kind, dict(node.variables)["LAMBDABENCH_FAKE_SLOWNESS"]) for node in nodes] == [
        ("a0", "a", "1"), ("b1", "b", "1.5"),
    ]  # fmt: skip
    assert len(scripted_nodes({})) == 1
    with pytest.raises(RequestError, match=r"LAMBDABENCH_FAKE_NODES: found 'a:fast', expected kinds"):
        scripted_nodes({"LAMBDABENCH_FAKE_NODES": "a:fast"})


def test_a_free_node_is_of_its_kind_and_another_one_if_there_is() -> None:
    nodes = [Node(name=name, kind=name[0]) for name in ("a1", "a2", "b1")]
    asked = [((), ("a1",)), (("a2",), ("a1",)), (("a1", "a2"), ()), ((), ())]
    names = [getattr(free_node(nodes, "a", busy, avoid), "name", None) for busy, avoid in asked]
    assert names == ["a2", "a1", None, "a1"]


def test_what_a_share_is_made_of_travels_whole(tmp_path: Path) -> None:
    (tmp_path / "a" / "attempts").mkdir(parents=True)
    for name in ("attempts/1.task.json", "s.toml", ".s.toml.123", "picture.svg"):
        (tmp_path / "a" / name).write_text(name)
    files = folder_files(tmp_path / "a")
    bring(tmp_path / "b", files)
    assert sorted(files) == ["attempts/1.task.json", "s.toml"]
    assert folder_files(tmp_path / "b") == files
    assert (exit_words(-9, ""), exit_words(2, "its disk has 0 MiB left")) == (
        "signal 9", "exit code 2; its disk has 0 MiB left",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["NVIDIA L4", "fast&avx512", "…", "../x", "a/b"])
def test_a_shares_folder_has_a_name_of_its_own_that_any_file_system_takes(kind: str) -> None:
    name = Share(kind=kind, number=1, count=2).name
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*-1of2", name)
    assert Share(kind=kind.replace("&", ",").replace(" ", "-") + " ", number=1, count=2).name != name


def test_a_plain_kind_is_its_name() -> None:
    assert Share(kind="l4", number=1, count=2).name == "l4-1of2"
