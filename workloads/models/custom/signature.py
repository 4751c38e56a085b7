"""Reads the hyperparameters of a user's function from its signature, and converts a trial's values for its call.

Numbers, texts and truth values have the types of every hyperparameter, with bounds of ``Annotated`` and the words
of ``Literal``. Any other annotation (``list[int]``, ``float | str``, an enum, a pydantic type) is checked by
pydantic; a parameter without annotation and default takes any value.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from search_spaces.space.hyperparameters import hyper
from search_spaces.types.values import Params, Value, read_nested, unnested, value_of

SIMPLE = (float, int, str, bool)
_BOUNDS = (("ge", "low", False), ("gt", "low", True), ("le", "high", False), ("lt", "high", True))
_FORM = "must be keyword-only: write '*, ' before it"


def fields_of(name: str, train: Callable[..., Any]) -> list[tuple[str, type, Any]]:
    """Return the hyperparameters of a function as fields for ``make_dataclass``; ``name`` is its name in the spec.

    Raises LookupError with every fault.
    """
    parameters = [*inspect.signature(train).parameters.values()]
    if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        form = f"{train.__name__}(run, *, ...)"
        raise LookupError(f"{name!r}: its first parameter must be positional, for the run: {form}")
    first, *others = parameters
    faults: list[str] = []
    found = keyword_fields(train, others, train.__name__, faults, f" (only {first.name!r} stands before *)")
    if faults:
        raise LookupError(f"{name!r}: {'; '.join(faults)}")
    return found


def keyword_fields(
    function: Callable[..., Any],
    parameters: Iterable[inspect.Parameter],
    owner: str,
    faults: list[str],
    before: str = "",
) -> list[tuple[str, type, Any]]:
    """Return these ``parameters`` of a function as fields; what is wrong with others is added to ``faults``.

    ``owner`` is the function's name for people, ``before`` what may be positional.
    """
    hints, found = _hints(function), []
    for parameter in parameters:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            named = parameter.kind is not parameter.VAR_POSITIONAL and parameter.kind is not parameter.VAR_KEYWORD
            shown = str(parameter).split(":")[0].split("=")[0]
            faults.append(f"parameter {shown!r} {_FORM + before if named else 'must name each hyperparameter'}")
            continue
        try:
            found.append(_field(parameter, hints[parameter.name], owner))
        except ValueError as error:
            faults.append(f"parameter {parameter.name!r} {error}")
    return found


def arguments(train: Callable[..., Any], hp: Any) -> dict[str, Any]:
    """Return the values of ``hp``, an instance of the hyperparameters, as the function is to get them.

    Lists, mappings and whatever its annotation asks for are made from the texts that a trial keeps.
    """
    return converted(train, {field.name: getattr(hp, field.name) for field in dataclasses.fields(hp)})


def converted(function: Callable[..., Any], values: Params) -> dict[str, Any]:
    """Return the values of a function's hyperparameters in the types of its annotations."""
    hints = _hints(function)
    return {name: _converted(hints[name], value) for name, value in values.items()}


def _hints(train: Callable[..., Any]) -> dict[str, Any]:
    """Return each parameter's annotation, of words too; the default's type where there is none."""
    return {name: _hint(train, one) for name, one in inspect.signature(train).parameters.items()}


def _hint(train: Callable[..., Any], one: inspect.Parameter) -> Any:
    if one.annotation is one.empty:
        return _of_default(one.default)
    alone = types.SimpleNamespace(__annotations__={one.name: one.annotation})
    try:
        return typing.get_type_hints(alone, _globals(train), include_extras=True)[one.name]
    except (NameError, TypeError, AttributeError):  # words that name nothing at run time
        return _of_default(one.default)


def _globals(train: Callable[..., Any]) -> dict[str, Any]:
    """Return the names that annotations of words mean: those of the function whose signature it is."""
    found: dict[str, Any] = getattr(inspect.unwrap(train), "__globals__", {})
    return found


def _of_default(default: Any) -> Any:
    if default is inspect.Parameter.empty or default is None:
        return Any
    return type(default)


