"""What the processes of a group report of an epoch, and what that comes to: one number for each metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, get_args

from search_spaces.types.faults import did_you_mean
from workloads.training.process_group import named_ranks

Reduction = Literal["mean", "sum", "min", "max", "rank0"]
RULES: Mapping[Reduction, Callable[[Sequence[float]], float]] = {"mean": fmean, "sum": sum, "min": min, "max": max}
"""How the values of all ranks become one; ``rank0`` takes the first rank's, and the others need report none."""


class BadReport(ValueError):
    """Error: a report that has no meaning. It is raised where the function reports; the message is one sentence."""


@dataclass(frozen=True)
class Told:
    """A rank's report: its metrics, how they are reduced, and whether it saves, alone or with all others.

    ``ended``: the function has returned since.
    """

    metrics: Mapping[str, float]
    reduce: Reduction | Mapping[str, Reduction] = "mean"
    saves: bool = False
    sharded: bool = False
    ended: bool = False

    def rule(self, metric: str) -> Reduction:
        """Return how ``metric`` is reduced."""
        return self.reduce if isinstance(self.reduce, str) else self.reduce.get(metric, "mean")

    def checked(self) -> Told:
        """Return the report. Raises BadReport for an unknown reduction, or one of a metric that is not told."""
        rules = {"all": self.reduce} if isinstance(self.reduce, str) else self.reduce
        for name, rule in rules.items():
            if rule not in get_args(Reduction):
                known = get_args(Reduction)
                hint = did_you_mean(rule, known)
                raise BadReport(f"reduce must be one of {', '.join(known)}, received {rule!r}{hint}")
            if not isinstance(self.reduce, str) and name not in self.metrics and rule != "rank0":
                raise BadReport(f"reduce names {name!r}, which is not reported (that is {_listed(self.metrics)})")
        return self


def reduced(told: Sequence[Told], deciding: Sequence[str] = ()) -> dict[str, float]:
    """Return one number for each metric that the ranks have told.

    Those named in ``deciding`` may be other than finite on some ranks: the training has diverged then. Raises
    BadReport for other such metrics, for those that only some ranks have told, and where they do not save alike.
    """
    if len({one.sharded for one in told if one.saves}) > 1 or (_sharded(told) and not all(o.saves for o in told)):
        raise BadReport(
            f"{_some(told, lambda one: one.saves and one.sharded)} reported a sharded save, others did not"
        )
    if any(one.saves for one in told) and not told[0].saves:
        raise BadReport(
            f"{_some(told, lambda one: one.saves)} gave a save and rank 0, whose files are kept, gave none: "
            "give it on every rank"
        )
    found = {}
    for name in dict.fromkeys(name for one in told for name in one.metrics):
        rule = next(one for one in told if name in one.metrics).rule(name)
        if rule == "rank0" and name in told[0].metrics:
            found[name] = told[0].metrics[name]
            continue
        _check_all(name, told, rule)
        values = [one.metrics[name] for one in told]
        odd = [value for value in values if not math.isfinite(value)]
        if odd and len(odd) < len(values) and name not in deciding:
            raise BadReport(
                f"{name} is {odd[0]}{where_not_finite(told, name)} alone: leave it out there and elsewhere"
            )
        found[name] = odd[0] if odd else RULES[rule](values)
    return found


def where_not_finite(told: Sequence[Told], name: str) -> str:
    """Return on which ranks ``name`` is not finite, `` on rank 1``; empty where that is so on all, or on none."""
    where = list(_ranks(told, lambda one: not math.isfinite(one.metrics.get(name, 0.0))))
    return f" on {named_ranks(where)}" if 0 < len(where) < len(told) else ""


def _check_all(name: str, told: Sequence[Told], rule: Reduction) -> None:
    if rule == "rank0":
        raise BadReport(f"{name} is rank 0's, as asked for by reduce, and {_has(name, told)} alone reported it")
    if not all(name in one.metrics for one in told):
        way_out = f"report it on every rank, or on rank 0 with reduce={{{name!r}: 'rank0'}}"
        raise BadReport(f"{name} was reported by {_has(name, told)} of {len(told)} alone: {way_out}")


def _has(name: str, told: Sequence[Told]) -> str:
    return _some(told, lambda one: name in one.metrics)


def _sharded(told: Sequence[Told]) -> bool:
    return any(one.saves and one.sharded for one in told)


def _some(told: Sequence[Told], holds: Callable[[Told], bool]) -> str:
    return named_ranks(list(_ranks(told, holds)))


def _ranks(told: Sequence[Told], holds: Callable[[Told], bool]) -> Iterator[int]:
    return (rank for rank, one in enumerate(told) if holds(one))


def _listed(metrics: Mapping[str, float]) -> str:
    return ", ".join(metrics) or "nothing"
