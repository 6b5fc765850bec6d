"""What the trials of `proof` say, as Markdown: a page for each machine, and a summary of all in index.md."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis.wilson import wilson

KERNELS = ("gemm", "memory", "tiny", "allocating")
MORE_KERNELS = ("unaligned",)
"""Not asked for any more, and not summed up: what it tells is said beside the table."""
BUSY = 0.05
"""Share of a trial in which some task waited for a CPU: from here on `check` and `doctor` call a machine loaded."""
STARVED = 0.5
"""From here on somebody waited more often than not."""
RULE = 1.05
"""pytest-benchmark's --benchmark-compare-fail=median:5%."""
FACTORS = ("1.0", "1.03", "1.05", "1.1")
SHARES = (0.03, 0.05, 0.10)
FINDINGS = ("slower", "unclear", "same", "faster")
ELSEWHERE = ("power.md", "process-pairs.md", "one-build.md")
Trial = dict[str, Any]


def state(trial: Trial) -> str:
    """What was measured while a trial ran, whoever the load came from: "quiet" or "busy"."""
    return "busy" if (trial["pressure"] or 0.0) >= BUSY else "quiet"


def write(trials: Sequence[Trial], folder: Path) -> None:
    """index.md and a page a machine."""
    pages = {name: _title(of_machine) for name, of_machine in by_machine(trials).items()}
    for name, of_machine in by_machine(trials).items():
        (folder / f"{name}.md").write_text(page(of_machine))
    others = [name for name in ELSEWHERE if (folder / name).is_file()]
    links = [f"- [{title}]({name}.md)" for name, title in pages.items()]
    links += [f"- [{_heading(folder / other)}]({other})" for other in others]
    (folder / "index.md").write_text(summary(trials) + "\n" + "\n".join(links) + "\n")