def _field(parameter: inspect.Parameter, hint: Any, owner: str) -> tuple[str, type, Any]:
    kind, rule, doc = _read(hint)
    default = dataclasses.MISSING
    if parameter.default is not parameter.empty:
        default = _kept(parameter.default)
        if default is None:
            rule["nullable"] = True
    of_default = kind(default) if kind is float and isinstance(default, int) else default
    return parameter.name, kind, hyper(of_default, doc or f"parameter of {owner}", **rule)


def _read(hint: Any) -> tuple[type, dict[str, Any], str]:
    """Return the type, rule and description of an annotation. Raises ValueError where it names no values."""
    rule: dict[str, Any] = {}
    doc, plain = "", hint
    if typing.get_origin(plain) is typing.Annotated:
        plain, *notes = typing.get_args(plain)
        doc = next((text for note in notes if (text := _described(note))), "")
        for note in notes:
            for part in (note, *getattr(note, "metadata", ())):
                rule |= _bounds(part)
    options = [one for one in _options(plain) if one is not type(None)]
    rule |= {"nullable": True} if len(options) < len(_options(plain)) else {}
    if len(options) == 1 and options[0] in SIMPLE:
        return options[0], rule, doc
    if plain is Any or plain is object or plain is inspect.Parameter.empty:
        return object, {"nullable": True, "words": "any value"}, doc
    if len(options) == 1 and (words := _words(options[0])):
        kinds = {type(word) for word in words}
        if len(kinds) == 1 and kinds <= set(SIMPLE):
            return kinds.pop(), {**rule, "choices": words}, doc
    return object, {"nullable": rule.get("nullable", False), **_checked(hint, options)}, doc


def _options(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the only one."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _words(hint: Any) -> tuple[Value, ...]:
    """Return the values of a ``Literal``, or the words for an enum's members; empty for anything else."""
    if typing.get_origin(hint) is typing.Literal:
        return tuple(typing.get_args(hint))
    return tuple(map(_kept, hint)) if inspect.isclass(hint) and issubclass(hint, enum.Enum) else ()


def _described(note: Any) -> str:
    return note if isinstance(note, str) else getattr(note, "description", None) or ""


def _bounds(note: object) -> dict[str, Any]:
    """Return the bounds of a note such as ``annotated_types.Ge(0)`` or ``pydantic.Field(gt=0, le=1)``."""
    rule: dict[str, Any] = {}
    for name, key, is_open in _BOUNDS:
        value = getattr(note, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            rule |= {key: value, f"{key}_open": is_open}
    return rule


def _checked(hint: Any, options: list[Any]) -> dict[str, Any]:
    """Return the rule of an annotation that pydantic checks."""
    try:
        TypeAdapter(hint)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise ValueError(
            f"must have a type that a spec can hold, received {inspect.formatannotation(hint)}"
        ) from error
    shown = " or ".join(inspect.formatannotation(one) for one in options)

    def check(value: Value) -> str | None:
        try:
            _converted(hint, unnested(value))
        except ValidationError as error:
            return f"must be {shown}: {error.errors()[0]['msg'].lower()}"
        return None

    return {"check": check, "words": shown}


def _converted(hint: Any, value: Any) -> Any:
    if hint in SIMPLE:
        return value
    for option in _options(hint):
        if inspect.isclass(option) and issubclass(option, enum.Enum):
            for member in option:
                if _kept(member) == value:
                    return member
    is_text = isinstance(value, str) and all(one in (str, type(None)) for one in _options(hint))
    plain = value if isinstance(value, list | dict) or is_text else read_nested(value)
    return plain if hint is Any else TypeAdapter(hint).validate_python(plain)


def _kept(value: Any) -> Any:
    """Return a default, or an enum's member, as a spec writes it: a member by its text, else by its name.

    Raises ValueError for a default that it cannot hold.
    """
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    try:
        own = value is None or isinstance(value, (*SIMPLE, list, tuple, dict))
        return value_of(value if own else to_jsonable_python(value))
    except (TypeError, PydanticSerializationError) as error:
        raise ValueError(f"must have a default that a spec can hold, received {value!r}") from error
