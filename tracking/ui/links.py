"""Links to pages of MLflow's UI, in its part for training: without ``workflowType`` it shows those for GenAI."""

from __future__ import annotations

from typing import Final

TRAINING: Final = "workflowType=machine_learning"


def run_page(experiment_id: str, run_id: str, artifact: str = "") -> str:
    """Return the link to a run within the UI, ``#/experiments/1/runs/...``, or to its ``artifact`` of this path."""
    inner = f"/artifacts/{artifact}" if artifact else ""
    return f"#/experiments/{experiment_id}/runs/{run_id}{inner}?{TRAINING}"


def model_page(name: str) -> str:
    """Return the link to a registered model within the UI."""
    return f"#/models/{name}?{TRAINING}"