def by_machine(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Trials under the name of their machine's page; the second machine of one name has a 2 behind it."""
    names: dict[str, str] = {}
    result: dict[str, list[Trial]] = {}
    for trial in trials:
        key = repr(sorted(trial["machine"].items()))
        if key not in names:
            plain = re.sub(r"\((?:R|TM)\)|processor|\bcpu\b", "", trial["machine"]["cpu"], flags=re.IGNORECASE)
            words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
            name = f"{words}-{trial['machine']['processors']}-processors"
            again = sum(other.startswith(name) for other in names.values())
            names[key] = f"{name}-{again + 1}" if again else name
        result.setdefault(names[key], []).append(trial)
    return result


def summary(trials: Sequence[Trial]) -> str:
    """A row for each machine and state."""
    head = [
        "# How often the gate errs",
        "",
        f"{len(trials)} trials, each in a fresh process: four kinds of kernel (a matrix product, passes over memory, tiny operations,",
        "many allocations), equal code and slowdowns, the first process of the gate only: a red build needs fresh ones, and Holm's",
        "correction; the whole rule is in power.md, on scripted times." + _earlier(trials),
        "Exact: the rounds of equal code with head's times multiplied. Real: as much more work of the kernel's",
        f"own kind. Busy: some task waited for a CPU in {100 * BUSY:.0f} % of the trial or more, as `check` and `doctor` use the word,",
        f"whether the load was found or made; starved: in {100 * STARVED:.0f} % or more. A cell says how many of its trials were called",
        "slower, then, where there were any, unclear; 95 % intervals by Wilson. Passes over memory are over arrays that begin with a",
        "cache line, as torch's and XLA's do; the pages have the same on numpy's own arrays (unaligned), where equal sides differ by",
        "where the allocator puts them, and the gate answers unclear.",
        "",
        "| machine | it was | equal code | faster | exact +3 % | real +3 % | exact +5 % | real +5 % | exact +10 % | real +10 % "
        "| seconds, median and p90 | median:5 % on the same runs: equal code, real +5 % |",
        "|" + "---|" * 12,
    ]
    rows: list[str] = []
    summed = [trial for trial in trials if trial["kernel"] in KERNELS]
    for of_machine in by_machine(summed).values():
        for kind, chosen in (
            ("quiet", [trial for trial in of_machine if state(trial) == "quiet"]),
            ("busy", [trial for trial in of_machine if state(trial) == "busy"]),
            ("of these starved", [trial for trial in of_machine if (trial["pressure"] or 0.0) >= STARVED]),
        ):
            if chosen:
                rows.append(_summary_row(chosen, short(of_machine), kind))
    return "\n".join([*head, *rows, ""])


def _earlier(trials: Sequence[Trial]) -> str:
    """Of how many it must be said that another rule judged them."""
    count = sum("agreeing" not in trial for trial in trials)
    if not count:
        return ""
    return f"\n{count} of the trials are of a rule that said same after one build, now after two; slower took three then as now."


def page(trials: Sequence[Trial]) -> str:
    """All cells of one machine."""
    head = [
        f"# {_title(trials)}",
        "",
        f"{len(trials)} trials of index.md; the first process only, cap 10 s a case.",
        "",
        "| it was | slowdown | kernel | trials | slower | unclear | same | faster | median ratio | median s | p90 s "
        "| median:5 % of separate processes |",
        "|" + "---|" * 12,
    ]
    rows: list[str] = []
    for kind in ("quiet", "busy"):
        of_state = [trial for trial in trials if state(trial) == kind]
        for factor in FACTORS:
            name = "none (A/A)" if factor == "1.0" else f"exact +{100 * (float(factor) - 1):.0f} %"
            rows += _rows([trial for trial in of_state if trial["extra"] == 0], factor, kind, name)
        for extra in SHARES:
            rows += _rows(
                [trial for trial in of_state if trial["extra"] == extra], "1.0", kind, f"real +{100 * extra:.0f} %"
            )
    return "\n".join([*head, *rows, "", _pressure(trials), ""])


def _summary_row(trials: Sequence[Trial], machine: str, kind: str) -> str:
    equal = [trial for trial in trials if trial["extra"] == 0]
    cells = [machine, kind, _caught(equal, "1.0"), str(_count(equal, "1.0", "faster"))]
    for share, factor in zip(SHARES, FACTORS[1:], strict=True):
        cells += [_caught(equal, factor), _caught([trial for trial in trials if trial["extra"] == share], "1.0")]
    seconds = sorted(item["seconds"] for trial in trials for item in trial["found"].values())
    cells.append(f"{seconds[len(seconds) // 2]:.1f}, {seconds[int(0.9 * len(seconds))]:.1f}")
    real = [trial for trial in trials if trial["extra"] == 0.05]
    cells.append(f"{_theirs(equal, 1.0)}, {_theirs(real, 1.0)}")
    return f"| {' | '.join(cells)} |"


def _caught(trials: Sequence[Trial], factor: str) -> str:
    """How many were called slower, with an interval, and how many were unclear."""
    if not trials:
        return "–"
    slower, unclear = _count(trials, factor, "slower"), _count(trials, factor, "unclear")
    low, high = wilson(slower, len(trials))
    name = f"{slower}/{len(trials)} [{100 * low:.1f}, {100 * high:.1f}] %"
    return f"{name}, {unclear} unclear" if unclear else name


def _count(trials: Sequence[Trial], factor: str, finding: str) -> int:
    return sum(trial["found"][factor]["finding"] == finding for trial in trials)


def _rows(trials: Sequence[Trial], factor: str, kind: str, name: str) -> list[str]:
    groups = {kernel: [trial for trial in trials if trial["kernel"] == kernel] for kernel in (*KERNELS, *MORE_KERNELS)}
    groups["**all but unaligned**"] = [trial for trial in trials if trial["kernel"] in KERNELS]
    return [_row(group, factor, kind, name, kernel) for kernel, group in groups.items() if group]


def _row(trials: Sequence[Trial], factor: str, kind: str, name: str, kernel: str) -> str:
    items = [trial["found"][factor] for trial in trials]
    cells = [kind, name, kernel, str(len(items))]
    for finding in FINDINGS:
        count = _count(trials, factor, finding)
        low, high = wilson(count, len(items))
        cells.append(
            f"{count} ({100 * count / len(items):.0f} % [{100 * low:.1f}, {100 * high:.1f}])"
            if count or finding == "slower"
            else "0"
        )
    seconds = sorted(item["seconds"] for item in items)
    ratios = sorted(item["ratio"] for item in items)
    cells += [
        f"{ratios[len(ratios) // 2]:.3f}",
        f"{seconds[len(seconds) // 2]:.1f}",
        f"{seconds[int(0.9 * len(seconds))]:.1f}",
        _theirs(trials, float(factor)),
    ]
    return f"| {' | '.join(cells)} |"


def _theirs(trials: Sequence[Trial], factor: float) -> str:
    """How often a rule on medians of two processes, base's and the next one's head, says slower on these same runs."""
    cells = [[trial for trial in trials if trial["kernel"] == kernel] for kernel in (*KERNELS, *MORE_KERNELS)]
    pairs = [pair for cell in cells for pair in itertools.pairwise(cell)]
    if not pairs:
        return "–"
    count = sum(factor * two["head_s"] / trial["base_s"] > RULE for trial, two in pairs)
    low, high = wilson(count, len(pairs))
    return f"{100 * count / len(pairs):.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _pressure(trials: Sequence[Trial]) -> str:
    known = sorted(trial["pressure"] for trial in trials if trial["pressure"] is not None)
    if not known:
        return ""
    return (
        f"A shared machine, where some task waited for a CPU in {100 * known[len(known) // 2]:.0f} % of the time "
        f"(median of trials; 90 %: {100 * known[int(0.9 * len(known))]:.0f} %)."
    )


def _title(trials: Sequence[Trial]) -> str:
    item = trials[0]["machine"]
    return f"How often the gate errs: {item['cpu']} ({item['flags']}), {item['processors']} processors"


def short(trials: Sequence[Trial]) -> str:
    item = trials[0]["machine"]
    return f"{item['cpu']}, {item['processors']} processors"


def _heading(path: Path) -> str:
    return path.read_text().splitlines()[0].lstrip("# ")
