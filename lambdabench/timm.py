"""Importing this registers our models with timm: `import timm, lambdabench.timm; timm.create_model("lambda_resnet152")`.
And `accelerate`, for models that have lambda layers of others.

They are called by their plain names, so only the package called lambdabench registers them and not a second copy of it.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn
from torch.nn.utils import parametrize

from . import kernels, models
from .core import registry
from .core.errors import NetworkError
from .kernels._cpu import inference, training, whole
from .layers.lambda_layer.torch import LambdaLayer

default_cfgs: dict[str, Any] = {}
CALL_HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_is_full_backward_hook",
)
"""What a module keeps of those who watch its calls (torch.nn.Module)."""


def register() -> None:
    """Makes every classifier of ours one of timm's names. Registering twice changes nothing."""
    made = {name: _entry(name) for name, family in models.ours().items() if family in models.CLASSIFIERS}
    default_cfgs.update(generate_default_cfgs({name: models.default_cfg(name) for name in made}))
    for entry in made.values():
        register_model(entry)


def _entry(name: str) -> Callable[..., nn.Module]:
    def entry(pretrained: bool = False, **options: Any) -> nn.Module:
        given = {key: value for key, value in options.items() if value is not None}
        return models.create(name, pretrained=pretrained, **given)

    entry.__name__ = entry.__qualname__ = name
    entry.__doc__ = f"{name} of lambdabench."
    return entry


class FastLambdaLayer(nn.Module):
    """timm's or lambda-networks' lambda layer with its own weights, run by the kernels here. Maps [b, d, height, width].

    A layer made for one size (`n`, `feat_size`) answers for maps of others too, which theirs refuses.
    """

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.training = theirs.training  # not train(): its norms may be kept in inference while it trains
        self.pool = theirs.pool if hasattr(theirs, "pool") else nn.Identity().train(theirs.training)
        self.norm_queries, self.norm_values = theirs.norm_q, theirs.norm_v
        if hasattr(theirs, "qkv"):
            self.qkv, self.heads, self.key_depth, self.intra_depth = theirs.qkv, theirs.num_heads, theirs.dim_qk, 1
            convolution, table = theirs.conv_lambda, theirs.pos_emb
        else:
            self.qkv, self.heads, self.intra_depth = _joined(theirs), theirs.heads, theirs.u
            self.key_depth = theirs.to_k.out_channels // theirs.u
            convolution, table = getattr(theirs, "pos_conv", None), getattr(theirs, "rel_pos_emb", None)
        self.bias = None if convolution is None else convolution.bias
        self.embeddings = _table(convolution, table)
        self.kernel = kernels.choose("auto")
        self._watch = whole.Watch()
        self._apply_lambdas = registry.load("kernels", self.kernel).apply

    def _is_one_operator(self, x: Tensor) -> bool:
        norms = (self.norm_queries, self.norm_values)
        return (
            self.kernel == "cpu"
            and self.intra_depth == 1
            and whole.may_run(x, self.training, [self.qkv], norms, self._watch)
        )

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d_out height_out width_out"]:
        """Their answer."""
        if self._is_one_operator(x):
            parts = self.qkv.weight.split([self.heads * self.key_depth, self.key_depth, self.norm_values.num_features])
            norms = (self.norm_queries, self.norm_values)
            run = training.train if self.training else inference.infer
            return self.pool(run(x, parts, norms, self.embeddings, heads=self.heads, bias=self.bias))
        b, _, *size = x.shape
        h, k, u = self.heads, self.key_depth, self.intra_depth
        queries, keys, values = self.qkv(x).split([h * k, u * k, self.norm_values.num_features], dim=1)
        queries = self.norm_queries(queries).reshape(b, h, k, *size)
        values = self.norm_values(values).reshape(b, u, -1, *size).transpose(1, 2)
        keys = keys.reshape(b, u, k, -1).softmax(dim=-1)
        content = torch.einsum("bukm,bvum->bkv", keys, values.flatten(3))
        if self.bias is not None:  # theirs adds it to every position lambda
            content = content + self.bias.to(content.dtype)[:, None]
        y = self._apply_lambdas(queries, values, content, self.embeddings)
        return self.pool(y.reshape(b, -1, *size))


