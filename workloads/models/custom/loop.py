"""Runs a user's training function epoch by epoch: in a thread of its own, which ``report`` stops between epochs."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from search_spaces.types.faults import did_you_mean
from workloads.data.search_data import SearchData
from workloads.files.artifacts import Artifacts
from workloads.files.saved_files import SavedFiles, contents
from workloads.models.custom.generators import Generators
from workloads.models.custom.predictor import Predictor, earlier_files
from workloads.models.custom.process_state import OwnState
from workloads.models.custom.ranks.present_group import FunctionThread
from workloads.models.custom.ranks.reports import BadReport, Told, reduced, where_not_finite
from workloads.models.custom.ranks.shards import joined
from workloads.models.custom.ranks.together import NeverTogether, all_ranks
from workloads.models.custom.run import Run, Save
from workloads.models.custom.run_parts.rows import RawTable
from workloads.models.custom.signature import arguments
from workloads.models.custom.trial_log import part_of, turn
from workloads.training.batches import ResidentData, tensor
from workloads.training.setup import MemberState, Setup, Trainee

GENERATORS = "generators"
REPORTED = "reported"
"""Name, in a state, of the last epoch's metrics, and whether the function has returned behind it: as JSON."""
TRIED_ROWS = 256
BEHIND_RETURN = (
    "the function had returned: what its last report saves is asked for then, too, so save must not need "
    "what ends with the function, such as a temporary folder"
)
SAVED_ALONE = "save was called on rank 0 alone, and run.report(save, sharded=True) calls it on every rank"
LEAVE_S = 1.0
"""Seconds that a function has to return, or to end its ``with`` blocks, once it is given up."""
_tried: list[Callable[..., Any]] = []
"""The functions ``predict`` that have predicted once in this process."""


