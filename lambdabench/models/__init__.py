"""Networks by name: our families, anything timm has, and the user's own. No framework is imported until a network is made."""

import importlib
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from ..core import registry, shapes
from ..core.errors import MissingExtraError, OptionError, UnsupportedError
from ..core.ports import Workload
from ..core.spec import Case, ModelFacts, Value, Wish, options_from
from ..core.training import Recipe
from . import _seeded
from .classification.spec import CLASSES, is_users

OURS = ("resnet", "mobilenet", "mask_rcnn", "digits")
"""Families with a spec of their own; timm's names are timm's."""
CLASSIFIERS = ("resnet", "mobilenet")
"""Those of them that are timm networks as well."""
TIMMS_IN_JAX = ("efficientnet", "vit")
"""Families by timm's names: timm's own networks in torch, twins of ours in JAX."""
JAX_OWN = ("num_classes", "in_chans", "image_px", "dtype", "param_dtype", "rngs")
"""What every network takes in JAX, beside its options."""
TIMMS_OWN = (
    "num_classes",
    "in_chans",
    "image_px",
    "img_size",
    "global_pool",
    "features_only",
    "out_indices",
    "feature_cls",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "cache_dir",
)
"""What every network of ours takes as timm's do."""
WORKLOADS_OWN: Mapping[str, tuple[Value, ...] | None] = {_seeded.OPTION: (_seeded.SEEDED,), shapes.OPTION: None}
"""Options of a case that no model sees, with what they may be (None: whatever can be read): they say what a network is given."""
BEYOND_THE_FORMULA = {shapes.OPTION, shapes.CHANNELS_OPTION, "num_classes"}
"""Options that the paper's formula of memory does not know."""
INSTALL = {"torch": 'pip install "lambdabench[torch]"', "jax": 'pip install "lambdabench[jax]"'}
FILE = ".onnx"
"""Ending of a file that runtimes run as it is."""
NEEDS = {"torch": "torch", "jax": "flax"}


def ours() -> dict[str, str]:
    """Model name -> family, for our own."""
    return {name: family for family in OURS for name in _spec(family).VARIANTS}


def in_jax() -> dict[str, str]:
    """Model name -> family, for every network that there is in JAX."""
    families = [name for name in (*OURS, *TIMMS_IN_JAX) if has_twin(name, "jax")]
    return {name: family for family in families for name in _spec(family).VARIANTS}


def names() -> tuple[str, ...]:
    """Every model by name, ours first; timm's that are not in JAX only where timm is installed."""
    theirs = _twin("timm", "torch").names() if find_spec("timm") and find_spec("torch") else ()
    return tuple(dict.fromkeys((*sorted(ours()), *sorted(in_jax()), *theirs)))


def option_defaults(name: str) -> Mapping[str, Value]:
    """Identity defaults of a model's options; empty for models that are not ours."""
    family = ours().get(name)
    return _spec(family).options_of(name) if family else {}


def native_px(name: str) -> int:
    """Pixels a side of the images that a model of ours, or one there is in JAX, is meant for."""
    return _spec((ours() | in_jax())[name]).native_px(name)


def channels(name: str) -> int:
    """Of the images that a network is meant for."""
    family = ours().get(name)
    return getattr(_spec(family), "CHANNELS", shapes.CHANNELS) if family else shapes.CHANNELS


def classes(name: str) -> int:
    """That a classifier tells apart where nobody says how many."""
    family = ours().get(name)
    return getattr(_spec(family), "CLASSES", CLASSES) if family else CLASSES


def recipes() -> Mapping[str, Recipe]:
    """How networks of ours are trained, by name, of those that are small enough for their accuracy to be measured wherever they run."""
    return {
        name: recipe
        for name, family in ours().items()
        if (recipe := getattr(_spec(family), "RECIPE", None)) is not None
    }


def default_cfg(name: str) -> dict[str, Any]:
    """timm's description of a classifier of ours: size and statistics of its input, names of its first and last layers."""
    return _twin(ours()[name], "torch").default_cfg(name)


def create(name: str, *, framework: str = "torch", **options: Any) -> Any:
    """A network by name with random weights: a torch.nn.Module, of ours and anything timm has; or for "jax" a flax nnx module
    of images [batch, height, width, channels], of ours and what `in_jax` names, which takes dtype, param_dtype and rngs.

    Raises UnknownNameError with the nearest name, OptionError for an option it does not take, MissingExtraError, and
    UnsupportedError for a network that has no twin in JAX.
    """
    if framework not in NEEDS:
        raise registry.unknown("framework", framework, NEEDS)
    if not find_spec(NEEDS[framework]):
        raise MissingExtraError(f"making a network in {framework} needs an extra: {INSTALL[framework]}")
    if framework == "jax":
        return _create_in_jax(name, options)
    family = ours().get(name)
    if family is None:
        if name not in _twin("timm", framework).names():
            raise registry.unknown("model", name, names())
        return _twin("timm", framework).create(name, **options)
    _refuse_strange(name, options, {*_spec(family).options_of(name), *TIMMS_OWN})
    return _twin(family, framework).create(name, **options)


