"""How a language model's champion continues texts of the validation split."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from search_spaces.types.inspected.examples import Continuation
from workloads.champion.looks.seen import Seen, evenly
from workloads.registry import workload

NUM_TEXTS = 3
SMALL = 10_000_000
"""Parameters above which one text alone is continued, as it takes seconds."""
MARK = "\n--- from here on the model ---\n"
"""Stands between a text and its continuation in the samples of all workloads."""


def continuations(seen: Seen) -> dict[str, Any]:
    """Return texts from different places of the split, each with its continuation; empty where there are none."""
    exhibit, setup = workload(seen.subject.workload).exhibit, seen.winner.setup
    if exhibit is None:
        return {}
    num_parameters = sum(parameter.numel() for parameter in seen.winner.model.parameters())
    places = evenly(len(setup.data.x_val), NUM_TEXTS if num_parameters <= SMALL else 1)
    found = []
    for place in places[:NUM_TEXTS].tolist():
        data = replace(setup.data, x_val=setup.data.x_val[place:], y_val=setup.data.y_val[place:])
        for content in exhibit(replace(setup, data=data), seen.winner.model, 0).values():
            text, _, continued = content.decode().partition(MARK)
            found.append(Continuation(text=text, continued=continued.removesuffix("\n")))
    return {"continuations": found}
