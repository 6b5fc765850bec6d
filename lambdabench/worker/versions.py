"""Another version of this package in this process, under a name of its own, and the sessions it opens."""

import dataclasses
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core import codec
from ..core.errors import GateError
from ..core.spec import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the package. Its own modules, types and registries; nothing of ours."""

    name: str
    folder: Path

    def module(self, path: str) -> ModuleType:
        """Its module of a dotted path below the package."""
        return importlib.import_module(f"{self.name}.{path}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A case as a version has it: its backend, its own case, and the workload, of which scripted backends have none."""

    backend: Any
    case: Any
    workload: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A case, built and placed by one version."""

    session: Any
    workload: Any
    case: Any
    framework: str
    """The backend's; empty for none."""
    timed_by_session: bool
    """Where the host's clocks do not tell: work on a GPU, scripted times."""

    def play(self, calls: int) -> float | None:
        """A `turns.Player`."""
        if self.timed_by_session:
            return float(sum(self.session.time_calls(calls)))
        for _ in range(calls):
            self.session.call()
        self.session.synchronize()
        return None


def load(name: str, folder: Path) -> Version:
    """Loads the package in `folder` as `name`. Its imports are relative, so that whatever it loads is its own."""
    init = folder / "__init__.py"
    if not init.is_file():
        raise GateError(f"there is no package in {folder}; give a tree that holds one, with its __init__.py")
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Version(name=name, folder=folder)


def make_workload(version: Version, case: Case) -> Made:
    """A case of a version. Raises whatever it raises for a case that it does not know."""
    backend = version.module("core.registry").load("backends", case.backend)
    theirs = version.module("core.codec").decode(version.module("core.spec").Case, codec.encode(case))
    backend.prepare(theirs)
    if not backend.FRAMEWORK:
        return Made(backend=backend, case=theirs)
    own = tuple(pair for pair in theirs.options if pair[0] not in backend.OPTIONS)
    workload = version.module("models").create_workload(dataclasses.replace(theirs, options=own), backend.FRAMEWORK)
    return Made(backend=backend, case=theirs, workload=workload)


def open_session(made: Made, seed: int) -> Opened:
    """The session of a case that was made."""
    backend, case, workload = made.backend, made.case, made.workload
    session = backend.open_session(workload, case, seed)
    by_session = case.device.startswith("cuda") or not backend.FRAMEWORK
    return Opened(
        session=session, workload=workload, case=case, framework=backend.FRAMEWORK, timed_by_session=by_session
    )


def strangers(version: Version) -> list[str]:
    """Modules under a version's name that were loaded from elsewhere: then it did not run its own code."""
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == version.name
        and (file := getattr(module, "__file__", None)) is not None
        and not Path(file).is_relative_to(version.folder)
    )
