"""Which licences of published weights are permissive: to be used, changed and passed on by anybody for anything, with credit given."""

PERMISSIVE = frozenset({"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0"})
"""In timm's words, which are the identifiers of the Hugging Face Hub. Everything else is not: licences for research or without
commerce alone (cc-by-nc-4.0, seer-license), those of one company (apple-amlr, cvnets-license), and "unknown"."""


def is_permissive(licence: str) -> bool:
    """Whether a licence is known to be permissive; one that nobody knows, or that is missing, is not."""
    return licence.lower() in PERMISSIVE