class OwnLoop:
    """Trains one member by a user's function, in a state of the process of its own.

    If the function saves nothing, a training that continues in another process starts from its first epoch.
    One that returns is done at the epoch that it has reported last.
    """

    def __init__(self, train: Callable[..., None], setup: Setup, member: Trainee) -> None:
        self.setup, self.members, self.epoch_done = setup, [member], 0
        self._train, self._generators = train, b""
        self._saved: SavedFiles | None = None
        self._saved_at = 0
        """Epoch after which ``_saved`` and ``_generators`` were taken."""
        self._run: Run | None = None
        self.finished = False
        """Whether the function has returned: there is no later epoch."""
        self._metrics: Mapping[str, float] = {}
        """Those of the last epoch, of all ranks together."""
        self._others: Sequence[bytes] = ()
        """Random generators of the other ranks, if this is the first."""
        self._own = OwnState(member.seed)
        self._part = part_of(member.seed, setup.fold)
        self.where: dict[str, str] = {}
        """On which ranks a metric is not finite, if not on all."""

    def epoch(self) -> list[dict[str, float]]:
        """Train one more epoch, and return the reported metrics: the last ones again where the function returned.

        Raises what the function raises, and RuntimeError where it returns without any report, or on some ranks
        alone, or does not report the objective.
        """
        if self.finished:
            return [dict(self._metrics)]
        run = self._run or self._begun()
        target = self.epoch_done + 1
        while run.epoch < target and not self.finished:
            self._advance(run)
        objective = self.setup.objective.name
        if objective not in self._metrics:
            names = ", ".join(self._metrics) or "nothing"
            told = f"{names} at epoch {target}{did_you_mean(objective, self._metrics)}"
            raise RuntimeError(f"{self._train.__name__} must report {objective}; it reported {told}")
        self.epoch_done += not self.finished
        return [dict(self._metrics)]

    @property
    def resumable(self) -> bool:
        """Whether the function saved something at its last report."""
        return self._run is None or self._run.save is not None

    def _advance(self, run: Run) -> None:
        with turn(self.members[0].trial, self._part), self._own:
            run.turns.advance()
            told = self._on_all(run, "each must report every epoch")
            if ended := [rank for rank, one in enumerate(told) if one.ended]:
                if len(ended) < len(told) or not self._metrics:
                    raise self._ended(run, ended[0])
                self.finished = True
                return
            deciding = (self.setup.objective.name, "train_loss", "val_loss")
            try:
                metrics = told[0].metrics if len(told) == 1 else reduced(told, deciding)
            except BadReport as fault:
                run.turns.refuse(fault)  # raised where the function reports, so that its line is told
                run.turns.wait()
                raise run.turns.error or fault from None
        self.where = {name: where_not_finite(told, name) for name in deciding}
        if run.epoch >= self.epoch_done:  # else it is trained again, and may come to other values
            self._metrics = metrics
        run.epoch += 1

    def _ended(self, run: Run, rank: int) -> RuntimeError:
        """Return the error that the function has returned too early on a rank."""
        alone = self.setup.group.alone
        who = self._train.__name__ + ("" if alone else f" on rank {rank}")
        asked = f"it must report every epoch up to run.num_epochs = {run.num_epochs}"
        return RuntimeError(
            f"{who} ended behind epoch {run.epoch}: {asked}{'' if alone else ', or return on all ranks'}"
        )

    def _on_all(self, run: Run, why: str, waits: bool = True) -> Sequence[Told]:
        """Wait for the functions of all ranks, of this one if it ``waits``, and return their last reports.

        Raises what the function raises, and RuntimeError where one waits for ever: ``why`` says what to do.
        """

        def told(seconds: float | None = None) -> Told | None:
            if waits and not run.turns.wait(seconds):
                return None
            if run.turns.error is not None:
                raise run.turns.error
            return replace(run.told, ended=run.turns.ended)

        if self.setup.group.alone:
            return [told() or run.told]
        try:
            return all_ranks(self.setup.group, self._thread, told, why)
        except NeverTogether as never:
            ended = [rank for rank, one in never.there.items() if one.ended]
            if not ended:
                raise
            raise self._ended(run, ended[0]) from None

    def _begun(self) -> Run:
        epoch, generators = (self.epoch_done, self._generators) if self._saved else (0, b"")
        run = Run(self.setup, self.members[0], epoch, self._saved, generators)
        self._own = OwnState(run.seed, 0 if generators else run.epoch, rank=run.rank)
        hp = arguments(self._train, self.members[0].hp)
        self._thread = FunctionThread(target=run.begin, args=(self._train, hp), daemon=True)
        self._thread.start()
        weakref.finalize(self, _end, run, self._thread, self._own)
        self._run, self._saved_at = run, run.epoch
        return run

    def artifacts(self) -> Artifacts:
        """Return the files that the function has logged since the last call."""
        return Artifacts() if self._run is None else self._run.artifacts.take()

    def finite(self) -> list[bool]:
        """Return true: the weights are not known, and metrics that are not finite show divergence."""
        return [True]

    def state(self, k: int) -> MemberState:
        """Return the files of the function's last ``save``, and the random generators as a tensor.

        A second call after the same epoch returns the same files.
        """
        assert k == 0
        if self._run is not None and self._saved_at != self._run.epoch:
            with turn(self.members[0].trial, self._part), self._own:
                generators = Generators.now()
                self._saved = self._files(self._run)
                generators.put_back()  # the clock decides when a checkpoint is due, and training is to be the same
            self._generators, self._saved_at = generators.to_bytes(), self._run.epoch
            self._others = self.setup.group.gathered(self._generators)[1:]
            self._try_predict()
        kept = {_name(rank): _tensor(content) for rank, content in enumerate([self._generators, *self._others])}
        kept[REPORTED] = _tensor(json.dumps([dict(self._metrics), self.finished]).encode())
        return MemberState({}, {"step": torch.tensor(self.epoch_done), **kept}, self._saved)

    def _files(self, run: Run) -> SavedFiles | None:
        """Have rank 0, or each rank, save. Return the files on rank 0; else None."""
        group, save = self.setup.group, run.save
        if not group.agree(save is not None):
            return None
        calls = save is not None and (group.first or run.told.sharded)
        if save is not None and calls:
            run.turns.ask(partial(saved, save))
        try:
            self._on_all(run, SAVED_ALONE, calls)
        except Exception as error:
            if self.finished:
                error.add_note(BEHIND_RETURN)
            raise
        files: SavedFiles | None = run.turns.answer if calls else None
        return joined(group, files) if files and run.told.sharded else files

    def _try_predict(self) -> None:
        """Call ``predict`` on the first files of this process: its faults are told now, not after the search."""
        model = self.setup.build(self.members[0])
        if self._saved is None or not self.setup.group.first or not isinstance(model, Predictor):
            return
        if not self.setup.data.given or model.predict is None or model.predict in _tried:
            return
        model.take(MemberState({}, {}, self._saved))
        with OwnState(self.members[0].seed):
            model(self.setup.data.inputs(self.setup.data.x_val[:TRIED_ROWS]))
        _tried.append(model.predict)

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``: the function gets its files in ``run.folder``, to do with them what it likes.

        In a fold whose function has returned it is not called again, as other folds go on without it.
        """
        assert k == 0
        self._saved = state.files or earlier_files(state.model)
        kept = state.optimizer.get(_name(self.setup.group.rank))  # earlier versions kept none, nor did fewer ranks
        self._generators = b"" if kept is None else kept.numpy().tobytes().strip(b"\0")
        if REPORTED in state.optimizer:
            self._metrics, has_ended = json.loads(state.optimizer[REPORTED].numpy().tobytes())
            self.finished = has_ended and self.setup.fold is not None

    def keep(self, ks: Sequence[int]) -> None:
        """Keep the only member; without it the whole loop is dropped instead."""
        assert list(ks) == [0]


def _end(run: Run, thread: threading.Thread, state: OwnState) -> None:
    """Give the function up, and wait until it has ended its ``with`` blocks: they may put something back, too."""
    try:
        with state:
            _give_up(run, thread)
    except RuntimeError:  # its folder is gone
        with OwnState(run.seed):
            _give_up(run, thread)


def _give_up(run: Run, thread: threading.Thread) -> None:
    run.turns.abandon()
    thread.join(LEAVE_S)


def _name(rank: int) -> str:
    """Return the name of the rank's random generators in a checkpoint."""
    return f"{GENERATORS}.{rank}" if rank else GENERATORS


def _tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8)


def untouched(search: SearchData, as_rows: bool = False) -> ResidentData:
    """Return both splits with raw examples and targets: preprocessing is up to the user's function.

    ``as_rows``: its ``predict`` takes a table's rows as a DataFrame.
    """
    shape, raw = search.shape().unscaled(), RawTable(search.train.columns, search.classes, as_rows)
    x_train, y_train = tensor(search.train.x), tensor(search.train.y)
    x_val, y_val = tensor(search.val.x), tensor(search.val.y)
    return ResidentData(x_train, y_train, x_val, y_val, shape, raw, torch.float64, ready=not as_rows)


def saved(save: Save) -> SavedFiles:
    """Return the folder that ``save`` has filled. Raises NotAFile for what cannot be kept."""
    files = SavedFiles.empty()
    save(files.path)
    files.path.mkdir(exist_ok=True)
    contents(files.path)
    return files
