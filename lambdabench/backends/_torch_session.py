"""A case on a torch device, run eagerly or through a compiled form of the same network. What is in force is read back
from the live network and its outputs."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..core.errors import LambdabenchError, UnsupportedError
from ..core.ports import MemoryMeter, Workload
from ..core.record import Compilation, Effective
from ..core.spec import Case, Value

OPTIONS: Mapping[str, Value] = {"fold": False}
"""Of every backend on torch. `fold`: batch norms that directly follow a convolution are folded into it; inference and features only."""
CHOICES: Mapping[str, tuple[Value, ...]] = {"fold": (False, True)}
NUMBERED = ("cuda", "xpu")
"""Kinds of device that a process has a current one of: synchronisation, events and Triton's launches are the current one's."""
LEARNING_RATE = 1e-3
"""Small enough that a few hundred steps on random labels stay finite."""

SHOWN = 1000
"""Numbers of an output that are kept."""
IMAGES = 4
"""Axes of a batch of maps."""


class _PerfClock:
    def now(self) -> float:
        return time.perf_counter()


class Compiler(Protocol):
    """What turns the callable that a session would run into another that does the same."""

    def wrap(self, work: Callable[..., Any]) -> Callable[..., Any]: ...

    def done(self) -> Compilation: ...

    def close(self) -> None: ...


def refuse(case: Case) -> None:
    """Raises UnsupportedError, with what to ask instead, for what torch cannot do on any backend of ours."""
    if case.devices != 1:
        raise UnsupportedError(f"{case.backend} runs on one device; leave out --devices")
    if case.dtype == "tf32" and not case.device.startswith("cuda"):
        raise UnsupportedError(f"tf32 is a mode of NVIDIA's tensor cores and not of {case.device}; use --dtype float32")
    if case.dtype == "float32" and case.param_dtype != "float32":
        raise UnsupportedError(
            f"float32 compute on {case.param_dtype} parameters is not a thing torch does; use --dtype"
        )
    if _folds(case) and case.mode == "train":
        raise UnsupportedError("batch norms fold in inference only; leave out fold, or use --mode inference")


class TorchSession:
    """A `core.ports.Session`. With a compiler the network (training: network and loss, if it has one) runs in its compiled form; the
    optimizer's step, and counting operations, stay eager."""

    clock = _PerfClock()

    def __init__(self, workload: Workload, case: Case, seed: int, compiler: Compiler | None = None) -> None:
        import torch

        self._torch, self._case, self._workload, self._compiler = torch, case, workload, compiler
        self._device = torch.device(case.device)
        if self._device.type in NUMBERED:
            getattr(torch, self._device.type).set_device(self._device)
        self.asynchronous = self._device.type != "cpu"
        self.meter: MemoryMeter | None = _CudaMeter(self._device) if self._device.type == "cuda" else None
        self._set_switches()
        self._layout = torch.channels_last if case.layout == "channels_last" else torch.contiguous_format
        self._mode_is_readable = True
        self._network = self._placed(_folded(workload.network) if _folds(case) else workload.network)
        self._inputs = tuple(self._to_device(one) for one in workload.inputs(case, seed))
        self._parameters = tuple(self._network.parameters())  # looking for them takes as long as a small map
        learns = case.mode == "train" and case.kind != "layer"
        self._optimizer = torch.optim.SGD(self._parameters, lr=LEARNING_RATE) if learns else None
        self._eager = _with_loss(self._network, workload) if learns else self._network
        self._work = self._eager if compiler is None else compiler.wrap(self._eager)

    def call(self) -> Any:
        return self._step(self._work)

    def compilation(self) -> Compilation | None:
        return None if self._compiler is None else self._compiler.done()

    def synchronize(self) -> None:
        if self.asynchronous:
            getattr(self._torch, self._device.type).synchronize()

    def time_calls(self, count: int) -> Sequence[float]:
        if self._device.type == "cuda":
            return self._time_by_events(count)
        times: list[float] = []
        for _ in range(count):
            start_s = time.perf_counter()
            self.call()
            self.synchronize()
            times.append(time.perf_counter() - start_s)
        return times

    def effective(self, output: Any) -> Effective:
        images, outputs = self._inputs[0], tensors(output)
        return Effective(
            mode=self._found_mode(output),
            device=str(images.device),
            param_dtype=_names({one.dtype for one in self._network.parameters()}),
            output_dtype=_names({one.dtype for one in outputs}),
            autocast=self._case.dtype if self._autocasts() else "",
            layout=self._found_layout(),
            threads=self._torch.get_num_threads(),
            matmul=self._torch.get_float32_matmul_precision(),
            batch_size=min(int(one.shape[0]) for one in outputs),
            kernel=_names(
                {one.kernel for one in self._network.modules() if isinstance(getattr(one, "kernel", None), str)}
            ),
            folded=_told(self._network) if _folds(self._case) else "",
            features=self._workload.features(output, self._case),
        )

    def check(self, output: Any) -> str:
        if problem := self._workload.check(output, self._case):
            return problem
        outputs = tensors(output)
        wrong = sum(int((~self._torch.isfinite(one)).sum()) for one in outputs)
        return f"{wrong} of {sum(one.numel() for one in outputs)} outputs are not finite" if wrong else ""

    def values(self, output: Any) -> tuple[float, ...]:
        first = tensors(output)[0].detach()
        last = first.permute(0, 2, 3, 1) if first.dim() == IMAGES else first
        return tuple(last.flatten()[:SHOWN].double().tolist())

    def parameters(self) -> int:
        return sum(one.numel() for one in self._network.parameters())

    def parameter_bytes(self) -> int:
        return sum(one.numel() * one.element_size() for one in self._network.parameters())

    def input_bytes(self) -> int:
        return sum(one.numel() * one.element_size() for one in self._inputs)

    def interaction_bytes(self) -> int | None:
        return self._workload.interaction_bytes(self._case)

    def flops(self) -> float:
        from torch.utils.flop_counter import FlopCounterMode

        backward = self._torch.ops.aten.convolution_backward
        with FlopCounterMode(display=False, custom_mapping={backward: _convolution_backward_flops}) as counter:
            self._step(self._eager)
        return float(counter.get_total_flops())

    def compiler_flops(self) -> None:
        """Inductor counts none."""

    def close(self) -> None:
        del self._network, self._parameters, self._inputs, self._optimizer, self._eager, self._work
        if self._compiler is not None:
            self._compiler.close()
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()

    def _step(self, work: Callable[..., Any]) -> Any:
        if self._case.mode != "train":
            with self._precision(), self._torch.inference_mode():
                return work(*self._workload.arguments(self._inputs))
        if self._optimizer is None:
            return self._there_and_back(work)
        with self._precision():
            output, loss = work(*self._inputs)
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return output.detach()

    def _there_and_back(self, work: Callable[..., Any]) -> Any:
        """A training step of a part of a network: no loss and no optimizer's, whose time is not its own."""
        arguments = self._workload.arguments(self._inputs)
        with self._precision():
            output = work(*arguments)
        output.backward(self._inputs[-1])
        for one in self._parameters:
            one.grad = None
        return output.detach()

    def _set_switches(self) -> None:
        torch, case = self._torch, self._case
        torch.set_num_threads(case.threads or 1)
        torch.set_float32_matmul_precision("high" if case.dtype == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = case.dtype == "tf32"
        torch.backends.cudnn.benchmark = False

    def _placed(self, network: Any) -> Any:
        network = network.to(self._device, getattr(self._torch, self._case.param_dtype or "float32"))
        for one in network.parameters():
            if one.dim() == 4:  # a 5-D weight (timm's lambda layers) has no channels_last form
                one.data = one.data.contiguous(memory_format=self._layout)
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

    def _to_device(self, tensor: Any) -> Any:
        tensor = tensor.to(self._device)
        if not tensor.is_floating_point():
            return tensor
        dtype = self._torch.float32 if self._autocasts() else self._compute_dtype()
        return tensor.to(dtype).contiguous(
            memory_format=self._layout if tensor.dim() == 4 else self._torch.contiguous_format
        )

    def _compute_dtype(self) -> Any:
        return self._torch.float32 if self._case.dtype == "tf32" else getattr(self._torch, self._case.dtype)

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
        """The mode of every part; several outputs are features; "" where an exported graph holds it and no flag does."""
        if not self._mode_is_readable:
            return ""
        if self._network.training:
            return "train"
        if any(one.training for one in self._network.modules()):
            return "mixed"
        return "inference" if isinstance(output, self._torch.Tensor) else "features"

    def _found_layout(self) -> str:
        last = self._torch.channels_last
        images = self._inputs[0]
        maps = [one for one in self._network.parameters() if one.dim() == 4 and one.shape[1] > 1 and one.shape[2] > 1]
        if images.dim() != 4 or images.is_contiguous() == images.is_contiguous(memory_format=last):
            return self._case.layout
        found = {one.is_contiguous(memory_format=last) for one in (images, *maps)}
        return "mixed" if len(found) > 1 else "channels_last" if found == {True} else "contiguous"

    def _time_by_events(self, count: int) -> Sequence[float]:
        cuda = self._torch.cuda
        pairs = [(cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)) for _ in range(count)]
        for start, end in pairs:
            cuda.synchronize()
            start.record()
            self.call()
            end.record()
        cuda.synchronize()
        return [start.elapsed_time(end) / 1e3 for start, end in pairs]


