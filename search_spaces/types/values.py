"""Types of a hyperparameter's value, and of the hyperparameters of one trial, by name."""

from __future__ import annotations

from collections.abc import Mapping

Value = bool | int | float | str | None
Params = Mapping[str, Value]
