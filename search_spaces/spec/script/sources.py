"""Where the metrics of a script are expected, by what its program imports; the run says where it found them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from search_spaces.spec.keys.command import Command

_IMPORTS: Final = r"^\s*(?:import|from)\s[^#\n]*\b{}\b"
_MOST_BYTES: Final = 2**20


def expected_source(command: Command, folder: Path | None) -> str:
    """Return where the metrics of a script are looked for first, in words; ``folder`` is that of its spec."""
    if command.pattern:
        return "the lines that it prints, by metrics.pattern"
    text = _text(command, folder)
    if re.search(_IMPORTS.format("wandb"), text, re.MULTILINE) and command.wandb == "shim":
        return "wandb.log, as its program imports wandb"
    if re.search(_IMPORTS.format(r"workloads\.report"), text, re.MULTILINE):
        return "report(...), as its program imports workloads.report"
    if re.search(_IMPORTS.format("mlflow"), text, re.MULTILINE):
        return "what it logs to MLflow, as its program imports mlflow"
    printed = "the lines that it prints, as epoch=3 val_acc=0.91"
    if command.wandb == "real":
        return f"{printed}, or MLflow or workloads.report: with 'wandb: real' what wandb.log gets is not read"
    return f"{printed}, unless it reports by wandb, MLflow or workloads.report"


def _text(command: Command, folder: Path | None) -> str:
    if command.program is None or folder is None:
        return ""
    try:
        with (folder / command.program).open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
