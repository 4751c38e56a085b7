"""Makes a workload of a user's training function, in any framework: ``package.module:train``.

    def train(run, *, alpha: float = 1e-4, penalty: str = "l2"):
        model = load(run.folder / "model") if run.folder else SGDClassifier(alpha=alpha, penalty=penalty)
        for epoch in range(run.epoch, run.num_epochs):
            model.partial_fit(run.x_train, run.y_train, classes=range(run.num_outputs))
            run.report(lambda folder: save(model, folder / "model"), val_accuracy=model.score(run.x_val, run.y_val))

    def predict(folder, x):        # for the verdict: (rows, classes), or numbers (rows, 1)
        return load(folder / "model").predict_proba(x)

    predict.returns = "probabilities"        # or "logits", "classes", "values"; told from the values if left out

    def test(folder, **hyperparameters):        # for the verdict of a function that brings its own data
        return accuracy(load(folder / "model"), *my_test_data())

Its keyword-only parameters are the hyperparameters. This file imports no torch, as it is needed to check a spec.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, make_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from search_spaces.space.hyperparameters import hyperparameters
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.models.custom.own_test import may_report, measure, own_test_of
from workloads.models.custom.returns import Kind, check, declared, takes_rows
from workloads.models.custom.signature import fields_of
from workloads.models.custom.source.beside import names_beside

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee


def workload_of(name: str, train: Callable[..., None]) -> Workload:
    """Return ``train`` as a workload; ``name`` is its name in the spec.

    The function's attribute ``space`` is the default search space; ``metrics`` (name to goal) lists further metrics
    that it reports; ``predict.returns`` says what that function returns. Raises LookupError where a parameter
    cannot be a hyperparameter, or ``predict.returns`` is unknown.
    """
    predict, known = names_beside(train).get("predict"), _hyperparameters(name, train)
    test = own_test_of(name, train, [field.name for field in fields(known)])
    returns, as_rows = declared(name, predict), takes_rows(name, predict)
    return Workload(
        name=name,
        summary=(inspect.getdoc(train) or "a training function").splitlines()[0],
        hyperparameters=known,
        space=getattr(train, "space", {}),
        problems={
            "table": ("classification", "regression"),
            "image": ("classification",),
            "sentences": ("classification", "regression"),
        },
        build=partial(_build, predict, returns),
        check=lambda hp, shape: check(returns, as_rows, shape),
        fusable=False,
        own_data=True,
        own_metrics=True,
        divides_work=True,
        has_test=test is not None,
        may_report_test=partial(may_report, train),
        test=None if test is None else partial(measure, test, train),
        judged=predict is not None,
        registered=predict is not None,
        serves_files=predict is not None,
        scales_targets=False,
        reports=getattr(train, "metrics", {}),
        data=partial(_data, as_rows),
        streams=False,
        loop=partial(_loop, train),
    )


def interface(kind: Workload) -> dict[str, str]:
    """Return the facts about a workload on which spec and search depend: equal for equal workloads."""
    known = hyperparameters(kind.hyperparameters)
    told = {f"parameter {name}": repr(replace(one, check=None, words="", doc="")) for name, one in known.items()}
    facts = {"space": kind.space, "predict": kind.judged, "metrics": dict(kind.reports)}
    return {**told, **{name: repr(fact) for name, fact in facts.items()}}


def refuse_other(kind: Workload, read: Mapping[str, str]) -> None:
    """Raise RuntimeError where the interface of an imported function is not the one ``read`` from its file."""
    imported = interface(kind)
    if read and (names := [name for name in {**read, **imported} if read.get(name) != imported.get(name)]):
        raise RuntimeError(
            f"{kind.name} is another function once its module is imported than its file says ({', '.join(names)}): "
            "put a decorator on it, and Paceline imports it to know it"
        )


def _hyperparameters(name: str, train: Callable[..., None]) -> type:
    title = re.sub(r"\W", "_", name).title() + "Hyperparameters"
    return make_dataclass(title, fields_of(name, train), frozen=True, kw_only=True)


def _build(predict: Callable[..., Any] | None, returns: Kind | None, hp: Any, shape: DataShape) -> nn.Module:
    from workloads.models.custom.predictions import Predictions  # 50 ms: NumPy
    from workloads.models.custom.predictor import Predictor  # 1,200 ms: torch

    return Predictor(predict, Predictions(returns, shape.num_outputs, shape.problem))


def _data(as_rows: bool, hp: Any, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    from workloads.models.custom.loop import untouched  # 1,200 ms: torch

    return untouched(search, as_rows)


def _loop(train: Callable[..., None], setup: Setup, member: Trainee) -> Loop:
    from workloads.models.custom.loop import OwnLoop  # 1,200 ms: torch

    return OwnLoop(train, setup, member)
