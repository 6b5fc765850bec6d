"""Which family a network belongs to, by its name alone: what moves together is told together."""

import re
from collections.abc import Mapping

TRAINED_BY = re.compile(r"^(?:tf|legacy)_(?=[a-z])")
"""Beginnings of timm's names that say where weights come from, and not what the network is."""
FAMILY = re.compile(r"[a-z]+?(?:\d[a-z]{3,}|v\d)?(?=\d|_|\.|$)")
"""The letters before a size, with a version (`resnetv2`), or with letters that go on behind a digit (`res2net`, `cs3darknet`)."""
OURS = "{} (lambdabench)"


def family_of(model: str, ours: Mapping[str, str]) -> str:
    """`ours` (model -> family) for a network of this package, told apart from timm's of that name; else what timm's name begins with
    before its size; "" for what is no such name: somebody's own network, a test."""
    if model in ours:
        return OURS.format(ours[model])
    name = TRAINED_BY.sub("", model)
    match = FAMILY.match(name)
    return match[0] if match and not set(model) & set(":/\\ ") and not model.endswith((".pt2", ".onnx")) else ""
