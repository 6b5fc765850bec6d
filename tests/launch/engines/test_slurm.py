"""A fleet on a real SLURM of two nodes, started here where Debian's packages are."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdabench import commands
from lambdabench.core.errors import RequestError
from lambdabench.core.fleet import Lost

from .scripted_suite import SUITE
from .slurm_daemons import running, skip_where_absent

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'lambdabench[slurm]'")
pytestmark = pytest.mark.xdist_group("slurm")


@pytest.fixture(scope="module", autouse=True)
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    skip_where_absent()
    home = tmp_path_factory.mktemp("slurm")
    with running(home), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(home / "slurm.conf"))
        yield


def request(away: Path, **changes: Any) -> commands.FleetRequest:
    (away / "small.toml").write_text(SUITE)
    return commands.FleetRequest(suite="small.toml", on="slurm", **changes)


def test_what_no_node_has_is_said_at_once(away: Path) -> None:
    with pytest.raises(RequestError, match="no node is of kind l4; there are 2 old"):
        commands.plan_fleet(request(away, kinds=("l4",)))
    with pytest.raises(RequestError, match="no node has a device cuda; there are 2 old"):
        commands.plan_fleet(request(away, run_flags={"device": "cuda", "backend": "torch_eager"}))


def test_shares_run_on_both_nodes_and_one_whose_job_is_cancelled_goes_on(away: Path) -> None:
    asked = request(away)
    fleet, engine = commands.plan_fleet(asked)
    script = commands.plan_texts(asked, fleet, engine)["old-1of2"]
    assert "#SBATCH --constraint=old" in script
    assert "#SBATCH --exclusive" in script
    assert f"-m lambdabench run --suite {away}/small.toml --share 1/2 --results {away}/results/small/old-1of2" in script
    assert "#SBATCH --signal=TERM@90" in script
    home, events = commands.start_fleet(asked, fleet), list[str]()

    def look(text: str) -> None:
        events.append(text)

    first = _Cancelling(engine)
    status = commands.look_after(home, fleet, first, look)
    assert [state.standing for state in status.states] == ["done", "done"], (events, _logs(home))
    assert first.cancelled
    lost = [attempt.lost for state in status.states for attempt in state.attempts if attempt.lost]
    assert [type(item) for item in lost] == [Lost]
    nodes = {attempt.node for state in status.states for attempt in state.attempts if attempt.is_finished}
    assert nodes <= {"n1", "n2"}
    assert status.findings[0].kind == "old"
    assert len(status.findings[0].estimates) == 3


class _Cancelling:
    """The engine, but that the first job is taken away by somebody else."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.cancelled = engine, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def start(self, *given: Any) -> Any:
        submitted = self._engine.start(*given)
        if not self.cancelled:
            self.cancelled = submitted.ticket
            time.sleep(0.1)
            subprocess.run([str(shutil.which("scancel")), "--signal=KILL", "--full", submitted.ticket], check=False)
            subprocess.run([str(shutil.which("scancel")), submitted.ticket], check=False)
        return submitted


def _logs(home: Path) -> str:
    return "\n".join(path.read_text()[-800:] for path in home.glob("*/attempts/slurm/*.err"))
