"""What a user's training function gets: its data and state, and its way to report between epochs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from workloads.arrays import Array
from workloads.files.saved_files import SavedFiles
from workloads.models.custom.generators import Generators, Seedings
from workloads.training.setup import Setup, Trainee

Save = Callable[[Path], object]
OF_DATA = ("x_train", "y_train", "x_val", "y_val", "num_outputs", "problem")
"""Attributes of a ``Run`` that it has only where the sweep has data."""


class Abandoned(BaseException):
    """Raised by ``report`` when the training is not continued here; a function that catches it must return."""


class Run:
    """Data and state that a training function gets, and its way to report.

    Where the sweep has data, ``x_train``, ``y_train``, ``x_val`` and ``y_val`` are raw NumPy arrays, to be read
    only, as other trainings use them, too: tables (rows, columns), images (rows, channels, height, width);
    ``num_outputs`` is the number of classes, or 1, and ``problem`` classification or regression.
    """

    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    num_outputs: int
    problem: str

    def __init__(
        self, setup: Setup, member: Trainee, epoch: int, saved: SavedFiles | None, generators: bytes = b""
    ) -> None:
        data = setup.data
        if data.given:
            self.x_train, self.y_train = _fixed(data.x_train), _targets(data.y_train)
            self.x_val, self.y_val = _fixed(data.x_val), _targets(data.y_val)
            self.num_outputs, self.problem = data.shape.num_outputs, data.shape.problem
        self.seed: int = member.seed
        self.epoch = epoch
        """Number of epochs that are trained already."""
        self.num_epochs: int = setup.horizon
        """Last epoch that this training may have to reach."""
        self._saved, self._generators = saved, generators
        self._seedings: Seedings | None = None
        self._turn, self._told = threading.Semaphore(0), threading.Semaphore(0)
        self._abandoned = False
        self.metrics: Mapping[str, float] = {}
        self.save: Save | None = None
        self.error: BaseException | None = None
        self.ended = False

    def __getattr__(self, name: str) -> Any:
        """Say what is missing where the sweep has no data: called for attributes that are not there."""
        if name in OF_DATA:
            raise AttributeError(f"run.{name} is not there: the sweep has no data (its spec has no 'data:')")
        raise AttributeError(f"run has no attribute {name!r}")

    @property
    def folder(self) -> Path | None:
        """Folder with the files saved at ``epoch``; None at the beginning, or if nothing was saved.

        The first reading before the first report puts the global random generators back to their states at
        ``epoch``: so what the function draws before, to make a model that it then loads, changes nothing. Those
        that the function has seeded by then are left alone: it has chosen their numbers, in each leg the same.
        """
        if self._generators:
            seeded = self._seedings.seeded if self._seedings else ()
            Generators.from_bytes(self._generators).put_back(seeded)
            self._forget_generators()
        return None if self._saved is None else self._saved.path

    def _forget_generators(self) -> None:
        self._generators = b""
        if self._seedings:
            self._seedings.end()

    def report(self, save: Save | None = None, **metrics: float) -> None:
        """Report the end of an epoch, and wait until training continues.

        ``save(folder)`` writes the files from which training can continue. Names of ``metrics`` begin with
        ``train_`` or ``val_``; the sweep's metric must be among them.
        """
        self.metrics, self.save = {name: float(value) for name, value in metrics.items()}, save
        self._forget_generators()
        self._told.release()
        self._turn.acquire()
        if self._abandoned:
            raise Abandoned

    def advance(self) -> None:
        """Let the function train one epoch, and wait for its report or its end; called by the loop."""
        self._turn.release()
        self._told.acquire()

    def begin(self, train: Callable[..., None], hp: Mapping[str, Any]) -> None:
        """Wait for the first ``advance``, then call ``train(self, **hp)``; the body of the function's thread."""
        self._turn.acquire()
        if not self._abandoned:
            try:
                if self._generators:
                    Generators.from_bytes(self._generators).put_back()
                    self._seedings = Seedings()
                train(self, **hp)
            except Abandoned:
                return
            except BaseException as error:  # noqa: BLE001 - raised again in the loop's thread
                self.error = error
            self._forget_generators()
        self.ended = True
        self._told.release()

    def abandon(self) -> None:
        """End the function's thread at its next report."""
        self._abandoned = True
        self._turn.release()


def _fixed(tensor: Tensor) -> Array:
    array: Array = tensor.numpy()
    array.flags.writeable = False
    return array


def _targets(y: Tensor) -> Array:
    targets = _fixed(y)
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
