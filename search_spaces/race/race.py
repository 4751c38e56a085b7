"""The race: chooses the next leg and interprets a finished one. A pure state machine: no Ray, torch or MLflow.

Tracks start ready, run in legs, pause at rungs, and end done, stopped or failed. A leg carries tracks of one
signature and one epoch. A track that may have killed a lane goes first, and alone. Otherwise the widest possible
leg is next, the most advanced among equally wide ones: with a width of 1, asynchronous successive halving's order.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from search_spaces.race.cohorts import leg_of, widest
from search_spaces.race.contract import RaceObserver, Rules, Supply
from search_spaces.race.ending.budget import Purse
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.lineage import copied, possible
from search_spaces.race.new_trials import NewTrials
from search_spaces.race.roster import Roster
from search_spaces.race.running_on import counts, finish, is_stopped
from search_spaces.race.steering import LEFT, Deed, note, obeyed, resting, without_resting
from search_spaces.race.track import ENDS, Exploited, State, Track
from search_spaces.schedules.contract import Continue, Exploit, Schedule, Stop, next_rung
from search_spaces.types.failure import FailureReason


class Race:
    """State machine over tracks and legs. ``tracks`` are those of the earlier run when a sweep is resumed.

    Each event is told to ``observers`` in their order, so that what one of them holds, those before it hold, too.
    """

    def __init__(
        self,
        rules: Rules,
        schedule: Schedule,
        supply: Supply,
        observers: Sequence[RaceObserver],
        tracks: Sequence[Track] = (),
    ) -> None:
        self.rules, self.schedule = rules, schedule
        self._roster = Roster(rules.objective, schedule.rungs, tracks, rules.several)
        self.finished = False
        self.waits = False
        """Whether tracks may come, or move on, from outside: an idle race is not over."""
        self.closing: str | None = None
        """Reason why the race ends early, else None: no leg starts, running members end, the others are stopped."""
        self.garbage: list[str] = []
        """URIs of checkpoints that are no longer needed; the driver deletes them and clears the list."""
        self.purse = Purse(rules.limits, schedule, self._roster, rules.objective, rules.runs_on)
        self._observers, self._intake = observers, NewTrials(rules, supply, self._roster, self.purse)
        self._legs: dict[int, tuple[Leg, list[Track]]] = {}
        named = Counter(uri for track in self.tracks for uri in (track.checkpoint, track.previous) if uri)
        self._shared = {uri for uri, count in named.items() if count > 1}
        """URIs of checkpoints from which several members have continued, or will."""
        self._leg_ids = itertools.count()
        for track in self.tracks:
            self._check_target(track)
            if track.leaving:
                self._end(track, "stopped", None)
            elif track.state == "ready" and (track.trained == schedule.rungs[-1] or track.settled):
                self._arrive(track)

    @property
    def tracks(self) -> list[Track]:
        """All tracks, by index."""
        return self._roster.tracks

    def replan(self, rules: Rules, schedule: Schedule) -> None:
        """Go on by other rules, and a schedule of equal rungs; a supply that had come to its end is asked again."""
        kept = [observer for observer in self._observers if observer not in self.rules.end_rules]
        self.rules, self.schedule, self._observers = rules, schedule, [*kept, *rules.end_rules]
        self._intake.replan(rules)

    def add(self, tracks: Sequence[Track]) -> None:
        """Take up tracks that no supply gives, with the next indices."""
        self._roster.add(tracks)

    def rescore(self, track: Track) -> None:
        """Rank a track anew at the rungs that it has reached, as more is known of it from other seeds."""
        for rung in track.scores:
            track.reached(rung)
        self._roster.standings.update(track)
        self._check_target(track)

    def relocate(self, place: Callable[[str], str]) -> None:
        """Take all checkpoints as being where ``place`` says for the URIs that were noted; before the first leg."""
        for track in self.tracks:
            track.checkpoint = track.checkpoint and place(track.checkpoint)
            track.previous = track.previous and place(track.previous)
        self._shared = set(map(place, self._shared))
        self.garbage = list(map(place, self.garbage))

    def send_back(self, track: Track, epoch: int, checkpoint: str | None) -> None:
        """Let a track that does not run go on after an earlier ``epoch``, as what it saved later is damaged."""
        track.go_back(epoch, checkpoint)
        track.state = "paused" if epoch in self.schedule.rungs else "ready"
        self._roster.update(track)

    @property
    def able(self) -> bool:
        """Whether any track has a value and did not fail."""
        return any(track.values and track.state != "failed" for track in self.tracks)

    def next_leg(self) -> Leg | None:
        """Return the leg to train now, or None: until a running leg reports, or for good (``finished``)."""
        self.closing = self.closing or next(filter(None, (rule.reason() for rule in self.rules.end_rules)), None)
        group = [] if self.closing else self._choose()
        if not group:
            if not self._legs and not self.waits and not self.closing and (left := resting(self._roster)):
                for track in left:
                    self._withdraw(track, LEFT)
                return self.next_leg()
            if not self._legs and not (self.waits and not self.closing):
                self.closing = self.closing or self.purse.closing(self._intake.short)
                self._finish()
            return None
        return self._start(group)

    def steer(self, track: Track, deed: Deed, told: str, seconds: float = 0.0) -> None:
        """Do with a track that has not ended what a user asks; a leg with it should end at the next epoch.

        One that is stopped has been trained for ``seconds`` in its present leg.
        """
        note(track, deed, told)
        track.just_steered = True
        if deed == "stop":
            self._withdraw(track, f"it was {told}", seconds)
        else:
            self._moved(track)
        track.just_steered = False

    def look_ahead(self) -> None:
        """Sample the next new members while all lanes train, where waiting would hardly change them."""
        if not self.closing:
            self._intake.look_ahead()

    def reported(self, leg_id: int, epochs: Sequence[MemberEpoch], seconds: float = 0.0) -> list[MemberEpoch]:
        """Record the epochs of a leg's members; return those that no earlier run had recorded.

        The leg has taken ``seconds`` so far, which those have that end now.
        """
        metric, aboard = self.rules.objective.name, {track.key: track for track in self._legs[leg_id][1]}
        fresh = []
        self.purse.trained(len(epochs))
        for measured in epochs:
            track = aboard[measured.key]
            if not counts(track, measured):
                continue
            track.leaving = False
            self.purse.reached(track, measured.epoch)
            value = measured.metrics.get(metric, math.nan)
            if measured.epoch not in track.values or self.rules.purpose == "final":  # judged by its last training
                fresh.append(measured)
                if math.isfinite(value):
                    track.measure(measured.epoch, value, measured.metrics)
                    for observer in self._observers:
                        observer.reported(track, measured.epoch, value)
                    self._check_target(track)
            if measured.epoch == track.best_epoch:
                track.beside = {name: measured.metrics[name] for name in self.rules.beside}
            if measured.failure or not math.isfinite(value):
                reason = measured.failure or FailureReason("diverged", f"{metric} is {value}")
                self._end(track, "failed", reason, seconds / len(aboard))
            elif broken := self._broken(track):
                self._end(track, "failed", broken, seconds / len(aboard))
            elif measured.finished:
                track.settle(measured.epoch, measured.metrics)
            elif self.rules.runs_on and is_stopped(track, self._roster, self.schedule):
                track.leaving = True
                self._moved(track)
        return fresh

    def saved(self, leg_id: int, saved: Sequence[Saved]) -> None:
        """Record new checkpoints, from which training continues later."""
        aboard = {track.key: track for track in self._legs[leg_id][1]}
        for checkpoint in saved:
            track = aboard[checkpoint.key]
            if track.state in ENDS:
                self._release([checkpoint.uri])
                continue
            if checkpoint.not_kept is not None:
                track.unkept, track.not_kept = checkpoint.epoch, checkpoint.not_kept
                continue
            self._release(track.secure(checkpoint.epoch, checkpoint.uri))
            if checkpoint.uri:  # else it ends, in the same breath
                self._moved(track)

    def finished_leg(self, leg_id: int, seconds: float = 0.0, fused: int = 1) -> None:
        """End a leg: its members have reached the rung, or were stopped before it on request.

        It took ``seconds``, and at most ``fused`` of its members were trained in one program.
        """
        leg, tracks = self._legs.pop(leg_id)
        self._intake.seen(len(tracks), seconds, fused)
        for track in tracks:
            if track.leaving and track.state == "running":
                self._end(track, "stopped", None, seconds / len(tracks))
            elif track.state == "running":  # those that ended before had their seconds then
                track.seconds += seconds / len(tracks)
                self._arrive(track, leg.start)

    def failed_leg(self, leg_id: int, reason: FailureReason, to_blame: bool = True, seconds: float = 0) -> None:
        """End a leg whose lane died or whose code raised: a single member is to blame, several are retried apart.

        With ``to_blame`` false even a single member is only retried alone, and no failure is counted. Members that
        end have the leg's ``seconds``.
        """
        leg, tracks = self._legs.pop(leg_id)
        for track in [track for track in tracks if track.state == "running"]:
            if track.leaving:
                self._end(track, "stopped", None, seconds)
                continue
            track.state, track.alone = "ready", True
            if len(tracks) == 1 and to_blame:
                track.num_failures += 1
                track.failure = reason
            if track.num_failures > self.rules.max_retries:
                self._end(track, "failed", reason, seconds / len(tracks))
            elif self.rules.purpose == "final" and (track.settled or not track.epoch):  # it was not scored
                self._release(track.restart())
                self._moved(track)
            elif track.trained == leg.stop or track.settled:
                self._arrive(track, leg.start)
            else:
                self._moved(track)

    def ended_leg(self, leg_id: int, state: State, reason: FailureReason, seconds: float = 0.0) -> None:
        """End a leg of ``seconds`` whose lane was ended on purpose, and its members, for good, in ``state``."""
        tracks = self._legs.pop(leg_id)[1]
        for track in [track for track in tracks if track.state == "running"]:
            share_s = seconds / len(tracks)
            self._end(track, "stopped" if track.leaving else state, None if track.leaving else reason, share_s)

    def running(self) -> list[tuple[Leg, list[Track]]]:
        """Return the running legs with their tracks."""
        return list(self._legs.values())

    def ranked(self) -> list[Track]:
        """Return the tracks with a value that did not fail, the best first; equal ones in order of their index."""
        able = [track for track in self.tracks if track.values and track.feasible]
        by_value = self.rules.objective.ranked
        return self._roster.in_order(able) if self.rules.several else by_value(able, lambda track: track.best_value)

    def _choose(self) -> list[Track]:
        """Return the next leg's tracks; those whose results are known move on without one."""
        while True:
            group = self._chosen()
            known = [(track, until) for track in group if (until := track.known_until(self.schedule.rungs))]
            if not known:
                return group
            for track, until in known:
                self._take_over(track, until)

    def _take_over(self, track: Track, until: int) -> None:
        self._moved(track)
        for epoch, value in track.untold(until):
            track.measure(epoch, value)
            for observer in self._observers:
                observer.reported(track, epoch, value)
            self._check_target(track)
        track.take_over(until)
        self.purse.known(track, until)
        self._arrive(track)

    def _chosen(self) -> list[Track]:
        group, breadth = self._widest(), self._intake.breadth
        if len(group) < breadth and self._intake.room:
            self._intake.ask(breadth - self._intake.num_new)
            group = self._widest()
            wanted = math.ceil(self.rules.fill * breadth) - len(group)
            if group and group[0].trained == 0 and not group[0].alone and wanted > 0 and self._intake.room:
                asked = self._intake.ask(wanted, group[0])
                group += [track for track in asked if track.signature == group[0].signature]
        return group[: breadth if group and group[0].trained == 0 else self.rules.width]

    def _widest(self) -> list[Track]:
        promoted = self._decide()
        able = without_resting([*promoted, *self._roster.ready], self._roster)
        last = not self._legs and not self._intake.room
        return widest(self.purse.affordable(able, last), self.rules.width)

    def _start(self, group: list[Track]) -> Leg:
        leg = leg_of(next(self._leg_ids), group, self.rules, self.schedule.rungs, self.top())
        for track in group:
            track.state, track.last, track.held = "running", None, None
            self._moved(track)
        self._legs[leg.id] = (leg, group)
        self.purse.begin(group, leg.stop)
        return leg

    def top(self) -> list[Track]:
        """Return the best ended tracks, which keep their checkpoints."""
        return self._roster.top(self.rules.keep_top)

    def _arrive(self, track: Track, start: int | None = None) -> None:
        """Let a track pause at its rung, or end at the last one; its leg, if any, began behind epoch ``start``.

        A member that its patience ended stands at the next rung without training, as its value would be the same
        there: so it passes the same decisions as the others. Users' code may have ended
        at a rung, and tell so only once it is to go on behind it.
        """
        rungs = self.schedule.rungs
        track.state = "ready"
        if track.settled and self.rules.runs_on:
            finish(track, self._roster, rungs)
        elif track.settled:
            track.held = next(rung for rung in rungs if rung >= track.rung and rung != start)
        if track.rung == rungs[-1]:
            self._end(track, "done", None)
            return
        if track.rung in rungs:
            self._roster.reached(track, track.rung)
            track.state, track.alone = "paused", False
        self._moved(track)

    def _moved(self, track: Track) -> None:
        self._roster.update(track)
        for observer in self._observers:
            observer.moved(track)

    def _broken(self, track: Track, at_end: bool = False) -> FailureReason | None:
        """Return why constraints end a trial of the search, ``at_end`` of its training or before; None if not."""
        return track.broken(at_end) if self.rules.purpose == "search" else None

    def _withdraw(self, track: Track, why: str, seconds: float = 0.0) -> None:
        track.withdrawn = True
        self._end(track, "stopped", FailureReason("stopped", why), seconds)

    def _end(self, track: Track, state: State, failure: FailureReason | None, seconds: float = 0.0) -> None:
        """End a track, which was trained for ``seconds`` in the leg that it is in, if in any."""
        assert state in ENDS
        track.seconds += seconds
        if state != "failed" and (reason := self._broken(track, at_end=True)):
            state, failure = "failed", reason
        track.state, track.failure = state, failure
        self._roster.update(track)
        self.purse.ended(track)
        for observer in self._observers:
            observer.ended(track)
        self._discard(track)

    def _discard(self, ended: Track) -> None:
        for track in self._roster.superfluous(self.rules.keep_top):
            held, track.checkpoint, track.previous = [track.checkpoint, track.previous], None, None
            self._release(held)
        if ended.checkpoint and ended.previous:
            previous, ended.previous = ended.previous, None
            self._release([previous])

    def _release(self, uris: Iterable[str | None]) -> None:
        """Mark one member's checkpoints for deletion; a shared one stays as long as another member names it."""
        for uri in filter(None, uris):
            named = uri in self._shared and any(uri in (t.checkpoint, t.previous) for t in self.tracks)
            self.garbage += [] if named else [uri]

    def _check_target(self, track: Track) -> None:
        if self.rules.is_on_target(track):
            self.closing = f"the target of {self.rules.target:g} is reached"

    def _decide(self) -> set[int]:
        """Ask the schedule, stop and change members as it decides, and return the indices that may continue.

        It is asked again after members that need no more training have moved on to their next rung.
        """
        while True:
            continued = self._decided()
            settled = [self.tracks[index] for index in sorted(continued) if self.tracks[index].settled]
            if not settled:
                return continued
            for track in settled:
                track.held = next_rung(self.schedule.rungs, track.rung)
                self._arrive(track)

    def _decided(self) -> set[int]:
        self._roster.standings.num_expected = self._intake.num_expected
        decisions = obeyed(self.schedule.decide(self._roster.standings), self._roster)
        decisions = {i: possible(self.tracks, decision) for i, decision in decisions.items()}
        exploits = [
            (self.tracks[i], d, copied(self.tracks, i, d)) for i, d in decisions.items() if isinstance(d, Exploit)
        ]
        for track, decision, checkpoint in exploits:
            self._exploit(track, decision, checkpoint)
        for index in sorted(i for i, decision in decisions.items() if isinstance(decision, Stop)):
            self._end(self.tracks[index], "stopped", None)
        return {index for index, decision in decisions.items() if isinstance(decision, Continue)}

    def _exploit(self, track: Track, decision: Exploit, checkpoint: str) -> None:
        self._shared.add(checkpoint)
        track.exploit(Exploited(epoch=track.rung, source=decision.source, params=decision.params))
        self._release(track.secure(track.rung, checkpoint))
        track.state, track.last, track.held = "ready", None, None
        self._moved(track)

    def _finish(self) -> None:
        for track in list(self._roster.open.values()):
            self._end(track, "stopped", FailureReason("stopped", self.closing) if self.closing else None)
        self.finished = True
