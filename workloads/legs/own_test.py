"""The test metric that users' code measures itself: reported in the final evaluation, or returned by ``test``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces.criteria.metric_names import is_of_test, on_test
from search_spaces.race.legs import Leg, MemberEpoch, Scored
from search_spaces.spec.script.verdict import HOW
from search_spaces.types.trial_names import trial_name

if TYPE_CHECKING:
    from search_spaces.spec.keys.command import Command
    from workloads.contract import Measure, Workload
    from workloads.legs.member import TrainingMember

WAYS = (
    "report it at the last epoch, where run.purpose == 'final', or define test(folder, **hyperparameters) beside "
    "the function"
)


class Untested(Exception):
    """Error: a final member has no test metric, by which it is to be judged; the message is for the user."""


@dataclass(frozen=True)
class OwnTest:
    """How the final members of a workload come to the metric ``name`` on test data of their own."""

    name: str
    workload: str
    measure: Measure | None
    way: str
    """What the code is to do, for whoever has not done it."""

    @classmethod
    def of(cls, kind: Workload, has_data: bool, objective: str, command: Command | None = None) -> OwnTest | None:
        """Return it; None where Paceline scores predictions on the sweep's own test split."""
        if not kind.tests_itself(has_data, objective):
            return None
        if command is not None:
            return cls(on_test(objective), command.title, None, f"report it {HOW}")
        return cls(on_test(objective), kind.name, kind.test, WAYS)

    @property
    def reported(self) -> str | None:
        """Metric that the training itself reports; None where ``test`` measures it behind."""
        return self.name if self.measure is None else None

    def scored(self, leg: Leg, members: list[TrainingMember], objective: str) -> list[Scored]:
        """Return the test and validation metrics of members that have come to their end. Raises Untested."""
        ended = [a for a in members if a.progress.epoch == leg.horizon or a.last is not None]
        return [self._scored(a, objective) for a in ended]

    def _scored(self, a: TrainingMember, objective: str) -> Scored:
        assert a.best is not None
        reported: Mapping[str, Any] = a.progress.best_metrics or {}
        found = dict(reported)
        if self.measure is not None:
            try:
                found |= self.measure(a.best, a.hp, self.name)
            except ValueError as error:
                raise Untested(f"test of {self.workload} {error}") from error
        if self.name not in found:
            raise Untested(self._lacking(reported))
        kept = {k: v for k, v in found.items() if is_of_test(k) or k.startswith("val_") or k == objective}
        return Scored(key=a.member.key, best_epoch=a.progress.best_epoch, metrics=kept)

    def _lacking(self, reported: Mapping[str, Any]) -> str:
        return (
            f"{self.workload} ended a training of the final evaluation without {self.name}, by which the finalists "
            f"are judged; it reported {', '.join(reported) or 'nothing'}: {self.way}"
        )


def on_beyond_patience(a: TrainingMember, report: MemberEpoch, metric: str) -> str | None:
    """Return a message at the epoch at which patience would have ended a training that has not told ``metric``."""
    if report.failure or report.finished or not a.impatient or a.progress.num_stale > a.hp.patience:
        return None
    told = f"{trial_name(a.member.trial)} with seed {a.member.seed} is trained beyond its patience"
    return f"{told}, behind epoch {report.epoch}: it has not reported {metric} yet, by which it is judged"
