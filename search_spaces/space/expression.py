"""A small language of conditions: numbers, text, null, lists and parameters, arithmetic and comparisons.

Text is parsed by Python's grammar and built from a list of allowed parts; nothing of it is ever run as Python.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from search_spaces.space.domain_contract import is_number, same
from search_spaces.types.values import Value, unnested

MAX_LENGTH = 500
"""Largest number of characters of an expression."""
MAX_DEPTH = 20
"""Largest number of parts inside of each other."""

Values = Mapping[str, Value]
Evaluate = Callable[[Values], Any]


class ExpressionFault(ValueError):
    """Error: an expression breaks ``rule`` with its part ``received``."""

    def __init__(self, rule: str, received: str | None = None) -> None:
        super().__init__(rule if received is None else f"{rule}, received {received}")
        self.rule, self.received = rule, received


def _equal(a: Any, b: Any) -> bool:
    """Whether two values are equal, as JSON has them: true is not 1, also inside of lists and mappings."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return same(a, b)


def _among(value: Any, those: Sequence[Any]) -> bool:
    return any(_equal(value, one) for one in those)


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, which raises TypeError for what is no number."""

    def value(*numbers: Any) -> Any:
        if not all(map(is_number, numbers)):
            raise TypeError("only numbers are calculated with, and have an order")
        return function(*numbers)

    return value


def _power(base: float, exponent: float) -> float:
    """Return a power as a float, so that it has a bound. Raises ArithmeticError where it is no real number."""
    found: float | complex = float(base) ** float(exponent)
    if isinstance(found, complex):
        raise ArithmeticError(f"{base} ** {exponent} is no real number")
    return found


_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_SIGNS: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.USub: _of_numbers(operator.neg),
    ast.UAdd: _of_numbers(operator.pos),
    ast.Not: operator.not_,
}
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _of_numbers(operator.lt),
    ast.LtE: _of_numbers(operator.le),
    ast.Gt: _of_numbers(operator.gt),
    ast.GtE: _of_numbers(operator.ge),
    ast.In: _among,
    ast.NotIn: lambda value, those: not _among(value, those),
}
FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int, int]]] = {
    "min": (_of_numbers(min), 2, 16),
    "max": (_of_numbers(max), 2, 16),
    "abs": (_of_numbers(abs), 1, 1),
    "log": (_of_numbers(math.log), 1, 2),
}
"""Functions with the smallest and largest number of arguments; ``log(x, base)``, the natural one without base."""
WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}
"""YAML's words, beside Python's."""
LISTS: Final = (ast.List, ast.Tuple)
_IN: Final = (ast.In, ast.NotIn)
_INSTEAD = {
    "&&": "and",
    "||": "or",
    "&": "and",
    "|": "or",
    "^": "** (a power)",
    "~": "not",
    "<>": "!=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "×": "*",
}
_BITS: Final[Mapping[type[ast.AST], str]] = {ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.Invert: "~"}
KNOWN = (
    "numbers, text, null, lists, parameters, + - * / // % **, comparisons, and, or, not, in [...], "
    f"{', '.join(FUNCTIONS)}"
)


@dataclass(frozen=True)
class Expression:
    """An expression: its syntax tree, the names in it, and a function of their values."""

    tree: ast.expr
    names: tuple[str, ...]
    """Each once, in their order; ``group.name`` as it is written."""
    value: Evaluate
    """Raises ArithmeticError, ValueError or TypeError where it cannot be computed, KeyError without a value."""


def parsed(text: str) -> Expression:
    """Parse an expression. Raises ExpressionFault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionFault(f"must be at most {MAX_LENGTH} characters long", f"{len(text)} of them")
    if not text.strip():
        raise ExpressionFault("must not be empty")
    builder = _Builder(text)
    tree = _tree(text)
    value = builder.built(tree, 0)
    return Expression(tree, tuple(dict.fromkeys(builder.names)), value)


