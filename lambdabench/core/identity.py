"""What makes two cases the same case, and two environments the same environment: short hashes that files are joined on."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from . import fields
from .spec import ALL, FORMER_FIELDS, Case, Environment, Value

ID_DEFAULTS: Mapping[str, Any] = {
    field.name: field.id_default for field in fields.OF_CASE if field.id_default is not None
}
"""Apart from the defaults users see, so that those can change: a new field adds an entry, no entry is ever edited."""

FINGERPRINT_DEFAULTS: dict[str, Any] = {"gpus": ""}
"""The same for an environment: a new field adds an entry, so that a machine that it says nothing of stays the same machine."""
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical(mapping: Mapping[str, Any]) -> str:
    """Canonical JSON: sorted keys, no spaces."""
    return CANONICAL.encode(mapping)


def case_id(case: Case, option_defaults: Mapping[str, Value] | None = None) -> str:
    """12 hex digits of SHA-256 over the resolved case without fields equal to `ID_DEFAULTS`.

    Raises ValueError if device, devices, threads, image size or parameter dtype are not resolved.
    """
    unresolved = case.device == "auto" or case.devices == ALL
    if unresolved or case.threads is None or case.image_px is None or case.param_dtype is None:
        raise ValueError(f"case is not resolved: {case}")
    known = option_defaults or {}
    plain = {name: getattr(case, name) for name in Case.__slots__}
    plain["options"] = {key: value for key, value in case.options if known.get(key) != value}
    kept = {key: value for key, value in plain.items() if key not in ID_DEFAULTS or ID_DEFAULTS[key] != value}
    return hashlib.sha256(canonical(kept).encode()).hexdigest()[:12]


def flat(environment: Environment) -> dict[str, Any]:
    """An environment as a mapping of scalars, each library by its own name: `FORMER_FIELDS` always, "" where they are absent, others
    where they are installed."""
    plain = {
        field.name: getattr(environment, field.name)
        for field in dataclasses.fields(environment)
        if field.name != "versions"
    }
    return plain | dict.fromkeys(FORMER_FIELDS, "") | dict(environment.versions)


def fingerprint(environment: Environment) -> str:
    """12 hex digits of SHA-256 over the flat environment, without what is equal to `FINGERPRINT_DEFAULTS`: what it was before libraries
    were a mapping, as stored baselines need."""
    plain = flat(environment)
    text = {key: value for key, value in plain.items() if FINGERPRINT_DEFAULTS.get(key, plain) != value}
    return hashlib.sha256(canonical(text).encode()).hexdigest()[:12]
