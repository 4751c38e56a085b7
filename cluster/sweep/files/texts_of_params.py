"""Reads hyperparameters back from the texts of MLflow's params, where ``1e-3`` may be a number or a text."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from search_spaces.space.domain_contract import Domain
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.space import Space
from search_spaces.types.values import Value
from tracking import names


def values_meant(space: Space, known: Mapping[str, Hyperparameter], texts: Mapping[str, str]) -> dict[str, Value]:
    """Return the searched values whose texts these are; ``known`` are the workload's hyperparameters."""
    keys = {name: names.clean_key(name) for name in space.domains}
    found = {
        name: _meant(domain, known.get(name), texts[keys[name]])
        for name, domain in space.domains.items()
        if keys[name] in texts
    }
    return space.active(found)


def _meant(domain: Domain, rule: Hyperparameter | None, text: str) -> Value:
    choices: tuple[Value, ...] = getattr(domain, "values", ())
    for value in (*choices, *([rule.default] if rule else [])):
        if names.clean_param(value) == text:
            return value
    # The space may lack a first configuration's value, such as that of ``start_from``.
    kind = rule.type if rule else str if domain.bounds is None else float
    if kind is bool:
        return text == str(True)
    return text if kind is str else _number(text)


def _number(text: str) -> Value:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
