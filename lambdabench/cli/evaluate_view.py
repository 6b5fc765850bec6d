"""What `evaluate` shows: a bar on a terminal, lines elsewhere, then accuracies with what they are of."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..commands import EvaluateResult, Judgement, Seen
from ..core import foreign
from ..core.record import Measurement
from . import terminal
from .tables import Column, fitted

NAMED = 5
"""Broken images that are named."""
LINES = 10
"""Lines where there is no terminal, for all images, beside the first."""
TITLES = {"top1": "top-1 %", "top5": "top-5 %", "agreement": "as float32 eager %"}


@contextlib.contextmanager
def progress(model: str, quiet: bool) -> Iterator[Callable[[Seen], None]]:
    """Says on standard error how far it is; nothing when `quiet`."""
    console = terminal.console(stderr=True)
    if quiet:
        yield lambda seen: None
    elif not terminal.is_redrawn(console):
        yield _Lines(console, model).take
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            yield _Bar(bar, model).take


class _Lines:
    """A line as it begins, then one a tenth of the images."""

    def __init__(self, console: Console, model: str) -> None:
        self._console, self._model, self._tenths = console, model, -1

    def take(self, seen: Seen) -> None:
        tenths = LINES * seen.done // max(seen.images, 1)
        if tenths > self._tenths:
            self._tenths = tenths
            self._console.print(foreign.plain(f"{self._model} {_so_far(seen)}"), soft_wrap=True)


class _Bar:
    """A bar with the accuracy so far."""

    def __init__(self, bar: Progress, model: str) -> None:
        self._bar, self._model = bar, foreign.plain(model)
        self._task = bar.add_task(f"{self._model} opening", total=None)

    def take(self, seen: Seen) -> None:
        name = f"{self._model} {_share(seen)}".rstrip() if seen.done else f"{self._model} opening"
        self._bar.update(self._task, description=name, completed=seen.done, total=seen.images)


def print_result(console: Console, result: EvaluateResult) -> None:
    """Accuracies of this network and, of the same weights on the same images, however else it ran."""
    if result.judgement is None:
        console.print(
            f"stopped: {_so_far(result.seen)}; they are kept in {result.predictions}, and the same command goes on",
            soft_wrap=True,
        )
        return
    heading = result.judgement.heading
    case, weights = heading.case, heading.subject.weights
    lines = [
        f"evaluate   {case.model}.{weights} on {result.judgement.measurements[0].source}"
        f"{' (a part of them)' if heading.is_limited else ''}",
        f"{heading.preprocessing}",
    ]
    for line in lines:
        console.print(foreign.plain(line), soft_wrap=True)
    console.print()
    every = (result.judgement, *result.others)
    shown = [name for name in TITLES if any(judgement.measurement(name) for judgement in every)]
    text = (
        "backend",
        "dtype",
        "device",
        *(["options"] if any(judgement.heading.case.options for judgement in every) else []),
    )
    columns = [Column(title=name) for name in text]
    columns += [Column(title=TITLES[name], is_number=True) for name in shown]
    console.print(fitted(columns, [_line(judgement, text, shown) for judgement in every], console.width))
    _print_broken(console, result.judgement)
    console.print("\n[low, high]: 95 % Wilson interval, of images like these", soft_wrap=True)
    console.print(f"saved {result.file}" if result.file else "stored already", soft_wrap=True)


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """The same as plain data. Accuracies in percent."""
    seen = result.seen
    outcome: dict[str, Any] = {
        "interrupted": result.interrupted,
        "looked_at": seen.done,
        "images": seen.images,
        "predictions": str(result.predictions),
        "file": str(result.file) if result.file else None,
    }
    if result.judgement is None:
        return outcome
    return outcome | _told(result.judgement) | {"others": [_told(other) for other in result.others]}


def _told(judgement: Judgement) -> dict[str, Any]:
    heading = judgement.heading
    case = heading.case
    return {
        "model": case.model,
        "weights": heading.subject.weights,
        "backend": case.backend,
        "device": case.device,
        "dtype": case.dtype,
        "image_px": case.image_px,
        "options": dict(case.options),
        "preprocessing": heading.preprocessing,
        "data": heading.subject.data,
        "limited": heading.is_limited,
        "broken": [{"image": name, "reason": reason} for name, reason in judgement.broken],
        **{
            known.metric: {"value": known.value, "low": known.low, "high": known.high, "images": known.loops_per_sample}
            for known in judgement.measurements
        },
    }


def _line(judgement: Judgement, names: tuple[str, ...], shown: list[str]) -> tuple[str, ...]:
    case = judgement.heading.case
    options = ", ".join(f"{key}={value}" for key, value in case.options)
    cells = {"backend": case.backend, "dtype": case.dtype, "device": case.device, "options": options}
    return (*(cells[name] for name in names), *(_interval(judgement.measurement(name)) for name in shown))


def _interval(known: Measurement | None) -> str:
    if known is None or known.value is None or known.low is None or known.high is None:
        return "–"
    return f"{known.value:.2f} [{known.low:.2f}, {known.high:.2f}]"


def _print_broken(console: Console, judgement: Judgement) -> None:
    if not judgement.broken:
        return
    text = "; ".join(f"{name} ({reason})" for name, reason in judgement.broken[:NAMED])
    more = f"; and {len(judgement.broken) - NAMED:,} more" if len(judgement.broken) > NAMED else ""
    count = f"{len(judgement.broken):,} image{'' if len(judgement.broken) == 1 else 's'}"
    console.print(
        foreign.plain(f"! {count} cannot be read and {_are(judgement)} left out: {text}{more}"),
        soft_wrap=True,
    )


def _are(judgement: Judgement) -> str:
    return "is" if len(judgement.broken) == 1 else "are"


def _so_far(seen: Seen) -> str:
    """ "1,280 of 50,000 images, top-1 78.1 % so far"."""
    share = _share(seen)
    return f"{seen.done:,} of {seen.images:,} images{f', {share}' if share else ''}"


def _share(seen: Seen) -> str:
    readable = seen.done - seen.broken
    broken = f", {seen.broken:,} broken" if seen.broken else ""
    return f"top-1 {100 * seen.right / readable:.1f} % so far{broken}" if readable else broken.removeprefix(", ")
