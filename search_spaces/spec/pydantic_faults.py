"""Converts pydantic's errors to faults of a spec: the place, the rule, the value received, the nearest name."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from search_spaces.spec.keys.examples import example
from search_spaces.spec.yaml_document import Document, Path, dotted
from search_spaces.types.faults import MAX_LINES, nearest, shown

Model = TypeVar("Model", bound=BaseModel)

_RULES = {
    "missing": "is required",
    "extra_forbidden": "unknown key",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a group of keys",
    "model_type": "must be a group of keys",
    "model_attributes_type": "must be a group of keys",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "too_short": "must not be empty",
    "too_long": "must be at most {max_length} long",
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}
_SHAPES = (_RULES["list_type"], _RULES["dict_type"])
NONE_INSTEAD = ("early_terminate", "final", "budget", "repeats", "stop_when", "cost_per_hour")
"""Groups in whose place 'none' may be."""
_SCALAR = "must be one value: a number, text, true or false"


def checked(
    document: Document,
    path: Path,
    model: type[Model],
    tree: Any,
    reasons: Mapping[str, str] | None = None,
    context: Any = None,
) -> Model | None:
    """Validate ``tree`` and return the model; None, with a fault noted for each error, where it is invalid.

    ``reasons`` hold, for keys of other tools that are refused, what to write instead. ``context`` is passed to the
    model's validators.
    """
    try:
        return model.model_validate(tree, strict=True, context=context)
    except ValidationError as error:
        for where, rule, received, meant in _told(error, model, tree, reasons or {}).values():
            document.fault((*path, *where), rule, received, meant)
    return None


_Told = tuple[Path, str, str | None, str | None]


def _told(
    error: ValidationError, model: type[BaseModel], tree: Any, reasons: Mapping[str, str]
) -> dict[Path, _Told]:
    """Return one fault for each place: the failed branches of a union become one."""
    told: dict[Path, _Told] = {}
    for detail in error.errors(include_url=False):
        kind, where = detail["type"], _inside(detail["loc"], tree)
        if kind == "missing":
            told[detail["loc"]] = (detail["loc"], _RULES[kind], None, None)
        elif kind == "extra_forbidden":
            few = len(told) < 2 * MAX_LINES  # further faults are not printed, and finding the nearest name is slow
            told[where] = _unknown(where, model, reasons) if few else (where, "unknown key", None, None)
        else:
            rule = _joined(told[where][1], _rule(detail)) if where in told else _rule(detail)
            told[where] = (where, rule, _received(detail, _at(tree, where)), _meant(detail))
    outer = {where: fault for where, fault in told.items() if not (fault[1] in _SHAPES and _inner(where, told))}
    return {where: _with_example(fault, tree) for where, fault in outer.items()}


def _with_example(fault: _Told, tree: Any) -> _Told:
    """Return the fault of a value that is no group with an example of one, if that is known."""
    where, rule, received, meant = fault
    if rule != _RULES["dict_type"] or not where or not all(isinstance(part, int) for part in where[1:]):
        return fault
    key, value = str(where[0]), _at(tree, where)
    if key in NONE_INSTEAD and (value is False or str(value).casefold() in ("no", "off", "never", "null", "false")):
        return (where, f"{rule}, or none", received, "'none'")
    such = example(key, value)
    return (where, f"{rule}, such as {such}" if such else rule, received, meant)


def _inner(where: Path, told: Mapping[Path, _Told]) -> bool:
    """Return whether a value inside of this one is at fault: it has the shape of another branch of the union."""
    return any(len(other) > len(where) and other[: len(where)] == where for other in told)


def _joined(first: str, second: str) -> str:
    """Return one rule for a value that fits no branch of a union."""
    rules = {first, second}
    if _RULES["finite_number"] in rules:
        return _RULES["finite_number"]
    if rules == set(_SHAPES):
        return "must be a list, or a group of keys"
    return _RULES["float_type"] if rules <= {_RULES["int_type"], _RULES["float_type"]} else _SCALAR


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _inside(loc: Path, tree: Any) -> Path:
    """Return the part of ``loc`` that is in the spec; pydantic puts names of union branches between."""
    path: list[str | int] = []
    for part in loc:
        if not (isinstance(tree, dict) and part in tree) and not (isinstance(tree, list) and isinstance(part, int)):
            continue
        tree = tree[part]  # type: ignore[index]
        path.append(part)
    return tuple(path)


def _rule(detail: ErrorDetails) -> str:
    context = {key: _plain(value) for key, value in detail.get("ctx", {}).items()}
    if detail["type"] == "literal_error" and "," in context["expected"]:
        return "unknown name" if _meant(detail) else f"must be one of {context['expected']}"
    template = _RULES.get(detail["type"], detail["msg"].replace("{", "(").replace("}", ")"))
    return template.format(**context)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("'", "")


def _received(detail: ErrorDetails, value: Any) -> str:
    """Return the value as text for people; a number with a point shows it where it must have none."""
    return repr(value) if _whole(detail) is not None else shown(value)


def _whole(detail: ErrorDetails) -> int | None:
    """Return the whole number that a number with a point is, as 1e3, where it must have none."""
    value = detail["input"]
    is_near = detail["type"] in ("int_type", "int_from_float") and isinstance(value, float)
    return int(value) if is_near and value.is_integer() and abs(value) < 1e9 else None


def _meant(detail: ErrorDetails) -> str | None:
    if (whole := _whole(detail)) is not None:
        return str(whole)
    if detail["type"] != "literal_error":
        return None
    names = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    close = nearest(detail["input"], names)
    return close and repr(close)


def _unknown(where: Path, model: type[BaseModel], reasons: Mapping[str, str]) -> _Told:
    key = str(where[-1])
    if (whole := dotted(where)) in reasons:
        return where, reasons[whole], None, None
    fields = _model_at(model, where[:-1]).model_fields
    close = nearest(key, fields)
    rule = "unknown key" if close else f"unknown key (known: {', '.join(fields)})"
    return where, rule, shown(key), close and repr(close)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    for part in path:
        if isinstance(part, int):  # a list holds one kind of model
            continue
        annotation = model.model_fields[str(part)].annotation
        kinds = (annotation, *typing.get_args(annotation))
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return model
