"""Makes a checked sweep of a file, a mapping or a sweep, with overrides."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from search_spaces.spec.starting.examples import EXAMPLE, example_file
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.module_path import PATHS

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep
    from search_spaces.types.catalogue import Catalogue

    Spec = str | os.PathLike[str] | Mapping[str, Any] | Sweep


@contextmanager
def path_kept() -> Iterator[None]:
    """Put the path on which this process finds modules back after the block, which looks for users' code."""
    before, given = list(sys.path), os.environ.get(PATHS)
    try:
        yield
    finally:
        sys.path[:] = before
        if given is not None:
            os.environ[PATHS] = given


_plugins_off = RLock()
"""Held while the variable is set: sweeps may be started by several threads at once."""


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Turn pydantic's plugins off for the block.

    To find them pydantic reads the metadata of every installed package; the spec's models need none.
    """
    name = "PYDANTIC_DISABLE_PLUGINS"
    with _plugins_off:
        before = os.environ.get(name)
        os.environ[name] = "__all__"
        try:
            yield
        finally:
            del os.environ[name]
            if before is not None:
                os.environ[name] = before


def sweep_of(spec: Spec, overrides: Mapping[str, Any], known: Catalogue | None = None) -> Sweep:
    """Return the checked sweep of a file's path, a mapping of a file's keys, or a sweep, with overrides by key.

    ``known`` are the names that it may use; None: those of the registry. Raises SpecError with every fault.
    """
    texts = [f"{key}={value}" for key, value in _as_flow(overrides)]
    if isinstance(spec, str | os.PathLike):
        return loaded(Path(spec), texts, known)
    with _without_plugins():
        from search_spaces.spec.sweep import Sweep, sweep_of_tree  # 140 ms: pydantic
    from workloads.registry import catalogue  # 30 ms

    known = known or catalogue()
    if isinstance(spec, Sweep) and not texts:
        return spec
    if isinstance(spec, Sweep):
        return sweep_of_tree(spec.to_tree(), Path(spec.folder or Path.cwd()), texts, catalogue=known)
    return sweep_of_tree(spec, Path.cwd(), texts, catalogue=known)


def folder_of(spec: Spec) -> Path:
    """Return the folder in which users' code is looked for."""
    if isinstance(spec, str | os.PathLike):
        return Path(spec).resolve().parent
    return Path(getattr(spec, "folder", None) or Path.cwd())


def origin_of(spec: Spec) -> str:
    """Return the spec's name in faults."""
    return Path(spec).name if isinstance(spec, str | os.PathLike) else "spec"


def _as_flow(overrides: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from search_spaces.spec.keys.plain_tree import plain_value  # 60 ms: PyYAML
    from search_spaces.spec.yaml_document import flow  # 60 ms: PyYAML

    for key, value in overrides.items():
        yield key, flow(plain_value(value, f"override {key}", ()))


def loaded(spec: Path, overrides: Sequence[str], known: Catalogue | None = None) -> Sweep:
    """Load and check the spec, a file or ``example:NAME``, with overrides. Raises SpecError with every fault."""
    with _without_plugins():
        from search_spaces.spec.sweep import load_sweep  # 140 ms: pydantic
    from workloads.registry import catalogue  # 30 ms

    return load_sweep(_file(spec), overrides, catalogue=known or catalogue())


def _file(spec: Path) -> Path:
    if not str(spec).startswith(EXAMPLE) or spec.exists():
        return spec
    try:
        return example_file(str(spec))
    except LookupError as error:
        raise SpecError([Fault(str(spec), "", str(error.args[0]))]) from None