class _CudaMeter:
    """The allocator's peak minus what was allocated before."""

    name = "cuda allocator"

    def __init__(self, device: Any) -> None:
        self._device = device

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        import torch

        torch.cuda.synchronize(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        before = torch.cuda.memory_allocated(self._device)
        result = work()
        torch.cuda.synchronize(self._device)
        return float(torch.cuda.max_memory_allocated(self._device) - before), result


def tensors(output: Any) -> tuple[Any, ...]:
    """The tensors of an output that is one tensor or a list of them."""
    return tuple(output) if isinstance(output, (list, tuple)) else (output,)


def _folds(case: Case) -> bool:
    return bool(dict(case.options).get("fold", OPTIONS["fold"]))


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


def _with_loss(network: Any, workload: Workload) -> Callable[..., Any]:
    def forward_and_loss(*inputs: Any) -> tuple[Any, Any]:
        output = network(*workload.arguments(inputs))
        return output, workload.loss(output.float(), inputs)

    return forward_and_loss


def _convolution_backward_flops(written: Any, read: Any, weight: Any, *rest: Any, **_: Any) -> int:
    """FLOP of a convolution's gradients, each as many as its forward pass has. torch's own counter (2.11 to 2.15) counts the
    weight's gradient once for every group."""
    transposed, asked = rest[4], rest[7]
    forward = 2 * math.prod(read if transposed else written) * math.prod(weight[1:])
    return forward * sum(bool(one) for one in asked[:2])


def _names(values: set[Any]) -> str:
    return ",".join(sorted(str(one).removeprefix("torch.") for one in values))
