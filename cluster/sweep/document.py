"""The ``--json`` document of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cluster.sweep.limits import spending
from cluster.sweep.reading import Reading, epochs_saved, epochs_trained, shares_now
from cluster.sweep.restore import CARD
from cluster.terminal import recommended_lines
from cluster.terminal.changed_values import stages
from cluster.terminal.criteria import constraints, pareto_front
from cluster.terminal.records import Row
from search_spaces.race.recommended import num_epochs
from search_spaces.spec.sweep import Sweep
from search_spaces.types.trial_names import state_word
from search_spaces.types.values import stored


def document(read: Reading) -> dict[str, Any]:
    """Return the ``--json`` document of a sweep, as the README describes it."""
    sweep, facts, found, best = read.sweep, read.facts, read.rows, read.best
    return {
        "sweep": read.home.id,
        "name": sweep.name,
        "state": read.state,
        "status": read.state,
        "ended_by": facts.ended_by,
        "budget": spending.document(sweep, facts.cost, epochs_trained(found)),
        "not_kept": facts.not_kept,
        "leaks": list((read.study.facts().get(CARD) or {}).get("leaks", ())),
        "metric": {"name": sweep.metric.name, "goal": sweep.metric.goal},
        "trials": [trial_document(row) for row in found],
        "best": best
        and {
            **_best(best),
            "by": read.chosen_by,
            "stages": stages(best, found, sweep.objective),
            "files": _files(read),
        },
        "best_in_search": read.best_in_search and _best(read.best_in_search),
        "recommended": recommended_lines.document(read.recommended, found, read.best_in_search),
        "importance": dict(shares_now(sweep, found, facts.importance)) or None,
        "edits": [edit.model_dump(include={"at", "changes", "trials", "outside"}) for edit in sweep.edits],
        "warm_start": [dict(one) for one in facts.warm_start],
        "pareto_front": pareto_front(found, sweep.objective, sweep.criteria),
        "constraints": constraints(found, sweep.criteria),
        "verdict": facts.verdict,
        "no_verdict": facts.no_verdict,
        "model": facts.model,
        "final_evaluation": _final_evaluation(facts.verdict),
        "cost": {
            "seconds": facts.cost.get("seconds", 0.0),
            "epochs_trained": epochs_trained(found),
            "epochs_of_further_seeds": num_epochs(facts.further),
            "epochs_of_final_evaluation": num_epochs(facts.finals),
            "epochs_saved": epochs_saved(found, sweep),
            "lanes": facts.cost.get("lanes", 0),
            "workers": facts.cost.get("lanes", 0),
            "parts": facts.cost.get("parts", {}),
        },
        "tracking": dict(facts.tracking),
    }


def _best(row: Row) -> dict[str, Any]:
    return {"number": row.number, "value": row.best_value, "params": stored(row.params)}


def _files(read: Reading) -> str | None:
    """Return the folder with what the best trial's code saved; None where the workload is no code of the user's."""
    if not saves_files(read.sweep):
        return None
    from cluster.sweep.files.saved_by_best import folder_of_best  # 40 ms

    return folder_of_best(read)


def saves_files(sweep: Sweep) -> bool:
    """Whether the sweep trains users' code, which may save files."""
    return ":" in sweep.workload or sweep.workload == "script"


def _final_evaluation(verdict: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the verdict with its keys ``winner`` and ``default`` renamed to ``champion`` and ``defaults``."""
    names = {"winner": "champion", "default": "defaults"}
    return None if verdict is None else {names.get(key, key): value for key, value in verdict.items()}


def trial_document(row: Row) -> dict[str, Any]:
    """Return a trial as the document lists it."""
    return {
        "number": row.number,
        "state": row.state,
        "status": state_word(row.state),
        "epochs": row.epochs,
        "value": row.value,
        "best_value": row.best_value,
        "params": stored(row.params),
        "beside": dict(row.beside),
        "changes": list(row.changes),
        "seeds": recommended_lines.seeds(row),
        "run_id": row.run_id,
        "cached_from": row.cached and dict(row.cached),
        "error": row.error,
        "steered": list(row.steered),
        "failure": row.failure and asdict(row.failure),
    }
