"""Runs a user's training function epoch by epoch: it trains in a thread that waits in ``report`` for its turn."""

from __future__ import annotations

import contextlib
import io
import threading
import weakref
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workloads.arrays import Array
from workloads.data.search_data import SearchData
from workloads.training.batches import ResidentData, tensor
from workloads.training.setup import MemberState, Setup, Trainee

Save = Callable[[Path], object]
FILES = "files"


class Abandoned(BaseException):
    """Raised in ``report`` where a training will not go on here; a function that catches it must end."""


class Run:
    """What a training function is given. Arrays are raw NumPy: tables (rows, columns), images (rows, c, h, w)."""

    def __init__(self, setup: Setup, member: Trainee, epoch: int, folder: Path | None) -> None:
        data = setup.data
        self.x_train, self.y_train = data.x_train.numpy(), _targets(data.y_train)
        self.x_val, self.y_val = data.x_val.numpy(), _targets(data.y_val)
        self.num_outputs: int = data.shape.num_outputs
        self.problem: str = data.shape.problem
        self.seed: int = member.seed
        self.epoch = epoch
        """Epochs that are behind this training."""
        self.num_epochs: int = setup.horizon
        """The last epoch that could be asked for."""
        self.folder = folder
        """What was saved at ``epoch``; None where training begins, or nothing was saved."""
        self._turn, self._told = threading.Semaphore(0), threading.Semaphore(0)
        self._abandoned = False
        self.metrics: Mapping[str, float] = {}
        self.save: Save | None = None
        self.error: BaseException | None = None
        self.ended = False

    def report(self, save: Save | None = None, **metrics: float) -> None:
        """The end of an epoch: what was measured, and how to save into a folder; waits until training goes on.

        Names begin with ``train_`` or ``val_``; the sweep's metric must be among them.
        """
        self.metrics, self.save = {name: float(value) for name, value in metrics.items()}, save
        self._told.release()
        self._turn.acquire()
        if self._abandoned:
            raise Abandoned

    def advance(self) -> None:
        """From the loop: lets the function train an epoch, and waits for its report, or its end."""
        self._turn.release()
        self._told.acquire()

    def begin(self, train: Callable[..., None], hp: Mapping[str, Any]) -> None:
        """The body of the function's thread."""
        self._turn.acquire()
        if not self._abandoned:
            try:
                train(self, **hp)
            except Abandoned:
                return
            except BaseException as error:  # noqa: BLE001 - raised again in the loop's thread
                self.error = error
        self.ended = True
        self._told.release()

    def abandon(self) -> None:
        """Ends the thread at its next report."""
        self._abandoned = True
        self._turn.release()


def _targets(y: Tensor) -> Array:
    targets: Array = y.numpy()
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


class OwnLoop:
    """Trains one member by a function. Without ``save`` a training that goes on elsewhere begins anew."""

    def __init__(self, train: Callable[..., None], setup: Setup, member: Trainee) -> None:
        self.setup, self.members, self.epoch_done = setup, [member], 0
        self._train, self._saved = train, b""
        self._run: Run | None = None
        self._folder: TemporaryDirectory[str] | None = None

    def epoch(self) -> list[dict[str, float]]:
        """One more epoch. Raises what the function raises, and RuntimeError where it ends too early."""
        run = self._run or self._begun()
        target = self.epoch_done + 1
        while run.epoch < target:
            run.advance()
            if run.error is not None:
                raise run.error
            if run.ended:
                asked = f"it must report every epoch up to run.num_epochs = {run.num_epochs}"
                raise RuntimeError(f"{self._train.__name__} ended behind epoch {run.epoch}: {asked}")
            run.epoch += 1
        objective = self.setup.objective.name
        if objective not in run.metrics:
            shown = ", ".join(run.metrics) or "nothing"
            raise RuntimeError(f"{self._train.__name__} must report {objective}; it reported {shown}")
        self.epoch_done = target
        return [dict(run.metrics)]

    def _begun(self) -> Run:
        folder = None
        if self._saved:
            self._folder = TemporaryDirectory()
            folder = unpacked(self._saved, Path(self._folder.name))
        run = Run(self.setup, self.members[0], self.epoch_done if folder else 0, folder)
        hp = asdict(self.members[0].hp)
        threading.Thread(target=run.begin, args=(self._train, hp), daemon=True).start()
        weakref.finalize(self, run.abandon)
        self._run = run
        return run

    def finite(self) -> list[bool]:
        """Nothing is known of the weights; the metrics tell."""
        return [True]

    def state(self, k: int) -> MemberState:
        """What the function's last ``save`` writes, as one tensor of bytes."""
        assert k == 0
        if self._run is not None:
            self._saved = packed(self._run.save) if self._run.save else b""
        files = torch.frombuffer(bytearray(self._saved or b"\0"), dtype=torch.uint8)
        return MemberState({FILES: files}, {"step": torch.tensor(self.epoch_done)})

    def load(self, k: int, state: MemberState) -> None:
        """Go on from ``state``: the function finds its files in ``run.folder``."""
        assert k == 0
        self._saved = _content(state.model)

    def keep(self, ks: Sequence[int]) -> None:
        """One member is kept or the loop is thrown away as a whole."""
        assert list(ks) == [0]


class Predictor(nn.Module):
    """What a function saved, as a model: (rows, *example) to the scores of the user's ``predict``."""

    def __init__(self, predict: Callable[..., Any] | None, num_outputs: int) -> None:
        super().__init__()
        self._predict, self._num_outputs = predict, num_outputs
        self._files = b""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Takes the files."""
        self._files = _content(state_dict)

    def forward(self, x: Tensor) -> Tensor:
        """Raises RuntimeError for scores of another shape, and where nothing was saved."""
        assert self._predict is not None
        if not self._files:
            raise RuntimeError("there is nothing to predict with: run.report(save) saved no files")
        with TemporaryDirectory() as folder:
            scores = np.asarray(self._predict(unpacked(self._files, Path(folder)), x.cpu().numpy()))
        scores = scores.reshape(len(x), -1)
        if scores.shape[1] == 1 and self._num_outputs == 2:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)  # a decision function's one column
        if scores.shape[1] != self._num_outputs:
            raise RuntimeError(f"predict gave {scores.shape[1]} columns, not {self._num_outputs}")
        return torch.from_numpy(scores.astype(np.float64))


def untouched(search: SearchData) -> ResidentData:
    """The raw examples and targets: what a function makes of them is its own affair."""
    shape = replace(search.shape(), target_mean=0.0, target_std=1.0)
    x_train, y_train = tensor(search.train.x), tensor(search.train.y)
    x_val, y_val = tensor(search.val.x), tensor(search.val.y)
    return ResidentData(x_train, y_train, x_val, y_val, shape, nn.Identity(), torch.float64, ready=True)


def packed(save: Save) -> bytes:
    """The files that ``save`` writes into an empty folder."""
    buffer = io.BytesIO()
    with TemporaryDirectory() as name:
        save(Path(name))
        with zipfile.ZipFile(buffer, "w") as archive:
            for file in sorted(path for path in Path(name).rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(name))
    return buffer.getvalue()


def unpacked(content: bytes, folder: Path) -> Path:
    """``folder`` with the files of ``content`` in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def _content(state: Mapping[str, Tensor]) -> bytes:
    content = state[FILES].cpu().numpy().tobytes()
    with contextlib.suppress(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(content)).close()
        return content
    return b""
