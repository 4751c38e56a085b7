"""Which versions the aliases of MLflow's registry in a spec mean, once for a whole sweep: an alias may move on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from search_spaces.space.domain_contract import DomainFault
from search_spaces.space.domains import Choice
from search_spaces.types.faults import Fault, SpecError
from workloads.registry import is_users

if TYPE_CHECKING:
    from search_spaces.space.space import Space
    from search_spaces.spec.sweep import Sweep

REGISTERED = "models:/"
LANGUAGE = "language"
"""Workload that starts from encoders, which their cards tell from other models before anything starts."""


@dataclass(frozen=True)
class Pinned:
    """A sweep in which every registered model has a version."""

    sweep: Sweep
    versions: Mapping[str, str] = field(default_factory=dict)
    """Version by the alias that stood in its place."""

    def told(self) -> Iterator[str]:
        """Yield what users should know, one line each."""
        for alias, version in self.versions.items():
            yield f"{alias} is {version}: this sweep keeps to it, though the alias may move"


def pinned(sweep: Sweep, origin: str) -> Pinned:
    """Return the sweep with versions in place of aliases. Users' own code gets its values as they are.

    Raises SpecError, with ``origin`` as its place, for each model that MLflow's registry does not have.
    """
    uses = list(dict.fromkeys(_uses(sweep)))
    if is_users(sweep.workload) or not uses:
        return Pinned(sweep)
    versions, faults = _versions(sweep, uses, origin)
    if faults:
        raise SpecError(faults)
    moved = {old: new for old, new in versions.items() if old != new}
    if not moved:
        return Pinned(sweep)
    try:
        changed = {
            "constants": _replaced(sweep.constants, moved),
            "start_from": tuple(_replaced(entry, moved) for entry in sweep.start_from),
            "space": _space(sweep.space, moved),
        }
    except DomainFault as error:
        names = ", ".join(f"{old} is {new}" for old, new in moved.items())
        raise SpecError([Fault(origin, "parameters", f"{error.rule} ({names})")]) from error
    return Pinned(sweep.model_copy(update=changed), moved)


def registered_models(sweep: Sweep) -> list[str]:
    """Return the URI of each registered model that is a value of a hyperparameter."""
    return list(dict.fromkeys(uri for _, uri in _uses(sweep)))


def _uses(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """Yield the name of each hyperparameter that can be a registered model, with its URI."""
    groups = [sweep.constants, *sweep.start_from]
    for name, value in ((name, value) for group in groups for name, value in group.items()):
        if _is_registered(value):
            yield name, str(value)
    for name, domain in sweep.space.domains.items():
        yield from ((name, str(one)) for one in getattr(domain, "values", ()) if _is_registered(one))


def _is_registered(value: object) -> bool:
    return isinstance(value, str) and value.startswith(REGISTERED)


def _versions(sweep: Sweep, uses: list[tuple[str, str]], origin: str) -> tuple[dict[str, str], list[Fault]]:
    from cluster.sweep.mlflow_models.encoders import NoEncoder, refuse_others  # 50 ms
    from tracking.results.model_files import card_of  # 20 ms
    from tracking.results.versions import UnknownModel, version_of  # 20 ms, and where it looks 2,000 ms: MLflow
    from tracking.store.errors import Away, Refused  # 20 ms

    found: dict[str, str] = {}
    faults: list[Fault] = []
    for name, uri in uses:
        try:
            found[uri] = version_of(sweep.tracking.uri, uri)
            if sweep.workload == LANGUAGE:
                refuse_others(card_of(sweep.tracking.uri, found[uri]))
        except (UnknownModel, NoEncoder) as error:
            instead = getattr(error, "instead", None)
            faults.append(Fault(origin, f"parameters.{name}", str(error), repr(uri), instead))
        except (Away, Refused) as error:
            faults.append(Fault(origin, f"parameters.{name}", f"cannot be looked up in MLflow: {error}", repr(uri)))
    return found, faults


def _replaced(params: Mapping[str, Any], moved: Mapping[str, str]) -> dict[str, Any]:
    return {name: _moved(value, moved) for name, value in params.items()}


def _moved(value: Any, moved: Mapping[str, str]) -> Any:
    return moved.get(value, value) if isinstance(value, str) else value


def _space(space: Space, moved: Mapping[str, str]) -> Space:
    domains = {
        name: replace(domain, values=tuple(_moved(one, moved) for one in domain.values))
        if isinstance(domain, Choice)
        else domain
        for name, domain in space.domains.items()
    }
    when = {
        child: {parent: tuple(_moved(one, moved) for one in values) for parent, values in condition.items()}
        for child, condition in space.when.items()
    }
    return replace(space, domains=domains, when=when)
