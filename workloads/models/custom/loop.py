"""Runs a user's training function epoch by epoch: in a thread of its own, which ``report`` stops between epochs."""

from __future__ import annotations

import contextlib
import io
import threading
import weakref
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from workloads.arrays import Array
from workloads.data.search_data import SearchData
from workloads.models.custom.generators import Generators, Seedings
from workloads.models.custom.predictions import Predictions
from workloads.models.custom.process_state import OwnState
from workloads.training.batches import ResidentData, tensor
from workloads.training.setup import MemberState, Setup, Trainee

Save = Callable[[Path], object]
FILES, GENERATORS = "files", "generators"
TRIED_ROWS = 256
OF_DATA = ("x_train", "y_train", "x_val", "y_val", "num_outputs", "problem")
"""Attributes of a ``Run`` that it has only where the sweep has data."""
LEAVE_S = 1.0
"""Seconds that a function has to return, or to end its ``with`` blocks, once it is given up."""
_tried: list[Callable[..., Any]] = []
"""The functions ``predict`` that have predicted once in this process."""


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
        self, setup: Setup, member: Trainee, epoch: int, folder: Path | None, generators: bytes = b""
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
        self._folder, self._generators = folder, generators
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
        return self._folder

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


class OwnLoop:
    """Trains one member by a user's function, in a state of the process of its own.

    If the function saves nothing, a training that continues in another process starts from its first epoch.
    """

    def __init__(self, train: Callable[..., None], setup: Setup, member: Trainee) -> None:
        self.setup, self.members, self.epoch_done = setup, [member], 0
        self._train, self._saved, self._generators = train, b"", b""
        self._run: Run | None = None
        self._own = OwnState(member.seed)
        self._folder: TemporaryDirectory[str] | None = None

    def epoch(self) -> list[dict[str, float]]:
        """Train one more epoch, and return the reported metrics.

        Raises what the function raises, and RuntimeError where it ends too early or does not report the objective.
        """
        run = self._run or self._begun()
        target = self.epoch_done + 1
        while run.epoch < target:
            self._advance(run)
        objective = self.setup.objective.name
        if objective not in run.metrics:
            shown = ", ".join(run.metrics) or "nothing"
            raise RuntimeError(f"{self._train.__name__} must report {objective}; it reported {shown}")
        self.epoch_done = target
        return [dict(run.metrics)]

    @property
    def resumable(self) -> bool:
        """Whether the function saved something at its last report."""
        return self._run is None or self._run.save is not None

    def _advance(self, run: Run) -> None:
        with self._own:
            run.advance()
        if run.error is not None:
            raise run.error
        if run.ended:
            asked = f"it must report every epoch up to run.num_epochs = {run.num_epochs}"
            raise RuntimeError(f"{self._train.__name__} ended behind epoch {run.epoch}: {asked}")
        run.epoch += 1

    def _begun(self) -> Run:
        folder = None
        if self._saved:
            self._folder = TemporaryDirectory()
            folder = unpacked(self._saved, Path(self._folder.name))
        epoch, generators = (self.epoch_done, self._generators) if folder else (0, b"")
        run = Run(self.setup, self.members[0], epoch, folder, generators)
        self._own = OwnState(run.seed, 0 if generators else run.epoch)
        hp = asdict(self.members[0].hp)
        thread = threading.Thread(target=run.begin, args=(self._train, hp), daemon=True)
        thread.start()
        weakref.finalize(self, _end, run, thread, self._own)
        self._run = run
        return run

    def finite(self) -> list[bool]:
        """Return true: the weights are not known, and metrics that are not finite show divergence."""
        return [True]

    def state(self, k: int) -> MemberState:
        """Return the files of the function's last ``save``, and the random generators, as uint8 tensors."""
        assert k == 0
        if self._run is not None:
            with self._own:
                generators = Generators.now()
                self._saved = packed(self._run.save) if self._run.save else b""
                generators.put_back()  # the clock decides when a checkpoint is due, and training is to be the same
            self._generators = generators.to_bytes()
            self._try_predict()
        optimizer = {"step": torch.tensor(self.epoch_done), GENERATORS: _bytes(self._generators)}
        return MemberState({FILES: _bytes(self._saved or b"\0")}, optimizer)

    def _try_predict(self) -> None:
        """Call ``predict`` on the first files of this process: its faults are told now, not after the search."""
        model = self.setup.build(self.members[0])
        if not self._saved or not isinstance(model, Predictor) or model.predict is None or model.predict in _tried:
            return
        if not self.setup.data.given:
            return
        model.load_state_dict({FILES: _bytes(self._saved)})
        with OwnState(self.members[0].seed):
            model(self.setup.data.x_val[:TRIED_ROWS])
        _tried.append(model.predict)

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``: the function finds its files in ``run.folder``."""
        assert k == 0
        self._saved = _content(state.model)
        kept = state.optimizer.get(GENERATORS)  # earlier versions kept none
        self._generators = b"" if kept is None else kept.numpy().tobytes()

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
    run.abandon()
    thread.join(LEAVE_S)


class Predictor(nn.Module):
    """Model from inputs (rows, *example) to scores (rows, outputs), by the user's ``predict`` and saved files."""

    def __init__(self, predict: Callable[..., Any] | None, predictions: Predictions) -> None:
        super().__init__()
        self.predict, self._predictions = predict, predictions
        self._files = b""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take the saved files from the state."""
        self._files = _content(state_dict)

    def forward(self, x: Tensor) -> Tensor:
        """Return float64 scores (rows, outputs), as ``Predictions.scores`` reads them.

        Raises RuntimeError for what cannot be read, and where nothing was saved.
        """
        assert self.predict is not None
        if not self._files:
            raise RuntimeError("there is nothing to predict with: run.report(save) saved no files")
        with TemporaryDirectory() as folder:
            returned = self.predict(unpacked(self._files, Path(folder)), x.cpu().numpy())
            return torch.from_numpy(self._predictions.scores(returned, len(x)))


def untouched(search: SearchData) -> ResidentData:
    """Return both splits with raw examples and targets: preprocessing is up to the user's function."""
    shape = search.shape().unscaled()
    x_train, y_train = tensor(search.train.x), tensor(search.train.y)
    x_val, y_val = tensor(search.val.x), tensor(search.val.y)
    return ResidentData(x_train, y_train, x_val, y_val, shape, nn.Identity(), torch.float64, ready=True)


def _bytes(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)


def packed(save: Save) -> bytes:
    """Return a ZIP archive of the files that ``save`` writes into an empty folder."""
    buffer = io.BytesIO()
    with TemporaryDirectory() as name:
        save(Path(name))
        with zipfile.ZipFile(buffer, "w") as archive:
            for file in sorted(path for path in Path(name).rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(name))
    return buffer.getvalue()


def unpacked(content: bytes, folder: Path) -> Path:
    """Extract the ZIP archive ``content`` into ``folder``, and return ``folder``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def _content(state: Mapping[str, Tensor]) -> bytes:
    content = state[FILES].cpu().numpy().tobytes()
    with contextlib.suppress(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(content)).close()
        return content
    return b""
