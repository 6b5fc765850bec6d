"""What `run` is told beside its suite, by flags or from Python: read and checked alike."""

from collections.abc import Callable, Mapping
from typing import Any

from ..core import fields, flags, formats, shapes
from ..core.errors import RequestError
from ..core.fields import Field
from ..core.spec import Value
from .overrides import Overrides

FLAGGED = tuple(field for field in fields.RUNNING if field.flag)
KNOWN = ("models", "model", "at", "load", "option", "calibration", shapes.OPTION, *(field.name for field in FLAGGED))
"""What `overrides_of` takes."""


def overrides_of(given: Mapping[str, Any], title: Callable[[str], str] = str) -> Overrides:
    """The overrides of values by their names, None or absent where not given; `title` is how messages call a name.

    Raises RequestError for a value that is empty or none of those there are.
    """

    own = flags.words(given.get("model"), title("model"))
    for reference in own:
        formats.refuse(reference)
    return Overrides(
        models=flags.words(given.get("models"), title("models")),
        model=own,
        axes={field.name: values for field in FLAGGED if (values := _read(field, given, title))},
        options=_options(given, title),
        at=flags.quantile(given.get("at"), title("at")),
        loads=flags.loads(given.get("load"), title("load")),
    )


def _read(field: Field, given: Mapping[str, Any], title: Callable[[str], str]) -> tuple[Any, ...]:
    """The values that the flag of a case's field says; none where it was not given."""
    if field.name == "image_px":
        return _sizes(given, title)
    value, flag = given.get(field.name), title(field.name)
    if value is None or (field.name == "devices" and value == "all"):
        return () if value is None else (value,)
    if field.choices:
        return flags.choices(value, flag, field.choices)
    if field.takes_many:
        return flags.numbers(value, flag) if field.is_number else flags.words(value, flag)
    return (flags.number(value, flag) if field.is_number else flags.text(value, flag),)


def _options(given: Mapping[str, Any], title: Callable[[str], str]) -> dict[str, tuple[Value, ...]]:
    """Values of each option: a mapping from Python, or words `key=value,value`; images for a quantiser ask for it."""
    asked = given.get("option")
    if asked is None or isinstance(asked, Mapping):
        pairs = dict(asked or {})
    else:
        pairs = dict(flags.pair(word, title("option")) for word in ([asked] if isinstance(asked, str) else asked))
    options = {str(key): flags.values(value, f"{title('option')} {key}") for key, value in pairs.items()}
    if (folder := flags.text(given.get("calibration"), title("calibration"))) is not None:
        options = {"quantize": ("static",)} | options | {"calibration": (folder,)}
    return options


def _sizes(given: Mapping[str, Any], title: Callable[[str], str]) -> tuple[int | str, ...]:
    """Sizes of images, by either of their flags."""
    by_px = flags.words(given.get("image_px"), title("image_px"))
    shaped = flags.words(given.get("input"), title("input"))
    if by_px and shaped:
        raise RequestError(
            f"{title('image_px')}, {title('input')}: found both, expected one; each says how large images are"
        )
    return (
        *(_size(name, title("image_px")) for name in by_px),
        *(shapes.parse(name, what=title("input")).told() for name in shaped),
    )


def _size(word: str, flag: str) -> int | str:
    """A number of pixels, "native", or "96x160"."""
    if word == "native":
        return word
    return shapes.parse(word, what=flag).told() if "x" in word else flags.number(word, flag)
