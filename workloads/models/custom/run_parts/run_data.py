"""The data that a user's function gets where its sweep has some: arrays, DataLoaders, and a table's own rows."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

from torch import Tensor

from workloads.arrays import Array
from workloads.models.custom.run_parts.rows import RawTable, Rows, frame, targets
from workloads.training.batches import ResidentData

OF_DATA = ("x_train", "y_train", "x_val", "y_val", "num_outputs", "problem", "classes", "rows")


class RunData:
    """Data of a run: ``x_train``, ``y_train``, ``x_val`` and ``y_val`` are there where the sweep has data.

    They are raw NumPy arrays, to be read only, as other trainings use them, too: tables (rows, columns), images
    (rows, channels, height, width).
    """

    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    num_outputs: int
    """Number of classes, or of numbers to predict."""
    problem: str
    """``classification`` or ``regression``."""
    classes: tuple[str, ...]
    """Names of the classes, of which ``y_train`` has the places; empty for a regression."""
    seed: int
    epoch: int
    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    def __init__(self, data: ResidentData) -> None:
        self._raw = data.prepare
        if not data.given:
            return
        self.x_train, self.y_train = _fixed(data.x_train), _targets(data.y_train)
        self.x_val, self.y_val = _fixed(data.x_val), _targets(data.y_val)
        self.num_outputs, self.problem = data.shape.num_outputs, data.shape.problem
        self.classes = tuple(self._raw.classes) if isinstance(self._raw, RawTable) else ()

    def __getattr__(self, name: str) -> Any:
        """Raise AttributeError, which names what is missing where the sweep has no data."""
        if name in OF_DATA:
            raise AttributeError(f"run.{name} is not there: the sweep has no data (its spec has no 'data:')")
        raise AttributeError(f"run has no attribute {name!r}")

    @cached_property
    def rows(self) -> Rows:
        """A table's rows: DataFrames with the names of the columns, categories as words, dates as dates."""
        x_train, y_train, x_val, y_val = self.x_train, self.y_train, self.x_val, self.y_val
        if not isinstance(self._raw, RawTable) or not self._raw.columns:
            raise RuntimeError("run.rows is there for tables alone: the data of this sweep have no columns")
        x, y = partial(frame, columns=self._raw.columns), partial(targets, classes=self.classes)
        return Rows(x(x_train), y(y_train), x(x_val), y(y_val))

    def loaders(self, batch_size: int, **options: Any) -> tuple[Any, Any]:
        """Return DataLoaders of the training and of the validation rows; ``options`` are DataLoader's.

        The training rows come in another order in each epoch, which ``seed`` and ``epoch`` determine. Of several
        workers each gets its part: of the training rows less than one for each is left out, and of the validation
        rows the first may come twice, so that all have equally many.
        """
        from workloads.models.custom.run_parts import loaders as own_loaders  # 20 ms

        train, val = own_loaders.examples(self.x_train, self.y_train), own_loaders.examples(self.x_val, self.y_val)
        worker = (self.rank, self.world_size)
        order = own_loaders.Order.shuffled(train, lambda: self.epoch, self.seed, worker)

        def noise() -> int:
            return own_loaders.noise_of(self.seed, self.epoch, self.rank)

        first = own_loaders.loader(train, order, batch_size, options, noise)
        return first, own_loaders.loader(val, own_loaders.Order.plain(val, worker), batch_size, options, noise)


def _fixed(tensor: Tensor) -> Array:
    array: Array = tensor.numpy()
    array.flags.writeable = False
    return array


def _targets(y: Tensor) -> Array:
    targets = _fixed(y)
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets
