"""Checks ``require`` of a spec: expressions between hyperparameters, which every configuration must satisfy."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.space.expression import WORDS, Expression, ExpressionFault, dotted_name, parsed
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.requirement import Requirement
from search_spaces.space.share import Share, share
from search_spaces.space.space import Space
from search_spaces.spec.other_tools.names import meant
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown
from search_spaces.types.values import Params

MIN_SHARE = 0.001
"""Smallest share of a space that must satisfy its requirements, where configurations are drawn until one does."""

Kind = Literal["number", "text", "truth"]
_KINDS: Mapping[type, Kind] = {bool: "truth", str: "text", int: "number", float: "number"}
_WORDS: Mapping[Kind, str] = {"number": "a number", "text": "text", "truth": "true or false"}


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
        kind = self._kind(expression.tree)
        if kind != "truth":
            raise ExpressionFault(f"must be a comparison, such as a >= b, and not {_WORDS[kind]}", shown(text))
        return Requirement(text, given)

    def _name(self, name: str, expression: Expression) -> str:
        plain = name if name in self.known else self.groups.get(name.removeprefix("parameters."), "")
        if plain in self.known:
            return plain
        quoted = [
            choice for one in expression.names if one in self.known for choice in self.known[one].choices or ()
        ]
        if name in quoted:
            raise _NameFault("is no hyperparameter: text is written in quotes", shown(name), f"'{name}'")
        close = meant(name, [*self.known, *_with_groups(self.groups, self.known)])
        rule = "is no hyperparameter of this workload"
        if close is None:
            rule += f" (it has {', '.join(self.known)})"
        raise _NameFault(rule, shown(name), close)

    def _given(self, name: str) -> bool | int | float | str:
        value = self.constants.get(name, self.known[name].default)
        if value is None:
            raise ExpressionFault("has no value to compare: give it one in parameters", shown(name))
        return value

    def _kind(self, node: ast.expr) -> Kind:
        """Return what a part's value is. Raises ExpressionFault where parts do not fit each other."""
        name = dotted_name(node)
        if name is not None:
            return "truth" if name in WORDS else self._kind_of(name)
        if isinstance(node, ast.Constant):
            return _KINDS[type(node.value)]
        if isinstance(node, ast.BoolOp):
            return self._all("truth", node.values, "and, or, not join comparisons")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._all("truth", [node.operand], "and, or, not join comparisons")
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        parts = node.args if isinstance(node, ast.Call) else list(ast.iter_child_nodes(node))
        return self._all(
            "number", [part for part in parts if isinstance(part, ast.expr)], "only numbers are calculated with"
        )

    def _kind_of(self, name: str) -> Kind:
        """Return what a hyperparameter's values are; by those of its domain where its type does not say it."""
        if (kind := _KINDS.get(self.known[name].type)) and not self.known[name].nullable:
            return kind
        domain = self.space.domains.get(name)
        if domain is not None and domain.bounds is not None:
            return "number"
        values = [self._given(name)] if domain is None else domain.grid()
        kinds = {_KINDS.get(type(value)) for value in values}
        if len(kinds) > 1 or None in kinds:
            raise ExpressionFault("has values that cannot be compared with each other", shown(name))
        [found] = kinds
        assert found is not None
        return found

    def _all(self, kind: Kind, parts: Sequence[ast.expr], rule: str) -> Kind:
        for part in parts:
            if (found := self._kind(part)) != kind:
                raise ExpressionFault(f"{rule}, this is {_WORDS[found]}", repr(ast.unparse(part)[:60]))
        return kind

    def _comparison(self, node: ast.Compare) -> Kind:
        operands = [node.left, *node.comparators]
        for left, operation, right in zip(operands, node.ops, operands[1:], strict=False):
            others = right.elts if isinstance(right, ast.List | ast.Tuple | ast.Set) else [right]
            for other in others:
                self._compared(left, operation, other)
        return "truth"

    def _compared(self, left: ast.expr, operation: ast.cmpop, right: ast.expr) -> None:
        first, second = self._kind(left), self._kind(right)
        if first != second:
            rule = f"compares {_WORDS[first]} with {_WORDS[second]}"
            raise ExpressionFault(rule, repr(f"{ast.unparse(left)}, {ast.unparse(right)}"[:60]))
        if first != "number" and isinstance(operation, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            raise ExpressionFault(
                f"only numbers are in order, this is {_WORDS[first]}", repr(ast.unparse(left)[:60])
            )
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
