"""Puts what a script's spec implies in the keys that all specs have, before they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from search_spaces.spec.keys.command import SCRIPT, UNKNOWN_LENGTH, Found
from search_spaces.spec.pydantic_faults import checked
from search_spaces.spec.script.wandb_keys import settle_wandb
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown

_OF_SCRIPTS: Final = ("steps", "checkpoint", "wandb")


@dataclass
class Settled:
    """What a script's spec says that its keys do not hold."""

    pattern: str | None = None
    """Regular expression that finds metrics in what the script prints."""
    notes: list[str] = field(default_factory=list)
    """What of a W&B file is read in another way than W&B does."""
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Dotted names of parameters in groups, with their parts."""


def settle_script(document: Document) -> Settled:
    """Write the keys that ``program`` or ``command`` implies into the tree; return what its keys do not hold.

    A trial is as long as ``epochs`` or ``steps`` say, else it ends with its script. Unless the file says so no
    trial is stopped, none is trained again, and there is no final evaluation, as in W&B.
    """
    tree = document.tree
    settled = Settled(_pattern(document))
    if not is_script(document):
        for key in (key for key in _OF_SCRIPTS if key in tree):
            document.fault((key,), "has no effect without program or command", shown(tree[key]))
        if settled.pattern is not None:
            document.fault(("metrics", "pattern"), "has no effect without program or command")
        return settled
    settled.notes += settle_wandb(document)
    place = document.place(("program" if "program" in tree else "command",))
    if "workload" not in tree:
        document.put(("workload",), SCRIPT, place)
    elif tree["workload"] != SCRIPT:
        rule = "must be left out beside program or command, or these beside it: either names what is trained"
        document.fault(("workload",), rule, shown(tree["workload"]))
    for key, value in (("final", "none"), ("early_terminate", "none"), ("retest", "none")):
        if key not in tree:
            document.put((key,), value, place)
    _settle_length(document, place)
    return settled


def is_script(document: Document) -> bool:
    """Return whether the spec is one of a script."""
    return bool({"program", "command"} & document.tree.keys()) or document.tree.get("workload") == SCRIPT


def _pattern(document: Document) -> str | None:
    """Remove ``metrics: {pattern: ...}`` from the tree, and return the pattern; a list of objectives stays."""
    metrics = document.tree.get("metrics")
    if not isinstance(metrics, dict):
        return None
    del document.tree["metrics"]
    found = checked(document, ("metrics",), Found, metrics, {})
    return None if found is None else found.pattern


def _settle_length(document: Document, place: str) -> None:
    tree = document.tree
    if "epochs" not in tree:
        steps = tree.get("steps")
        most = steps.get("most") if isinstance(steps, dict) else None
        document.put(("epochs",), UNKNOWN_LENGTH if type(most) is not int else min(most, UNKNOWN_LENGTH), place)
    elif "steps" in tree:
        document.fault(("epochs",), "must be left out beside steps, whose most is a trial's length")
