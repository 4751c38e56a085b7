"""What a user's training function gets: its data and state, and its way to report between epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from workloads.files.artifacts import Artifacts
from workloads.files.saved_files import SavedFiles
from workloads.models.custom.generators import Generators, Seedings
from workloads.models.custom.ranks.reports import Reduction, Told
from workloads.models.custom.reported import Purpose, numbers
from workloads.models.custom.run_parts.run_data import RunData
from workloads.models.custom.run_parts.turns import Turns
from workloads.training.setup import Setup, Trainee

Save = Callable[[Path], object]


class Run(RunData):
    """Data and state that a training function gets, and its way to report."""

    def __init__(
        self, setup: Setup, member: Trainee, epoch: int, saved: SavedFiles | None, generators: bytes = b""
    ) -> None:
        super().__init__(setup.data)
        self.seed: int = member.seed
        self.purpose: Purpose = setup.purpose
        """``search``, or ``final`` where the model is to be judged: its test metrics may be reported then alone."""
        self.epoch = epoch
        """Number of epochs that are trained already."""
        self.num_epochs: int = setup.horizon
        """Last epoch that this training may have to reach."""
        self.trial: int = member.trial
        """Number of the trial: 7 of t007."""
        self.artifacts = Artifacts()
        self._objective = setup.objective.name
        self.rank: int = setup.group.rank
        """Number of this worker among the ``world_size`` ones that train together, from 0."""
        self.world_size: int = setup.group.size
        self.local_rank: int = setup.group.local_rank
        """Number of this worker among those on its machine."""
        self.device: torch.device = setup.device
        """Device that this worker trains on."""
        self._saved, self._generators = saved, generators
        self._seedings: Seedings | None = None
        self.turns = Turns()
        """The function's turns and the loop's."""
        self.told = Told({})
        """What the function has reported last."""
        self.save: Save | None = None
        """How it saves, by its last report; None: not at all."""

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

    def report(
        self,
        save: Save | None = None,
        *,
        sharded: bool = False,
        reduce: Reduction | Mapping[str, Reduction] = "mean",
        **metrics: Any,
    ) -> None:
        """Report the end of an epoch, and wait until training continues.

        ``save(folder)`` writes the files from which training can continue. ``metrics`` are numbers of Python, NumPy
        or torch, under any names; the sweep's metric must be among them. Raises ValueError where one cannot be
        kept.

        Of several workers all must report each epoch. A metric is the mean of what they report; ``reduce`` says
        ``sum``, ``min``, ``max`` or ``rank0`` (the first worker's; the others need not have it) instead, of all
        metrics or by name. ``save`` is called on rank 0; if it is ``sharded``, on all, and all files are kept.
        """
        if save is not None and not callable(save):
            rule = "metrics are given by name, as run.report(save, val_loss=0.5) or run.report(save, **metrics)"
            raise TypeError(f"save must be a function of a folder, received {type(save).__name__}: {rule}")
        found = numbers(metrics, self._objective, self.purpose)
        self.told, self.save = Told(found, reduce, save is not None, sharded).checked(), save
        self._forget_generators()
        self.turns.hand_over()

    def log_artifact(self, path: str | Path, artifact_path: str = "") -> None:
        """Keep a file, or all files of a folder, as they are now, as artifacts of the trial's MLflow run.

        ``artifact_path`` is the folder there. They are sent with the epoch's report; of more than 4 MiB an epoch
        the last ones are left out, and told.
        """
        self.artifacts.add(Path(path), artifact_path)

    def begin(self, train: Callable[..., None], hp: Mapping[str, Any]) -> None:
        """Call ``train(self, **hp)`` in its turns; the body of the function's thread."""
        self.turns.play(partial(self._trained, train, hp))

    def _trained(self, train: Callable[..., None], hp: Mapping[str, Any]) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # each thread has its own
        if self._generators:
            Generators.from_bytes(self._generators).put_back()
            self._seedings = Seedings()
        try:
            train(self, **hp)
        finally:
            self._forget_generators()
