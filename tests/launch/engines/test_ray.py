"""A fleet on a real Ray cluster of two nodes, started here: shares one at a time a node, and a node that dies in one."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdabench import commands
from lambdabench.core.errors import RequestError

from .scripted_suite import SUITE

pytest.importorskip("ray", reason="Ray is not installed: pip install 'lambdabench[ray]'")
pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),
]  # Ray's own, of sockets and versions


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor, one of each kind."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "resources": {"measure": 1, "kind_a": 1}})
    made.add_node(num_cpus=1, resources={"measure": 1, "kind_b": 1})
    made.add_node(num_cpus=1, resources={"measure": 1, "kind_b": 1})
    os.environ["RAY_ADDRESS"] = made.address
    yield made
    del os.environ["RAY_ADDRESS"]
    ray.shutdown()
    made.shutdown()


def request(away: Path, **changes: Any) -> commands.FleetRequest:
    (away / "small.toml").write_text(SUITE)
    return commands.FleetRequest(suite="small.toml", on="ray", **changes)


def test_a_suite_over_two_kinds_and_a_node_that_is_killed_in_a_share(cluster: Any, away: Path) -> None:
    with pytest.raises(RequestError, match=r"--kinds: no node is of kind c; there are 1 a, 2 b"):
        commands.plan_fleet(request(away, kinds=("c",)))
    with pytest.raises(RequestError, match="no node has a device cuda; there are 1 a, 2 b"):
        commands.plan_fleet(request(away, run_flags={"device": "cuda", "backend": "torch_eager"}))
    asked = request(away, shares=1)
    fleet, engine = commands.plan_fleet(asked)
    assert [(share.kind, share.count) for share in fleet.shares] == [("a", 1), ("b", 1)]
    home, events = commands.start_fleet(asked, fleet), list[str]()
    killer = threading.Thread(target=_kill_first_of, args=(cluster, home / "b-1of1"))
    killer.start()
    status = commands.look_after(home, fleet, engine, events.append)
    killer.join()
    assert [state.standing for state in status.states] == ["done", "done"], events
    first, second = status.states[1].attempts
    assert first.lost is not None
    assert (first.node != second.node, second.is_finished) == (True, True)
    assert status.exit_code() == 0
    rows = commands.read_frame(home)
    counted = rows[rows["metric"] == "latency"].groupby(["run_id", "case_id", "replicate"]).size()
    assert (counted == 1).all()
    assert {finding.kind for finding in status.findings} == {"a", "b"}


def _kill_first_of(cluster: Any, folder: Path) -> None:
    """Kills the node on which the first attempt at a share runs, once that has begun."""
    end_s = time.monotonic() + 120
    while not list(folder.glob("*/*.parquet")) and time.monotonic() < end_s:
        time.sleep(0.1)
    submitted = (folder / "attempts" / "1.submitted.json").read_text()
    node = next(item for item in cluster.worker_nodes if item.node_id[:8] in submitted)
    cluster.remove_node(node, allow_graceful=False)
