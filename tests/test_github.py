"""What other repositories use: the action's inputs and exit codes, and the comment on a pull request from a fork."""

import ast
import importlib.util
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

GITHUB = Path(__file__).parents[1] / ".github"
SHA = "0123456789abcdef0123456789abcdef01234567"
EVENT: dict[str, Any] = {
    "repository": {"full_name": "owner/project"},
    "workflow_run": {
        "head_sha": SHA,
        "head_branch": "work/a b",
        "html_url": "https://github.com/owner/project/actions/runs/1",
        "head_repository": {"full_name": "somebody/project", "fork": True, "owner": {"login": "somebody"}},
        "pull_requests": [],  # as GitHub sends it for a fork
    },
}


@pytest.fixture
def comment() -> Any:
    spec = importlib.util.spec_from_file_location("comment_of_the_action", GITHUB / "comment" / "comment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Hub:
    """GitHub, with one pull request from a fork at `sha` and the comments that are there."""

    def __init__(self, comments: list[dict[str, Any]], sha: str = SHA) -> None:
        self.comments, self.sha = comments, sha
        self.written: list[tuple[str, str, str]] = []

    def ask(self, method: str, path: str, body: Any) -> Any:
        if method != "GET":
            self.written.append((method, path, body["body"]))
            return {}
        if path.startswith("/repos/owner/project/pulls?"):
            assert path.endswith("state=open&head=somebody%3Awork/a%20b")
            return [{"number": 7, "head": {"sha": self.sha}}]
        assert path == "/repos/owner/project/issues/7/comments?per_page=100&page=1"
        return self.comments


def test_a_forks_pull_request_gets_one_comment(comment: Any, tmp_path: Path) -> None:
    (tmp_path / "check.md").write_text("### 🔴 1 slower, says @everybody")
    hub = Hub([{"id": 1, "body": "hello", "user": {"type": "User"}}])
    assert comment.main(tmp_path / "check.md", EVENT, hub.ask) == "commented on #7"
    ((method, path, body),) = hub.written
    assert (method, path) == ("POST", "/repos/owner/project/issues/7/comments")
    assert body.startswith(f"{comment.MARKER}\n### 🔴 1 slower")
    assert "@everybody" not in body
    assert body.endswith("of 0123456")
    own, stranger = {"id": 5, "body": body, "user": {"type": "Bot"}}, {"id": 4, "body": body, "user": {"type": "User"}}
    hub = Hub([stranger, own])
    assert comment.main(tmp_path / "check.md", EVENT, hub.ask) == "renewed the comment of #7"
    assert hub.written[0][:2] == ("PATCH", "/repos/owner/project/issues/comments/5")


def test_what_a_forks_code_wrote_is_text_alone(comment: Any) -> None:
    own = "<details><summary>3 same</summary>\n\n| | kernel |\n|---|---|\n| a\\|b | `x` |\n\n</details>\n"
    assert comment.harmless(own) == own
    item = comment.harmless(
        "<script>x</script> <!-- --> ![p](http://x/p.png) [a](javascript:x)\r\n[a]: http://y <details open> \x1b[1m\u202e @all"
    )
    assert item == (
        r"&lt;script>x&lt;/script> &lt;!-- --> ![p]\(http:\//x/p.png) [a]\(javascript:x)" + "\n"
        r"[a]\: http:\//y &lt;details open> \u001b[1m\u202e @" + "\u200ball"
    )
    assert len(comment.harmless("x" * 10**6)) == comment.MOST_CHARACTERS


def test_a_pull_request_that_moved_on_gets_none(comment: Any, tmp_path: Path) -> None:
    hub = Hub([], sha="f" * 40)
    assert comment.main(tmp_path / "check.md", EVENT, hub.ask).startswith("no open pull request")
    assert hub.written == []


@pytest.mark.parametrize(
    ("code", "unclear", "wanted"),
    [(0, "warn", 0), (1, "warn", 1), (2, "warn", 2), (3, "warn", 0), (3, "fail", 3), (4, "fail", 4), (0, "perhaps", 2)],
)
def test_exit_codes_of_the_action(tmp_path: Path, code: int, unclear: str, wanted: int) -> None:
    program = tmp_path / "lambdabench"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {code}\n')
    program.chmod(0o755)
    given = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "BASE": "origin/main",
        "TESTS": "tests/bench marks",
        "BUILD": "pip install .",
        "ON_UNCLEAR": unclear,
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    done = subprocess.run(["bash", str(GITHUB / "check.sh")], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == wanted
    if unclear == "perhaps":
        return
    assert (tmp_path / "output").read_text() == f"exit-code={code}\n"
    asked = (tmp_path / "asked").read_text()
    assert "--base origin/main --only * " in asked
    assert "--pytest tests/bench marks --build pip install ." in asked
    assert ("::warning::" in done.stdout) == (code == 3 and unclear == "warn")


def test_a_cancelled_job_ends_its_check_which_puts_things_in_order(tmp_path: Path) -> None:
    program = tmp_path / "lambdabench"
    program.write_text(
        f"#!/bin/sh\ntrap 'touch {tmp_path}/ordered; exit 130' TERM\necho begun\nwhile :; do sleep 0.05; done\n"
    )
    program.chmod(0o755)
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BASE": "main", "GITHUB_OUTPUT": str(tmp_path / "output")}
    with subprocess.Popen(["bash", str(GITHUB / "check.sh")], env=given, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=30) == 130
        finally:
            process.kill()
    assert (tmp_path / "ordered").exists()


def test_the_actions_need_no_more_than_they_say() -> None:
    check, comment = ((GITHUB / "workflows" / f"{name}.yml").read_text() for name in ("check", "comment"))
    assert "permissions:\n  contents: read\njobs:" in check
    assert "uses: ./.github\n" in check
    assert "workflows: [lambdabench]" in comment
    assert "name: lambdabench\n" in check
    assert "head_ref" not in comment, "nothing of the fork's is checked out"


def test_the_nightly_job_mutates_modules_that_are_there_by_tests_that_are_there() -> None:
    top = GITHUB.parent
    parsed = ast.parse((top / ".ci" / "mutate.py").read_text())
    said = {
        target.id: ast.literal_eval(node.value)
        for node in parsed.body
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name) and target.id.isupper()
        if target.id in ("ALSO", "NOT_OWN", "ROOMS")
    }
    assert said["ROOMS"] == ("analysis", "gate", "store")
    for name in (*said["ALSO"], *said["NOT_OWN"]):
        assert (top / "lambdabench" / f"{name}.py").is_file()
    assert all((top / path).is_file() for paths in said["ALSO"].values() for path in paths)
    nightly = (GITHUB / "workflows" / "nightly.yml").read_text()
    assert "run: python .ci/mutate.py " in nightly
    assert "permissions:\n  contents: read\njobs:" in nightly
    assert ".ci/mutate.py" in (GITHUB / "CONTRIBUTING.md").read_text()
