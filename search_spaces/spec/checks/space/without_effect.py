"""Refuses hyperparameters that have no effect on this kind of data, or that say the same in two ways."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from search_spaces.space.domains import Choice
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.space import Space
from search_spaces.spec.yaml_document import Document, Path
from search_spaces.types.faults import shown
from search_spaces.types.values import Params


def refuse_without_effect(
    document: Document, known: Mapping[str, Hyperparameter], space: Space, constants: Params, kind: str | None
) -> None:
    """Note a fault for each that has no effect on data of this ``kind`` (None: any), or says another's again."""
    for path in _paths(document, [*space.domains, *constants]):
        kinds = known[str(path[-1])].kinds
        if kind is not None and kinds and kind not in kinds:
            document.fault(path, f"has no effect on {kind} data (only on {' and '.join(kinds)} data)")
    given = {*space.domains, *(name for name, value in constants.items() if value != known[name].default)}
    for path in _paths(document, given):
        other = known[str(path[-1])].instead_of
        if other in given:
            document.fault(path, f"is given instead of {other}, not beside it: leave one of the two out")


def refuse_without_gpu(
    document: Document, known: Mapping[str, Hyperparameter], space: Space, constants: Params, gpus: float
) -> None:
    """Note a fault for each hyperparameter with a value that needs a GPU, where a trial has none."""
    fixed = {name: (value,) for name, value in constants.items()}
    given = fixed | {name: domain.values for name, domain in space.domains.items() if isinstance(domain, Choice)}
    for path in () if gpus else _paths(document, given):
        name = str(path[-1])
        for value in [value for value in given[name] if value in known[name].on_gpu]:
            document.fault(path, "needs a GPU: give resources.gpus", shown(value))


def _paths(document: Document, names: Collection[str]) -> list[Path]:
    places = (path for path in document.places if path[:1] == ("parameters",) and "when" not in path)
    return [path for path in places if path[-1] in names]
