"""Finds the spec of a sweep whose files have lost it: in its study, in the spool, and in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cluster.sweep.home import SweepHome
from cluster.sweep.restore import SPEC
from search_spaces.spec.stored import from_json
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.salvage import salvage
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.faults import SpecError
from search_spaces.types.passwords import masked
from search_spaces.types.values import Params
from tracking import names
from tracking.results.table import sweep_runs
from tracking.store.errors import Away, Refused
from tracking.store.open import open_store, resolve
from tracking.store.records import PARENT, FoundRun
from tracking.writer.events import TextKept
from tracking.writer.spool import read as read_spool
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


def spec_left(home: SweepHome, lost: SpecError) -> tuple[Sweep, str]:
    """Return the spec as it is left elsewhere, and where that is; ``lost`` says why the home's files lack it.

    Raises Unreadable, with every place and why it lacks the spec.
    """
    facts = salvage(home.journal).facts
    why = [str(lost)]
    places: list[tuple[str, Callable[[], Sweep]]] = [
        (f"the study ({home.journal})", lambda: from_json(str(facts.get(SPEC, "")), str(home.journal), home.path)),
        (f"the spool ({home.spool})", lambda: _parsed(home, _of_spool(home))),
        *((f"MLflow ({masked(uri)})", partial(_of_mlflow, home, uri)) for uri in _stores(home, facts)),
    ]
    for place, found in places:
        try:
            return found(), place
        except (SpecError, LookupError, Away, Refused, OSError) as error:
            why.append(f"{place}: {error.args[0] if isinstance(error, LookupError) else error}")
    raise Unreadable(
        "\n".join([f"no copy of the spec of sweep {home.id} is left:", *why])
        + f"\nput the file that the sweep was begun with at {home.spec}, remove {home.document.name}, and repair "
        "it again; where the sweep's MLflow is another, set MLFLOW_TRACKING_URI; else start a new sweep"
    )


def _parsed(home: SweepHome, text: str) -> Sweep:
    return parse_sweep(text, f"the spec of sweep {home.id}", None, catalogue=catalogue())


def _of_spool(home: SweepHome) -> str:
    kept = [event for event in read_spool(home.spool) if isinstance(event, TextKept)]
    texts = [event.text for event in kept if event.path == names.SPEC_FILE]
    if not texts:
        raise LookupError("holds no spec")
    return texts[-1]  # each driver of the sweep writes it, with the trials that it has then


def _stores(home: SweepHome, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses at which the sweep's MLflow may be, the likeliest first."""
    known = (facts.get("tracking", {}).get("uri"), resolve(), f"sqlite:///{home.path.parent.parent / 'mlflow.db'}")
    yield from dict.fromkeys(filter(None, known))


def _of_mlflow(home: SweepHome, uri: str) -> Sweep:
    run = next((run for run in sweep_runs(uri, home.id) if run.key == PARENT), None)
    if run is None:
        raise LookupError(f"knows no sweep {home.id}")
    store = open_store(uri)
    try:
        text = store.read_bytes(run.run_id, names.SPEC_FILE).decode(errors="replace")
    finally:
        store.close()
    sweep = _parsed(home, text)
    if differing := _differing(run, sweep):
        raise LookupError(f"its {names.SPEC_FILE} is not this sweep's: {', '.join(differing)} differ")
    return sweep


def _differing(run: FoundRun, sweep: Sweep) -> list[str]:
    """Return what the sweep's own run says of it otherwise than the spec does."""
    tags = {
        names.SWEEP_NAME: sweep.name,
        names.SWEEP_WORKLOAD: sweep.workload,
        names.SWEEP_METRIC: sweep.metric.name,
        names.SWEEP_GOAL: sweep.metric.goal,
        names.SWEEP_METHOD: sweep.method,
    }
    params: Params = {"epochs": sweep.epochs, "seed": sweep.seed, "early_terminate": sweep.early_terminate.type}
    texts = {name: names.clean_param(value) for name, value in params.items()}
    found = [(name, run.tags.get(name), tag) for name, tag in tags.items()]
    found += [(name, run.params.get(name), text) for name, text in texts.items()]
    return [name for name, known, said in found if known is not None and known != said]
