"""Golden identities: these hashes join files for ever, so a change here is a mistake in the change."""

import dataclasses

import pytest

from lambdabench.core.identity import case_id, fingerprint
from lambdabench.core.spec import Case, Environment, options_from


def test_golden_case_ids(case: Case) -> None:
    assert case_id(case) == "b981e74bd233"
    other = dataclasses.replace(case, batch_size=8, dtype="bfloat16", param_dtype="bfloat16", mode="train")
    assert case_id(other) == "4a9ff6f5f4ba"
    assert case_id(dataclasses.replace(case, options=options_from({"scope": 7}))) == "8510089ec59a"


def test_an_option_at_its_default_is_no_other_case(case: Case) -> None:
    spelled = dataclasses.replace(case, options=options_from({"scope": 23}))
    assert case_id(spelled, {"scope": 23}) == case_id(case)
    assert case_id(spelled, {"scope": 7}) != case_id(case)


def test_an_unresolved_case_has_no_identity(case: Case) -> None:
    for change in ({"device": "auto"}, {"threads": None}, {"image_px": None}, {"param_dtype": None}):
        with pytest.raises(ValueError, match="not resolved"):
            case_id(dataclasses.replace(case, **change))


def test_the_fingerprint_follows_the_environment(environment: Environment) -> None:
    assert fingerprint(environment) == fingerprint(dataclasses.replace(environment))
    assert fingerprint(environment) != fingerprint(dataclasses.replace(environment, torch="2.11"))
