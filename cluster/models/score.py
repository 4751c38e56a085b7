"""How good predictions are, where the file has what was to be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.models.takes import Takes


@dataclass
class Score:
    """Sums over the rows that have a true value."""

    num_rows: int = 0
    num_right: int = 0
    squares: float = 0.0
    absolute: float = 0.0
    num_strange: int = 0
    """Rows of a class that the model does not know, or of a number that cannot be read."""

    def add(self, truth: Any, predicted: Any, takes: Takes) -> None:
        """Count rows: ``truth`` and ``predicted`` are Series with one index; empty cells of ``truth`` are none."""
        if takes.classes:
            self._classes(truth, predicted, takes.classes)
        elif takes.problem == "regression":
            self._numbers(truth, predicted)

    def _classes(self, truth: Any, predicted: Any, classes: tuple[str, ...]) -> None:
        from workloads.tables.columns import words  # 100 ms: pandas

        found = words(truth, ())
        there = found.notna()
        self.num_rows += int(there.sum())
        self.num_right += int((found[there] == predicted[there].astype(str)).sum())
        self.num_strange += int((~found[there].isin(classes)).sum())

    def _numbers(self, truth: Any, predicted: Any) -> None:
        import pandas as pd

        found = pd.to_numeric(truth, errors="coerce")
        self.num_strange += int((found.isna() & truth.notna()).sum())
        there = found.notna() & predicted.notna()
        error = (found - predicted)[there].astype("float64")
        self.num_rows += int(there.sum())
        self.squares += float((error**2).sum())
        self.absolute += float(error.abs().sum())

    def said(self, takes: Takes, name: str) -> str | None:
        """Return the score in words; None where no row has a true value."""
        if not self.num_rows:
            return None
        strange = f" ({self.num_strange} of them of classes that the model does not know)"
        rows = f"on {self.num_rows} rows that have {name}"
        if takes.classes:
            return f"accuracy {self.num_right / self.num_rows:.4g} {rows}{strange if self.num_strange else ''}"
        rmse, mae = (self.squares / self.num_rows) ** 0.5, self.absolute / self.num_rows
        strange = f" ({self.num_strange} more have one that is no number)" if self.num_strange else ""
        return f"RMSE {rmse:.5g}, MAE {mae:.5g} {rows}{strange}"
