"""Stores a checked sweep as JSON, for resuming: it is read back unchanged, without the checks of a spec file.

Paths of data inside the sweep's folder are kept relative to it, so that it may be moved or copied.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_spaces.spec.data import TABLES
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import Fault, SpecError

FORMAT: Final = 1
"""Version of the format, increased when earlier versions would misread it: they refuse a higher one."""

PATHS: Final = (*TABLES, "folder", "text", "series", "val", "test", "root")
"""Keys of ``data`` that are paths, beside ``also``, a list of them."""


class _Head(BaseModel):
    format: int
    paceline: str = Field(default_factory=lambda: metadata.version("paceline"))
    """Version of Paceline that wrote it."""


class _Stored(_Head):
    model_config = ConfigDict(extra="forbid")

    sweep: Sweep


def to_json(sweep: Sweep, place: Path | None = None) -> str:
    """Return the sweep as JSON, defaults included, as later versions may have other ones.

    Paths of data inside the folder ``place`` become relative to it.
    """
    kept = sweep if place is None else _with_paths(sweep, lambda path: _relative(path, place))
    return _Stored(format=FORMAT, sweep=kept).model_dump_json(indent=1) + "\n"


def from_json(text: str | bytes, origin: str, place: Path | None = None) -> Sweep:
    """Return the sweep of ``to_json``, with paths of data that are absolute again where ``place`` is given.

    Raises SpecError where the text has a newer format or was changed.
    """
    sweep = _read(text, origin)
    return sweep if place is None else _with_paths(sweep, lambda path: str(place / path))


def _with_paths(sweep: Sweep, changed: Callable[[str], str]) -> Sweep:
    """Return the sweep with ``changed`` paths of data; addresses of stores are no paths."""
    data = sweep.data

    def of(path: str) -> str:
        return path if "://" in path else changed(path)

    paths: dict[str, Any] = {name: of(path) for name in PATHS if (path := getattr(data, name)) is not None}
    if data.also:
        paths["also"] = [of(path) for path in data.also]
    return sweep.model_copy(update={"data": data.model_copy(update=paths)})


def _relative(path: str, place: Path) -> str:
    return str(Path(path).relative_to(place)) if Path(path).is_relative_to(place) else path


def _read(text: str | bytes, origin: str) -> Sweep:
    head = None
    try:
        head = _Head.model_validate_json(text)
        if head.format <= FORMAT:
            return _Stored.model_validate_json(text).sweep
    except ValidationError as error:
        raise SpecError([_fault(origin, one, head) for one in error.errors(include_url=False)]) from None
    rule = f"is {head.format}, and this version reads up to {FORMAT}; {_way_out(head)}"
    raise SpecError([Fault(origin, "format", rule)])


def _fault(origin: str, error: Any, head: _Head | None) -> Fault:
    rule = f"cannot be read by this version: {error['msg']}"
    return Fault(origin, ".".join(map(str, error["loc"])), f"{rule}; {_way_out(head)}" if head else rule)


def _way_out(head: _Head) -> str:
    return f"Paceline {head.paceline} wrote it: go on with that version, or a newer one"
