"""Converts a search space to JSON and back: each domain becomes its class's name and fields."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from search_spaces.space.domain_contract import Domain
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.space.requirement import Requirement
from search_spaces.space.space import Space
from search_spaces.types.values import restored, stored, unnested, value_of

KINDS: Final = {kind.__name__: kind for kind in (Uniform, Int, Choice, Normal, Beta, Rounded)}


def space_to_json(space: Space) -> dict[str, Any]:
    """Return the space as values of JSON's types; ``space_from_json`` returns an equal space."""
    when = {name: {parent: _plain(values) for parent, values in held.items()} for name, held in space.when.items()}
    domains = {name: _record(domain) for name, domain in space.domains.items()}
    require = [{"text": one.text, "given": stored(one.given)} for one in space.require]
    return {"domains": domains, "when": when, **({"require": require} if require else {})}


def space_from_json(value: Any) -> Space:
    """Return the space that ``space_to_json`` converted, or ``value`` if it is a Space. Raises ValueError."""
    if isinstance(value, Space):
        return value
    try:
        domains = {name: _domain(record) for name, record in value["domains"].items()}
        when = {name: {p: _field(v) for p, v in held.items()} for name, held in value["when"].items()}
        require = tuple(Requirement(one["text"], restored(one["given"])) for one in value.get("require", ()))
        return Space(domains, when, require)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"must be a search space ({type(error).__name__}: {error})") from error


def _record(domain: Domain) -> dict[str, Any]:
    assert type(domain) is KINDS[type(domain).__name__], domain
    return {"kind": type(domain).__name__, **{f.name: _plain(getattr(domain, f.name)) for f in fields(domain)}}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [unnested(one) for one in value]
    return _record(value) if type(value) in KINDS.values() else value


def _domain(record: dict[str, Any]) -> Domain:
    given = {name: _field(value) for name, value in record.items() if name != "kind"}
    if record["kind"] == "LogUniform":  # of earlier versions
        return Uniform(**given, log=True)
    domain: Domain = KINDS[record["kind"]](**given)
    return domain


def _field(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(value_of, value))
    return _domain(value) if isinstance(value, dict) else value
