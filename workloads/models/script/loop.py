"""Trains one member by a script, epoch by epoch: what the leg's runner sees of a process that runs by itself."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from search_spaces.spec.keys.command import Command
from workloads.files.artifacts import Artifacts
from workloads.files.saved_files import SavedFiles
from workloads.models.script.epochs import Ahead, Epochs
from workloads.models.script.ranks.ranks_run import RanksRun
from workloads.models.script.running import Interrupted, ScriptRun
from workloads.models.script.start import Learnt, Order
from workloads.training.process_group import ALONE
from workloads.training.setup import MemberState, Setup, Trainee

WHOLE = "what is larger is whole where `paceline best ID --files DIR` copies what the best trial has left"
_told_of_size: set[tuple[str | None, tuple[str, ...]]] = set()
"""Scripts, by program and command, of which this process has told that they log files that are too large."""
FIRST, AHEAD, HORIZON = "first", "ahead", "horizon"
"""Names in a state: the number of the script's first epoch, what it had reported as its files were copied, and its
last epoch."""
UNKNOWN = -1
"""``first`` in a state where the script has not reported an epoch's number."""
LATER = "{} trains on before it can be halted at an epoch: the files of an epoch may be of a later one"
UNNUMBERED = (
    "{} trains on before it can be halted at an epoch, and does not report its 'epoch': where it goes on from what "
    "it has saved, epochs may be counted once too often or too little"
)


