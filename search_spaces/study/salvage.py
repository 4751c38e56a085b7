"""Reads what is left of a study whose journal and copy have both lost lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_spaces.study.contract import OUTCOMES, Outcome
from search_spaces.study.journal import remains
from search_spaces.study.operations import NUMBER, Code, parsed
from search_spaces.types.values import restored


@dataclass(kw_only=True)
class Salvaged:
    """One trial, as far as lines tell of it."""

    params: Mapping[str, Any] | None = None
    """None: the line that began the trial is lost."""
    values: dict[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    sure: bool = False
    """Whether no line is lost behind the last one that tells of the trial's progress."""


@dataclass(kw_only=True)
class Remains:
    """What is left of a study: its trials by number, and its attributes. ``sure``: those that are the newest."""

    trials: dict[int, Salvaged] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    num_lost: int = 0


def salvage(path: Path) -> Remains:
    """Return what the right lines of the journal at ``path`` and of its copy tell."""
    lines = remains(path)
    lost = [number for number in range(max(lines, default=-1) + 1) if number not in lines]
    found, last_lost = Remains(num_lost=len(lost)), max(lost, default=-1)
    begun = 0
    for number in sorted(lines):
        operation, is_sure = parsed(lines[number]), number > last_lost
        if operation["op_code"] == Code.SET_STUDY_ATTRIBUTE:
            _set(found, operation["user_attr"], is_sure)
        elif operation["op_code"] == Code.CREATE_TRIAL:
            # Earlier versions did not note a trial's number: it is certain only while no line is lost.
            known = operation.get(NUMBER, begun if number < min(lost, default=number + 1) else None)
            begun += 1
            if known is not None:
                params = restored(operation.get("user_attrs", {}).get("params", {}))
                found.trials.setdefault(known, Salvaged()).params = params
        elif "trial_id" in operation:
            _tell(found.trials.setdefault(operation["trial_id"], Salvaged()), operation, is_sure)
    return found


def _set(found: Remains, attributes: Mapping[str, Any], is_sure: bool) -> None:
    for key, value in attributes.items():
        found.facts[key] = value
        if is_sure:
            found.sure.add(key)


def _tell(trial: Salvaged, operation: Mapping[str, Any], is_sure: bool) -> None:
    if operation["op_code"] == Code.SET_STATE:
        trial.outcome = OUTCOMES.get(operation["state"], trial.outcome)
    elif operation["op_code"] == Code.SET_VALUE:
        trial.values[operation["step"]] = operation["intermediate_value"]
    elif operation["op_code"] == Code.SET_TRIAL_ATTRIBUTE:
        trial.attributes |= operation["user_attr"]
        trial.sure |= is_sure
