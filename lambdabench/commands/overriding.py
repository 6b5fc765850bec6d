"""What `run` is told beside its suite, by flags or from Python: read and checked alike."""

from collections.abc import Callable, Mapping
from typing import Any

from ..core import flags
from ..core.spec import DTYPES, LAYOUTS, MODES
from ..suite import Overrides


def overrides_of(given: Mapping[str, Any], title: Callable[[str], str] = str) -> Overrides:
    """The overrides of values by their names, None or absent where not given; `title` is how messages call a name.

    Raises LambdabenchError for a value that is empty or none of those there are.
    """

    def at(name: str) -> tuple[Any, str]:
        return given.get(name), title(name)

    devices, threads = given.get("devices"), given.get("threads")
    sizes = flags.words(*at("image_px"))
    return Overrides(
        models=flags.words(*at("models")),
        model=flags.text(*at("model")),
        backend=flags.words(*at("backend")),
        device=flags.text(*at("device")),
        devices=devices if devices in (None, "all") else flags.number(*at("devices")),
        mode=flags.choices(*at("mode"), MODES),
        batch_size=flags.numbers(*at("batch_size")),
        image_px=tuple(one if one == "native" else flags.number(one, title("image_px")) for one in sizes),
        dtype=flags.choices(*at("dtype"), DTYPES),
        layout=flags.choices(*at("layout"), LAYOUTS),
        threads=None if threads is None else flags.number(*at("threads")),
    )