def _create_in_jax(name: str, options: dict[str, Any]) -> Any:
    family = in_jax().get(name)
    if family is None:
        if name not in names():
            raise registry.unknown("model", name, in_jax())
        raise UnsupportedError(f"{name} has no twin in JAX; use --backend torch_eager")
    _refuse_strange(name, options, {*_spec(family).options_of(name), *JAX_OWN})
    return _twin(family, "jax").create(name, **options)


def _refuse_strange(name: str, options: Mapping[str, Any], takes: set[str]) -> None:
    if strange := sorted(set(options) - takes):
        raise OptionError(f"{name} takes no option {', '.join(strange)}; it takes {', '.join(sorted(takes))}")


def create_workload(case: Case, framework: str = "torch") -> Workload:
    """The network of a case with its inputs, loss and checks. Raises what `create` raises, UnsupportedError, or the user's own error."""
    task = _task(case, framework)
    if case.model.endswith(FILE):
        raise UnsupportedError(
            f"{case.model} is an ONNX file, which {case.backend} does not run; use --backend onnxruntime or --backend openvino"
        )
    if not has_twin(task, framework):
        raise UnsupportedError(
            f"{case.model} in mode {case.mode} has no twin in {framework.upper()}; use --backend torch_eager"
        )
    own = dict(case.options)
    weights = own.pop(_seeded.OPTION, None)
    workload = _twin(task, framework).create(replace(case, options=options_from(own)))
    if weights and getattr(workload, "feed", None) is not None:
        raise UnsupportedError(f"{case.model} says itself what it is fed; leave out the option {_seeded.OPTION}")
    return _twin("_seeded", framework).seeded(workload) if weights else workload


def interaction_bytes(case: Case) -> int | None:
    """What arXiv 2102.08602, Table 4 counts as a network's memory; None where its formula does not reach."""
    family = ours().get(case.model, "")
    formula = getattr(_spec(family), "interaction_bytes", None) if family else None
    if formula is None or case.image_px is None or dict(case.options).keys() & BEYOND_THE_FORMULA:
        return None
    return formula(case.model, image_px=case.image_px, batch_size=case.batch_size, **dict(case.options))


def warm() -> None:
    """Loads what networks are described by, which takes seconds, before anybody's network is: describes one of ours."""
    describe(Wish(model="resnet50_cccc", image_px=32))


def describe(wish: Wish) -> ModelFacts:
    """Facts that planning needs, counted without computing; never raises: a problem is said in `problem`.

    By torch where it is installed; by JAX where it is not, and of a user's own network that is no torch module.
    """
    framework = "torch" if find_spec("torch") else "jax"
    task = "users" if is_users(wish.model) and framework == "torch" else "classification"
    task = "single_layer" if wish.kind == "layer" else task
    if wish.model.endswith(FILE):
        task, framework = "users", "onnx"
    try:
        try:
            return _twin(task, framework).describe(wish)
        except UnsupportedError:
            if framework != "torch" or ":" not in wish.model or not find_spec("flax"):
                raise
            return _twin("classification", "jax").describe(wish)
    except Exception as error:
        family = ours().get(wish.model, "timm" if "/" not in wish.model and ":" not in wish.model else "user")
        return ModelFacts(
            name=wish.model,
            family=family,
            native_px=224,
            problem=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        )


def backbone(name: str) -> str:
    """The backbone of a detector of ours."""
    return _spec(ours()[name]).VARIANTS[name]


def _task(case: Case, framework: str) -> str:
    """What a network is for, which says what it is fed."""
    if case.kind == "layer":
        return "single_layer"
    if ours().get(case.model) == "mask_rcnn":
        return "detection"
    if case.mode == "features":
        return "features"
    return "users" if is_users(case.model) and framework == "torch" else "classification"


def has_twin(package: str, framework: str) -> bool:
    """Whether a family, or what its networks are fed, is there for a framework."""
    return find_spec(f"{__package__}.{package}.{framework}") is not None


def _spec(family: str) -> Any:
    return importlib.import_module(f"{__package__}.{family}.spec")


def _twin(family: str, framework: str) -> Any:
    return importlib.import_module(f"{__package__}.{family}.{framework}")
