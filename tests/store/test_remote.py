"""Results in object storage, by moto's S3 on this machine: what commands read and write there, and what is never lost or stored."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import lambdabench as lb
from lambdabench import commands, store
from lambdabench.cli.app import app
from lambdabench.conduct import fleet_folder
from lambdabench.core import caches
from lambdabench.core.errors import RequestError, StoreError
from lambdabench.core.fleet import NODE, Fleet, Share, Submitted, Task
from lambdabench.core.record import Record
from lambdabench.store import remote

Make = Callable[..., Record]
server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'lambdabench[test]'")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SUITE = """
schema = 1
metrics = ["latency", "throughput", "parameters"]
reference = { model = "resnet50" }
[sampling]
processes = 1
rounds = 3
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet50", "levit_256"]
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    yield started.get_host_and_port()[1]
    started.stop()


@pytest.fixture
def address(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """An empty prefix, and a cache folder of this test alone."""
    from pyarrow import fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    elsewhere(monkeypatch, tmp_path / "here")
    system = fs.S3FileSystem(endpoint_override=f"127.0.0.1:{port}", scheme="http", allow_bucket_creation=True)
    system.create_dir("results")
    name = f"results/{abs(hash(request.node.name))}"
    return f"s3://{name}?scheme=http&endpoint_override=127.0.0.1:{port}"


def elsewhere(patch: pytest.MonkeyPatch, cache: Path) -> None:
    """As on another machine, which has nothing yet."""
    cache.mkdir(exist_ok=True)
    patch.setattr(caches, "folder", lambda: cache)


def names_in(address: str) -> list[str]:
    from pyarrow import fs

    system, top = fs.FileSystem.from_uri(address)
    return sorted(
        info.path.removeprefix(f"{top}/")
        for info in system.get_file_info(fs.FileSelector(top, recursive=True, allow_not_found=True))
        if info.is_file
    )


def test_what_is_written_here_is_read_elsewhere(
    address: str, make_record: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = store.place(address)
    store.write([make_record()], here / "s" / "run1.parquet")
    store.write([make_record(), make_record("throughput", 9.0)], here / "s" / "run1.parquet")
    store.write([make_record(run_id="run2", case_id="other")], here / "s" / "run2.parquet")
    assert names_in(address) == ["s/run1.parquet", "s/run2.parquet"]
    elsewhere(monkeypatch, tmp_path / "there")
    assert sorted(lb.read(address)["run_id"]) == ["run1", "run1", "run2"]
    assert sorted(lb.read(Path(address))["run_id"]) == ["run1", "run1", "run2"], "a Path has lost a slash"


def test_only_what_is_new_is_fetched(
    address: str, make_record: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store.write([make_record()], store.place(address) / "s" / "run1.parquet")
    elsewhere(monkeypatch, tmp_path / "there")
    fetched: list[str] = []
    fetch = remote._fetch
    monkeypatch.setattr(
        remote, "_fetch", lambda system, source, target: (fetched.append(source), fetch(system, source, target))
    )
    there = store.place(address)
    assert len(fetched) == 1
    store.place(address)
    assert len(fetched) == 1
    store.write([make_record(run_id="run2")], there / "s" / "run2.parquet")
    store.place(address)
    assert len(fetched) == 1, "what was written here is here"
    store.withdraw(there / "s" / "run1.parquet")
    assert names_in(address) == ["s/run2.parquet"]
    elsewhere(monkeypatch, tmp_path / "here")
    assert [path.name for path in store.place(address).rglob("*.parquet")] == ["run2.parquet"], "it is gone here too"


def test_what_cannot_be_sent_stays_here_and_goes_later(
    address: str, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = store.place(address)

    def unreachable(_: str) -> Any:
        raise OSError("AWS Error NETWORK_CONNECTION during PutObject operation")

    with monkeypatch.context() as patch:
        patch.setattr(remote, "_system", unreachable)
        store.write([make_record()], here / "s" / "run1.parquet")
        assert len(store.read(here)) == 1, "the run goes on"
        with pytest.raises(
            StoreError,
            match=r"NETWORK_CONNECTION.*run1\.parquet keeps it, and the next command with this --results sends it",
        ):
            store.send_rest(here)
    assert names_in(address) == []
    store.place(address)
    assert names_in(address) == ["s/run1.parquet"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://key:secret@results/a", "credentials in an address would be stored"),
        ("s3:///a", "expected a folder, or an address such as s3://bucket/prefix"),
        ("ftp://host/a", "expected a folder, or an address such as s3://bucket/prefix"),
    ],
)
def test_no_address(given: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        store.place(given)
    assert "secret" not in str(raised.value)


def test_a_bucket_that_is_not_there(address: str, make_record: Make) -> None:
    there = store.place(address.replace("results/", "nothing-here/"))
    store.write([make_record()], there / "s" / "a.parquet")
    with pytest.raises(StoreError, match="see that the address, the credentials and the network are right"):
        store.send_rest(there)


def test_commands_run_read_plot_and_report_there(
    address: str, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (away / "mine.toml").write_text(SUITE)

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--results", address])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    call("run", "--suite", "mine.toml")
    (name,) = names_in(address)
    assert name.startswith("mine/")
    elsewhere(monkeypatch, tmp_path / "there")
    shown = call("show", "levit_256")
    assert "levit_256" in shown
    assert f"--results '{address}'" in shown, "the command that repeats it names the address"
    call("plot", "pareto", "--suite", "mine.toml", "--x", "latency", "--y", "parameters", "--out", "figures")
    assert (away / "figures" / "pareto.csv").is_file()
    call("report", "mine.toml")
    assert (away / "reports" / "mine" / "index.md").is_file()
    again = call("run", "--suite", "mine.toml")
    assert "2 kept from before" in again
    assert not list(away.glob("results*")), "nothing lies in the working folder"


def test_a_node_without_a_common_file_system_works_by_the_address(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = Share(kind="a", number=1, count=1)
    fleet = Fleet(fleet_id="1", suite="mine", text=SUITE, on="slurm", nodes=(), shares=(share,))
    home = fleet_folder.begin(store.place(address), fleet)
    place = store.told(home / share.name)
    fleet_folder.describe(home / share.name, Task(share=share, attempt=1, suite="mine", place=place))
    fleet_folder.write_event(home / share.name, 1, Submitted(ticket="7"))
    monkeypatch.setenv(NODE, "n1")
    with monkeypatch.context() as patch:
        elsewhere(patch, tmp_path / "node")
        assert commands.work(store.place(place), 1) == 0
    store.refresh(home)
    (attempt,) = fleet_folder.attempts_in(home / share.name)
    assert (attempt.node, attempt.is_finished) == ("n1", True)
    assert set(store.read(home)["model"]) == {"resnet50", "levit_256"}
    assert fleet_folder.find(store.place(address))[1] == fleet


def test_pandas_reads_it_by_itself(address: str, make_record: Make) -> None:
    from pyarrow import fs

    store.write([make_record()], store.place(address) / "s" / "run1.parquet")
    system, top = fs.FileSystem.from_uri(address)
    assert len(pd.read_parquet(top, filesystem=system)) == 1
