"""Converts ``parameters`` of a spec, with W&B's keys and meaning, to a search space and constants, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.space.domain_contract import Domain, DomainFault
from search_spaces.space.domains import Choice
from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.space.space import Space
from search_spaces.spec.checks.space.as_written import meant_by
from search_spaces.spec.checks.space.distributions import ParameterFile, domain_of, typed, values_meant
from search_spaces.spec.other_tools.names import as_sweep_key, hyperparameter, sweep_key
from search_spaces.spec.other_tools.words import PARAMETER_KEYS
from search_spaces.spec.pydantic_faults import checked
from search_spaces.spec.yaml_document import Document, Path, flow
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.faults import MAX_LINES, nearest, shown
from search_spaces.types.values import Nested, Params, Value, reads_as_nested, unnested


@dataclass
class _Found:
    domains: dict[str, Domain] = field(default_factory=dict)
    constants: dict[str, Value] = field(default_factory=dict)
    when: dict[str, dict[str, tuple[Value, ...]]] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)


def read_parameters(
    document: Document, tree: Any, known: Mapping[str, Hyperparameter] | None, catalogue: Catalogue
) -> tuple[Space, dict[str, Value]]:
    """Return the space and the constants of ``parameters``; faults are noted in ``document``.

    ``known`` are the workload's hyperparameters; None: unknown, so that values are not checked. ``catalogue`` names
    other workloads, of which a hyperparameter may be.
    """
    found = _Found()
    return _read(_Reader(document, known, found, catalogue=catalogue), tree), found.constants


def read_open_parameters(
    document: Document, tree: Any
) -> tuple[Space, dict[str, Value], dict[str, tuple[str, ...]]]:
    """Return space and constants of ``parameters`` that may have any name, and the parts of each dotted one.

    A parameter in groups has the dotted name of its path.
    """
    found = _Found()
    space = _read(_Reader(document, None, found, dotted=True), tree)
    groups = {name: _parts(path) for name, path in found.paths.items()}
    return space, found.constants, {name: parts for name, parts in groups.items() if len(parts) > 1}


def _parts(path: Path) -> tuple[str, ...]:
    return tuple(str(part) for part in path[1:] if part != "parameters")


def _read(reader: _Reader, tree: Any) -> Space:
    document, found = reader.document, reader.found
    reader.group(("parameters",), tree)
    reader.settle_conditions()
    reader.ask_for_required(tree)
    try:
        return Space(found.domains, found.when)
    except DomainFault as error:
        name, _, rest = error.field.partition(".")
        path = (*found.paths.get(name, ("parameters", name)), *rest.split("."))
        parent = path[-1] if len(path) > 2 and path[-2] == "when" else None
        close = nearest(parent, found.domains) if parent and parent not in found.domains else None
        received = None if error.received is None else shown(error.received)
        document.fault(path, error.rule, received, close and repr(close))
        return Space(found.domains)


@dataclass
class _Reader:
    document: Document
    known: Mapping[str, Hyperparameter] | None
    found: _Found
    dotted: bool = False
    """Whether any name and any value may stand here, and one in groups has the dotted name of its path."""
    catalogue: Catalogue | None = None

    def group(self, path: Path, tree: Any) -> None:
        if not isinstance(tree, dict):
            self.document.fault(path, "must be a group of parameters", shown(tree))
            return
        for name, inner in tree.items():
            here = (*path, name)
            if isinstance(inner, dict) and set(inner) == {"parameters"}:
                self.group((*here, "parameters"), inner["parameters"])
            elif isinstance(inner, dict) and not self._is_parameter(name, inner):
                self.group(here, inner)
            else:
                full = ".".join(_parts(here)) if self.dotted else name
                if self._is_new(here, full, inner):
                    self._parameter(here, full, inner)

    def _is_parameter(self, name: str, inner: dict[str, Any]) -> bool:
        if not inner or any(key in ParameterFile.model_fields for key in inner):
            return True
        if self.known is None:
            return not any(isinstance(value, dict) for value in inner.values())
        return name in self.known and not any(key in self.known for key in inner)

    def _is_new(self, path: Path, name: str, inner: Any) -> bool:
        if name in self.found.paths:
            first = self.document.place(self.found.paths[name])
            self.document.fault(path, f"{name} must be given once (first at {first})")
        elif self.known is not None and name not in self.known:
            self._unknown(path, name, self.known, inner)
        else:
            self.found.paths[name] = path
            return True
        return False

    def _unknown(self, path: Path, name: str, known: Mapping[str, Hyperparameter], value: Any) -> None:
        """Note a fault for what is no hyperparameter of the workload: another name, or a key of the sweep."""
        if (key := sweep_key(name)) and not hyperparameter(name, known):
            instead = flow(as_sweep_key(key, value) or {key: "N"})[1:-1]
            rule = f"is no hyperparameter: the same for all trials, write '{instead}' beside parameters"
            self.document.fault(path, rule, shown(value))
            return
        rule = "unknown hyperparameter of this workload"
        close = hyperparameter(name, known)
        if not close and (others := self._others_with(name)):
            has = "workload {} has it" if len(others) == 1 else "workloads {} have it"
            self.document.fault(path, f"{rule}: {has.format(' and '.join(others))}", shown(name))
            return
        if not (close := close or self.document.nearest(name, known)):
            rule += f" (it has {', '.join(known)})"
        self.document.fault(path, rule, shown(name), close and repr(close))

    def _others_with(self, name: str) -> list[str]:
        """Return the workloads that have a hyperparameter of that very name."""
        if self.catalogue is None or len(self.document.faults) >= MAX_LINES:
            return []
        infos = {one: self.catalogue.workload(one) for one in self.catalogue.workload_names}
        return [one for one, info in infos.items() if name in hyperparameters(info.hyperparameters)]

    def _parameter(self, path: Path, name: str, inner: Any) -> None:
        rule = self.known[name] if self.known else None
        if not isinstance(inner, dict):
            if rule and _fault(rule, inner) and (words := meant_by(inner)):
                self.document.fault(path, words, shown(inner))
            elif isinstance(inner, list):
                words = "a list of choices is written {values: [...]}, one list as a value {value: [...]}"
                self.document.fault(path, words, shown(inner))
            elif self._check(path, rule, inner):
                self.found.constants[name] = typed(rule, inner)
            return
        parameter = checked(self.document, path, ParameterFile, inner, PARAMETER_KEYS)
        if parameter is None:
            return
        try:
            domain = domain_of(parameter, rule)
        except DomainFault as error:
            at = (*path, error.field) if error.field in inner else path
            received = shown(inner[error.field]) if error.field in inner else None
            word = error.rule if error.field in inner else f"{error.field} {error.rule}"
            self.document.fault(at, word, received, values_meant(parameter, rule))
            return
        if self._members_hold(path, rule, domain, parameter):
            if isinstance(domain, Choice) and "value" in inner and not parameter.when:
                self.found.constants[name] = domain.values[0]
                return
            self.found.domains[name] = domain
            when = {p: tuple(v) if isinstance(v, list) else (v,) for p, v in parameter.when.items()}
            self.found.when.update({name: when} if when else {})

    def _members_hold(
        self, path: Path, rule: Hyperparameter | None, domain: Domain, parameter: ParameterFile
    ) -> bool:
        if domain.bounds is None:
            if "value" in parameter.model_fields_set:
                return self._check((*path, "value"), rule, parameter.value)
            checks = [self._check((*path, "values", k), rule, v) for k, v in enumerate(parameter.values)]
            return all(checks)
        meant = values_meant(parameter, rule)
        if meant:
            low, high = (f"{end:.3g}" for end in domain.bounds)
            law = f"{parameter.distribution} takes exponents: this range is {low} to {high}"
            self.document.fault((*path, "distribution"), law, shown(parameter.distribution), meant)
            return False
        ends = zip(("min", "max"), domain.bounds, strict=True)
        checks = [self._reaches(path, rule, end, value) for end, value in ends]
        return all(checks)

    def _reaches(self, path: Path, rule: Hyperparameter | None, end: str, value: float) -> bool:
        """Check a bound of the domain; where the spec does not name it, its fault is noted at the parameter."""
        if (*path, end) in self.document.places:
            return self._check((*path, end), rule, value)
        fault = rule.fault(value) if rule else None
        if fault:
            self.document.fault(path, f"{fault} (it reaches {value:.6g}: cut it by {end})")
        return not fault

    def _check(self, path: Path, rule: Hyperparameter | None, value: Any) -> bool:
        fault = None if self.dotted else _fault(rule, value)
        if fault:
            close = nearest(value, map(str, rule.choices)) if rule and rule.choices else None
            self.document.fault(path, fault, shown(unnested(value)), close and repr(close))
        return not fault

    def ask_for_required(self, tree: Any) -> None:
        """Note a fault where a hyperparameter without a default has no value, or only under a condition."""
        for name, rule in (self.known or {}).items() if isinstance(tree, dict) else ():
            if rule.required and name not in self.found.paths:
                self.document.fault(("parameters",), f"must give {name} a value: it has no default ({rule.doc})")
            elif rule.required and name in self.found.when:
                words = f"needs a default of {name} in its code, for where it does not hold"
                self.document.fault((*self.found.paths[name], "when"), words)

    def settle_conditions(self) -> None:
        """Remove from each condition the parents that are constants; a condition that never holds is a fault."""
        for name, condition in self.found.when.items():
            for parent in [p for p in condition if p in self.found.constants]:
                values, constant = condition.pop(parent), self.found.constants[parent]
                if constant not in values:
                    rule = f"must be a value that {parent} can have ({constant})"
                    self.document.fault((*self.found.paths[name], "when", parent), rule, shown(list(values)))
        self.found.when = {name: condition for name, condition in self.found.when.items() if condition}


def _fault(rule: Hyperparameter | None, value: Value) -> str | None:
    """Return the rule that a value of the spec breaks, or None."""
    if rule is None:
        return None if value is not None else "must be a value"
    if reads_as_nested(value) and not isinstance(value, Nested) and rule.type is object:
        return "must be written as the list or mapping that it is, without quotes"
    return rule.fault(value)


def as_parameters(space: Space, constants: Params) -> dict[str, Any]:
    """Return the ``parameters`` of a spec from which ``read_parameters`` returns this space and these constants."""
    searched = {name: domain.spec() for name, domain in space.domains.items()}
    for name, condition in space.when.items():
        searched[name]["when"] = {parent: list(map(unnested, values)) for parent, values in condition.items()}
    fixed = {n: {"value": unnested(v)} if v is None or isinstance(v, Nested) else v for n, v in constants.items()}
    return {**searched, **fixed}
