"""Examples of other frameworks, and those of the page on them, on two workers.

Those of one framework share two processes: most of the time goes into importing it.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_your_framework import JOURNEYS, trainable
from tests.helpers.one_trial import leg, resumed, runner, trained
from tests.helpers.two_workers import on_two
from workloads.data.search_data import no_data
from workloads.training.process_group import ProcessGroup

EXAMPLES = {"ddp_mlp": "torch", "fsdp_mlp": "torch", "lightning_mlp": "lightning", "accelerate_mlp": "accelerate"}
EXAMPLES |= {"transformers_sequence": "transformers"}
"""Examples that several workers can train, and what each needs."""
LONG = ("ddp_mlp", "fsdp_mlp")


def example(name: str) -> tuple[str, str, dict[str, Any]]:
    """Return the example's function, its loss and its hyperparameters."""
    function = f"workloads.examples.{name}:train"
    if EXAMPLES[name] == "transformers":
        return function, "eval_loss", {}
    return function, "val_loss", {"batch_size": 8, "lr": 0.02}


def both(name: str, group: ProcessGroup, folder: Path) -> tuple[Any, Any]:
    """Train the example, whole and in parts; then the page's file of the same framework, if there is one."""
    function, loss, params = example(name)
    found = resumed(function, group, folder, loss, **params)
    page = next((one for one, (library, _) in JOURNEYS.items() if library == EXAMPLES[name]), None)
    return found, page and journey(page, group, folder)


def journey(name: str, group: ProcessGroup, folder: Path) -> list[float]:
    """Train the page's file for two epochs, save, and go on for one; return its metric."""
    os.chdir(folder)
    sys.path.append(str(folder))
    metric, checkpoint, told = JOURNEYS[name][1], None, []
    for start, stop in ((0, 2), (2, 3)):
        lane = runner(folder, f"{name}:train", group, metric, no_data())
        told += [metrics[metric] for _, metrics in trained(lane, leg(start, stop, checkpoint, 3))]
        checkpoint = lane.save()[0].uri
        group.gathered(None)  # rank 0 has written it
    return told


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] if name in LONG else []) for name in EXAMPLES]
)
def test_training_goes_on_from_what_two_workers_saved(name: str, tmp_path: Path) -> None:
    """On two workers with the same numbers as if it had not been interrupted, and on one."""
    pytest.importorskip(EXAMPLES[name], reason=f"pip install 'paceline[{EXAMPLES[name]}]'")
    for page in JOURNEYS:
        (tmp_path / f"{page}.py").write_text(trainable(page))
    ((whole, parts, uri), first), ((_, others, _), second) = on_two(partial(both, name), tmp_path)
    assert parts == others == whole
    assert first == second and (first is None or len(first) == 3)
    assert all(0 <= one <= 1 for one in first or ())
    function, loss, params = example(name)
    third, fourth = trained(runner(tmp_path, function, objective=loss), leg(2, 4, uri, **params))
    assert (third[0], fourth[0]) == (3, 4)
    assert fourth[1][loss] < 0.68