def _tree(text: str) -> ast.expr:
    line = " ".join(text.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionFault(_unreadable(line, error), repr(line[:60])) from None


def _unreadable(line: str, error: Exception) -> str:
    for sign, instead in _INSTEAD.items():
        if sign in line:
            return f"{sign} is not known: write {instead}"
    if isinstance(error, SyntaxError) and ("=" in str(error.msg) or _assigns(line)):
        return "compares with ==, not with ="
    where = f" (at column {error.offset})" if isinstance(error, SyntaxError) and error.offset else ""
    return f"is no expression{where}: it may hold {KNOWN}"


def _assigns(line: str) -> bool:
    plain = line
    for sign in ("==", "<=", ">=", "!="):
        plain = plain.replace(sign, "")
    return "=" in plain


def dotted_name(node: ast.expr) -> str | None:
    """Return ``name`` or ``group.name`` where the part is one."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted_name(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else None


class _Builder:
    """Builds functions of the parameters' values from the parts of an expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.names: list[str] = []

    def built(self, node: ast.expr, depth: int) -> Evaluate:
        """Return the function of a part. Raises ExpressionFault where it is not of the language."""
        if depth > MAX_DEPTH:
            raise ExpressionFault(f"must not be nested deeper than {MAX_DEPTH}", repr(self._text[:60]))
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._name(node)
        if isinstance(node, ast.BoolOp):
            return _junction(isinstance(node.op, ast.And), [self.built(part, depth + 1) for part in node.values])
        if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
            return _applied(_SIGNS[type(node.op)], [self.built(node.operand, depth + 1)])
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            parts = [self.built(part, depth + 1) for part in (node.left, node.right)]
            return _applied(_of_numbers(_ARITHMETIC[type(node.op)]), parts)
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, LISTS):
            return self._list(node.elts, depth)
        if isinstance(node, ast.Dict):
            return self._mapping(node, depth)
        sign = _BITS.get(type(node.op)) if isinstance(node, ast.BinOp | ast.UnaryOp) else None
        raise ExpressionFault(
            f"{sign} is not known: write {_INSTEAD[sign]}" if sign else f"may hold only {KNOWN}", _shown(node)
        )

    def _constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if not isinstance(value, bool | int | float | str | None) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise ExpressionFault("may hold only finite numbers, text, true, false and null", _shown(node))
        return lambda values: value

    def _name(self, node: ast.expr) -> Evaluate:
        name = dotted_name(node)
        if name is None:
            raise ExpressionFault("must not take a part of a value", _shown(node))
        if name in WORDS:
            return lambda values: WORDS[name]
        self.names.append(name)
        return lambda values: unnested(values[name])

    def _list(self, parts: Sequence[ast.expr], depth: int) -> Evaluate:
        items = [self.built(part, depth + 1) for part in parts]
        return lambda values: [item(values) for item in items]

    def _mapping(self, node: ast.Dict, depth: int) -> Evaluate:
        names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if not all(isinstance(name, str) for name in names):
            raise ExpressionFault("must have texts as keys of a mapping", _shown(node))
        found = self._list(node.values, depth)
        return lambda values: dict(zip(names, found(values), strict=True))

    def _comparison(self, node: ast.Compare, depth: int) -> Evaluate:
        for operation, part in zip(node.ops, node.comparators, strict=True):
            if type(operation) not in _COMPARISONS:
                raise ExpressionFault("compares with == and !=, not with is", _shown(node))
            if isinstance(operation, _IN) and not isinstance(part, (*LISTS, ast.Set)):
                raise ExpressionFault("in must be followed by a list, as in [1, 2]", _shown(node))
        operations = [_COMPARISONS[type(operation)] for operation in node.ops]
        sets = [
            type(one) in _IN and isinstance(part, ast.Set)
            for one, part in zip(node.ops, node.comparators, strict=True)
        ]
        parts = [self.built(node.left, depth + 1)]
        for part, is_set in zip(node.comparators, sets, strict=True):
            parts.append(self._list(part.elts, depth) if is_set else self.built(part, depth + 1))  # type: ignore[attr-defined]
        return _compared(operations, parts)

    def _call(self, node: ast.Call, depth: int) -> Evaluate:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise ExpressionFault(f"must call nothing but {', '.join(FUNCTIONS)}", _shown(node.func))
        function, least, most = FUNCTIONS[name]
        if node.keywords or not least <= len(node.args) <= most:
            numbers = f"{least}" if least == most else f"{least} to {most}"
            raise ExpressionFault(f"{name} takes {numbers} values", _shown(node))
        return _applied(function, [self.built(part, depth + 1) for part in node.args])


def _shown(node: ast.AST) -> str:
    try:
        return repr(ast.unparse(node)[:60])
    except RecursionError:
        return "what is nested too deep to be shown"


def _junction(every: bool, parts: Sequence[Evaluate]) -> Evaluate:
    if every:
        return lambda values: all(part(values) for part in parts)
    return lambda values: any(part(values) for part in parts)


def _applied(function: Callable[..., Any], parts: Sequence[Evaluate]) -> Evaluate:
    return lambda values: function(*[part(values) for part in parts])


def _compared(operations: Sequence[Callable[[Any, Any], bool]], parts: Sequence[Evaluate]) -> Evaluate:
    first, others = parts[0], list(zip(operations, parts[1:], strict=True))

    def value(values: Values) -> bool:
        left = first(values)
        for operation, part in others:
            right = part(values)
            if not operation(left, right):
                return False
            left = right
        return True

    return value
