"""Whether a run's own warming up is as long as a clock takes to rise, on made-up loads."""

from collections.abc import Callable

import pytest

from lambdabench.conduct import Stop
from lambdabench.core.proof_protocol import Loaded, Moment, ProofAsked
from lambdabench.core.spec import Device, Environment, Machine
from lambdabench.prove import undisturbed, warm_up
from lambdabench.prove.place import Place
from lambdabench.prove.verdicts import Finding, exit_code

ENVIRONMENT = Environment(lambdabench="0", cpu="EPYC", cpu_flags="avx2", cores=2, memory_gib=8, python="3.11")
CPU = Device(name="cpu", title="EPYC", memory_bytes=2**33, backends=("torch_eager",))
MACHINE = Machine(devices=(CPU,), environment=ENVIRONMENT)


def loaded(speed: Callable[[float], float], moments: tuple[Moment, ...] = (), lost: float | None = 0.0) -> Loaded:
    seconds, spent_s = list[float](), 0.0
    while spent_s < 6:
        seconds.append(0.002 / speed(spent_s))
        spent_s += seconds[-1]
    return Loaded(dtype="bfloat16", side=4096, seconds=tuple(seconds), moments=moments, lost=lost)


def rising(rise_s: float) -> Loaded:
    return loaded(lambda spent_s: min(1.0, 0.5 + 0.5 * spent_s / rise_s))


def by_question(load: Loaded, device: str) -> dict[str, Finding]:
    return {finding.question: finding for finding in warm_up.findings(load, device)}


@pytest.mark.parametrize(
    ("device", "rise_s", "verdict"),
    [
        ("cpu", 0.0001, "as predicted"),
        ("cpu", 0.03, "as predicted"),
        ("cpu", 0.3, "off"),  # a visit's cold calls are 0.04 s there
        ("cuda:0", 0.3, "as predicted"),
        ("cuda:0", 1.5, "as predicted"),  # drawn out for as long as calls become faster
        ("cuda:0", 4.0, "off"),  # and no longer than 2 s
    ],
)
def test_a_run_that_warms_up_for_less_than_a_clock_takes_to_rise_is_off(
    device: str, rise_s: float, verdict: str
) -> None:
    finding = by_question(rising(rise_s), device)[warm_up.RISEN]
    assert finding.verdict == verdict
    assert finding.found_value == pytest.approx(0.9 * rise_s, abs=0.02 + 0.05 * rise_s)


def test_the_curve_is_whole_at_first_and_thin_later() -> None:
    curve = by_question(rising(0.3), "cuda:0")[warm_up.RISEN].curve
    assert curve[0][1] < 0.6
    assert curve[-1][1] == pytest.approx(1.0)
    assert curve[0][0] < 0.03
    assert curve[-1][0] > 5
    assert len(curve) < 100


def test_a_clock_that_is_held_down_is_told_with_its_reason() -> None:
    moments = (
        Moment(after_s=0.0, sm_clock_mhz=345.0, reasons=()),
        Moment(after_s=0.1, sm_clock_mhz=1200.0, reasons=()),
        Moment(after_s=0.2, sm_clock_mhz=1980.0, reasons=()),
        *(Moment(after_s=1.0 + after_s, sm_clock_mhz=1700.0, reasons=("sw_power_cap",)) for after_s in range(5)),
    )
    load = loaded(lambda spent_s: 1.0 if spent_s < 1 else 0.86, moments)
    clock = by_question(load, "cuda:0")[warm_up.CLOCK]
    assert (clock.found_value, clock.verdict) == (0.2, "no prediction")
    assert "345 MHz at rest, 1700 MHz under load" in clock.basis
    kept = by_question(load, "cuda:0")["speed after 6 s of load, as a share of its best 0.25 s"]
    assert kept.found_value == pytest.approx(0.86)
    assert kept.basis == "a speed that is kept, found to fall until 996 ms; NVML: clock held down by sw_power_cap"
    halved = by_question(loaded(lambda spent_s: 1.0 if spent_s < 2 else 0.45), "cpu")
    assert halved["speed after 6 s of load, as a share of its best 0.25 s"].verdict == "off"


def test_a_card_that_tells_no_clock_was_not_asked_for_it() -> None:
    assert by_question(rising(0.1), "cuda:0")[warm_up.CLOCK].verdict == "not asked"
    assert warm_up.CLOCK not in by_question(rising(0.1), "cpu")


def test_calls_too_few_to_tell_are_not_asked() -> None:
    load = Loaded(dtype="float32", side=256, seconds=(4.0, 4.0))
    (finding,) = warm_up.findings(load, "cpu")
    assert finding.verdict == "not asked"
    assert "2 calls in 8 s are too few" in finding.basis


@pytest.mark.parametrize(("lost", "asked", "code"), [([0.3, 0.01], 2, 0), ([0.3, 0.4, 0.5], 3, 3), ([None], 1, 0)])
def test_a_load_that_others_disturbed_is_made_again(
    monkeypatch: pytest.MonkeyPatch, lost: list[float | None], asked: int, code: int
) -> None:
    answers, waits, questions = iter(lost), list[str](), list[ProofAsked]()

    def prove(question: ProofAsked, kind: type[Loaded]) -> Loaded:
        questions.append(question)
        return loaded(lambda _: 1.0, lost=next(answers))

    monkeypatch.setattr(undisturbed.launch, "prove", prove)
    place = Place(device=CPU, backend="torch_eager", machine=MACHINE, stop=Stop(), on_wait=waits.append)
    findings = list(warm_up.risen(place))
    assert exit_code(findings) == code
    assert questions == [ProofAsked(framework="torch", device="cpu", what="load")] * asked
    if code:
        assert "other programs had the CPU in 50 % of the time" in findings[0].basis
