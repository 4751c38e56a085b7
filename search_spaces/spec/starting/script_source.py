"""Reads a script, without running it: the arguments of its command line, and the metrics that it reports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from search_spaces.space.domain_contract import is_number

_TYPES: Final = {"float": float, "int": int, "str": str, "bool": bool}
_FLAGS: Final = {"store_true": False, "store_false": True, "BooleanOptionalAction": False}
_LOGGERS: Final = ("log", "report", "log_metric", "log_metrics", "log_dict")


@dataclass(frozen=True)
class Argument:
    """One argument of a script's command line."""

    name: str
    kind: type | None
    """Type of its value; None where the script does not say it."""
    default: Any
    choices: tuple[Any, ...] = ()
    required: bool = False
    doc: str = ""
    is_flag: bool = False
    """Whether it takes no value."""


@dataclass(frozen=True)
class Script:
    """What a script's source says."""

    summary: str
    arguments: tuple[Argument, ...]
    metrics: tuple[str, ...]
    """Names of what it reports, the likeliest objective first."""
    positional: tuple[str, ...] = ()
    """Names of the arguments that it asks for by their place."""


def read_script(path: Path) -> Script:
    """Return what the source of a script says. Raises ValueError where it is no Python."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        raise ValueError(f"{path} is no Python: line {error.lineno}: {error.msg}") from error
    found = [argument for node in ast.walk(tree) if (argument := _argument(node))]
    names = list(dict.fromkeys(_reported(tree)))
    names.sort(key=lambda name: (not name.startswith(("val", "eval", "dev")), "loss" in name))
    summary = (ast.get_docstring(tree) or f"the script {path.name}").splitlines()[0]
    positional = tuple(name for node in ast.walk(tree) if (name := _positional(node)))
    return Script(summary, tuple({one.name: one for one in found}.values()), tuple(names), positional)


def _argument(node: ast.AST) -> Argument | None:
    """Return the argument that a call of ``add_argument`` declares; None for any other node."""
    if not isinstance(node, ast.Call) or _word(node.func) != "add_argument":
        return None
    options = [one for arg in node.args if isinstance(one := _literal(arg), str) and one.startswith("--")]
    if not options:
        return None
    given = {word.arg: word.value for word in node.keywords if word.arg}
    name = options[-1].lstrip("-")  # what the command line calls it
    action = _word(given.get("action"))
    default = _literal(given.get("default"))
    if action == "BooleanOptionalAction" and default is True:  # its flag turns it off
        name, default = f"no-{name}", False
    kind = _TYPES.get(_word(given.get("type")) or "", type(default) if is_number(default) else None)
    choices = _literal(given.get("choices")) or ()
    return Argument(
        name=name,
        kind=kind,
        default=_FLAGS[action] if action in _FLAGS and default is None else default,
        choices=tuple(choices) if isinstance(choices, list | tuple) else (),
        required=bool(_literal(given.get("required"))),
        doc=" ".join(str(_literal(given.get("help")) or "").split())[:80],
        is_flag=action in _FLAGS,
    )


def _positional(node: ast.AST) -> str | None:
    """Return the name of an argument without a flag that must be given."""
    if not isinstance(node, ast.Call) or _word(node.func) != "add_argument" or not node.args:
        return None
    name = _text(_literal(node.args[0]))
    nargs = next((_literal(word.value) for word in node.keywords if word.arg == "nargs"), None)
    return name if name and not name.startswith("-") and nargs not in ("?", "*") else None


def _word(node: ast.AST | None) -> str | None:
    """Return the last name, or the text, of an expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else _text(_literal(node))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _literal(node: ast.AST | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def _reported(tree: ast.AST) -> Iterator[str]:
    """Yield the names that calls such as ``wandb.log({...})``, ``mlflow.log_metric(...)``, ``report(...)`` give."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _word(node.func) not in _LOGGERS:
            continue
        for arg in node.args[:1]:
            keys = [_literal(key) for key in arg.keys if key] if isinstance(arg, ast.Dict) else [_literal(arg)]
            yield from (key for key in keys if isinstance(key, str) and key.replace("/", "_").isidentifier())
        if _word(node.func) == "report":
            yield from (word.arg for word in node.keywords if word.arg and word.arg not in ("save", "step"))
