"""Checks a schedule that changes hyperparameters while trials train: which of them it may change."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.space import Space
from search_spaces.spec.schema import EarlyTerminate, SpecFile
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown

POPULATION = "pbt"
"""Name of the schedule."""
_KEY = "early_terminate"


def check_population(
    document: Document, spec: SpecFile, rule: EarlyTerminate, space: Space, known: Mapping[str, Hyperparameter]
) -> None:
    """Note a fault where population based training would exchange or change nothing; other schedules pass."""
    if rule.type != POPULATION:
        return
    interval = rule.parameters["interval"]
    if interval >= spec.epochs:
        text = f"must be below epochs = {spec.epochs}, else nothing is ever exchanged"
        document.fault((_KEY, "interval"), text, shown(interval))
    if spec.trials == 1:
        document.fault(("trials",), "must be at least 2: the trials of a population are compared", "1")
    able = [name for name in space.domains if not known[name].shapes]
    for number, name in enumerate(rule.parameters.get("mutate", ())):
        if name not in able:
            close = nearest(name, able)
            text = _why_not(name, known) + (f" (there are {', '.join(able)})" if able else "")
            document.fault((_KEY, "mutate", str(number)), text, shown(name), close and repr(close))
    if not able:
        fixed = ", ".join(space.domains) or "nothing"
        text = (
            f"changes hyperparameters while a trial trains, and of those searched ({fixed}) each shapes the "
            "program: search lr or another number beside them, or use type asha"
        )
        document.fault((_KEY, "type"), text, shown(POPULATION))


def _why_not(name: str, known: Mapping[str, Hyperparameter]) -> str:
    if name not in known:
        return "must name a hyperparameter"
    if known[name].shapes:
        return "must name a hyperparameter that does not shape the program: its weights would not fit"
    return "must name a hyperparameter that is searched"
