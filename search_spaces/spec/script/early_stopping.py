"""Early stopping of a script that cannot be paused: it runs on through the rungs, and is only ever stopped."""

from __future__ import annotations

from typing import Any, Final

from search_spaces.space.space import Space
from search_spaces.spec.schema import EarlyTerminate
from search_spaces.spec.yaml_document import Document

PROMOTING: Final = ("asha", "hyperband")
"""Schedules that pause trials, whose rungs ``STOPPING`` has, too."""
STOPPING: Final = "asha_stopping"
EXCHANGING: Final = ("pbt",)


def refuse_exchange(document: Document, rule: EarlyTerminate, space: Space) -> None:
    """Note a fault where trials are to copy each other's hyperparameters and do not all have the same ones.

    A script gets those that exist, and has no defaults of which we know for the others.
    """
    if rule.type in EXCHANGING and space.when:
        text = "copies hyperparameters from trial to trial, and a script's must all have them: leave 'when' out"
        document.fault(("early_terminate", "type"), text, repr(rule.type))


def stopping_form(document: Document, rule: EarlyTerminate) -> tuple[EarlyTerminate, list[str]]:
    """Return the rule that can be kept to without pauses, and what is to be told of it.

    A rule that needs pauses is noted as a fault.
    """
    if rule.type in EXCHANGING:
        text = "needs 'checkpoint: true', with a script that saves to PACELINE_CHECKPOINT and continues from it"
        document.fault(("early_terminate", "type"), text, repr(rule.type))
    if rule.type not in PROMOTING:
        return rule, []
    parameters: dict[str, Any] = rule.parameters
    why = "without 'checkpoint: true' a script runs on through the rungs, and can only be stopped there"
    return EarlyTerminate(type=STOPPING, **parameters), [
        f"early_terminate: {STOPPING} in place of {rule.type}: {why}"
    ]
