"""Stores a checked sweep as JSON, for resuming: it is read back unchanged, without the checks of a spec file."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import Fault, SpecError

FORMAT: Final = 1
"""Version of the format, increased when earlier versions would misread it: they refuse a higher one."""


class _Head(BaseModel):
    format: int
    paceline: str = Field(default_factory=lambda: metadata.version("paceline"))
    """Version of Paceline that wrote it."""


class _Stored(_Head):
    model_config = ConfigDict(extra="forbid")

    sweep: Sweep


def to_json(sweep: Sweep) -> str:
    """Return the sweep as JSON, defaults included, as later versions may have other ones."""
    return _Stored(format=FORMAT, sweep=sweep).model_dump_json(indent=1) + "\n"


def from_json(text: str | bytes, origin: str) -> Sweep:
    """Return the sweep of ``to_json``. Raises SpecError where the text has a newer format or was changed."""
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
