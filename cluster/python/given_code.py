"""A function, network or workload that is given as an object, in place of a name in the spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cluster.python.own_modules import is_own
from cluster.python.specs import folder_of
from cluster.sweep.home import SweepHome
from search_spaces.types.catalogue import Catalogue, WorkloadInfo
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.files.kept_code import FILE
from workloads.models.custom import kept_code
from workloads.registry import as_workload, catalogue, workload

if TYPE_CHECKING:
    from cluster.python.specs import Spec
    from search_spaces.spec.sweep import Sweep

KEY = "workload"


@dataclass(frozen=True)
class GivenCode:
    """Code of a notebook or a script, which no other process could import: it is kept in the sweep's home."""

    name: str
    """Its name in the spec while that is checked."""
    code: Any
    folder: Path | None = None
    """Folder of its module where other processes would find another module of that name, or none."""

    def catalogue(self) -> Catalogue:
        """Return the names that a spec may use, and this one."""

        def found(name: str) -> WorkloadInfo:
            return as_workload(name, self.code) if name == self.name else workload(name)

        return replace(catalogue(), workload=found)

    def packed(self) -> bytes:
        """Return the code as the sweep's home keeps it. Raises SpecError where that cannot be."""
        try:
            return kept_code.packed(self.code, self._modules())
        except kept_code.NotKept as error:
            way_out = "or write it into a module, as workload: mine:train"
            raise SpecError([Fault("spec", KEY, f"{self.name} {error}, {way_out}")]) from error

    def _modules(self) -> list[ModuleType]:
        """Return the modules that go along with the code: those beside its own one."""
        folder = self.folder
        files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
        return [sys.modules[name] for name, file in files.items() if folder and file and is_own(Path(file), folder)]

    def keep(self, home: SweepHome, sweep: Sweep, packed: bytes) -> Sweep:
        """Write the code into the sweep's home, and return the sweep that names it there."""
        path = home.path / FILE
        path.write_bytes(packed)
        named = sweep.model_copy(update={KEY: f"{path}:{kept_code.named(self.code)}"})
        home.keep(named)
        return named


def separated(spec: Spec, overrides: Mapping[str, Any]) -> tuple[Spec, Mapping[str, Any], GivenCode | None]:
    """Return spec and overrides with the name of a workload that is given as an object, and its code.

    One of a module that other processes can import is named, and None. Raises SpecError for what has no name.
    """
    given = overrides.get(KEY, spec.get(KEY) if isinstance(spec, Mapping) else getattr(spec, KEY, None))
    given = _of_main(given) or given
    if given is None or isinstance(given, str):
        return spec, overrides, None
    try:
        name = kept_code.named(given)
    except kept_code.NotKept as error:
        raise SpecError([Fault("spec", KEY, str(error), f"an object of type {type(given).__name__}")]) from error
    module = str(getattr(given, "__module__", "__main__"))
    named = f"{module}:{name}"
    if isinstance(spec, Mapping):
        spec = {**spec, KEY: named}
    return spec, {**overrides, KEY: named}, _given(named, given, folder_of(spec))


def _given(named: str, given: Any, folder: Path) -> GivenCode | None:
    """Return the code that is to be kept; None where another process finds it by importing a module's file."""
    module, _, name = named.partition(":")
    found = sys.modules.get(module)
    file = Path(getattr(found, "__file__", None) or "")
    if module == "__main__" or not file.is_file():
        return GivenCode(named, given)
    if not _is_found(module, file, folder):
        return GivenCode(named, given, file.parents[module.count(".") + (file.name == "__init__.py")])
    return None if getattr(found, name, None) is given else GivenCode(named, given)


def _is_found(module: str, file: Path, folder: Path) -> bool:
    """Whether others find a module's file by its name: in the spec's folder, the working one, or on the path."""
    top, *inner = module.split(".")
    spec = PathFinder.find_spec(top, [*map(str, (folder, Path.cwd())), *sys.path])
    if spec is None or spec.origin is None:
        return spec is not None
    found, file = Path(spec.origin).resolve(), file.resolve()
    return found.parent == file.parents[len(inner) - (file.name != "__init__.py")] if inner else found == file


def _of_main(name: Any) -> Any:
    """Return the object that ``__main__:NAME`` names, as a checked sweep has it; None for anything else."""
    if not isinstance(name, str) or not name.startswith("__main__:"):
        return None
    return getattr(sys.modules["__main__"], name.partition(":")[2], None)
