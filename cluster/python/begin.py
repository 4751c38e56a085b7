"""Checks a spec, and makes the home of a new sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cluster.doctor.addresses import refuse_addresses
from cluster.python.given_code import GivenCode, separated
from cluster.python.own_modules import own_modules
from cluster.python.specs import folder_of, origin_of, path_kept, sweep_of
from cluster.sweep.home import SweepHome
from cluster.sweep.mlflow_models.pinned import pinned
from search_spaces.types.faults import SpecError

if TYPE_CHECKING:
    from cluster.python.specs import Spec
    from search_spaces.spec.sweep import Sweep


def checked(spec: Spec, overrides: Mapping[str, Any]) -> Sweep:
    """Return the checked sweep of a spec with overrides; its workload may be an object. Raises SpecError."""
    with path_kept(), own_modules(folder_of(spec)):
        named, named_overrides, code = separated(spec, overrides)
        return sweep_of(named, named_overrides, None if code is None else code.catalogue())


def begun_of(spec: Spec, overrides: Mapping[str, Any]) -> tuple[Sweep, SweepHome]:
    """Return the checked sweep of a spec with overrides, and its new home, which keeps a notebook's own code.

    Raises SpecError.
    """
    named, named_overrides, code = separated(spec, overrides)
    with path_kept(), own_modules(folder_of(spec)):
        sweep = sweep_of(named, named_overrides, None if code is None else code.catalogue())
        if code is None:
            return sweep, begun(sweep, origin_of(spec))
        return _begun_with(code, sweep, origin_of(spec))


def _begun_with(code: GivenCode, sweep: Sweep, origin: str) -> tuple[Sweep, SweepHome]:
    packed = code.packed()
    refuse_addresses(sweep)
    home = SweepHome.create(sweep)
    sweep = code.keep(home, sweep, packed)
    if sweep.warm_start:
        from cluster.sweep.knowledge.warm_start import begun as with_known_trials  # 300 ms: Optuna

        try:
            with_known_trials(sweep, origin, home)
        except SpecError:
            home.remove()
            raise
    return home.sweep(), home


def begun(sweep: Sweep, origin: str, say: Callable[[str], None] | None = None) -> SweepHome:
    """Make the new sweep's home; ``origin`` is the spec's name in faults. ``say`` is told what an alias now means.

    Raises SpecError where an address of its stores cannot work, it cannot learn from earlier sweeps it names, or
    MLflow has no model of a name that it starts from.
    """
    refuse_addresses(sweep)
    found = pinned(sweep, origin)
    sweep = found.sweep
    if say is not None:
        for told in found.told():
            say(told)
    if not sweep.warm_start:
        return SweepHome.create(sweep)
    from cluster.sweep.knowledge.warm_start import begun as with_known_trials  # 300 ms: Optuna

    return with_known_trials(sweep, origin)
