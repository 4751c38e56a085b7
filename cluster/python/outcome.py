"""A sweep's result: its trials as tables, what was best, the champion's model and the weights of any trial."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.driver.comparing.comparison import Comparison
from cluster.python.notebook import cell
from cluster.python.resume import home_of
from cluster.python.specs import path_kept
from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import CANNOT_GO_ON, BrokeOff, SweepError
from search_spaces.types.faults import SpecError
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params
from tracking import names

if TYPE_CHECKING:
    import pandas as pd

    from cluster.sweep.reading import Reading
    from tracking.names import SweepState


@contextmanager
def telling() -> Iterator[None]:
    """Raise BrokeOff where the block finds a study or a file that cannot be read."""
    try:
        yield
    except CANNOT_GO_ON as error:
        raise BrokeOff(str(error)) from error


@contextmanager
def _asking_mlflow() -> Iterator[None]:
    """Raise SweepError where MLflow's store is away, or refuses us, in the block."""
    from tracking.store.errors import Away, Refused  # 20 ms: sqlite3

    try:
        yield
    except (Away, Refused, FileNotFoundError) as error:
        raise SweepError(f"MLflow cannot be asked: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Best:
    """A trial, its best value in the search and its searched hyperparameters; ``by`` is what chose it."""

    number: int
    value: float
    params: Params
    by: str


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """The trial to recommend, by the values of all trials with all their seeds."""

    number: int
    params: Params
    mean: float
    """Mean over its ``seeds``, with the standard deviation ``std``: None with one seed."""
    std: float | None
    seeds: int
    estimate: float
    """The mean, shrunk toward the better half of the trials, with its 95 % interval."""
    ci95: tuple[float, float] | None


def _version(home: SweepHome) -> object:
    """Return a value that stays equal until the sweep is written to; a database may be at any time: never equal."""
    try:
        if isinstance(home.study, str):
            return object()
        there = [path.stat() for path in (home.journal, home.document)]
    except (OSError, SpecError):  # what is damaged or gone is told by whoever reads it
        return object()
    return [(one.st_ino, one.st_size, one.st_mtime_ns) for one in there]


@dataclass(repr=False)
class Outcome:
    """A sweep's results on disk, which are read anew while it runs, and where it was written to since."""

    home: SweepHome
    _known: Reading | None = None
    _known_version: object = None
    _model: Any = None
    _shown_in: int | None = None
    """Number of the notebook's cell that shows it already, as it has run the sweep; None: none does."""
    _goes_on: Callable[[], bool] | None = None
    """Whether the process that drives it, which this one has started, has not ended; None: there is none."""

    @property
    def _read(self) -> Reading:
        from cluster.sweep.reading import Reading  # 140 ms: Optuna

        with path_kept(), telling():
            version = _version(self.home)
            if self._known is not None and not self._known.live and version == self._known_version:
                return self._known
            self._known, self._known_version = Reading.of(self.home), version
        if self._known.wrong:
            warnings.warn(self._known.wrong, stacklevel=3)
        return self._known

    @property
    def id(self) -> str:
        """The sweep's ID."""
        return self.home.id

    @property
    def name(self) -> str:
        """The spec's name."""
        return self._read.sweep.name

    @property
    def state(self) -> SweepState:
        """``running``, ``finished``, ``stopped``, or ``failed``: no trial came to a value."""
        return "running" if self._goes_on is not None and self._goes_on() else self._read.state

    @property
    def best(self) -> Best | None:
        """The champion, or before a final evaluation the recommended trial; None before the first value."""
        found = self.to_dict()["best"]
        return found and Best(**{name: found[name] for name in Best.__dataclass_fields__})

    @property
    def recommended(self) -> Recommended | None:
        """The trial to recommend by what the search knows; None before the first value."""
        found = self.to_dict()["recommended"]
        return found and Recommended(**{**found, "ci95": found["ci95"] and tuple(found["ci95"])})

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """The final evaluation, as in the JSON document; None without one."""
        return self._read.facts.verdict

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial: state, epochs, values, run in MLflow, and its hyperparameters in columns.

        With several seeds of a trial the values are of the first, and ``mean_METRIC`` is the mean of the best ones.
        """
        from tracking.results.exact_values import with_all_digits, with_exact_values  # 100 ms
        from tracking.results.table import trials  # 100 ms

        read, metric = self._read, self._read.sweep.metric.name
        with _asking_mlflow():
            table = trials(self._store, self.id, metric)
        rows = {row.number: row for row in read.rows}
        found = [rows.get(int(number)) for number in table["trial"]]
        table = with_all_digits(table, metric, [None if row is None else row.value for row in found])
        best = [None if row is None else row.own_best for row in found]
        table = with_all_digits(table, names.best(metric), best)
        return with_exact_values(table, {row.number: row.params for row in read.rows})

    @property
    def history(self) -> pd.DataFrame:
        """Learning curves: one row per trial, epoch and metric."""
        from tracking.results.exact_values import with_all_digits  # 100 ms
        from tracking.results.table import history  # 100 ms

        read = self._read
        with _asking_mlflow():
            table = history(self._store, self.id)
        of_trials = (table["role"] == "trial") & (table["metric"] == read.sweep.metric.name)
        curves = {record.number: record.values for record in read.study.records()}
        keys = zip(of_trials, table["trial"], table["epoch"], strict=True)
        known = [curves.get(trial, {}).get(epoch) if own else None for own, trial, epoch in keys]
        return with_all_digits(table, "value", known)

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as one document, that of ``paceline show --json``."""
        from cluster.sweep.document import document  # 140 ms: Optuna

        return document(self._read)

    def compare(self, other: Outcome | str) -> Comparison:
        """Compare the champion with that of ``other``, a result or an ID, as ``paceline compare ID ID`` does.

        With the name of a searched hyperparameter its values are compared instead, as ``paceline compare ID
        PARAMETER``. Raises LookupError where there is neither, and SweepError where one has no final evaluation.
        """
        from cluster.driver.comparing.between_sweeps import NotCompared  # 140 ms: NumPy, Optuna

        searched = self._read.sweep.searched
        if isinstance(other, str):
            if other in searched:
                return Comparison.of_values(self._read, other)
            try:
                other = Outcome(home_of(other))
            except LookupError as error:
                raise LookupError(f"{error}; {self.id} searches {', '.join(searched)}") from error
        if other.id == self.id:
            raise SweepError("a sweep is compared with another one, or by one of its hyperparameters")
        try:
            return Comparison.of_sweeps([self._read, other._read])
        except NotCompared as error:
            raise SweepError(str(error)) from error

    def model(self) -> Any:
        """Return the champion as MLflow's pyfunc, whose ``predict`` takes rows as their owner has them.

        Raises SweepError where none is registered.
        """
        from cluster.models.champion import why_none  # 60 ms
        from tracking.results.model_digest import ChangedModel  # 5 ms
        from tracking.results.stored_model import load_champion  # 60 ms

        read = self._read
        try:
            with _asking_mlflow():
                return load_champion(self._store, read.sweep.name, self.id)
        except LookupError:
            raise SweepError(why_none(read)) from None
        except ChangedModel as error:
            raise SweepError(str(error)) from error

    def predict(self, rows: Any) -> Any:
        """Return the champion's predictions for rows as their owner has them, as ``model().predict`` does.

        The model is loaded once. Raises SweepError as ``model``.
        """
        if self._model is None:
            self._model = self.model()
        return self._model.predict(rows)

    def checkpoint(self, trial: int | None = None, folder: str | Path | None = None) -> Path:
        """Return a folder with what a trial (None: the best) has saved, to be loaded without Paceline.

        ``model.pt`` is the ``state_dict`` of our workloads and of a module of yours; what a function of yours saved
        is there as it saved it; ``trial.json`` has epoch, hyperparameters and values. ``folder`` None: one of the
        sweep's home. Raises SweepError where the trial has no checkpoint any more.
        """
        from cluster.python.weights import unpacked  # 60 ms

        read = self._read
        if trial is None and read.best is None:
            raise SweepError(f"sweep {self.id} has no trial with a value yet")
        number = read.best.number if trial is None and read.best else trial or 0
        return unpacked(read, number, None if folder is None else Path(folder))

    @property
    def _store(self) -> str | None:
        """Address of the MLflow store that has the sweep."""
        found = self._read.facts.tracking.get("uri")
        return str(found) if found else self._read.sweep.tracking.uri

    def __repr__(self) -> str:
        from cluster.terminal.formatting import measure  # 20 ms: records of trials

        read = self._read
        best = read.best
        told = (
            f", best {trial_name(best.number)} {read.sweep.metric.name} {measure(best.best_value)}" if best else ""
        )
        return f"<sweep {self.id} ({read.sweep.name}): {read.state}, {len(read.rows)} trials{told}>"

    def _repr_html_(self) -> str:
        return "" if self._shown_in is not None and self._shown_in == cell() else self.html()

    def html(self, said: Sequence[str] = ()) -> str:
        """Return the sweep as HTML, with the lines that were ``said`` while it ran."""
        from cluster.python.html_view import page  # 20 ms: records of trials
        from cluster.python.showing import title
        from cluster.sweep.reading import snapshot  # 140 ms: Optuna
        from cluster.terminal.closing_summary import no_verdict_lines, verdict_lines

        read = self._read
        head, url = title(self.home, read.sweep), str(read.facts.tracking.get("url", ""))
        judged = [*verdict_lines(read.facts.verdict, head.objective), *no_verdict_lines(read.facts.no_verdict)]
        return page(snapshot(read), head, url, said, judged)
