"""Finds addresses of a sweep's stores that can never work on this machine; opens nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cluster.sweep.shared_storage import CHECKPOINTS, STUDY
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.passwords import masked

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


def refuse_addresses(sweep: Sweep) -> None:
    """Raise SpecError where addresses of the sweep's stores can never work on this machine."""
    from tracking.store.open import resolve  # 20 ms: sqlite3 and MLflow's version
    from tracking.store.uris import source, unusable

    place, uri = source(sweep.tracking.uri), resolve(sweep.tracking.uri)
    why = unusable(sweep.tracking.uri)
    faults = [Fault(place, "", why, repr(masked(uri)))] if why else []
    if faults := [*faults, *_unusable_storage(sweep)]:
        raise SpecError(faults)


def _unusable_storage(sweep: Sweep) -> Iterator[Fault]:
    """Yield what is wrong with the addresses of study and checkpoints, of the spec or the environment."""
    from search_spaces.study.addresses import checkpoints_fault, study_fault, without_secret  # 10 ms

    given = (
        ("study", sweep.storage.study, STUDY, study_fault),
        ("checkpoints", sweep.storage.checkpoints, CHECKPOINTS, checkpoints_fault),
    )
    for key, own, variable, fault in given:
        address = own or os.environ.get(variable)
        if address and (why := fault(address)):
            place = f"storage.{key}" if own else variable
            yield Fault(place, "", without_secret(why), repr(without_secret(address)))
