"""A case on a torch device, run eagerly or through a compiled form of the same network. What is in force is read back
from the live network and its outputs."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ..core.dtypes import HELD_IN
from ..core.errors import LambdabenchError, UnsupportedError
from ..core.ports import MemoryMeter, Workload
from ..core.record import LEFT, Compilation, Effective
from ..core.row_flags import UNWATCHED
from ..core.spec import Case
from . import _torch_clocks, _torch_devices, _torch_precision
from ._torch_meters import meter_of
from ._torch_options import CHOICES as CHOICES
from ._torch_options import OPTIONS as OPTIONS
from ._torch_options import folds, is_cold, searches
from ._torch_options import refuse as refuse
from ._torch_trees import as_float, detached, mapped, tensors

NUMBERED = ("cuda", "xpu")
"""Kinds of device that a process has a current one of: synchronisation, events and Triton's launches are the current one's."""
UNNUMBERED = ("cpu", "mps")
"""Kinds of which there is one, whose name has no number."""
LEARNING_RATE = 1e-3
"""Small enough that a few hundred steps on random labels stay finite."""
SHOWN = 1000
"""Numbers of an output that are kept."""
IMAGES = 4
"""Axes of a batch of maps."""
TURNS = 4
"""Sets of inputs that take turns in a user's own network, which may know one that it has met..."""
TURNS_BYTES = 2**26
"""...fewer, and two at least, where they would take more."""


class Compiler(Protocol):
    """What turns the callable that a session would run into another that does the same."""

    def wrap(self, work: Callable[..., Any]) -> Callable[..., Any]: ...

    def done(self) -> Compilation | None: ...

    def close(self) -> None: ...


