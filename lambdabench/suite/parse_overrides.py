"""What `run` is told beside its suite, by flags or from Python: read and checked alike."""

from collections.abc import Callable, Mapping
from typing import Any

from ..core import flags, formats, shapes
from ..core.errors import RequestError
from ..core.spec import DTYPES, LAYOUTS, MODES
from .overrides import Overrides


def overrides_of(given: Mapping[str, Any], title: Callable[[str], str] = str) -> Overrides:
    """The overrides of values by their names, None or absent where not given; `title` is how messages call a name.

    Raises RequestError for a value that is empty or none of those there are.
    """

    def at(name: str) -> tuple[Any, str]:
        return given.get(name), title(name)

    devices, threads, own = given.get("devices"), given.get("threads"), flags.words(*at("model"))
    for one in own:
        formats.refuse(one)
    return Overrides(
        models=flags.words(*at("models")),
        model=own,
        backend=flags.words(*at("backend")),
        device=flags.text(*at("device")),
        devices=devices if devices in (None, "all") else flags.number(*at("devices")),
        mode=flags.choices(*at("mode"), MODES),
        batch_size=flags.numbers(*at("batch_size")),
        image_px=_sizes(given, title),
        dtype=flags.choices(*at("dtype"), DTYPES),
        layout=flags.choices(*at("layout"), LAYOUTS),
        threads=None if threads is None else flags.number(*at("threads")),
        at=flags.quantile(*at("at")),
    )


def _sizes(given: Mapping[str, Any], title: Callable[[str], str]) -> tuple[int | str, ...]:
    """Sizes of images, by either of their flags."""
    by_px = flags.words(given.get("image_px"), title("image_px"))
    shaped = flags.words(given.get("input"), title("input"))
    if by_px and shaped:
        raise RequestError(
            f"{title('image_px')}, {title('input')}: found both, expected one; each says how large images are"
        )
    return (
        *(_size(one, title("image_px")) for one in by_px),
        *(shapes.parse(one, what=title("input")).told() for one in shaped),
    )


def _size(word: str, flag: str) -> int | str:
    """A number of pixels, "native", or "96x160"."""
    if word == "native":
        return word
    return shapes.parse(word, what=flag).told() if "x" in word else flags.number(word, flag)
