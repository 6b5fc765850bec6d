"""A pool of scripted processes, and jobs for it: what tests of conducting share."""

import dataclasses
from collections.abc import Callable

from lambdabench.conduct import RunSetup
from lambdabench.core.record import Measurement, Noise, Outcome, Visit
from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.core.visit_protocol import Answered, Asked
from lambdabench.launch.exit_outcomes import outcome_of
from lambdabench.launch.workers import Key

SAMPLING = Sampling(case_budget_s=2.0, processes=3, rounds=9)


class Script:
    """A pool and its processes: every call takes `step_s`, and `fails` says what an asked thing ends in."""

    def __init__(
        self,
        fails: Callable[[Asked, int], str] = lambda asked, open_: "",
        step_s: float = 0.02,
        flags: tuple[str, ...] = (),
        noise: Callable[[Asked], Noise] = lambda asked: Noise(),
    ) -> None:
        self.fails, self.step_s, self.flags, self.noise = fails, step_s, flags, noise
        self.asked: list[tuple[str, str]] = []
        self.firsts: list[bool] = []
        self.seeds: list[int] = []
        self.now_s = 0.0
        self.started = 0
        self.open = 0

    def start(self, key: Key) -> "Process":
        self.started += 1
        return Process(self)


class Process:
    def __init__(self, script: Script) -> None:
        self.script, self.is_gone, self.held = script, False, set[str]()

    def ask(self, asked: Asked, job: Job) -> Answered:
        script = self.script
        script.asked.append((asked.what, asked.job_id))
        script.firsts += [asked.is_first] if asked.what == "open" else []
        script.seeds += [asked.seed] if asked.what == "train" else []
        script.now_s += 0.5
        if status := script.fails(asked, script.open):
            self.is_gone = status in ("crash", "timeout")
            script.open -= 0 if asked.what == "open" else 1
            failed = outcome_of(job, status, "scripted")
            return Answered(outcome=dataclasses.replace(failed, flags=script.flags))  # pyright: ignore[reportArgumentType]
        if asked.what == "train":
            return Answered(outcome=Outcome(job_id=asked.job_id, status="ok", measurements=(_accuracy(asked.seed),)))
        if asked.what == "visit":
            visit = Visit(
                round=asked.round,
                started_s=script.now_s,
                cold=(script.step_s,),
                seconds=(script.step_s,) * 4,
                noise=script.noise(asked),
            )
            return Answered(visit=visit)
        script.open += 1 if asked.what == "open" else -1
        return Answered(outcome=Outcome(job_id=asked.job_id, status="ok"), step_s=script.step_s)

    def close(self) -> None:
        self.is_gone = True


def _accuracy(seed: int) -> Measurement:
    return Measurement(
        metric="top1", unit="%", value=None, samples=(90.0 + seed,), loops_per_sample=1000, statistic="mean_share",
        source="made-up images",
    )  # fmt: skip


def job(name: str, **changes: object) -> Job:
    case = Case(model=name, backend="fake", device="fake", batch_size=8)
    made = Job(job_id=f"{name}-0", case_id=name, case=case, metrics=("latency", "throughput"), sampling=SAMPLING)
    return dataclasses.replace(made, **changes)  # pyright: ignore[reportArgumentType]


def half(whole: Job) -> Job:
    case = dataclasses.replace(whole.case, batch_size=whole.case.batch_size // 2)
    name = f"{whole.case_id}/2"
    return dataclasses.replace(whole, case=case, case_id=name, job_id=f"{name}-0")


def run_setup(script: Script, **changes: object) -> RunSetup:
    made = RunSetup(
        pool=script,
        key_of=lambda item: (Key(framework="", threads=1, forks=True), item.job_id),
        half_of=half,
        clock=lambda: script.now_s,
    )
    return dataclasses.replace(made, **changes)  # pyright: ignore[reportArgumentType]
