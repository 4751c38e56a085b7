"""A comparison of sweeps, or of a hyperparameter's values, for Python: words, a table, the JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from search_spaces.types.trial_names import trial_name

if TYPE_CHECKING:
    import pandas as pd

    from cluster.sweep.reading import Reading

NUM_COLUMNS = ("mean", "low", "high")


@dataclass(frozen=True, repr=False)
class Comparison:
    """What ``paceline compare`` tells. A notebook shows its table and sentences, ``print`` the command's lines."""

    document: Mapping[str, Any]

    @classmethod
    def of_sweeps(cls, reads: Sequence[Reading]) -> Comparison:
        """Compare the champions of sweeps. Raises NotCompared where one has no final evaluation."""
        from cluster.driver.comparing.between_sweeps import compared  # 140 ms: NumPy, Optuna

        return cls(compared(reads))

    @classmethod
    def of_values(cls, read: Reading, parameter: str) -> Comparison:
        """Compare the values of a searched hyperparameter."""
        from cluster.sweep.comparing.by_parameter import by_parameter  # 60 ms

        return cls(by_parameter(read, parameter))

    @property
    def said(self) -> list[str]:
        """What it means, in sentences: one for each other sweep, or for each view of the values."""
        parts = self.document["differences"] if self._of_sweeps else self.document["views"]
        return [str(one["said"]) for one in parts]

    @property
    def table(self) -> pd.DataFrame:
        """One row for each champion, with its difference to the first; or for each value, the last view first."""
        import pandas as pd

        rows = self._champions() if self._of_sweeps else self._values()
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the document of ``paceline compare --json``."""
        return dict(self.document)

    @property
    def _of_sweeps(self) -> bool:
        return "sweeps" in self.document

    def _champions(self) -> list[dict[str, Any]]:
        to_first = {one["second"]: one for one in self.document["differences"]}
        return [
            {
                "sweep": one["sweep"],
                "name": one["name"],
                "champion": trial_name(one["champion"]),
                **_bounds("", one),
                **_bounds("difference_", to_first.get(one["sweep"], {})),
                "seeds": one["seeds"],
            }
            for one in self.document["sweeps"]
        ]

    def _values(self) -> list[dict[str, Any]]:
        return [
            {
                "view": view["what"],
                self.document["parameter"]: one["value"],
                "trials": one["trials"],
                **_bounds("", one),
                "best": one["best"],
            }
            for view in reversed(self.document["views"])
            for one in view["groups"]
        ]

    def __repr__(self) -> str:
        from cluster.terminal.comparing.comparison import parameter_lines, sweep_lines  # 60 ms: rich

        lines = sweep_lines(self.document) if self._of_sweeps else parameter_lines(self.document)
        return "\n".join(line.plain for line in lines)

    def _repr_html_(self) -> str:
        table: str = self.table.to_html(index=False, border=0, na_rep="", float_format="{:.5g}".format)
        return table + "".join(f"<p>{escape(text)}</p>" for text in self.said)


def _bounds(prefix: str, one: Mapping[str, Any]) -> dict[str, float | None]:
    low, high = one.get("ci95") or (None, None)
    return {f"{prefix}{name}": value for name, value in zip(NUM_COLUMNS, (one.get("mean"), low, high), strict=True)}
