"""What stands beside a run, in tables of its own: the paper's figures, never taken for measured ones; one network on two frameworks."""

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console

from ..analysis import agreement, best_runtimes, paper_comparison
from ..analysis.page import Column
from .tables import fitted


def print_quoted(console: Console, quoteds: Sequence[paper_comparison.Quoted]) -> None:
    """The paper's figures of the cases that were measured; nothing where it has none."""
    if quoteds:
        _print(
            console,
            paper_comparison.TITLES,
            map(paper_comparison.cells, quoteds),
            paper_comparison.legend(quoteds),
            texts=(0, 1),
        )


def print_agreements(console: Console, agreements: Sequence[agreement.Agreement]) -> None:
    """Pairs of backends with both rates and the largest error; nothing where no two ran on equal weights."""
    if agreements:
        _print(
            console, agreement.TITLES, map(agreement.cells, agreements), agreement.legend(agreements), texts=(0, 1, 5)
        )


def print_best(console: Console, best: Sequence[best_runtimes.BestRuntime]) -> None:
    """Each network's quickest runtime; nothing where the suite has no front over all of them."""
    if best:
        rows = map(best_runtimes.texts, best)
        _print(console, best_runtimes.TITLES, rows, best_runtimes.LEGEND, texts=(0, 1, 2, 4))


def _print(
    console: Console,
    titles: Sequence[str],
    rows: Iterable[tuple[str, ...]],
    legend: Iterable[str],
    *,
    texts: Collection[int],
) -> None:
    columns = [Column(title=title, is_number=place not in texts) for place, title in enumerate(titles)]
    console.print()
    console.print(fitted(columns, list(rows), console.width))
    for line in legend:
        console.print(line, soft_wrap=True)
