"""A schedule for tests: members wait for each other at each rung, then the worse half copies the better half."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from search_spaces.schedules.catalogue import ScheduleRow
from search_spaces.schedules.contract import Continue, Decision, Exploit, Setting, parameter
from search_spaces.schedules.standings import Standings

KIND = "copying"


@dataclass(frozen=True, kw_only=True)
class CopyingParameters:
    """Parameters of the schedule in a spec."""

    every: int = parameter(3, "Epochs between two decisions.", low=1, high=1000)


@dataclass(frozen=True)
class Copying:
    """At each rung, worse members copy the weights of better ones of their signature, with another ``lr``."""

    setting: Setting
    parameters: CopyingParameters

    @property
    def rungs(self) -> tuple[int, ...]:
        """Multiples of ``every`` epochs, and the last epoch."""
        return (*range(self.parameters.every, self.setting.epochs, self.parameters.every), self.setting.epochs)

    def reaching(self, num_trials: int) -> tuple[int, ...]:
        """Return all trials for each rung: nobody is stopped."""
        return (num_trials,) * len(self.rungs)

    def decide(self, standings: Standings) -> dict[int, Decision]:
        """Return no decision for a rung before all members that have not ended have reached it."""
        by_number = {member.number: member for member in standings.members}
        decisions: dict[int, Decision] = {}
        for rung in self.rungs[:-1]:
            ranked = standings.at(rung).ranked
            if len(ranked) + len(standings.ended - set(ranked)) < standings.num_expected:
                continue
            givers = ranked[: len(ranked) // 2]
            for number in standings.at(rung).waiting:
                decisions[number] = Continue()
                fits = [g for g in givers if by_number[g].signature == by_number[number].signature]
                able = [g for g in fits if by_number[g].waiting and by_number[g].epoch == rung]
                if number not in givers and able:
                    lr = Random(f"{self.setting.seed} {number} {rung}").random()
                    decisions[number] = Exploit(able[0], {"lr": lr})
        return decisions


COPYING = ScheduleRow(
    name=KIND,
    summary="the worse half goes on from the better one's weights",
    parameters=CopyingParameters,
    make=Copying,
)
