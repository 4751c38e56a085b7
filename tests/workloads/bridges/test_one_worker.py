"""Bridges to other frameworks and the examples that use them, in one process."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.one_trial import leg, reported, runner, trained
from workloads.data.search_data import no_data

EXAMPLES = {
    "sklearn": "workloads.examples.sklearn_sgd:train",
    "lightning": "workloads.examples.lightning_mlp:train",
    "keras": "workloads.examples.keras_mlp:train",
    "fastai": "workloads.examples.fastai_tabular:train",
    "accelerate": "workloads.examples.accelerate_mlp:train",
    "ignite": "workloads.examples.ignite_mlp:train",
    "skorch": "workloads.examples.skorch_mlp:train",
}
"""Examples that train on data which the sweep names, and what each needs."""


def needs(library: str) -> None:
    """Skip the test where the library is not installed."""
    if find_spec(library) is None:  # Keras is not to choose its backend here
        pytest.skip(f"pip install 'paceline[{library}]'")


alone = partial(runner, objective="val_accuracy")


@pytest.mark.parametrize("library", EXAMPLES)
def test_an_example_learns_goes_on_from_its_files_and_is_judged(tmp_path: Path, library: str) -> None:
    needs(library)
    name = EXAMPLES[library]
    params = {} if library == "sklearn" else {"batch_size": 8, "lr": 0.02}
    whole = trained(alone(tmp_path / "whole", name), leg(0, 4, **params))
    assert [epoch for epoch, _ in whole] == [1, 2, 3, 4]
    assert whole[-1][1]["val_accuracy"] > 0.6
    lane = alone(tmp_path, name)
    first = trained(lane, leg(0, 2, **params))
    [saved] = lane.save()
    second = trained(alone(tmp_path, name), leg(2, 4, saved.uri, **params))
    if library == "sklearn":
        for (_, told), (_, expected) in zip([*first, *second], whole, strict=True):
            assert told == pytest.approx(expected)
    final = alone(tmp_path / "final", name)
    reported(final, replace(leg(0, 4, **params), purpose="final"))
    final.save()
    [scored] = final.score()
    assert 0.5 < scored.metrics["test_accuracy"] <= 1
    assert np.isfinite(scored.metrics["test_f1_macro"])


def measured(function: str, metric: str, folder: Path, *stops: int) -> list[float]:
    """Return what each of four epochs reports, where training pauses at these epochs."""
    start, checkpoint, told = 0, None, []
    for stop in stops:
        lane = runner(folder, function, objective=metric, search=no_data())
        told += [metrics[metric] for _, metrics in trained(lane, leg(start, stop, checkpoint))]
        start, checkpoint = stop, lane.save()[0].uri
    return told


def test_a_rate_that_waits_for_a_metric_goes_on_where_training_does(tmp_path: Path) -> None:
    needs("lightning")
    function = "tests.helpers.lightning_schedule:train"
    assert (
        measured(function, "rate", tmp_path, 4)
        == measured(function, "rate", tmp_path, 2, 4)
        == measured(function, "rate", tmp_path, 1, 2, 3, 4)
        == [0.5, 0.5, 0.25, 0.125]
    )


@pytest.mark.parametrize("metric", ["learning_rate", "waited", "best_at", "sum"])
def test_what_keras_callbacks_have_counted_goes_on_where_training_does(tmp_path: Path, metric: str) -> None:
    needs("keras")
    function = "tests.helpers.keras_plateau:train"
    expected = {
        "learning_rate": [0.5, 0.5, 0.5, 0.25],
        "waited": [0, 1, 2, 3],
        "best_at": [0] * 4,
        "sum": [2.0] * 4,
    }
    assert (
        measured(function, metric, tmp_path, 4)
        == measured(function, metric, tmp_path, 1, 2, 3, 4)
        == expected[metric]
    )


@pytest.mark.parametrize(
    ("library", "metric", "params"),
    [
        ("lightning", "val_loss", {}),
        ("keras", "val_loss", {}),
        ("transformers", "eval_loss", {"best": True}),
        ("transformers", "eval_loss", {"best": False}),
    ],
)
def test_what_early_stopping_ends_is_done_wherever_it_was_paused(
    tmp_path: Path, library: str, metric: str, params: dict[str, Any]
) -> None:
    needs(library)

    def told(*stops: int) -> list[tuple[int, bool]]:
        start, checkpoint, found = 0, None, []
        for stop in stops:
            lane = runner(tmp_path, f"tests.helpers.early_stops:in_{library}", objective=metric, search=no_data())
            found += reported(lane, leg(start, stop, checkpoint, **params))
            start, checkpoint = stop, lane.save()[0].uri
            assert checkpoint is not None and any(Path(checkpoint, "files").iterdir())
        return [(one.epoch, one.finished) for one in found]

    assert told(4) == told(1, 2, 3, 4) == [(1, False), (2, False), (3, False), (3, True)]


@pytest.mark.parametrize("parts", [0, 2])
def test_an_evaluation_before_the_training_is_none_of_its_epochs(tmp_path: Path, parts: int) -> None:
    needs("transformers")
    lane = runner(tmp_path, "tests.helpers.evaluated_first:train", objective="loss", search=no_data())
    first = trained(lane, leg(0, 2, parts=parts))
    saved = lane.save()[0].uri
    lane = runner(tmp_path, "tests.helpers.evaluated_first:train", objective="loss", search=no_data())
    second = trained(lane, leg(2, 3, saved, parts=parts))
    names = {"eval_loss"} if parts == 0 else {"eval_a_loss", "eval_b_loss"}
    assert [epoch for epoch, _ in (*first, *second)] == [1, 2, 3]
    assert all({n for n in told if n.startswith("eval")} == names for _, told in (*first, *second))
    assert [told["seen"] for _, told in (*first, *second)] == [4, 8, 12]


def test_the_next_trial_of_a_process_may_have_another_precision() -> None:
    needs("accelerate")
    from workloads.bridges import accelerate as bridge

    run: Any = SimpleNamespace(device=torch.device("cpu"), seed=1)
    for precision in ("no", "bf16", "no"):
        accelerator = bridge.accelerator(run, mixed_precision=precision)
        assert accelerator.mixed_precision == precision and accelerator.num_processes == 1
