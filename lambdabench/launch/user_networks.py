"""What a user's own networks are, asked of a process of their own: their code may hang, end it, or leave something behind."""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core import caches, codec, sources
from ..core.spec import ModelFacts, Wish
from .one_shot_worker import ask

MOST_S = 60.0
"""Counts are for estimates only: a run goes on without them."""
SIZE_PX = 224
CATALOGUE = "catalogue.json"


def describe(
    wishes: Sequence[Wish], home: Path, *, limit_s: float, on_wait: Callable[[str], None]
) -> tuple[ModelFacts, ...]:
    """The facts of users' networks, remembered in `home` until one of their files changes.

    All of them together have `limit_s` seconds, 60 at most, once frameworks are loaded; a network that takes longer, or ends the
    process, has facts without counts that say so. `on_wait` hears what is waited for.
    """
    if not wishes:
        return ()
    known = caches.read(tuple[ModelFacts, ...], home / CATALOGUE)
    if (
        known is not None
        and len(known) == len(wishes)
        and all(sources.is_current(dict(model_facts.sources)) for model_facts in known)
    ):
        return known
    limit_s = min(limit_s, MOST_S)
    names = ", ".join(dict.fromkeys(wish.model for wish in wishes))
    on_wait(f"{names}: looked at, for at most {limit_s:g} s of its own")
    with tempfile.TemporaryDirectory(prefix="lambdabench-users-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        codec.write(folder / "wishes.json", tuple(wishes))
        failed = ask("describe", folder, limit_s=limit_s, has_begun=(folder / "started").exists)
        answers = [caches.read(ModelFacts, folder / f"{index}.json") for index in range(len(wishes))]
    if failed or None in answers:
        on_wait(f"{names}: {failed or 'ended the process'}; goes on without an estimate")
    facts = tuple(
        answer or _unknown(wish, failed or "ended the process") for wish, answer in zip(wishes, answers, strict=True)
    )
    if None not in answers:
        caches.write(home / CATALOGUE, facts)
    return facts


def _unknown(wish: Wish, why: str) -> ModelFacts:
    return dataclasses.replace(
        ModelFacts(name=wish.model, family="user", native_px=SIZE_PX, problem=why), image_px=wish.image_px
    )
