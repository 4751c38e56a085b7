"""The interface of ``import paceline``: signatures and what they say of themselves, from the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import paceline
from tests.docs.markdown import code, table

WIDTH = 100
INNER = ("home", "started", "html")
"""Members that are for Paceline's own use."""
_PUBLIC = [(name, getattr(paceline, name)) for name in paceline.__all__]


def functions() -> str:
    """Return a section for each function: its signature and docstring."""
    return "\n\n".join(_section(name, each) for name, each in _PUBLIC if inspect.isfunction(each))


def classes() -> str:
    """Return a section for each class that is no error: its members."""
    kinds = [each for _, each in _PUBLIC if inspect.isclass(each) and not issubclass(each, Exception)]
    return "\n\n".join(_class(each) for each in kinds)


def errors() -> str:
    """Return a table of the errors."""
    kinds = [(name, each) for name, each in _PUBLIC if inspect.isclass(each) and issubclass(each, Exception)]
    return table(("error", "when"), [(code(name), _doc(each).removeprefix("Error: ")) for name, each in kinds])


def _section(name: str, function: Any) -> str:
    return f"### `paceline.{name}`\n\n```text\n{_signature(name, function)}\n```\n\n{_doc(function)}"


def _class(cls: type) -> str:
    rows = [row for name in _members(cls) if (row := _row(cls, name))]
    if not rows:
        fields = getattr(cls, "__dataclass_fields__", {})
        rows = [(code(name), code(field.type)) for name, field in fields.items()]
    return f"### `paceline.{cls.__name__}`\n\n{_doc(cls)}\n\n{table(('member', 'what it is'), rows)}"


def _members(cls: type) -> list[str]:
    names = dict.fromkeys(name for one in reversed(cls.__mro__) for name in vars(one))
    return [name for name in names if not name.startswith("_") and name not in INNER]


def _row(cls: type, name: str) -> tuple[str, str] | None:
    member = inspect.getattr_static(cls, name)
    if isinstance(member, property):
        return code(name), _doc(member.fget)
    if not inspect.isfunction(member):
        return None
    parameters = ", ".join(list(inspect.signature(member).parameters)[1:])
    return code(f"{name}({parameters})"), _doc(member)


def _signature(name: str, function: Any) -> str:
    """Return a call with its parameters, types and defaults, on as many lines as it needs."""
    found = inspect.signature(function)
    parts = [_parameter(parameter) for parameter in found.parameters.values()]
    keywords = [i for i, each in enumerate(found.parameters.values()) if each.kind is each.KEYWORD_ONLY]
    if keywords:
        parts.insert(keywords[0], "*")
    whole = f"{name}({', '.join(parts)}) -> {found.return_annotation}"
    if len(whole) <= WIDTH:
        return whole
    return f"{name}(\n    " + ",\n    ".join(parts) + f",\n) -> {found.return_annotation}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    default = " = {}" if parameter.default is paceline.NOTHING else default
    return f"{stars}{parameter.name}: {parameter.annotation}{default}"


def _doc(of: Any) -> str:
    """Return a docstring as one paragraph of Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join((inspect.getdoc(of) or "").split()))
