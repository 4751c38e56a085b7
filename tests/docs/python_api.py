"""The interface of ``import paceline``: signatures and what they say of themselves, from the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import paceline
from tests.docs.markdown import code, table

WIDTH = 100


def functions() -> str:
    """Return a section for each function: its signature and docstring."""
    found = [(name, getattr(paceline, name)) for name in paceline.__all__]
    return "\n\n".join(_section(name, each) for name, each in found if inspect.isfunction(each))


def classes() -> str:
    """Return a section for each class that is no error: its members."""
    found = [getattr(paceline, name) for name in paceline.__all__]
    return "\n\n".join(
        _members(each) for each in found if inspect.isclass(each) and not issubclass(each, Exception)
    )


def errors() -> str:
    """Return a table of the errors."""
    found = [(name, getattr(paceline, name)) for name in paceline.__all__]
    rows = [
        (code(name), _doc(each).removeprefix("Error: "))
        for name, each in found
        if inspect.isclass(each) and issubclass(each, Exception)
    ]
    return table(("error", "when"), rows)


def _section(name: str, function: Any) -> str:
    return f"### `paceline.{name}`\n\n```text\n{_signature(name, function)}\n```\n\n{_doc(function)}"


def _members(cls: type) -> str:
    rows = []
    for name in dict.fromkeys(name for one in reversed(cls.__mro__) for name in vars(one)):
        member = inspect.getattr_static(cls, name)
        if name.startswith("_") or name in ("home", "started", "html"):
            continue
        if isinstance(member, property):
            rows.append((code(name), _doc(member.fget)))
        elif inspect.isfunction(member):
            rows.append(
                (code(f"{name}({', '.join(list(inspect.signature(member).parameters)[1:])})"), _doc(member))
            )
    for name in getattr(cls, "__dataclass_fields__", {}) if not rows else ():
        rows.append((code(name), ""))
    return f"### `paceline.{cls.__name__}`\n\n{_doc(cls)}\n\n{table(('member', ''), rows)}"


def _signature(name: str, function: Any) -> str:
    """Return a call with its parameters, defaults and types, on as many lines as it needs."""
    found = inspect.signature(function)
    parts = [str(parameter).replace("'", "") for parameter in found.parameters.values()]
    keyword = next((i for i, p in enumerate(found.parameters.values()) if p.kind is p.KEYWORD_ONLY), None)
    if keyword is not None:
        parts.insert(keyword, "*")
    result = str(found.return_annotation)
    whole = f"{name}({', '.join(parts)}) -> {result}"
    return whole if len(whole) <= WIDTH else f"{name}(\n    " + ",\n    ".join(parts) + f",\n) -> {result}"


def _doc(of: Any) -> str:
    """Return a docstring as Markdown: its lines joined to paragraphs, code as code."""
    text = inspect.getdoc(of) or ""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(paragraphs))
