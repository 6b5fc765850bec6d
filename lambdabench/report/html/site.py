"""What the page over all suites knows of each: what the pages that lie there say of themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE, DATA = "index.html", "index.json"
LARGEST_BYTES = 64 * 2**20
"""Of a page's data; what is larger is no page of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEntry:
    """One suite's page. `machines`: what it holds of each, "22 of 24 cases, 2026-11-29"."""

    folder: str
    title: str
    suite: str
    question: str
    answers: tuple[str, ...]
    machines: Mapping[str, str]
    holes: int


def read_site(reports: Path) -> tuple[SiteEntry, ...]:
    """The pages that lie in a folder of reports, by their folders' names; what is no page of ours is passed over."""
    if not reports.is_dir():
        return ()
    folders = sorted(path.parent for path in reports.glob(f"*/{DATA}") if (path.parent / PAGE).is_file())
    return tuple(entry for folder in folders if (entry := _entry(folder)) is not None)


def _entry(folder: Path) -> SiteEntry | None:
    path = folder / DATA
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        page = json.loads(path.read_text(encoding="utf-8"))
        return SiteEntry(
            folder=folder.name,
            title=str(page["title"]),
            suite=str(page["suite"]),
            question=str(page["question"]),
            answers=tuple(map(str, page["answers"])),
            machines={str(known["name"]): _holding(known) for known in page["machines"]},
            holes=len(page["holes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _holding(machine: Mapping[str, Any]) -> str:
    count = f"{machine['with_number']} of {machine['cases']} cases"
    return f"{count}, {machine['last']}" if machine["last"] else count