class TorchSession:
    """A `core.ports.Session`. With a compiler the network (training: network and loss, if it has one) runs in its compiled form; the
    optimizer's step, and counting operations, stay eager."""

    clock = _torch_clocks.HostClock()

    def __init__(self, workload: Workload, case: Case, seed: int, compiler: Compiler | None = None) -> None:
        import torch

        self._torch, self._case, self._workload, self._compiler = torch, case, workload, compiler
        self._device = torch.device(case.device)
        if self._device.type in NUMBERED:
            getattr(torch, self._device.type).set_device(self._device)
        _torch_devices.start_libraries(case.device)
        self._dispatches = self._device.type != "cpu"
        self.asynchronous = self._dispatches and not is_cold(case)  # what is cold is timed call by call
        self._flush = _torch_clocks.flush_of(torch, self._device) if is_cold(case) else None
        self.meter: MemoryMeter | None = meter_of(self._device)
        self.by_host: list[float] = []
        self._set_switches()
        self._layout = torch.channels_last if case.layout == "channels_last" else torch.contiguous_format
        self._mode_is_readable = True
        self._seed, self._own = seed, hasattr(workload, "anew")
        self._told: list[str] = _authors().told(workload.network) if self._own else []
        self._network = self._placed(_folded(workload.network) if folds(case) else workload.network)
        self._first = self._turn(seed)
        self._turns: Iterator[_Turn] = itertools.cycle([self._first, *self._others()])
        self._parameters = tuple(self._network.parameters())  # looking for them takes as long as a small map
        learns = case.mode == "train" and case.kind != "layer"
        if learns and not self._parameters:
            raise UnsupportedError(f"{case.model} has no parameters to train; use --mode inference")
        self._optimizer = torch.optim.SGD(self._parameters, lr=LEARNING_RATE) if learns else None
        self._eager = self._with_loss(self._network) if learns else self._called(self._network)
        self._work = self._eager if compiler is None else compiler.wrap(self._eager)

    def call(self) -> Any:
        return self._step(self._work, next(self._turns))

    def feed(self, inputs: tuple[Any, ...]) -> None:
        self._turns = itertools.repeat(self._placed_turn(inputs))

    def compilation(self) -> Compilation | None:
        return None if self._compiler is None else self._compiler.done()

    def synchronize(self) -> None:
        if self._dispatches:
            getattr(self._torch, self._device.type).synchronize()

    def time_calls(self, count: int) -> Sequence[float]:
        if self._device.type == "cuda":
            seconds, walls = _torch_clocks.by_events(count, self.call, self._torch.cuda, self._flush)
            self.by_host += walls
            return seconds
        return _torch_clocks.by_host(count, self.call, self.synchronize, self._flush)

    def effective(self, output: Any) -> Effective:
        _torch_precision.refuse_other_search(self._torch, searches(self._case))
        given, outputs = tensors(self._first.inputs), tensors(output)
        fed = tensors((self._first.arguments, self._first.keywords)) or given
        return Effective(
            mode=self._found_mode(output),
            device=_device_name(given[0].device),
            param_dtype=_names({parameter.dtype for parameter in self._network.parameters()}),
            output_dtype=_names({output.dtype for output in outputs}),
            autocast=self._case.dtype if self._autocasts() else "",
            layout=self._found_layout(),
            threads=self._torch.get_num_threads(),
            matmul=_torch_precision.products(self._torch, self._device.type),
            batch_size=self._found_batch(output),
            kernel=_names(
                {part.kernel for part in self._network.modules() if isinstance(getattr(part, "kernel", None), str)}
            ),
            folded=_told(self._network) if folds(self._case) else "",
            features=self._workload.features(output, self._case),
            inputs=", ".join(f"{_names({item.dtype})} {'x'.join(map(str, item.shape))}" for item in fed),
            network=", ".join(self._told),
        )

    def check(self, output: Any) -> str:
        if problem := self._workload.check(output, self._case):
            return problem
        parts = [tensor.dequantize() if tensor.is_quantized else tensor for tensor in tensors(output)]
        wrong = sum(int((~self._torch.isfinite(part)).sum()) for part in parts)
        return f"{wrong} of {sum(part.numel() for part in parts)} outputs are not finite" if wrong else ""

    def doubts(self) -> tuple[str, ...]:
        if not self._own:
            return ()
        from . import _torch_watch

        def anew() -> Callable[[_Turn], Any]:
            network: Any = self._placed(self._workload.anew())  # pyright: ignore[reportAttributeAccessIssue]
            return lambda given: self._step(self._called(network), given)

        try:
            return _torch_watch.doubts(
                lambda given: self._step(self._eager, given),
                self._first,
                lambda turn: self._turn(self._seed + TURNS + turn),
                anew if self._optimizer is None else None,
            )
        except LambdabenchError:
            raise
        except Exception:  # whatever a network does that runs, and not operator by operator
            return (UNWATCHED,)

    def values(self, output: Any) -> tuple[float, ...]:
        first = tensors(output)[0].detach()
        last = first.permute(0, 2, 3, 1) if first.dim() == IMAGES else first
        return tuple(last.flatten()[:SHOWN].cpu().double().tolist())

    def array(self, output: Any) -> Any:
        return tensors(output)[0].detach().float().cpu().numpy()

    def parameters(self) -> int:
        return sum(weight.numel() for weight in self._weights())

    def parameter_bytes(self) -> int:
        return sum(weight.numel() * weight.element_size() for weight in self._weights())

    def input_bytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors(self._first.inputs))

    def interaction_bytes(self) -> int | None:
        return self._workload.interaction_bytes(self._case)

    def flops(self) -> float:
        from . import _torch_flops, _torch_watch

        with _torch_watch.uncompiled(), _torch_flops.counter() as counter:
            self._step(self._eager, self._first)
        return float(counter.get_total_flops())

    def compiler_flops(self) -> None:
        """Inductor counts none."""

    def close(self) -> None:
        del self._network, self._parameters, self._first, self._turns, self._optimizer, self._eager, self._work
        if self._compiler is not None:
            self._compiler.close()
        self.rest()

    def rest(self) -> None:
        if self._dispatches:
            getattr(self._torch, self._device.type).empty_cache()

    def _step(self, work: Callable[..., Any], given: "_Turn") -> Any:
        if self._case.mode != "train":
            with self._precision(), self._torch.inference_mode():
                return work(*given.arguments, **given.keywords)
        if self._optimizer is None:
            return self._there_and_back(work, given)
        with self._precision():
            output, loss = work(*given.inputs)
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return mapped(detached, output)

    def _there_and_back(self, work: Callable[..., Any], given: "_Turn") -> Any:
        """A training step of a part of a network: no loss and no optimizer's, whose time is not its own."""
        arguments = self._workload.arguments(given.inputs)
        with self._precision():
            output = work(*arguments)
        output.backward(given.inputs[-1])
        for parameter in self._parameters:
            parameter.grad = None
        return output.detach()

    def _turn(self, seed: int) -> "_Turn":
        return self._placed_turn(self._workload.inputs(self._case, seed))

    def _placed_turn(self, given: tuple[Any, ...]) -> "_Turn":
        """A set of inputs on the device."""
        inputs = tuple(mapped(self._to_device, item) for item in given)
        return _Turn(inputs, self._workload.arguments(inputs), self._keywords(inputs))

    def _others(self) -> "list[_Turn]":
        """Sets that take turns with the first; none in a network that is known by its name."""
        size = max(1, self.input_bytes())
        count = max(2, min(TURNS, TURNS_BYTES // size)) if self._own else 1
        return [self._turn(self._seed + turn) for turn in range(1, count)]

    def _keywords(self, inputs: tuple[Any, ...]) -> dict[str, Any]:
        return self._workload.keywords(inputs) if self._own else {}  # pyright: ignore[reportAttributeAccessIssue]

    def _called(self, network: Any) -> Callable[..., Any]:
        return _authors().explaining(network, network) if LEFT in self._told else network

    def _with_loss(self, network: Any) -> Callable[..., Any]:
        workload, keywords, called = self._workload, self._keywords, self._called(network)

        def forward_and_loss(*inputs: Any) -> tuple[Any, Any]:
            output = called(*workload.arguments(inputs), **keywords(inputs))
            return output, workload.loss(mapped(as_float, output), inputs)

        return forward_and_loss

    def _weights(self) -> tuple[Any, ...]:
        return (*self._network.parameters(), *(_authors().packed_weights(self._network) if self._own else ()))

    def _set_switches(self) -> None:
        torch, case = self._torch, self._case
        torch.set_num_threads(case.threads or 1)
        _torch_precision.set_products(torch, case.dtype)
        torch.backends.cudnn.benchmark = searches(case)

    def _placed(self, network: Any) -> Any:
        network = network.to(self._device, self._kept_dtype(network))
        for parameter in network.parameters():
            if parameter.dim() == 4:  # a 5-D weight (timm's lambda layers) has no channels_last form
                parameter.data = parameter.data.contiguous(memory_format=self._layout)
        try:
            network.train(self._case.mode == "train")
        except NotImplementedError as error:  # an exported program
            self._mode_is_readable = False
            if self._case.mode == "train":
                raise UnsupportedError(
                    "an exported program keeps the mode it was exported in; "
                    "use --mode inference, or give the network as file.py:callable"
                ) from error
        return network

    def _kept_dtype(self, network: Any) -> Any:
        """What parameters are cast to; None for those of a network that is in several precisions, where nobody asked for one."""
        wanted = getattr(self._torch, self._case.param_dtype or "float32")
        if not self._own:
            return wanted
        item = _authors().float_dtypes(network)
        if wanted is self._torch.float32 and self._case.dtype == "float32" and _authors().is_left(network):
            self._told += [] if LEFT in self._told else [LEFT]
            return None
        if item - {wanted, self._torch.float32}:
            cast = f"cast from {_names(item)} to {_names({wanted})}"
            self._told += [] if cast in self._told else [cast]
        return wanted

    def _to_device(self, tensor: Any) -> Any:
        tensor = tensor.to(self._device)
        if not tensor.is_floating_point():
            return tensor
        dtype = self._torch.float32 if self._autocasts() else self._compute_dtype()
        return tensor.to(dtype).contiguous(
            memory_format=self._layout if tensor.dim() == 4 else self._torch.contiguous_format
        )

    def _compute_dtype(self) -> Any:
        return getattr(self._torch, HELD_IN[self._case.dtype])

    def _autocasts(self) -> bool:
        return self._case.dtype in ("bfloat16", "float16") and self._case.param_dtype == "float32"

    @contextlib.contextmanager
    def _precision(self) -> Iterator[None]:
        if not self._autocasts():
            yield
            return
        with self._torch.autocast(self._device.type, dtype=self._compute_dtype()):
            yield

    def _found_mode(self, output: Any) -> str:
        """The mode of every part; maps with strides are features; "" where an exported graph holds it and no flag does."""
        if not self._mode_is_readable:
            return ""
        if self._network.training:
            return "train"
        if any(module.training for module in self._network.modules()):
            return "mixed"
        return "features" if self._workload.features(output, self._case) else "inference"

    def _found_batch(self, output: Any) -> int:
        """Images that the output is of: those of every tensor, or of the first list or tensor of a user's own that has as many."""
        sizes = [int(tensor.shape[0]) for tensor in tensors(output) if tensor.dim()]
        sizes += [len(output)] if isinstance(output, (list, tuple)) and self._own else []
        asked = self._case.batch_size
        return asked if self._own and asked in sizes else min(sizes, default=asked)

    def _found_layout(self) -> str:
        last = self._torch.channels_last
        given = tensors(self._first.inputs)
        images = next((item for item in given if item.dim() == IMAGES), given[0])
        maps = [weight for weight in self._network.parameters() if weight.dim() == 4 and min(weight.shape[1:3]) > 1]
        if images.dim() != 4 or images.is_contiguous() == images.is_contiguous(memory_format=last):
            return self._case.layout
        are_last = {tensor.is_contiguous(memory_format=last) for tensor in (images, *maps)}
        return "mixed" if len(are_last) > 1 else "channels_last" if are_last == {True} else "contiguous"


class _Turn(NamedTuple):
    """A set of inputs, and what of it the network takes."""

    inputs: tuple[Any, ...]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def _device_name(device: Any) -> str:
    """As cases name it: Apple's GPU is the only one of its kind, whose tensors say "mps:0"."""
    return device.type if device.type in UNNUMBERED else str(device)


def _authors() -> Any:
    from . import _torch_authors

    return _torch_authors


def _folded(network: Any) -> Any:
    """In float32, before anything is placed. Raises UnsupportedError for a network without a pair to fold."""
    from . import _torch_fold

    try:
        return _torch_fold.fold(network.eval())
    except (LambdabenchError, NotImplementedError) as error:  # an exported program has no modes, and no such modules
        raise UnsupportedError(f"{error or 'an exported program keeps its batch norms'}; leave out fold") from error


def _told(network: Any) -> str:
    from . import _torch_fold

    return _torch_fold.told(network)


def _names(values: set[Any]) -> str:
    return ",".join(sorted(str(value).removeprefix("torch.") for value in values))
