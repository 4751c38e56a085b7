"""Runs the search and then the verdict of one sweep as one stream of legs, and records each report.

It does not depend on Ray: the driver asks it for legs and passes it the reports of the lanes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from cluster.sweep.files import not_kept
from cluster.sweep.files.disk_bound import most_checkpoints
from cluster.sweep.files.long_errors import kept_whole, with_output
from cluster.sweep.files.not_kept import NOT_KEPT
from cluster.sweep.files.told_once import ToldOnce
from cluster.sweep.files.torn_checkpoints import go_back
from cluster.sweep.home import SweepHome
from cluster.sweep.limits.accounts import Accounts
from cluster.sweep.limits.closing import by_failures, by_time
from cluster.sweep.messages import Handle, Report
from cluster.sweep.mlflow_runs import ROLES, Means, Members, at_best_epoch, measured_metrics, run_key
from cluster.sweep.provenance.leg_log import LegLog
from cluster.sweep.reading import ENDED, Facts
from cluster.sweep.stop import Stop
from cluster.terminal.retries import next_attempt
from search_spaces.criteria.unreported import Unreported
from search_spaces.race.ending.overdue import Ending
from search_spaces.race.finals import Finals, finalists
from search_spaces.race.legs import Leg, MemberEpoch, Purpose
from search_spaces.race.race import Race
from search_spaces.race.running_on import counts
from search_spaces.race.search import Search
from search_spaces.race.seeds.repeats import FurtherSeeds
from search_spaces.race.seeds.retests import Retests, round_told
from search_spaces.race.track import ENDS, Track
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Gone
from search_spaces.types.failure import FailureReason
from search_spaces.types.passwords import masked
from search_spaces.types.trial_names import name_of_key
from tracking.writer.writer import Writer
from workloads.legs import checkpoint


@dataclass
class Coordinator:
    """Coordinates the races of a sweep with its study, MLflow writer and home. ``say`` prints a line for users."""

    sweep: Sweep
    home: SweepHome
    study: Study
    search: Search
    writer: Writer
    num_lanes: int
    say: Callable[[str], None]
    stop: Stop
    earlier_s: float = 0.0
    """Seconds of search by earlier drivers, for ``timeout``."""
    races: dict[Purpose, Race] = field(default_factory=dict)
    _purpose: Purpose = "search"
    _since: float | None = None
    """Time of the first leg of this driver's search, or of its retests."""
    _endings: dict[Handle, Ending] = field(default_factory=dict)
    """How legs end that have been given up, until their lanes are gone."""

    def __post_init__(self) -> None:
        self._told, self._log = ToldOnce(lambda text: self.say(text)), LegLog(self.study)
        self.accounts, self.unreported = Accounts(self.sweep, self.study.facts()), Unreported(self.sweep.criteria)
        self.finals = Finals(self.study, self.sweep.epochs)
        self.retests = Retests(self.study, self.sweep.epochs, share=self.sweep.retest, seed=self.sweep.seed)
        self.members = Members(self.writer, lambda: self.sweep, self.races, self.retests, self.finals)
        self._means = Means(self.members.runs("trial"), lambda: self.races["search"].tracks)
        self.races["search"] = self._revived(self.search.race(self.num_lanes, [self.members.runs("trial")]))
        self.finals.searched = self.races["search"].tracks
        self.repeats = self._further_seeds()
        self.accounts.spending.begin(self.races["search"])
        if self._search_is_over():
            self._begin_finals()
        if self.races["search"].tracks or self.writer.used:
            self.writer.reconcile(self.members.facts())
        self._drop_strays()
        if lacking := self.study.facts().get(NOT_KEPT):  # what an earlier driver could not keep is trained now
            self.study.set(NOT_KEPT, {**lacking, "resumes_at": {}} if lacking["ended"] else None)

    @property
    def purpose(self) -> Purpose:
        """Purpose of the current race; further seeds of repeats train beside the search."""
        return self._purpose

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train."""
        return self._is_over and self._next_race() is None

    @property
    def _is_over(self) -> bool:
        seeds_train = self.purpose == "search" and self.repeats is not None and self.repeats.busy
        return self.races[self.purpose].finished and not seeds_train

    def next_leg(self) -> Leg | None:
        """Return the next leg; None to wait, or when ``finished`` or ``stop.requested``."""
        self._check_time()
        leg = None if self.stop.requested else self._next_leg()
        if leg is not None and self._since is None and self.purpose != "final":
            self._since = time.monotonic()
        if leg is not None:
            self._log.started(leg, self._aboard((leg.purpose, leg.id)))
        self.commit(sync=False)
        return leg

    def _next_leg(self) -> Leg | None:
        races = self.repeats if self.repeats and self.purpose == "search" else self.races[self.purpose]
        leg = races.next_leg()
        if leg is None and not self.stop.requested and self._is_over and self._begin_next():
            leg = self.races[self.purpose].next_leg()
        return leg

    @property
    def searched_s(self) -> float:
        """Seconds of search, from the first leg of each driver: starting Ray and reading data do not count."""
        return self.earlier_s + (0.0 if self._since is None else time.monotonic() - self._since)

    @property
    def spent(self) -> dict[str, Any]:
        """What the sweep has used so far, over all its drivers, for the study."""
        search_s, final_s = (self.accounts.running_s(self.out(), final) for final in (False, True))
        race, retest_epochs = self.races["search"], self.retests.num_epochs
        spent = self.accounts.spending.now(race, self.sweep.trials, retest_epochs, search_s, final_s)
        return {**spent, "final_epochs": self.finals.num_epochs}

    def look_ahead(self) -> None:
        """Sample the next trials of the search ahead of need; for use while all lanes train."""
        if self.purpose == "search" and not self.stop.requested:
            self.races["search"].look_ahead()
            self.commit(sync=False)

    def report(self, handle: Handle, report: Report) -> None:
        """Record a lane's report on the leg ``handle``: in MLflow first, then in the study."""
        self.accounts.heard(handle, report)
        self._log.heard(handle, report)
        race, aboard = self.races[handle[0]], {track.key: track for track in self._aboard(handle)}
        whole = any(leg.stop == leg.horizon for leg, _ in race.running() if leg.id == handle[1])
        # One that runs on is judged at each epoch: MLflow must not get what comes after the one at which it ends.
        for epochs in ([one] for one in report.epochs) if race.rules.runs_on else [report.epochs]:
            self._measured(handle, epochs)
            race.reported(handle[1], epochs, self.accounts.worked_s(handle))
        if race.rules.runs_on:  # one that its schedule has ended may have had metrics to come
            whole = whole and not all(track.ended or track.leaving for track in aboard.values())
        for exhibit in report.exhibits:
            self.writer.content(exhibit.path, exhibit.content, run_key(aboard[exhibit.key], ROLES[handle[0]]))
        for message in report.messages:
            self.say(f"{self._names(handle, list(aboard.values()))}: {message}")
        for scored in report.scored:
            track = aboard[scored.key]
            self.finals.scored(track, scored)
            self.writer.state(run_key(track, "final"), "running", at_best_epoch(scored.metrics))
        race.saved(handle[1], report.saved)
        self.make_up()
        folder, most = self.home.checkpoints, most_checkpoints(self.sweep, self.num_lanes)
        self._told.not_kept(report.saved, folder, lambda key: self._names(handle, [aboard[key]]))
        self._told.bound(report.saved, folder, most)
        if report.left:
            self._told.left(report.left, self._names(handle, self._aboard(handle)))
        if report.failure:
            self.fail(handle, report.failure)
        elif report.handed_back:
            race.failed_leg(handle[1], FailureReason("lane_died", "it needs a new worker"), to_blame=False)
            self._forget(handle, reported=True)
        elif report.done:
            race.finished_leg(handle[1], self.accounts.worked_s(handle), report.fused)
            self._forget(handle, reported=True)
        self.unreported.untested = report.untested or self.unreported.untested
        self.stop.requested |= self.unreported.found(report.done, whole)
        if race.closing:
            self.home.stop_mark.touch()
        self.commit()

    def _measured(self, handle: Handle, epochs: Sequence[MemberEpoch]) -> None:
        """Give MLflow the metrics of a leg's members that have not ended."""
        aboard = {track.key: track for track in self._aboard(handle)}
        for measured in (one for one in epochs if counts(aboard[one.key], one)):
            track = aboard[measured.key]
            shown = measured_metrics(track, measured.metrics, self.sweep.space.log_scaled)
            self.writer.epoch(run_key(track, ROLES[handle[0]]), measured.epoch, shown)
            self.unreported.saw({} if measured.failure else measured.metrics)

    def make_up(self) -> None:
        """Give MLflow what the study has of the events that the spool has lost, if any."""
        if self.writer.lost:
            self.writer.reconcile(self.members.facts())

    def _note_not_kept(self) -> None:
        found = not_kept.of(self.races["search"], self.home.checkpoints)
        if found != self.study.facts().get(NOT_KEPT):
            self.study.set(NOT_KEPT, found)

    def began(self, handle: Handle) -> None:
        """Record that a lane trains the leg, if that is new: until then it may have waited for a lane."""
        self.accounts.times.began(handle)

    def overdue(self) -> list[Handle]:
        """Return the running legs whose lanes must be killed now, each once; ``fail`` then ends them.

        Says which members they are, and whose epoch takes much longer than usual.
        """
        self._check_time()
        race, overdue = self.races[self.purpose], []
        self.accounts.overdue.closing(self.stop.requested or race.closing is not None)
        for handle in [handle for handle in self.out() if handle not in self._endings]:
            aboard = self._aboard(handle)
            ending = self.accounts.overdue.ending(handle, aboard, None if self.stop.requested else race.closing)
            if ending:
                self._endings[handle] = ending
                overdue.append(handle)
            if told := ending.told if ending else self.accounts.overdue.stalled(handle, aboard):
                self.say(f"{self._names(handle, aboard)} {told}")
        return overdue

    @property
    def num_suspects(self) -> int:
        """Number of members that were in a leg that died and have not been cleared since."""
        return sum(1 for race in self.races.values() for t in race.tracks if t.alone and t.state not in ENDS)

    def fail(self, handle: Handle, reason: FailureReason, to_blame: bool = True) -> None:
        """End a leg whose code raised or whose lane died; one that was given up ends as decided then.

        With ``to_blame`` false another leg may be the cause, and no failure is counted.
        """
        aboard = [track for track in self._aboard(handle) if track.state == "running"]
        first, seconds = aboard[0].key if aboard else None, self.accounts.times.trained_s(handle)
        reason = kept_whole(replace(reason, text=masked(reason.text)), self.home, first)
        race, ending = self.races[handle[0]], self._forget(handle)
        reason = with_output(ending.reason if ending else reason, self.home, [track.trial for track in aboard])
        if ending and ending.state:
            race.ended_leg(handle[1], ending.state, reason, seconds)
        else:
            race.failed_leg(handle[1], reason, to_blame and not ending, seconds)
        again = [track for track in aboard if track.state not in ENDS]
        go_back(race, again, self.say)
        if again and not ending and self._told.is_new(reason.line):
            then = next_attempt(again, self.sweep.max_retries)
            self.say(f"{self._names(handle, again)} failed ({reason.line}), {then}")
        self._give_up()
        self.commit()

    def _forget(self, handle: Handle, reported: bool = False) -> Ending | None:
        """Count and forget a leg that is over; return how it was to end, if it was given up.

        ``reported``: its lane has told all that it worked.
        """
        worked_s = self.accounts.worked_s(handle)
        seconds = worked_s if reported else max(self.accounts.times.trained_s(handle), worked_s)
        self._log.over(handle, seconds, failed=not reported)
        self.accounts.over(handle, reported)
        return self._endings.pop(handle, None)

    def _names(self, handle: Handle, tracks: Sequence[Track]) -> str:
        return ", ".join(name_of_key(run_key(track, ROLES[handle[0]])) for track in tracks)

    def out(self) -> list[Handle]:
        """Return the handles of all running legs."""
        return [(purpose, leg.id) for purpose, race in self.races.items() for leg, _ in race.running()]

    def pause(self) -> None:
        """Mark the runs of members that have not ended as ``paused`` in MLflow."""
        for role, track in self.members.all():
            if track.state not in ENDS and self.writer.knows(run_key(track, role)):
                self.members.runs(role).tell(track, "paused")
        self.commit()

    def drop_finals(self, keep: Track) -> None:
        """Delete the checkpoints of all final members but the champion ``keep``, after the verdict."""
        for track in self.races["final"].tracks:
            if track is not keep and track.checkpoint:
                self.races["final"].garbage.append(track.checkpoint)
                track.checkpoint = None
                self.finals.moved(track)
        self.commit()

    def commit(self, sync: bool = True) -> None:
        """Flush the study to disk, and only then delete the checkpoints that it no longer names.

        Without ``sync`` the disk may have it with the next report: what has begun can begin again, and a sync takes
        a lane's time. Where there is anything to delete it is synced.
        Raises Gone where the sweep's folder was removed.
        """
        if self.home.is_gone:
            raise Gone(f"{self.home.path} was removed while the sweep was running")
        if (why := self.races["search"].closing) and self.study.facts().get(ENDED) != why:
            self.study.set(ENDED, why)
        if NOT_KEPT in self._told.known:
            self._note_not_kept()
        self.study.flush(sync or any(race.garbage for race in self.races.values()))
        for race in self.races.values():
            for uri in race.garbage:
                checkpoint.delete(uri)
            race.garbage.clear()

    def _aboard(self, handle: Handle) -> list[Track]:
        return next(tracks for leg, tracks in self.races[handle[0]].running() if leg.id == handle[1])

    def _next_race(self) -> Purpose | None:
        """Return what comes after the present race, which has ended: a round of retests, the finals or nothing."""
        search, judged = self.races["search"], "final" in self.races
        if not judged and not self.study.facts().get(ENDED) and self.retests.owed(search):
            return "repeat"
        return "final" if self.sweep.final is not None and not judged and search.able else None

    def _begin_next(self) -> bool:
        """Begin the next race; return whether there is one."""
        purpose = self._next_race()
        if purpose == "repeat":
            race = self.retests.race(self.races["search"], [self.members.runs("repeat")], [self._means])
            self._purpose, self.races["repeat"] = purpose, self._revived(race)
            self.say(round_told(race))
        elif purpose == "final":
            self._begin_finals()
        return purpose is not None

    def _further_seeds(self) -> FurtherSeeds | None:
        """Begin the race of further seeds beside the search, if the sweep has repeats."""
        if self.sweep.repeats is None:
            return None
        search, seeds = self.races["search"], self.sweep.repeats.seeds
        further = FurtherSeeds(self.study, self.sweep.epochs, seeds=seeds, search=self.search, race=search)
        self.retests.entries = further.entries
        self.races["repeat"] = self._revived(further.begin([self.members.runs("repeat")], [self._means]))
        return further

    def _search_is_over(self) -> bool:
        tracks = self.races["search"].tracks
        return Facts.of(self.study).searched and all(track.state in ENDS for track in tracks)

    def _begin_finals(self) -> None:
        """Close the search and start the finalists' race, which is scored on the locked test split; called once."""
        assert self.sweep.final is not None
        search = self.races["search"]
        search.finished = True
        self.earlier_s, self._since = self.searched_s, None
        chosen = finalists(search, self.sweep.final.top, self.finals.trials, self.retests.ranked(search))
        self.home.stop_mark.unlink(missing_ok=True)
        self.study.set("searched", True)
        self.study.set("num_finals", len(chosen) * len(self.members.seeds))
        race = self.finals.race(chosen, self.members.seeds, search.rules, [self.members.runs("final")])
        self._purpose, self.races["final"] = "final", self._revived(race)

    def _give_up(self) -> None:
        """End a search in which no trial works: its code is broken, not its configurations."""
        race = self.races["search"]
        if why := by_failures(self.sweep, race):
            race.closing = why
            self.say(f"{race.closing}; the search ends here")

    def _check_time(self) -> None:
        race = self.races["repeat" if self.purpose == "repeat" else "search"]
        race.purse.lane_s = self.accounts.spending.lane_s["search"] + self.accounts.running_s(self.out(), False)
        if why := by_time(self.sweep, race, self.searched_s):
            race.closing = why
            self.say(f"{race.closing}; the search ends here")
            self.home.stop_mark.touch()

    def _drop_strays(self) -> None:
        """Mark for deletion the checkpoints on disk that the study does not name, as from a lane that died."""
        noted = {uri for _, track in self.members.all() for uri in (track.checkpoint, track.previous)}
        named = {checkpoint.below(self.home.checkpoints, uri) for uri in noted if uri}
        self.races["search"].garbage += sorted(checkpoint.found(self.home.checkpoints) - named)

    def _revived(self, race: Race) -> Race:
        race.relocate(partial(checkpoint.below, self.home.checkpoints))  # the study has those of where the home was
        go_back(race, [track for track in race.tracks if track.state not in ENDS], self.say)
        return race
