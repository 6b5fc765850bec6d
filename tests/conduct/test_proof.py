"""The tables of the proofs from made-up rows, and loads that end with what started them."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from lambdabench.conduct import independent, proof, proof_table

LEVELS = {name: 0.01 * (1 + place) for place, name in enumerate(proof.NETWORKS[:-1])}
LEVELS["deit_small_patch16_224"] = LEVELS["vit_small_patch16_224"]


def repetition(way: str, factor: float = 1.0, met: float = 0.0) -> dict[str, Any]:
    """All networks `factor` times as slow as usual; two of nine visits of resnet50 were met by others, for ten times as long."""
    rounds, processes = proof.WAYS[way]
    visits = {
        name: [
            [number, number * processes // rounds, seconds * factor * (1 + 0.001 * number), 0.0]
            for number in range(rounds)
        ]
        for name, seconds in LEVELS.items()
    }
    for item in visits["resnet50"][:2]:
        item[2], item[3] = item[2] * (1 + 9 * (met > 0)), met
    return {"machine": "m", "condition": "bursts", "way": way, "visits": visits, "seconds": 30.0, "pressure": 0.1}


def row(page: str, way: str) -> dict[str, str]:
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    (mine,) = [line for line in lines[2:] if line[2].strip() == way]
    return {title.strip(): cell.strip() for title, cell in zip(lines[0], mine, strict=True)}


def test_what_all_networks_share_is_in_no_ratio_and_what_a_passport_tells_moves_nothing() -> None:
    result = [repetition("rounds", factor, met) for factor, met in ((1.0, 0.0), (1.1, 0.4), (1.2, 0.4))]
    text = row(proof_table.page(result), "rounds")
    assert float(text["latency of a network, sd"].split()[0]) == pytest.approx(9.1, abs=0.3)
    assert text["its ratio to resnet50, sd"] == "0.0 %"
    assert (text["control pair, sd"], text["its mean"], text["holds 1"]) == ("0.0 %", "+0.0 %", "3 of 3")
    assert (text["wrong orders"], text["no number"]) == ("0 of 42", "0")
    assert text["disturbed"] == "2 %", "4 of 162"


def test_one_piece_has_its_one_visit_and_is_told_in_the_wrong_order() -> None:
    slow = repetition("one piece")
    slow["visits"]["resnet50"][0][2] *= 10
    result: list[dict[str, Any]] = [repetition("one piece"), repetition("one piece"), slow]
    text = row(proof_table.page(result), "one piece")
    assert text["its interval"] == "none"
    assert text["wrong orders"] == "5 of 42"


def test_quickstart_is_told_with_what_it_says_of_itself() -> None:
    resolution = {
        "ratios_to": 0.039,
        "control": [{"batch_size": 4, "ratio": 1.005, "low": 0.972, "high": 1.04}],
    }
    run = {"machine": "m", "condition": "bursts", "exit_code": 0, "seconds": 225.4, "counts": {"ok": 24}}
    page = proof_table.page([repetition("rounds")], [run | {"resolution": resolution}])
    assert page.endswith("| m | bursts | 225 | 0 | 24 ok | 3.9 % | b=4 1.005 [0.972, 1.040] |\n")


@pytest.mark.parametrize("script", [proof.BURSTS, proof.STEADY])
def test_a_load_ends_with_what_started_it(script: str) -> None:
    code = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {script!r}]).pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as popen:
        assert popen.stdout is not None
        number = int(popen.stdout.readline())
        time.sleep(1.0)  # it has looked who started it
        assert _runs(number)
        popen.kill()
    try:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            time.sleep(0.1)
            if not _runs(number):
                return
        pytest.fail("it went on")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _runs(number: int) -> bool:
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_loop_agrees_where_intervals_meet() -> None:
    visits = [[number, number // 3, 0.02 * (1 + 0.01 * (number % 3)), 0.0] for number in range(9)]
    ones = {
        "machine": "m",
        "condition": "as it is",
        "visits": {"a": visits, "b": visits},
        "loops": {"a": [0.0201, 0.0203, 0.0202], "b": [0.03, 0.0301, 0.0302]},
    }
    lines = independent.page([ones]).splitlines()[-2:]
    assert [line.rpartition(" |")[0].rpartition("| ")[2] for line in lines] == ["yes", "no"]
    value, low, high = independent.interval([0.01, 0.02, 0.04])
    assert value == pytest.approx(0.02)
    assert math.log(high / low) == pytest.approx(2 * 4.3027 * math.log(2) / math.sqrt(3), rel=1e-3)
