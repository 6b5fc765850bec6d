"""Golden identities: these hashes join files for ever, so a change here is a mistake in the change."""

import dataclasses

import pytest

from lambdabench.core.identity import case_id, fingerprint, flat
from lambdabench.core.spec import Case, Environment, Library, options_from


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
    assert fingerprint(environment) != fingerprint(dataclasses.replace(environment, versions=(("torch", "2.11"),)))


def test_golden_fingerprints_are_those_of_libraries_with_a_field_each(environment: Environment) -> None:
    """As `Environment(torch="2.15.0+cpu", ...)` had them: baselines of `check` are joined on them."""
    libraries = {"torch": "2.15.0+cpu", "torchvision": "0.29.2", "timm": "1.0.31", "numpy": "2.4.6"}
    on_cpu = tuple(sorted((libraries | {"jax": "0.10.2", "jaxlib": "0.10.2"}).items()))
    on_gpu = (("cuda", "13.2.86"), ("cudnn", "9.26.0.51"), ("torch", "2.15.0"), ("triton", "3.9.0"))
    gpu = {"gpu": "A100", "gpus": "A100 GPU-1 64 GiB driver 570.1", "driver": "570.1"}
    assert fingerprint(environment) == "93bee5460a7e"
    assert fingerprint(dataclasses.replace(environment, versions=on_cpu)) == "8f33b00a92e8"
    assert fingerprint(dataclasses.replace(environment, versions=on_gpu, **gpu)) == "dd5c52195795"


def test_a_library_that_never_had_a_field_is_told_where_it_is_installed_alone(environment: Environment) -> None:
    there = dataclasses.replace(environment, versions=(("beads", "4.2"),))
    assert flat(there) == flat(environment) | {"beads": "4.2"}
    assert (
        len(
            {
                fingerprint(item)
                for item in (environment, there, dataclasses.replace(there, versions=(("beads", "4.3"),)))
            }
        )
        == 3
    )


@pytest.mark.parametrize("name", ["cpu", "versions", "lambdabench", "", "two words", "-beads", "beads\n"])
def test_a_library_is_not_called_as_something_else_is(name: str) -> None:
    with pytest.raises(ValueError, match="give it the name of its distribution"):
        Library(name=name)
