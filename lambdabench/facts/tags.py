"""What weights saw beyond ImageNet-1k, read off their architecture and tag part by part. A part that nobody explained is an error:
silence would call its weights trained on ImageNet-1k alone."""

import functools
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..core.errors import FactError

MORE_DATA = (
    ("clip_laion2b", "LAION-2B"),
    ("clip_laiona", "LAION-Aesthetic-900M"),
    ("clip", "LAION-400M"),
    ("laion2b", "LAION-2B"),
    ("laiona", "LAION-Aesthetic-900M"),
    ("openai", "OpenAI's 400 M pairs of CLIP"),
    ("webli", "WebLI"),
    ("swag", "Instagram-3.6B (SWAG)"),
    ("seer", "Instagram-1B, unlabelled (SEER)"),
    ("ig1b", "Instagram-1B"),
    ("yfcc100m", "YFCC100M"),
    ("pseudo_jft", "JFT-300M"),
    ("jft", "JFT-300M"),
    ("m30m", "Merged-30M"),
    ("m38m", "Merged-38M"),
    ("ssld", "ImageNet-22k without labels (SSLD)"),
    ("in22k", "ImageNet-22k"),
    ("in21k", "ImageNet-21k"),
    ("in12k", "ImageNet-12k"),
)
"""Neighbouring parts of a tag -> data; the first entry that fits at a place counts. timm's model cards; CLIP of EVA: arXiv 2211.07636;
SWAG: arXiv 2201.08371; SEER: arXiv 2202.08360; SSLD: arXiv 2103.05959; SigLIP: arXiv 2303.15343; Merged-38M: arXiv 2303.11331."""
TAUGHT_BY = (
    ("beitv2_*", "", "OpenAI's 400 M pairs of CLIP"),
    ("resnetv2_50x1_bit", "goog_distilled", "ImageNet-21k"),
    ("edgenext_*", "usi", "ImageNet-21k"),
)
"""Architecture, part of the tag, what their teacher or tokenizer saw. BEiT v2's tokenizer learns CLIP's features (arXiv 2208.06366);
BiT's teacher is a BiT-M (arXiv 2106.05237); USI's is TResNet-L-V2 (arXiv 2204.03475), whose published weights come from ImageNet-21k
(arXiv 2104.10972; timm's tresnet_v2_l.miil_in21k_ft_in1k)."""
NOT_DATA = frozenset([
    "in1k", "ft", "dist", "distilled", "teacher", "stage1", "stage2", "6m", "indomain", "lc", "ssl", "swsl", "wsl",
    "ns", "mim", "mae", "fcmae", "adv", "ens", "ap", "aa", "agc", "ra", "ra2", "ra3", "ra4", "racm", "ram", "rmsp",
    "am", "a1", "a1h", "a2", "a2h", "a3", "ah", "b1k", "b2k", "bt", "c1", "c2", "c2ns", "c3", "ch", "d", "d1", "d1h",
    "d2", "aug", "augreg", "augreg2", "lamb", "lion", "sam", "soup", "sbb", "sbb2", "sw", "pd", "ix", "usi", "orig",
    "green", "apple", "bd", "cvnets", "deit", "dm", "fb", "gluon", "goog", "idstcv", "miil", "ms", "msft", "mx", "nav",
    "naver", "nv", "paddle", "pycls", "rvgg", "sail", "snap", "tf", "tv", "tv2", "paper", "quoted", "released",
    "epochs", "table",
])  # fmt: skip
"""Parts of tags that say who trained, how, or where a number is printed."""
NUMBER = re.compile(r"\d+|[ers]\d+|\d+ep?")
"""Image sizes, epochs and patches: 384, r224, e3600, s576, 300e, 1200ep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The data beyond ImageNet-1k that weights were trained on, and what their teachers saw beyond that; each empty where there is none."""

    data: str
    taught_by: str


@functools.cache
def seen(architecture: str, tag: str) -> Seen:
    """What weights, and what taught them, saw.

    Raises FactError for a part of the tag that is not known: whether it means data is for a person to say.
    """
    names, parts = list[str](), tag.split("_")
    while parts:
        length, data = _read(parts, architecture, tag)
        parts = parts[length:]
        if data and data not in names:
            names.append(data)
    taught = [data for data in _teachers(architecture, tag) if data not in names]
    return Seen(data=", ".join(names), taught_by=", ".join(taught))


def beyond(data: str, taught_by: str) -> str:
    """Both in one line, as figures name them; empty where nothing but ImageNet-1k was seen."""
    return ", ".join(filter(None, (data, f"taught by a network of {taught_by}" if taught_by else "")))


def _read(parts: list[str], architecture: str, tag: str) -> tuple[int, str]:
    """(How many parts the first entry that fits takes, the data that it names or "")."""
    for words, data in MORE_DATA:
        count = words.count("_") + 1
        if parts[:count] == words.split("_"):
            return count, data
    if parts[0] in NOT_DATA or NUMBER.fullmatch(parts[0]):
        return 1, ""
    raise FactError(
        f"found {parts[0]!r} in the tag {architecture}.{tag}, expected a part that facts/tags.py explains; "
        "add it to MORE_DATA with the data that it means, or to NOT_DATA"
    )


def _teachers(architecture: str, tag: str) -> list[str]:
    around = f"_{tag}_"
    return [
        data
        for pattern, part, data in TAUGHT_BY
        if fnmatchcase(architecture, pattern) and (not part or f"_{part}_" in around)
    ]
