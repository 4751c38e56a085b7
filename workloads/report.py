"""Reports of a person's own script to its trial: ``from workloads.report import report``.

    for epoch in range(epochs):
        ...
        report(val_acc=acc, loss=loss)

Outside of a sweep it prints the line that the sweep would find, and does nothing else. It imports nothing heavy.
"""

from __future__ import annotations

import json
import os
from typing import Any

REPORTS = "PACELINE_REPORTS"
"""Environment variable with the path of the file that reports are appended to."""


def report(*, step: float | None = None, artifacts: dict[str, str] | None = None, **metrics: Any) -> None:
    """Report metrics: numbers, or scalars of NumPy or torch. Each report of the sweep's metric is one epoch more.

    ``step`` is the epoch's or step's number where it does not follow from the number of reports. ``artifacts`` are
    files or folders to keep, by the path that they get. Raises TypeError for what is no number. Other ranks than 0
    report nothing.
    """
    values = {name: _number(name, value) for name, value in metrics.items()}
    if os.environ.get("RANK", "0") not in ("0", ""):
        return
    path = os.environ.get(REPORTS)
    if path is None:
        shown = values if step is None else {"step": step, **values}
        print(" ".join(f"{name}={value:g}" for name, value in shown.items()), flush=True)
        return
    kept = {name: os.path.abspath(file) for name, file in (artifacts or {}).items()}  # noqa: PTH100 - pathlib: 5 ms
    line: dict[str, Any] = {"metrics": values, "step": step}
    _append(path, {**line, "artifacts": kept} if kept else line)


def _number(name: str, value: Any) -> float:
    try:
        found = value.item() if hasattr(value, "item") else value
        if isinstance(found, int | float):
            return int(found) if isinstance(found, bool) else found
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"{name} must be a number, and is of type {type(value).__name__}")


def _append(path: str, line: dict[str, Any]) -> None:
    """Append a line. Several processes may do so at once: it is one call."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(file)
