"""Writes what the code knows into the pages of docs/: ``python -m tests.docs.generate``.

A page holds prose and marked blocks: between ``<!-- generated: NAME -->`` and ``<!-- end -->`` stands what BLOCKS
gives for NAME. The test beside this file fails while a page differs from the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.docs import (
    commands,
    data_sources,
    environment,
    explained,
    json_documents,
    methods,
    mlflow_names,
    models,
    python_api,
    spec_keys,
)
from tests.helpers.paths import ROOT
from workloads.hyperparameters import Nonlinearity, Training
from workloads.registry import WORKLOADS
from workloads.tables.hyperparameters import TableFeatures

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(\n?<!-- end -->)", re.S)

BLOCKS: Mapping[str, Callable[[], str]] = {
    "sweep-keys": spec_keys.sweep_keys,
    "parameter-keys": spec_keys.parameter_keys,
    "distributions": spec_keys.distributions,
    "workloads": models.workloads,
    "training-hyperparameters": partial(models.shared_hyperparameters, Training),
    "activation-hyperparameters": partial(models.shared_hyperparameters, Nonlinearity),
    "table-hyperparameters": partial(models.shared_hyperparameters, TableFeatures),
    **{f"workload-{name}": partial(models.own_hyperparameters, name) for name in WORKLOADS},
    "samplers": methods.samplers,
    "schedules": methods.schedules,
    "datasets": models.datasets,
    "data-sources": data_sources.sources,
    "card-fields": data_sources.card_fields,
    "objectives": models.objectives,
    "glossary-words": partial(explained.words, "word"),
    "glossary-inner": partial(explained.words, "inner"),
    "measured": explained.measured,
    "commands": commands.commands,
    "exit-codes": commands.codes,
    "json": json_documents.documents,
    "environment": environment.variables,
    "mlflow-tags": mlflow_names.tags,
    "mlflow-metrics": mlflow_names.metrics,
    "mlflow-files": mlflow_names.files,
    "mlflow-statuses": mlflow_names.statuses,
    "python-functions": python_api.functions,
    "python-classes": python_api.classes,
    "python-errors": python_api.errors,
}


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted(DOCS.rglob("*.md"))


def filled(text: str) -> str:
    """The page with its blocks as the code gives them. Raises KeyError for a block that nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n<!-- end -->", text)


def main() -> int:
    """Rewrites the pages that differ, and names them."""
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