def accelerate(model: nn.Module) -> nn.Module:
    """The model with every lambda layer of timm or lambda-networks in it replaced by one that runs the kernels here.

    In place, wherever a layer is used; a model that is such a layer itself is not changed, the new one is returned. Outputs are equal,
    channels_last works, what is frozen stays frozen, hooks on a layer move with it. Norms, biases and timm's projections are the same
    parameters as before; the embeddings of a scope are new parameters in the same memory; tables made with `n` or `feat_size`, and
    lambda-networks' three projections, which become one (trainable if any of them is), are copies. So make optimizers afterwards.

    Keys of the state dict change: load weights before. A checkpoint saved afterwards is the accelerated model's.

    Raises NetworkError, and changes nothing, where the model is none of torch or has no such layer, and where hooks or
    parametrizations would be lost: those on a layer's convolutions that are not called any more, and hooks on its state dict.
    """
    if not isinstance(model, nn.Module):
        raise NetworkError(f"accelerate is torch only: found {_kind(model)}, expected a torch.nn.Module")
    result = [(name, item) for name, item in model.named_modules(remove_duplicate=False) if _is_theirs(item)]
    if not result:
        raise NetworkError(f"{type(model).__name__} {_why_nothing(model)}; nothing to replace: use it as it is")
    made: dict[nn.Module, FastLambdaLayer] = {}
    for name, module in result:
        if module not in made:
            made[module] = _fast(name, module)
    for name, module in result:
        if name == "":
            return made[module]
        place, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(place), leaf, made[module])
    return model


def _kind(item: object) -> str:
    return f"{type(item).__module__}.{type(item).__qualname__}"


def _why_nothing(model: nn.Module) -> str:
    if any(isinstance(module, FastLambdaLayer) for module in model.modules()):
        return "is accelerated already"
    if any(isinstance(module, LambdaLayer) for module in model.modules()):
        return "has lambda layers of ours already, and none of timm or lambda-networks"
    return "has no lambda layer of timm or lambda-networks"


def _fast(name: str, theirs: nn.Module) -> FastLambdaLayer:
    """In the place of the layer of this name, watched by those who watched it; refuses to lose what changes or watches its parts."""
    made = FastLambdaLayer(theirs)
    kept = set(made.modules())
    for part, module in theirs.named_modules(prefix=name or type(theirs).__name__):
        if module in kept:
            continue
        lost = {key for key, hooks in vars(module).items() if key.endswith("_hooks") and hooks}
        lost -= {*CALL_HOOKS} if module is theirs else set()
        if parametrize.is_parametrized(module):
            lost = {"parametrizations"}
        if lost:
            what = ", ".join(sorted(lost))
            raise NetworkError(
                f"{part} has {what}, which the layer in its place would not have; remove them before accelerate"
            )
    for key in CALL_HOOKS:  # the dicts themselves, so that a hook's handle still removes it
        setattr(made, key, getattr(theirs, key))
    return made


def _is_theirs(module: nn.Module) -> bool:
    return type(module).__name__ == "LambdaLayer" and type(module).__module__.split(".")[0] in (
        "timm",
        "lambda_networks",
    )


def _joined(theirs: Any) -> nn.Conv2d:
    """lambda-networks' three projections as one."""
    parts = [item.weight for item in (theirs.to_q, theirs.to_k, theirs.to_v)]
    weight = torch.cat([part.detach() for part in parts])
    joined = nn.Conv2d(weight.shape[1], len(weight), 1, bias=False, device=weight.device, dtype=weight.dtype)
    joined.weight = nn.Parameter(weight, requires_grad=any(part.requires_grad for part in parts))
    return joined.train(theirs.training)


def _table(convolution: nn.Conv3d | None, table: Tensor | None) -> nn.Parameter:
    """[k, u, r_y, r_x] of a convolution with u channels in, or of embeddings [2 height - 1, 2 width - 1, k(, u)]."""
    if convolution is not None:
        weight = convolution.weight
        tensor = weight.detach().squeeze(4 if convolution.kernel_size[2] == 1 else 2)
        return nn.Parameter(tensor, requires_grad=weight.requires_grad)
    assert table is not None
    tensor = table.detach()
    laid_out = (tensor[..., None] if tensor.dim() == 3 else tensor).permute(2, 3, 0, 1).contiguous()
    return nn.Parameter(laid_out, requires_grad=table.requires_grad)


if __package__ == "lambdabench":
    register()
