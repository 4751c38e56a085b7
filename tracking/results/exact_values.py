"""Hyperparameters and values in tables of trials as they are in the study.

MLflow keeps hyperparameters as texts, in which ``1`` is also a text's, and metrics with seven digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.types.values import Params, stored
from tracking import names

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 2**63
"""Whole numbers from here on have no dtype of pandas."""


def with_exact_values(table: pd.DataFrame, drawn: Mapping[int, Params]) -> pd.DataFrame:
    """Return the table with the values ``drawn`` for each trial, in columns whose texts do not tell their types.

    A column of texts alone has dtype string; one of several types, of lists or mappings, or of larger whole numbers
    than 64 bits hold them as objects, with None for null.
    """
    import pandas as pd

    known = {number: stored(params) for number, params in drawn.items()}
    for name in dict.fromkeys(name for params in known.values() for name in params):
        key = names.clean_key(name)
        column = f"params.{key}" if f"params.{key}" in table else key
        if column not in table:
            continue
        values = [known.get(int(number), {}).get(name, pd.NA) for number in table["trial"]]
        given = [value for value in values if value is not pd.NA]
        if all(isinstance(value, str) for value in given):
            table[column] = pd.array(values, dtype="string")
        elif not _is_told(given):
            table[column] = pd.Series(values, dtype=object, index=table.index)
    return table


def with_all_digits(table: pd.DataFrame, column: str, known: Sequence[float | None]) -> pd.DataFrame:
    """Return the table with all digits of a column, where ``known`` has the same number for a row; None: unknown.

    A number that is another one, as of a run that is ahead of the study, stays as MLflow has it.
    """
    import pandas as pd

    rounded = [None if value is None else names.clean_metric(value) for value in known]
    pairs = zip(table[column], rounded, known, strict=True)
    exact = [
        whole if short is not None and value is not pd.NA and value == short else value
        for value, short, whole in pairs
    ]
    return table.assign(**{column: pd.Series(exact, index=table.index, dtype=table[column].dtype)})


def _is_told(values: Sequence[Any]) -> bool:
    """Whether texts of these values, none of which is text alone, tell their one type."""
    kinds = {type(value) for value in values if value is not None}
    whole = (value for value in values if type(value) is int)
    return len(kinds) <= 1 and not kinds & {str, list, dict} and all(-LARGEST <= value < LARGEST for value in whole)
