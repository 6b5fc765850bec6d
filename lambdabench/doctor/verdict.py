"""What a machine is fit for now, as the findings say."""

from .findings import Diagnosis

OF_TURNS = frozenset({"ratios", "ranking", "control", "company"})
"""Topics of real turns: where there are these, figures of the machine alone decide nothing."""
OF_THE_MACHINE = frozenset({"load", "pressure", "steal", "pairs"})


def verdict(findings: tuple[Diagnosis, ...]) -> tuple[str, str]:
    """(What this machine is fit for now, what not)."""
    if any(finding.level == "FAIL" for finding in findings):
        return "nothing until the FAIL lines are mended", "all measurements"
    is_measured = any(finding.topic == "ratios" for finding in findings)
    loud = {finding.topic for finding in findings if finding.level == "warn"} & (
        OF_TURNS if is_measured else OF_THE_MACHINE
    )
    if "control" in loud:
        return "nothing now: equal networks do not come out equal", "all measurements (control)"
    if "ranking" in loud:
        return "nothing now: a run would rank nothing", "all measurements (ranking)"
    if loud:
        return "ratios of cases measured in turn", f"absolute latency and small differences ({', '.join(sorted(loud))})"
    return "latency, throughput, memory, and ratios", "percentiles beyond the 95th (too few samples in a case)"
