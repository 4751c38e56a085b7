"""One trial's script in several processes at once. The first rank's metrics count, and all of them end together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from search_spaces.types.failure import ScriptFailed
from search_spaces.types.trial_names import trial_name
from workloads.models.script.epochs import Ahead, Epoch, Epochs
from workloads.models.script.logged_files import LoggedFiles
from workloads.models.script.ranks.looks import Again, Failure, Look, RankFailed, Told, failure
from workloads.models.script.ranks.torchrun import shared_folder, variables
from workloads.models.script.running import GRACE_S, Interrupted, Refused, ScriptRun
from workloads.models.script.start import Order
from workloads.training.process_group import ProcessGroup, named_ranks

LOOK_S, OTHERS_LOOK_S = 0.05, 0.02
"""Seconds between two looks of the first rank at the others, and for which these run before they wait for that.

They are there first: the first rank is to halt its script as soon as it reports.
"""
FOLLOW_S = 5.0
"""Seconds in which the rank ends that is the reason why another one lost its connection."""


class RanksRun:
    """The scripts of a trial, as ``ScriptRun`` is one. Each rank has its own; all call each method together.

    But for ``close`` and what returns at once: these need no other rank.
    """

    def __init__(
        self,
        order: Order,
        epochs: Epochs,
        saved: Path | None,
        stopped: Callable[[], bool],
        group: ProcessGroup,
    ) -> None:
        self._order, self._stopped, self._group = order, stopped, group
        self.epochs, self.ended = epochs, False
        """Whether the first rank's script has ended by itself, all epochs told."""
        self.over = False
        """Whether the scripts of all ranks have ended."""
        self.rest: Mapping[str, float] = {}
        self._messages: list[str] = []
        shared: Path | None = None
        if order.command.checkpoint:
            shared, self._held = shared_folder(group, saved)
        self._own_order = replace(order, rank=group.rank, shared=shared)
        self._run = self._begun()

    def _begun(self) -> ScriptRun:
        """Start the script on all ranks. Raises RankFailed where one of them cannot."""
        run_id = f"{self._order.sweep}-{trial_name(self._order.trial)}"
        order = replace(self._own_order, extra={**self._order.extra, **variables(self._group, run_id)})
        run, why = None, ""
        try:
            run = ScriptRun(order, self.epochs, None, self._stopped)
        except ScriptFailed as error:
            why = str(error)
        whys = [*filter(None, self._group.gathered(why))]
        if run is not None and not whys:
            run.meanwhile = self._glance
            self._looked = time.monotonic()
            return run
        if run is not None:
            run.close()
        raise RankFailed(whys[0])

    def next_epoch(self) -> Epoch | None:
        """Wait for the first rank's next epoch; None where its script has ended by itself before.

        Raises RankFailed, on all ranks, where the script of one of them fails, and Interrupted.
        """
        try:
            told = self._waited()
            if told.interrupted:
                raise Interrupted
            self.ended, self.rest = told.ended, told.rest
            if told.ended:
                self._await_others()
                self.over = True
        except RankFailed:
            self.close()
            raise
        if self._order.command.checkpoint:
            self.freeze()  # the first rank looks at what all have saved
        return told.epoch

    def _waited(self) -> Told:
        while True:
            try:
                return self._first() if self._group.first else self._other()
            except Again:
                self._run.close()
                self._run.goes_its_own_way()
                self._run = self._begun()

    def _first(self) -> Told:
        """Wait for what this rank's script reports, and tell the others."""
        try:
            epoch = self._run.next_epoch()
            look = Look(told=Told(epoch, self._run.ended, dict(self._run.rest)))
        except Interrupted:
            look = Look(told=Told(interrupted=True))
        except RankFailed:
            raise
        except Refused:
            look = Look(ended=True, refused=True)
        except ScriptFailed as error:
            look = Look(ended=True, failure=Failure.of(str(error), self._run.last_lines))
        deadline = time.monotonic() + FOLLOW_S
        while (told := self._look(replace(look, patient=time.monotonic() < deadline))) is None:
            time.sleep(LOOK_S)
        return told

    def _glance(self) -> None:
        """Look at the other ranks, if it is time to; raises what that raises."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._look(Look())
            self._looked = time.monotonic()

    def _other(self) -> Told:
        """Wait for what the first rank tells."""
        while True:
            told = self._look(self._at(OTHERS_LOOK_S))
            if told is not None:
                return told

    def _at(self, seconds: float) -> Look:
        """Let this rank's script run for so long, and return how it is then."""
        code = self._run.watch(seconds)
        if not code:
            return Look(ended=code == 0)
        if self._run.is_refused:
            return Look(ended=True, refused=True)
        return Look(ended=True, failure=Failure.of(self._run.failed(code), self._run.last_lines))

    def _look(self, mine: Look) -> Told | None:
        """Tell the others how this rank is; return what the first one has waited for, None before that.

        Raises RankFailed where the trial fails, and Again where all are to start again.
        """
        looks = self._group.gathered(mine)
        told = looks[0].told
        if told is None and any(look.refused for look in looks):
            raise Again
        if told is None and (error := failure(looks)):
            raise error
        return told

    def _await_others(self) -> None:
        """Wait, once the first rank's script has ended, until those of the others do; end those that run on."""
        deadline = time.monotonic() + GRACE_S
        while True:
            mine = Look(ended=True) if self._group.first else self._at(OTHERS_LOOK_S)
            looks = self._group.gathered(replace(mine, patient=time.monotonic() < deadline))
            if all(look.ended for look in looks) or not looks[0].patient:
                break
            time.sleep(LOOK_S if self._group.first else 0.0)
        own = [look.failure for look in looks if look.failure and not look.failure.follows]
        if own:
            raise RankFailed(own[0].sentence, own[0].output)
        if running := [rank for rank, look in enumerate(looks) if not look.ended]:
            self._messages.append(f"{named_ranks(running)} ran on {GRACE_S:g} s after rank 0 had ended: ended, too")
            self._run.end()

    @property
    def checkpoint(self) -> Path:
        """The folder that the ranks of this machine share."""
        return self._run.checkpoint

    def freeze(self) -> None:
        """Halt the scripts of all ranks until the next epoch is asked for."""
        self._run.freeze()
        self._group.gathered(None)

    def end(self) -> bool:
        """End the scripts of all ranks at once; return whether all ended by themselves within the grace."""
        self.over = True
        return self._group.all_true(self._run.end())

    def ahead(self) -> Ahead:
        """Return what this rank's script has reported since the last epoch; that of the first one counts."""
        return self._run.ahead()

    def take_messages(self) -> list[str]:
        """Return the messages for people since the last call, and forget them."""
        taken, self._messages = [*self._run.take_messages(), *self._messages], []
        return taken

    @property
    def logged(self) -> LoggedFiles:
        """The files that this rank's script has logged; those of the first rank count."""
        return self._run.logged

    def close(self) -> None:
        """End this rank's script, and have its files removed."""
        self._run.close()
