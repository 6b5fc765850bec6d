"""Names and options of a suite, checked before anything is measured."""

from collections.abc import Collection
from importlib.util import find_spec

from .. import layers, models
from ..core import registry, shapes
from ..core.errors import SuiteError, UnsupportedError
from ..core.spec import LARGEST, Case, Cell, Suite, Value


def check_names(wanted: Suite, names: Collection[str]) -> None:
    """Raises for a model that nobody has; `names` are those that the probe found. Without timm nobody knows its names."""
    if not find_spec("timm"):
        return
    known = {*names, *models.ours()}
    for cell in wanted.cells:
        case = cell.case
        by_name = case.kind == "model" and not case.model_hash and case.backend != "fake"
        if by_name and names and case.model not in known:
            raise registry.unknown("model", case.model, known)


def check_options(wanted: Suite) -> None:
    """Raises for a kind that cannot be measured, an option that neither model nor backend takes."""
    alike = {
        (cell.case.kind, cell.case.model, cell.case.backend, cell.case.options): cell for cell in wanted.cells[::-1]
    }
    for cell in wanted.cells:
        case = cell.case
        if alike[case.kind, case.model, case.backend, case.options] is not cell:
            continue
        if case.kind == "layer":
            _check_layer(cell)
            continue
        if case.kind != "model":
            raise UnsupportedError(
                f"{cell.grid}: kind {case.kind!r} cannot be measured by this version; it measures models and layers"
            )
        if case.backend != "fake":
            _check_options(cell)


def _check_layer(cell: Cell) -> None:
    takes = layers.option_defaults(cell.case.model)
    if cell.case.backend == "fake":
        return
    own = registry.load("backends", cell.case.backend).OPTIONS
    for key, value in cell.case.options:
        if key in models.WORKLOADS_OWN:
            _check_choice(cell, key, value, models.WORKLOADS_OWN[key])
        elif key in own:
            _check_choice(cell, key, value, registry.load("backends", cell.case.backend).CHOICES.get(key))
        elif key not in takes:
            raise SuiteError(f"{cell.grid}: {cell.case.model} takes no option {key!r}; it takes {', '.join(takes)}")
    if "dim" not in dict(cell.case.options):
        raise SuiteError(f"{cell.grid}: {cell.case.model} needs options.dim, the channels of its input")


def _check_options(cell: Cell) -> None:
    case = cell.case
    backend = registry.load("backends", case.backend)
    for key, value in case.options:
        if key in models.WORKLOADS_OWN:
            _check_choice(cell, key, value, models.WORKLOADS_OWN[key])
        elif key in backend.OPTIONS:
            _check_choice(cell, key, value, backend.CHOICES.get(key))
        elif owner := _owner(key):
            raise SuiteError(f"{cell.grid}: {case.backend} takes no option {key!r}, which is {owner}'s")
        else:
            _check_model_option(cell, case, key, value)


def _check_choice(cell: Cell, key: str, value: Value, allowed: tuple[Value, ...] | None) -> None:
    if allowed is not None and value not in allowed:
        raise SuiteError(f"{cell.grid}: found {key} = {value!r}, expected one of {', '.join(map(str, allowed))}")


def _owner(key: str) -> str:
    """The backend that an option belongs to; empty where it is no backend's."""
    owners = (name for name in registry.names("backends") if key in registry.load("backends", name).OPTIONS)
    return next(owners, "")


SETTLED_ELSEWHERE = {
    "features_only": "--mode features asks for feature maps",
    "out_indices": "--mode features takes all maps",
    "feature_cls": "--mode features takes all maps",
    "img_size": "--image-px says the size",
    "image_px": "--image-px says the size",
    "pretrained": "speed is timed with random weights",
    "pretrained_cfg": "speed is timed with random weights",
    "pretrained_cfg_overlay": "speed is timed with random weights",
    "cache_dir": "speed is timed with random weights",
    "checkpoint_path": "speed is timed with random weights",
}
"""What timm's models take, and a case says otherwise."""
COUNTS = {shapes.CHANNELS_OPTION: 1, "num_classes": 0}
"""Options of every network by name that inputs and outputs follow, with their least values."""


def _check_model_option(cell: Cell, case: Case, key: str, value: Value) -> None:
    """Options of timm's models and of users' own are checked by their makers, but for those that what is around them must follow."""
    if case.model_hash:
        return
    if key in SETTLED_ELSEWHERE:
        raise SuiteError(
            f"{cell.grid}: found the option {key!r} of {case.model}; leave it out: {SETTLED_ELSEWHERE[key]}"
        )
    if key in COUNTS:
        if isinstance(value, bool) or not isinstance(value, int) or not COUNTS[key] <= value <= LARGEST:
            raise SuiteError(
                f"{cell.grid}: found {key} = {value!r}, expected a whole number from {COUNTS[key]} to {LARGEST:,}"
            )
        return
    takes = models.ours().get(case.model) and models.option_defaults(case.model)
    if takes is not None and key not in takes:
        raise SuiteError(
            f"{cell.grid}: {case.model} takes no option {key!r}; it takes {', '.join(takes or {}) or 'none'}"
        )
