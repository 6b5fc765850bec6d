"""The one tree of errors. A message says what was found, where, what was expected and what to do."""

from typing import ClassVar


class LambdabenchError(Exception):
    """A request that cannot be carried out; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 2


class SuiteError(LambdabenchError):
    """A suite file, or a flag that changes one, is wrong; all its problems are in the message."""


class UnknownNameError(LambdabenchError):
    """A name that is in no registry; the message names the nearest one."""


class RequestError(LambdabenchError):
    """A flag, a keyword from Python or a word of the environment says nothing that can be done."""


class OptionError(LambdabenchError):
    """A layer, a kernel or a model has no such option, or not that value of it."""


class NetworkError(LambdabenchError):
    """A network is not what is needed: a user's own that cannot be made or fed, one with nothing in it to fold or to accelerate."""


class ConversionError(LambdabenchError):
    """Weights cannot be converted; then nothing was written."""


class EvaluationError(LambdabenchError):
    """Images, weights and network of an evaluation do not go together, or one of them cannot be had."""


class SavedFileError(LambdabenchError):
    """A file is none that pytest-benchmark saved, or cannot be read."""


class AxisError(LambdabenchError, ValueError):
    """A column that no figure has as its axis; as a ValueError too, for callers from Python."""


class StoreError(LambdabenchError):
    """A results file cannot be read or written."""


class FactError(LambdabenchError):
    """A published number whose row says what nobody explained."""


class GateError(LambdabenchError):
    """Two versions cannot be laid side by side: git, a tree or an environment does not give them."""


class SettingsError(GateError):
    """The checked repository's `[tool.lambdabench.check]` is wrong; all its problems are in the message."""


class BaselineError(GateError):
    """A file of stored sessions is not there, or something else."""


class DeviceError(LambdabenchError):
    """A device that was asked for is not here, or busy. Raised in a worker it becomes a row with status `crash`, which settles nothing:
    it may be here, and free, the next time."""


class OperatingSystemError(LambdabenchError):
    """The operating system lacks what measuring needs; the message says where it works, and what works here."""


class ProbeError(LambdabenchError):
    """The worker could not tell what this machine has."""


class MissingExtraError(LambdabenchError):
    """An optional dependency is absent; the message says which extra to install."""


class NothingMeasuredError(LambdabenchError):
    """Nothing, or too little, was measured to answer."""

    exit_code: ClassVar[int] = 3


class NotComparableError(LambdabenchError):
    """Two results come from machines or versions that must not be compared."""

    exit_code: ClassVar[int] = 4


class UnsupportedError(LambdabenchError):
    """Raised in a worker: this model or backend cannot do what the case asks; becomes a row with status `unsupported`."""


class ExportError(LambdabenchError):
    """Raised in a worker: a network could not be made, or called, before its export; becomes a row with status `crash`."""


class MismatchError(LambdabenchError):
    """Raised in a worker: what ran is not what was asked; becomes a row with status `mismatch`."""


class WrongOutputError(LambdabenchError):
    """Raised in a worker: the output of the timed call is not usable; becomes a row with status `wrong_output`."""


class OutOfMemoryError(LambdabenchError):
    """Raised in a worker: the device has no memory left for the case; becomes a row with status `oom`."""
