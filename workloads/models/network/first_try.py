"""Tries a network on a sweep's data before any trial: whether it gives what is to be predicted, and is fused."""

from __future__ import annotations

import traceback
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_spaces.types.error_text import first_line
from search_spaces.types.errors.whose_code import is_users
from workloads.arrays import Infeasible
from workloads.contract import Workload
from workloads.data.search_data import SearchData
from workloads.models.network.declared import Declared
from workloads.models.network.task import OwnTask
from workloads.models.network.tryout import why_apart
from workloads.training.setup import Setup, Trainee

MANY_ROWS = 20_000
"""Larger tables are tried by as many of their rows: then their features may be fewer than those of all."""
FEW_ROWS = 64
DRAWN = "; its outputs are drawn at random in evaluation, too: F.dropout(x, p, self.training) asks for the mode"
TOGETHER = "; its outputs for an example depend on the others of the batch in evaluation, too"
NO_MEAN = "; its loss of a batch is not the mean of each example's: val_loss is that mean, and train_loss is not"


def first_try(declared: Declared, kind: Workload, hp: Any, search: SearchData) -> str | None:
    """Return how members are trained, such as ``one by one: nn.LSTM has no batching rule``.

    None where only the whole data can tell. Raises Infeasible where the network does not fit this data.
    """
    table = bool(search.train.columns)
    part = _first(search, MANY_ROWS if table else FEW_ROWS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = kind.data(hp, part, torch.device("cpu"), torch.float32)
            setup, member = Setup(kind, data), Trainee(0, hp)
            reason = why_apart(declared, setup, member)
            note = _note(setup, member)
    except Exception as error:
        if table and len(search.train) > MANY_ROWS:
            return None
        if isinstance(error, Infeasible):
            raise
        raise Infeasible(_told(error)) from error
    how = "fused: trials of one structure as one program" if reason is None else f"one by one: {reason}"
    return how + note


def _note(setup: Setup, member: Trainee) -> str:
    """Return what is to be known of its evaluation, and of the class's own loss; empty where nothing is."""
    task, data = setup.task(), setup.data
    model, x = setup.build(member).eval(), data.inputs(data.x_train[:FEW_ROWS])
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        outputs, again = model(x), model(x)
        if not torch.equal(outputs, again):
            return DRAWN
        own = task if isinstance(task, OwnTask) and task.declared.loss is not None else None
        if own is not None and not own.is_mean(outputs, data.y_train[:FEW_ROWS]):
            return NO_MEAN
        try:
            fewer = model(x[:1])
        except Exception:  # noqa: BLE001 - a user's code that needs several examples
            return TOGETHER
        return "" if torch.allclose(fewer, outputs[:1], rtol=1e-2, atol=1e-3) else TOGETHER


def _first(search: SearchData, num_rows: int) -> SearchData:
    parts = (search.train, search.val)
    train, val = (part.take(np.arange(min(len(part), num_rows))) for part in parts)
    return replace(search, train=train, val=val, folds=())


def _told(error: Exception) -> str:
    """Return the error of a user's code with the line of it: the last one outside of installed packages."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {first_line(error)}"
