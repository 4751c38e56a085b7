"""Checks ``require`` of a spec: expressions between hyperparameters, which every configuration must satisfy."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.space.domains import Choice
from search_spaces.space.expression import LISTS, WORDS, Expression, ExpressionFault, dotted_name, parsed
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.requirement import Requirement
from search_spaces.space.share import Share, share
from search_spaces.space.space import Space
from search_spaces.spec.other_tools.names import meant
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown
from search_spaces.types.values import Nested, Params, Value

MIN_SHARE = 0.001
"""Smallest share of a space that must satisfy its requirements, where configurations are drawn until one does."""

Kind = Literal["number", "text", "truth", "null", "list"]
Kinds = frozenset[Kind]
_KINDS: Mapping[type, Kind] = {
    bool: "truth", str: "text", int: "number", float: "number", type(None): "null", Nested: "list",
}  # fmt: skip
_WORDS: Mapping[Kind, str] = {
    "number": "a number",
    "text": "text",
    "truth": "true or false",
    "null": "null",
    "list": "a list or mapping",
}
NUMBER, TRUTH = frozenset[Kind](["number"]), frozenset[Kind](["truth"])


def _words(kinds: Kinds) -> str:
    return " or ".join(words for kind, words in _WORDS.items() if kind in kinds)


class _NameFault(ExpressionFault):
    """Error: a name of an expression, with the nearest one that is known."""

    def __init__(self, rule: str, received: str, meant: str | None) -> None:
        super().__init__(rule, received)
        self.meant = meant


def required(
    document: Document, texts: Sequence[str], known: Mapping[str, Hyperparameter], space: Space, constants: Params
) -> Space:
    """Return the space with the requirements of the spec; faults are noted in ``document``."""
    found = []
    reader = _Reader(known, space, constants, _groups(document))
    for place, text in enumerate(texts):
        try:
            found.append(reader.requirement(text))
        except ExpressionFault as fault:
            meant = fault.meant if isinstance(fault, _NameFault) else None
            document.fault(("require", place), fault.rule, fault.received, meant and repr(meant))
    if len(found) < len(texts):
        return space
    of_all = replace(space, require=tuple(found))
    return of_all if not found or _leaves_enough(document, of_all) else space


def _leaves_enough(document: Document, space: Space) -> bool:
    left = share(space)
    if _enough(left):
        return True
    alone = [share(replace(space, require=(one,))) for one in space.require]
    guilty = [place for place, one in enumerate(alone) if not _enough(one)]
    for place in guilty:
        document.fault(("require", place), _too_little("", alone[place]), shown(space.require[place].text))
    if not guilty:
        document.fault(("require",), _too_little("together ", left))
    return False


def _enough(left: Share) -> bool:
    return left.num_satisfying > 0 and (left.counted or left.value >= MIN_SHARE)


def _too_little(how: str, left: Share) -> str:
    of = f"{left.num_satisfying} of {left.num_seen} {'' if left.counted else 'random '}configurations ({left})"
    rule = "one at least must" if left.counted else f"{100 * MIN_SHARE:g} % must"
    return f"{how}leaves too little of the space: {of} satisfy it, {rule} (widen the ranges, or search fewer)"


def _groups(document: Document) -> dict[str, str]:
    """Return the names of parameters by their path with the groups that they are in: ``group.name``."""
    found = {}
    for path in document.places:
        if len(path) > 2 and path[0] == "parameters" and "when" not in path:
            inside = [str(part) for part in path[1:] if part != "parameters"]
            found[".".join(inside)] = inside[-1]
    return found


@dataclass(frozen=True)
class _Reader:
    known: Mapping[str, Hyperparameter]
    space: Space
    constants: Params
    groups: Mapping[str, str]

    def requirement(self, text: str) -> Requirement:
        """Return the requirement. Raises ExpressionFault."""
        expression = parsed(text)
        names = {name: self._name(name, expression) for name in expression.names}
        if any(name != plain for name, plain in names.items()):
            text = _renamed(text, names)
            expression = parsed(text)
        given = {name: self._given(name) for name in expression.names if name not in self.space.domains}
        if len(given) == len(expression.names):
            rule = "is about no searched hyperparameter: give one of them a range in parameters"
            raise ExpressionFault(rule, shown(text))
        kinds = self._kinds(expression.tree)
        if kinds != TRUTH:
            raise ExpressionFault(f"must be a comparison, such as a >= b, and not {_words(kinds)}", shown(text))
        return Requirement(text, given)

    def _name(self, name: str, expression: Expression) -> str:
        plain = name if name in self.known else self.groups.get(name.removeprefix("parameters."), "")
        if plain in self.known:
            return plain
        known = [one for one in expression.names if one in self.known]
        quoted = {choice for one in known for choice in self._choices(one)}
        if name in quoted:
            raise _NameFault("is no hyperparameter: text is written in quotes", shown(name), f"'{name}'")
        close = meant(name, [*self.known, *_with_groups(self.groups, self.known)])
        rule = "is no hyperparameter of this workload"
        if close is None:
            rule += f" (it has {', '.join(self.known)})"
        raise _NameFault(rule, shown(name), close)

    def _choices(self, name: str) -> Sequence[Value]:
        domain = self.space.domains.get(name)
        return self.known[name].choices or (domain.values if isinstance(domain, Choice) else ())

    def _given(self, name: str) -> Value:
        rule = self.known[name]
        value = self.constants.get(name, rule.default)
        if value is None and name not in self.constants and (rule.required or not rule.nullable):
            raise ExpressionFault("has no value to compare: give it one in parameters", shown(name))
        return value

    def _kinds(self, node: ast.expr) -> Kinds:
        """Return what a part's value may be. Raises ExpressionFault where parts do not fit each other."""
        name = dotted_name(node)
        if name is not None:
            return frozenset([_KINDS[type(WORDS[name])]]) if name in WORDS else self._kinds_of(name)
        if isinstance(node, ast.Constant):
            return frozenset([_KINDS[type(node.value)]])
        if isinstance(node, ast.Dict | ast.List | ast.Tuple):
            return frozenset(["list"])
        if isinstance(node, ast.BoolOp):
            return self._all(TRUTH, node.values, "and, or, not join comparisons")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._all(TRUTH, [node.operand], "and, or, not join comparisons")
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        parts = node.args if isinstance(node, ast.Call) else list(ast.iter_child_nodes(node))
        return self._all(
            NUMBER, [part for part in parts if isinstance(part, ast.expr)], "only numbers are calculated with"
        )

    def _kinds_of(self, name: str) -> Kinds:
        """Return what a hyperparameter's values are; by those of its domain where its type does not say it."""
        rule, domain = self.known[name], self.space.domains.get(name)
        if (kind := _KINDS.get(rule.type)) and not rule.nullable:
            return frozenset([kind])
        if domain is not None and domain.bounds is not None:
            return NUMBER
        values = [self._given(name)] if domain is None else domain.grid()
        return frozenset(_KINDS[type(value)] for value in values)

    def _all(self, kinds: Kinds, parts: Sequence[ast.expr], rule: str) -> Kinds:
        """Return ``kinds``, which all parts must be; a number may also be what is one in some configurations."""
        for part in parts:
            found = self._kinds(part)
            if found != kinds and not (kinds == NUMBER and found > kinds):
                way_out = f" (write {ast.unparse(part)[:30]} == true)" if found > kinds else ""
                raise ExpressionFault(f"{rule}, this is {_words(found)}{way_out}", repr(ast.unparse(part)[:60]))
        return kinds

    def _comparison(self, node: ast.Compare) -> Kinds:
        operands = [node.left, *node.comparators]
        for left, operation, right in zip(operands, node.ops, operands[1:], strict=False):
            listed = isinstance(operation, ast.In | ast.NotIn) and isinstance(right, (*LISTS, ast.Set))
            for other in right.elts if listed else [right]:  # type: ignore[attr-defined]
                self._compared(left, operation, other)
        return TRUTH

    def _compared(self, left: ast.expr, operation: ast.cmpop, right: ast.expr) -> None:
        first, second = self._kinds(left), self._kinds(right)
        if not first & second:
            rule = f"compares {_words(first)} with {_words(second)}"
            raise ExpressionFault(rule, repr(f"{ast.unparse(left)}, {ast.unparse(right)}"[:60]))
        if isinstance(operation, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            self._all(NUMBER, [left, right], "only numbers are in order")
        for one, other in ((left, right), (right, left)):
            self._can_have(dotted_name(one), other)

    def _can_have(self, name: str | None, value: ast.expr) -> None:
        choices = self.known[name].choices if name and name in self.known else None
        if name and choices and isinstance(value, ast.Constant) and value.value not in choices:
            rule = f"is no value of {name} ({self.known[name].range})"
            raise _NameFault(rule, shown(value.value), nearest(value.value, map(str, choices)))


def _with_groups(groups: Mapping[str, str], known: Mapping[str, Hyperparameter]) -> list[str]:
    """Return the paths with groups that end at a hyperparameter."""
    return [path for path, name in groups.items() if name in known]


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return the expression with the names of groups removed."""

    class Plain(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            return ast.Name(names[dotted_name(node) or ""], ast.Load())

    return ast.unparse(Plain().visit(parsed(text).tree))
