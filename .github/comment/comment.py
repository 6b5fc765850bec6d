"""Posts a file as a pull request's one comment, or renews it. Runs in the base repository after a workflow of a pull request.

Which pull request it is comes from the event, which GitHub wrote, and never from the artifact, which a fork's code wrote; a
fork's event names none, so it is looked up by the fork's owner and branch, and must still be at the commit that was checked.
"""

import json
import os
import re
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

MARKER = "<!-- lambdabench check -->"
MOST_CHARACTERS = 60_000
HTML = re.compile(r"<(?!/?(?:details|summary)>)")
"""Of what folds the cases that are the same, and of nothing else."""
UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
Ask = Callable[[str, str, Any], Any]
"""Of a method, a path below the API, and a body: the answer, decoded."""


def main(path: Path, event: dict[str, Any], ask: Ask) -> str:
    """What was done, for the log."""
    run = event["workflow_run"]
    repository = event["repository"]["full_name"]
    number = find(run, repository, ask)
    if number is None:
        return "no open pull request is at this commit: nothing to comment on"
    body = f"{MARKER}\n{harmless(path.read_text(encoding='utf-8', errors='replace'))}\n\n[run]({run['html_url']}) of {run['head_sha'][:7]}"
    for page in range(1, 11):
        comments = ask("GET", f"/repos/{repository}/issues/{number}/comments?per_page=100&page={page}", None)
        for one in comments:
            if one["body"].startswith(MARKER) and one["user"]["type"] == "Bot":
                ask("PATCH", f"/repos/{repository}/issues/comments/{one['id']}", {"body": body})
                return f"renewed the comment of #{number}"
        if len(comments) < 100:
            break
    ask("POST", f"/repos/{repository}/issues/{number}/comments", {"body": body})
    return f"commented on #{number}"


def find(run: dict[str, Any], repository: str, ask: Ask) -> int | None:
    """The open pull request of the run's branch, wherever that branch is; None where it has moved on or was closed."""
    owner, branch = run["head_repository"]["owner"]["login"], run["head_branch"]
    pulls = ask("GET", f"/repos/{repository}/pulls?state=open&head={quote(f'{owner}:{branch}')}", None)
    return next((one["number"] for one in pulls if one["head"]["sha"] == run["head_sha"]), None)


def harmless(text: str) -> str:
    """Text that a fork's code may have written: shortened, calling nobody, without links, pictures, HTML and characters that cannot be
    seen. What lambdabench itself writes holds none of these."""
    shown = UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text[:MOST_CHARACTERS].replace("\r\n", "\n"))
    plain = HTML.sub("&lt;", shown).replace("](", "]\\(").replace("]:", "]\\:").replace("://", ":\\//")
    return plain.replace("@", "@\u200b")


def ask_github(method: str, path: str, body: Any) -> Any:
    """GitHub's REST API."""
    request = urllib.request.Request(
        os.environ.get("GITHUB_API_URL", "https://api.github.com") + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    told = main(Path(sys.argv[1]), json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text()), ask_github)
    sys.stdout.write(f"{told}\n")
