"""Predicts by a registered model, part by part, with rows that do not fit told in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cluster.models.inputs import Part
from cluster.models.remarks import Remarks
from cluster.models.score import Score
from cluster.models.takes import WORDS, Takes
from workloads.arrays import DataError
from workloads.models.custom.predictions import Predictions
from workloads.models.custom.returns import OF_PROBLEM
from workloads.tables.columns import NUMERIC, encode

if TYPE_CHECKING:
    from tracking.results.stored_model import StoredModel

PREDICTION = "prediction"
TABLE_MODEL = "workloads.champion.table_model"


@dataclass(kw_only=True)
class Predictor:
    """A loaded model with what it takes; counts rows, unknown words and, where truth is there, how good it is."""

    stored: StoredModel
    takes: Takes
    score: Score = field(default_factory=Score)
    num_rows: int = 0
    num_undefined: int = 0
    """Rows whose prediction is no number."""
    card: Mapping[str, Any] = field(default_factory=dict)
    """The sweep's data card."""
    left_out: frozenset[str] = frozenset()
    """Columns of which the sweep file says that they are no features."""

    @cached_property
    def model(self) -> Any:
        """The model as MLflow's pyfunc."""
        return self.stored.loaded()

    def of(self, part: Part, keep: bool = False) -> Any:
        """Return a DataFrame with a row of predictions for each row; with ``keep`` the input's columns go first.

        Raises DataError where rows do not fit: it names every column at fault, with the first row.
        """
        import pandas as pd

        if self.takes.columns:
            self._refuse_gone(part.rows)
        try:
            answer = self.model.predict(self._given(part.rows))
        except Exception as error:
            faults = list(self._faults(part.rows)) if self.takes.columns else []
            if faults or isinstance(error, DataError):
                raise DataError("\n".join(faults) or str(error)) from error
            raise
        found = self._named(answer, part.shown.index)
        self._count(part, found)
        before = part.shown if keep else part.shown[list(part.first)]
        if self.takes.problem == "tagging":
            before = before.drop(columns=WORDS, errors="ignore")  # which the predictions have
        if both := sorted(set(before.columns) & set(found.columns)):
            raise DataError(f"the input has a column {both[0]!r}, as the predictions have: leave out --keep")
        return pd.concat([before, found], axis=1)

    def _given(self, rows: Any) -> Any:
        """Return the rows as the model takes them."""
        if self.takes.form == "rows":
            return rows[[name for name in self.takes.names if name in rows]]
        if self.takes.form == "matrix":
            rows, _ = encode(rows, self.takes.columns, "the rows")
        return rows if self._kind is None else rows.astype(self._kind)

    def _named(self, answer: Any, index: Any) -> Any:
        if self._returned is None:
            return named(answer, self.takes, index)
        try:
            found = named(self._returned.scores(answer, len(index)), self.takes, index)
        except RuntimeError as error:
            raise DataError(f"rows {index[0]} to {index[-1]}: {error}") from error
        return found[[PREDICTION]] if self._returned.kind == "classes" else found

    @cached_property
    def _returned(self) -> Predictions | None:
        """What reads the values of a user's function, as in the final evaluation; None of other models."""
        if not self.takes.is_own or self.takes.problem not in OF_PROBLEM:
            return None
        problem: Any = self.takes.problem
        return Predictions(self.takes.returns, max(1, len(self.takes.classes)), problem)

    @cached_property
    def _kind(self) -> Any:
        """NumPy's type of the array that the model takes; None where its signature does not say."""
        signature = self.stored.about.signature
        inputs = None if signature is None else signature.inputs
        return inputs.numpy_types()[0] if inputs is not None and inputs.is_tensor_spec() else None

    def _count(self, part: Part, found: Any) -> None:
        self.num_rows += len(found)
        numeric = found.select_dtypes("number")
        self.num_undefined += int(numeric.isna().any(axis=1).sum())
        if part.truth is not None:
            self.score.add(part.truth, found[PREDICTION], self.takes)
        if self.takes.columns:
            self.remarks.add(part.rows)

    @cached_property
    def remarks(self) -> Remarks:
        """What is odd about the rows."""
        kinds, missing = self.card.get("columns", {}), self.card.get("missing", {})
        numeric = {name for name, kind in kinds.items() if kind in NUMERIC}
        whole = frozenset(numeric - missing.keys())
        return Remarks(takes=self.takes, words=self._words, whole=whole, known=self.left_out)

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        """Words that the training split has, by column, of a table's model."""
        if self.takes.form == "matrix":
            return {c.name: frozenset(c.values) for c in self.takes.columns if c.kind == "category"}
        if self.stored.loader != TABLE_MODEL:
            return {}
        from workloads.champion.known_words import known_words  # 800 ms: scikit-learn

        found = known_words(self.stored.data)
        return {name: words for name, words in found.items() if name in self.takes.names}

    def _refuse_gone(self, frame: Any) -> None:
        from search_spaces.types.faults import nearest  # 5 ms: difflib

        there = list(map(str, frame.columns))
        if gone := [name for name in self.takes.needed if name not in there]:
            near = {name: nearest(name, there) for name in gone}
            told = [f"{name!r}" + (f" (did you mean {near[name]!r}?)" if near[name] else "") for name in gone]
            hint = "; is the first line a row?" if len(gone) == len(self.takes.needed) > 1 else ""
            they = f"they have {', '.join(there[:20])}{hint}"
            raise DataError(f"the rows must have the columns {', '.join(told)}; {they}")

    def _faults(self, frame: Any) -> Iterator[str]:
        """Yield a sentence for each column that holds what its kind cannot have."""
        for column in self.takes.columns:
            if column.name not in frame:
                continue
            try:
                encode(frame, [column], "the rows")
            except DataError as error:
                yield str(error)


def named(answer: Any, takes: Takes, index: Any) -> Any:
    """Return what a model has answered as a DataFrame: ``prediction``, and for classes the probability of each.

    An array with a column for each class has logits.
    """
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return answer.set_axis(index, axis=0)
    values = np.asarray(answer)
    if values.ndim == 1 or (values.shape[1] == 1 and not takes.classes):
        return pd.DataFrame({PREDICTION: values.reshape(-1)}, index=index)
    values = values.reshape(len(values), -1)
    if takes.form == "series":
        return pd.DataFrame(values, columns=[f"step_{k + 1}" for k in range(values.shape[1])], index=index)
    if len(takes.classes) != values.shape[1]:
        names = [f"{PREDICTION}_{k}" for k in range(values.shape[1])]
        return pd.DataFrame(values, columns=names, index=index)
    found = pd.DataFrame(_softmax(values.astype("float64")), columns=list(takes.classes), index=index)
    found.insert(0, PREDICTION, np.array(takes.classes, dtype=object)[values.argmax(axis=1)])
    return found


def _softmax(logits: Any) -> Any:
    from scipy.special import softmax

    return softmax(logits, axis=1)
