"""Where the code of a spec's users is, and what it needs to be imported: known before that code is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.spec.keys.command import SCRIPT
from search_spaces.spec.packages.key import PIP, refuse_idle, settle_packages, settle_working_dir
from search_spaces.spec.yaml_document import Document
from search_spaces.types.module_path import Packages, code_folder, users_folder


@dataclass(frozen=True)
class PlaceOfCode:
    """The folder in which users' code runs, None where a stored spec does not tell, and its packages."""

    folder: Path | None
    packages: Packages
    given: bool
    """Whether the spec names the folder."""
    faulty: bool
    """Whether one of the two keys has a fault, without which the code cannot be looked for."""

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a ``Sweep``."""
        return {PIP: self.packages.requirements, **({"folder": str(self.folder)} if self.given else {})}


def is_named_by_users(name: object) -> bool:
    """Whether a workload's name is that of users' code, a script's or their own module's."""
    return isinstance(name, str) and (":" in name or name == SCRIPT)


def place_of_code(document: Document, base: Path | None) -> PlaceOfCode:
    """Return what ``working_dir`` and ``pip`` say, and have this process look there; faults are noted.

    ``base`` is the spec's folder, None for a stored spec.
    """
    name, before = document.tree.get("workload"), len(document.faults)
    refuse_idle(document, not isinstance(name, str) or is_named_by_users(name))
    named, packages = settle_working_dir(document, base), settle_packages(document, base, name == SCRIPT)
    if named or packages:
        users_folder(named or code_folder() or base or Path.cwd(), packages)
    within = base is not None and (here := code_folder()) is not None and Path(here).is_relative_to(base)
    faulty = len(document.faults) > before or bool(document.tree.get(PIP)) != bool(packages)
    return PlaceOfCode(named or (Path(here) if within and here else base), packages, named is not None, faulty)
