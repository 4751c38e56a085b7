"""A function, network or workload that is given as an object, in place of a name in the spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.sweep.home import SweepHome
from search_spaces.types.catalogue import Catalogue, WorkloadInfo
from search_spaces.types.faults import Fault, SpecError
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

    def catalogue(self) -> Catalogue:
        """Return the names that a spec may use, and this one."""

        def found(name: str) -> WorkloadInfo:
            return as_workload(name, self.code) if name == self.name else workload(name)

        return replace(catalogue(), workload=found)

    def packed(self) -> bytes:
        """Return the code as the sweep's home keeps it. Raises SpecError where that cannot be."""
        try:
            return kept_code.packed(self.code)
        except kept_code.NotKept as error:
            way_out = "or write it into a module, as workload: mine:train"
            raise SpecError([Fault("spec", KEY, f"{self.name} {error}, {way_out}")]) from error

    def keep(self, home: SweepHome, sweep: Sweep, packed: bytes) -> Sweep:
        """Write the code into the sweep's home, and return the sweep that names it there."""
        path = home.path / kept_code.FILE
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
    code = None if _is_importable(module, name, given) else GivenCode(named, given)
    return spec, {**overrides, KEY: named}, code


def _of_main(name: Any) -> Any:
    """Return the object that ``__main__:NAME`` names, as a checked sweep has it; None for anything else."""
    if not isinstance(name, str) or not name.startswith("__main__:"):
        return None
    return getattr(sys.modules["__main__"], name.partition(":")[2], None)


def _is_importable(module: str, name: str, code: Any) -> bool:
    """Whether another process finds the same code by importing a module's file."""
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    return module != "__main__" and file is not None and Path(file).is_file() and getattr(found, name, None) is code
