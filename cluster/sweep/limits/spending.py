"""Counts what a sweep has used, over all its drivers, and tells it beside the limits of its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from search_spaces.race.legs import Purpose
from search_spaces.spec.keys.rates import HOUR_S, TOLD, lane_rates
from tracking import names

if TYPE_CHECKING:
    from search_spaces.race.race import Race
    from search_spaces.spec.sweep import Sweep

SPENT: Final = "spent"
"""Part of the study's ``cost``: epochs of the search, seconds of training by purpose, and how many trials fit.

Its ``repeat_epochs`` are those of retests; those of ``repeats`` are the search's. ``final_epochs`` are those of the
final evaluation.
"""


@dataclass(frozen=True, kw_only=True)
class Use:
    """Use of one resource by the search, of ``limit`` (None: none), and beside it by the final evaluation."""

    name: str
    used: float
    limit: float | None
    final: float

    @property
    def told(self) -> str:
        """The use in words: ``120 of 500 epochs``, ``cost 3.1 of 25``."""
        of = "" if self.limit is None else f" of {_short(self.limit)}"
        return TOLD.get(self.name, "{} epochs").replace("{:g}", "{}").format(f"{_short(self.used)}{of}")


def counted(sweep: Sweep) -> bool:
    """Whether the use of the sweep is counted: it has a budget, or prices."""
    return sweep.budget is not None or sweep.cost_per_hour is not None


class Spending:
    """Seconds of training by purpose, those of earlier drivers, ``earlier``, included."""

    def __init__(self, earlier: Mapping[str, Any]) -> None:
        self.lane_s: dict[Purpose, float] = {
            "search": float(earlier.get("lane_s", 0.0)),
            "final": float(earlier.get("final_lane_s", 0.0)),
        }
        self._epochs, self._retest_epochs = int(earlier.get("epochs", 0)), int(earlier.get("repeat_epochs", 0))

    def begin(self, race: Race) -> None:
        """Tell the race of the search what earlier drivers have used, and count what it knows beside."""
        race.purse.had(self._epochs, self.lane_s["search"])
        self.lane_s["search"] = race.purse.lane_s

    def add(self, purpose: Purpose, lane_s: float) -> None:
        """Count a leg that is over."""
        self.lane_s["final" if purpose == "final" else "search"] += lane_s

    def now(
        self, race: Race, num_trials: int, retest_epochs: int, search_s: float, final_s: float
    ) -> dict[str, Any]:
        """Return what was used until now, for the study: by the search and ``retest_epochs`` of retests.

        ``search_s`` and ``final_s`` are the seconds of the legs that run.
        """
        return {
            "epochs": race.purse.epochs,
            "repeat_epochs": max(self._retest_epochs, retest_epochs),
            "lane_s": round(self.lane_s["search"] + search_s, 3),
            "final_lane_s": round(self.lane_s["final"] + final_s, 3),
            "trials": race.purse.most_tracks(num_trials),
        }


def uses(sweep: Sweep, cost: Mapping[str, Any], trained: int = 0) -> list[Use]:
    """Return what the sweep has used by the study's ``cost``: of what it has limits or prices of.

    That is a few seconds old: ``trained`` epochs are in the study now.
    """
    spent = cost.get(SPENT)
    if spent is None or not counted(sweep):
        return []
    limits = sweep.budget.given if sweep.budget else {}
    epochs = max(spent["epochs"], trained) + spent.get("repeat_epochs", 0)
    found = [Use(name="epochs", used=epochs, limit=limits.get("epochs"), final=spent.get("final_epochs", 0))]
    for name, rate in lane_rates(sweep.resources, sweep.cost_per_hour).items():
        hours, final_hours = spent["lane_s"] / HOUR_S, spent["final_lane_s"] / HOUR_S
        if rate or name in limits:
            found.append(Use(name=name, used=rate * hours, limit=limits.get(name), final=rate * final_hours))
    return found


def document(sweep: Sweep, cost: Mapping[str, Any], trained: int) -> dict[str, Any] | None:
    """Return the budget for ``--json``; None where nothing is counted."""
    found = {
        use.name: {"used": round(use.used, 6), "limit": use.limit, "final_evaluation": round(use.final, 6)}
        for use in uses(sweep, cost, trained)
    }
    return found or None


def line(sweep: Sweep, cost: Mapping[str, Any], trained: int, over: bool = False) -> str:
    """Return what was used of the limits, and the money, for people; empty where nothing is counted.

    While the search is not ``over``, also how many trials the budget is enough for.
    """
    found = uses(sweep, cost, trained)
    told = [use.told for use in found if use.limit is not None or use.name == "cost"]
    paid = [use.final for use in found if use.name == "cost" and use.final]
    final = f"; final evaluation {_short(paid[0])}" if paid else ""
    fits = cost.get(SPENT, {}).get("trials", sweep.trials)
    enough = f" (enough for about {fits} of {sweep.trials} trials)" if fits < sweep.trials and not over else ""
    return " · ".join(told) + final + enough if told else ""


def metrics(sweep: Sweep, cost: Mapping[str, Any], trained: int) -> dict[str, float]:
    """Return what was used as metrics of the sweep's run in MLflow."""
    return {names.used(use.name): use.used for use in uses(sweep, cost, trained)}


def _short(amount: float) -> str:
    return f"{amount:.0f}" if amount == int(amount) else f"{amount:.3g}" if amount < 100 else f"{amount:.1f}"
