"""A snapshot of a sweep with trials in every state, for the tests of the terminal's views."""

from __future__ import annotations

from typing import Any

from cluster.terminal.live_lines import Title
from cluster.terminal.records import Row, Snapshot
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective

TITLE = Title(
    id="7f3a",
    name="digits-mlp",
    objective=Objective("val_accuracy", "maximize"),
    method="tpe",
    schedule="asha",
    seed=3,
)
URL = "http://127.0.0.1:5000/#/experiments/2/runs?viewStateShareKey=a1b2"
PARAMS = {"learning_rate": 1.234e-4, "dropout": 0.42, "batch_size": 64, "optimizer": "adamw", "activation": "relu"}


def row(number: int, **fields: Any) -> Row:
    best = fields.pop("best_value", 0.5 + number / 100)
    curve = dict(enumerate(fields.pop("curve", (0.1, 0.3, best)), 1))
    base = {
        "state": "done",
        "epochs": 9,
        "value": best,
        "seconds": 12.0,
        "params": PARAMS | {"dropout": number / 50},
    }
    return Row(number=number, best_value=best, curve=curve, **{**base, **fields})


def snapshot(*rows: Row, **fields: Any) -> Snapshot:
    base: dict[str, Any] = {"phase": "search", "num_planned": 40, "horizon": 9, "best": None, "num_lanes": 2}
    base |= {"epochs_trained": 80, "epochs_saved": 120, "elapsed_s": 65.0, "eta_s": 30.0}
    return Snapshot(rows=rows, **{**base, **fields})


def mixed() -> Snapshot:
    rows = [row(i) for i in range(12)]
    rows[1] = row(1, state="stopped", epochs=1)
    rows[2] = row(2, state="paused", epochs=3)
    boom = FailureReason("raised", "ValueError: boom")
    rows[3] = row(3, state="failed", epochs=4, value=None, best_value=None, failure=boom, curve=())
    rows[0] = row(0, state="running", epochs=2)
    return snapshot(*rows, best=11)