class ScriptLoop:
    """The loop of one member. A script that cannot be paused runs on through all rungs, and saves nothing here."""

    def __init__(self, setup: Setup, member: Trainee) -> None:
        assert setup.command is not None
        self.setup, self.members, self.epoch_done = setup, [member], 0
        self.command: Command = setup.command
        self.saves = self.command.checkpoint
        self.finished = False
        """Whether the script has ended by itself: there is no later epoch."""
        self.metrics: dict[str, float] = {}
        self.messages: list[str] = []
        self._odd: set[str] = set()
        """Names in its folder that are neither files nor folders, and are not kept."""
        self._cut = False
        """Whether it was ended amid an epoch."""
        self._marks: Mapping[str, tuple[int, int]] | None = None
        """What it had saved by the end of the last epoch; None before the first one here."""
        self._files: SavedFiles | None = None
        self._ahead = Ahead()
        """What is known of the epochs up to where ``_files`` are of."""
        self._learnt: Learnt | None = None
        self._first: int | None = None
        self._run: ScriptRun | RanksRun | None = None

    def epoch(self) -> list[dict[str, float]]:
        """Wait for the end of the next epoch, and return its metrics; empty where training is not to go on here.

        ``epoch_done`` is its number, which may leave some out. The last epoch is told again where the script ended
        behind it. Raises ScriptFailed where the script fails, or does not report the objective.
        """
        if self._run is None and (self._ahead.epochs or self._ahead.ended):
            return self._known()
        run = self._run or self._begun()
        try:
            found = run.next_epoch()
        except Interrupted:
            self._cut = True
            return []
        finally:
            self._tell(run)
        if found is not None:
            self.metrics = dict(found.metrics)
            self.epoch_done = min(found.number, self.setup.stop)
        self.finished = run.ended
        self._marks = _marks(run.checkpoint) if self.saves else None
        if self.finished:  # what it measures behind the last epoch is of that one
            self.metrics = {**run.rest, **self.metrics}
        return [dict(self.metrics)]

    def _known(self) -> list[dict[str, float]]:
        """Tell the next epoch of those that the script had reported before it was paused; it is not needed yet."""
        if self._ahead.epochs:
            found, *rest = self._ahead.epochs
            self._ahead = replace(self._ahead, told=found.metrics, epochs=tuple(rest))
            self.metrics, self.epoch_done = dict(found.metrics), min(found.number, self.setup.stop)
        self.finished = self._ahead.ended and not self._ahead.epochs
        return [dict(self.metrics)]

    def _begun(self) -> ScriptRun | RanksRun:
        member, steps = self.members[0], self.command.steps
        files = self._files.path if self._files is not None and any(self._files.path.iterdir()) else None
        done = self.epoch_done if files else 0
        order = Order(
            command=self.command,
            params=member.hp.params,
            metric=self.setup.objective.name,
            others=self.setup.others,
            trial=member.trial,
            seed=member.seed,
            purpose=self.setup.purpose,
            horizon=self.setup.horizon,
            stop=self.setup.stop,
            sweep=self.setup.sweep,
            project=self.setup.project,
        )
        self._learnt = order.learnt
        unit, known = steps.name if steps else None, self.epoch_done
        epochs = Epochs(order.metric, unit, done, known, self._first, expected=order.learnt.late)
        stopped, group = self.setup.stopped, self.setup.group
        self._run = (
            ScriptRun(order, epochs, files, stopped)
            if group is ALONE  # a group of workers may have one alone at times, whose script is a rank all the same
            else RanksRun(order, epochs, files, stopped, group)
        )
        self._files = None
        weakref.finalize(self, self._run.close)
        return self._run

    def _tell(self, run: ScriptRun | RanksRun) -> None:
        self.messages += run.take_messages()

    @property
    def resumable(self) -> bool:
        """Whether the script has saved anything."""
        return self.saves and (self._run is None or any(self._run.checkpoint.iterdir()))

    def pause(self) -> None:
        """End the script, which goes on elsewhere from what it has saved, if it saves.

        That is what it saves at SIGTERM, if it ends by itself then; else what was there when it was halted. Amid
        an epoch nobody knows how far it is with what it has saved since the last one: then ``saves`` is false from
        now on, and training goes on from the checkpoint before.
        """
        if self._run is None or self._run.over:
            return
        if not self.saves:
            self._run.end()
            return
        self._run.freeze()
        before = _marks(self._run.checkpoint)
        if self.setup.group.agree(self._cut and before != self._marks):
            self.saves = False
            self._run.end()
            return
        halted = self._copied(self._run)
        by_itself = self._run.end()
        new = self.setup.group.agree(by_itself and _marks(self._run.checkpoint) != before)
        self._files, self._ahead = self._copied(self._run) if new else halted

    def _copied(self, run: ScriptRun | RanksRun) -> tuple[SavedFiles | None, Ahead]:
        """Return a copy of what the script has saved, None where that is nothing, and what it has reported by then.

        Amid an epoch that is what was told already: it has saved nothing since.
        """
        run.freeze()
        if not self.setup.group.agree(any(run.checkpoint.iterdir())):
            return None, Ahead()
        copy = SavedFiles.empty()
        if not self.setup.group.first:  # the first process writes the checkpoints, from its own folder
            return copy, Ahead()
        ahead = Ahead() if self._cut else run.ahead()
        # A link to a file that is gone holds nothing: "latest" may lead to one that was removed.
        options: dict[str, Any] = {"dirs_exist_ok": True, "ignore_dangling_symlinks": True}
        shutil.copytree(run.checkpoint, copy.path, ignore=self._passed_over, **options)
        self._tell_ahead(ahead)
        return copy, replace(ahead, told={**ahead.told, **self.metrics}, params=self._params)

    @property
    def _params(self) -> str:
        return repr(sorted(self.members[0].hp.params.items()))

    def _tell_ahead(self, ahead: Ahead) -> None:
        """Say, once of a script, where it matters that it is further than the epoch that is told."""
        run, learnt = self._run, self._learnt
        if not ahead.epochs or learnt is None or run is None:
            return
        if run.epochs.first is None and not self.command.steps:
            self.messages += learnt.news(UNNUMBERED.format(self.command.title))
        if self.setup.purpose == "final":
            self.messages += learnt.news(LATER.format(self.command.title))

    def _logged(self, run: ScriptRun | RanksRun) -> SavedFiles | None:
        return run.logged.copied() if self.setup.group.first else None

    def _passed_over(self, folder: str, names: Sequence[str]) -> set[str]:
        """Return the names in a folder that hold nothing to keep, and say so once of each."""
        odd = {name for name in names if _is_odd(Path(folder, name))}
        if new := odd - self._odd:
            self._odd |= new
            are = "is neither a file nor a folder, and is" if len(new) == 1 else "are no files or folders, and are"
            self.messages.append(f"{', '.join(sorted(new))} in PACELINE_CHECKPOINT {are} not kept")
        return odd

    def finite(self) -> list[bool]:
        """Return true: the weights are not known, and metrics that are not finite show divergence."""
        return [True]

    def state(self, k: int) -> MemberState:
        """Return what the script has saved; of one that cannot be paused what it has logged, once it is over."""
        assert k == 0
        files, run = self._files, self._run
        if files is None and run is not None and (self.saves or run.over):
            files, self._ahead = self._copied(run) if self.saves else (self._logged(run), Ahead())
            self._files = files if run.over else None
        first = self._run.epochs.first if self._run else self._first
        known = UNKNOWN if first is None else first
        numbers = {"step": self.epoch_done, FIRST: known, HORIZON: self.setup.horizon}
        tensors = {name: torch.tensor(number) for name, number in numbers.items()}
        tensors[AHEAD] = torch.tensor(list(self._ahead.packed()), dtype=torch.uint8)
        return MemberState({}, tensors, files)

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``: the script finds its files in ``PACELINE_CHECKPOINT``."""
        assert k == 0
        first = int(state.optimizer[FIRST])
        self._files, self._first = state.files, None if first == UNKNOWN else first
        ahead = Ahead.unpacked(bytes(state.optimizer[AHEAD].tolist()))
        same = int(state.optimizer[HORIZON]) == self.setup.horizon  # else it may have ended as it was to
        self._ahead = replace(ahead, ended=ahead.ended and same)
        if ahead.params != self._params:  # what others have come to is not measured with these
            self._ahead = Ahead(ahead.told)
        self.metrics = dict(self._ahead.told)

    def keep(self, ks: Sequence[int]) -> None:
        """Keep the only member; without it the whole loop is dropped instead."""
        assert list(ks) == [0]

    def artifacts(self) -> Artifacts:
        """Return the files that the script has logged since the last call."""
        found = Artifacts(way=WHOLE)
        for name, file in self._run.logged.new(self._run.over).items() if self._run else ():
            found.keep(name, file)
        key = self.command.program, self.command.words
        found.told = [] if key in _told_of_size else found.told[:1]  # each trial logs the same files
        _told_of_size.update([key] if found.told else [])
        return found

    def close(self) -> None:
        """End the script with all that it has started, and remove its files."""
        if self._run is not None:
            self._run.close()


def _is_odd(path: Path) -> bool:
    """Return whether a path is a pipe, a socket or a device, or a link that leads back above itself."""
    if path.is_dir():
        return path.is_symlink() and any(path.samefile(above) for above in path.parents)
    return path.exists() and not path.is_file()


def _marks(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of each file below a folder."""
    files = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
    return {str(path): (found.st_size, found.st_mtime_ns) for path, found in files}
