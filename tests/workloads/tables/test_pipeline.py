"""Tables to features: every transformer does what its hyperparameter says, fitted on the training split alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_selection import f_classif, mutual_info_classif
from torch.testing import assert_close

from search_spaces.spec.data import Data
from tests.helpers.table_files import COLUMNS, mixed, write_mixed
from workloads.arrays import Column, Infeasible
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared, SearchData
from workloads.layers.embedding import Embeddings
from workloads.registry import workload
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.tables.pipeline import fit
from workloads.tables.prepare import PrepareTable
from workloads.training.batches import ResidentData, tensor
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee
from workloads.training.table_inputs import table

MLP = workload("mlp").hyperparameters
EVERYTHING: list[dict[str, Any]] = [
    {},
    {"encoding": "ordinal", "scaling": "minmax", "imputation": "mean", "date_parts": "seconds"},
    {"encoding": "embedding", "scaling": "robust", "missing_indicator": True, "date_parts": "cyclic"},
    {"encoding": "embedding", "interactions": "all", "select": 4, "pca": 2, "rare": 30},
    {"interactions": "numbers", "select": 9, "select_test": "information", "text_features": 3},
    {"imputation": "most_frequent", "scaling": "none", "pca": 3, "text_features": 0, "rare": 30},
]


@pytest.fixture
def pets(tmp_path: Path) -> Prepared:
    """A table with a column of every kind."""
    return prepare(Data(csv=write_mixed(tmp_path), target="kind", columns=COLUMNS))


def resident(search: SearchData, dtype: torch.dtype = torch.float64, **params: Any) -> ResidentData:
    return table(MLP(**params), search, torch.device("cpu"), dtype)


def frame_of(columns: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def features(frame: pd.DataFrame, kinds: dict[str, str], y: Any = None, **params: Any) -> Any:
    """What ``params`` make of a frame that is its own training split."""
    columns = [Column(name, kind) for name, kind in kinds.items()]  # type: ignore[arg-type]
    target = np.arange(len(frame)) % 2 if y is None else y
    return fit(MLP(**params), frame, columns, target, "classification")(frame)


@pytest.mark.parametrize("params", EVERYTHING, ids=str)
def test_every_combination_gives_finite_features_of_the_shape_that_is_told(
    pets: Prepared, params: dict[str, Any]
) -> None:
    data = resident(pets.search, **params)
    assert data.x_train.shape == (len(pets.search.train), *data.shape.example)
    assert data.x_train.isfinite().all() and data.x_val.isfinite().all()
    assert bool(data.shape.categories) == (params.get("encoding") == "embedding")
    test = data.raw(pets.test.columns).inputs(tensor(pets.test.x))
    assert test.shape[1:] == data.x_train.shape[1:] and test.isfinite().all()
    assert_close(data.raw().inputs(tensor(pets.search.val.x)), data.x_val)


@pytest.mark.parametrize("params", EVERYTHING, ids=str)
def test_the_pipeline_is_fitted_on_the_training_split_alone(pets: Prepared, params: dict[str, Any]) -> None:
    search = pets.search
    strange = search.val.x.copy()
    strange[:, :] = 0.0  # other values altogether
    first = resident(search, **params)
    second = resident(
        SearchData(search.train, type(search.val)(strange, search.val.y, search.val.columns), search.statistics, 2),
        **params,
    )
    assert_close(first.x_train, second.x_train)
    assert not torch.equal(first.x_val, second.x_val)


def test_imputation_and_scaling_are_scikit_learn_s(pets: Prepared) -> None:
    weight = pets.card.features.index("weight")
    train, val = pets.search.train.x[:, weight], pets.search.val.x[:, weight]
    assert np.isnan(train).any() and np.isnan(val).any()
    filled = np.where(np.isnan(train), np.nanmedian(train), train)
    data = resident(pets.search)
    assert_close(data.x_train[:, 0].numpy(), (filled - filled.mean()) / filled.std())
    expected = (np.where(np.isnan(val), np.nanmedian(train), val) - filled.mean()) / filled.std()
    assert_close(data.x_val[:, 0].numpy(), expected)
    mean = resident(pets.search, imputation="mean", scaling="none")
    assert_close(mean.x_train[np.isnan(train), 0].numpy(), np.full(np.isnan(train).sum(), np.nanmean(train)))


def test_missing_and_unknown_words() -> None:
    frame = frame_of({"c": ["a", "b", np.nan, "a"]})
    fitted = fit(MLP(), frame, [Column("c", "category")], np.arange(4) % 2, "classification")
    np.testing.assert_array_equal(fitted(frame), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(fitted(frame_of({"c": ["z"]})), [[0, 0, 0]])
    often = fit(
        MLP(imputation="most_frequent"), frame, [Column("c", "category")], np.arange(4) % 2, "classification"
    )
    np.testing.assert_array_equal(often(frame)[2], [1, 0])
    coded = fit(MLP(encoding="embedding"), frame, [Column("c", "category")], np.arange(4) % 2, "classification")
    assert coded.categories == (2,)
    assert coded(frame_of({"c": ["b", np.nan, "z"]})).ravel().tolist() == [1, -1, -1]


def test_rare_values_are_taken_together() -> None:
    frame = frame_of({"c": ["a"] * 5 + ["b"] * 4 + ["c", "d"]})
    assert features(frame, {"c": "category"}, rare=2).shape == (11, 3)
    assert features(frame, {"c": "category"}).shape == (11, 4)


def test_ordinals_keep_their_order() -> None:
    columns = [Column("o", "ordinal", ("lo", "mid", "hi"))]
    frame = frame_of({"o": ["hi", "lo", np.nan, "mid", "hi"]})
    fitted = fit(MLP(scaling="none"), frame, columns, np.arange(5) % 2, "classification")
    assert fitted(frame).ravel().tolist() == [2, 0, 1.5, 1, 2]


@pytest.mark.parametrize(("parts", "width"), [("seconds", 1), ("calendar", 6), ("cyclic", 10)])
def test_dates_become_parts(parts: str, width: int) -> None:
    days = pd.to_datetime(["2024-02-29 13:00", "2023-12-31 00:00", "2024-03-01 23:00"])
    frame = frame_of({"d": (days - pd.Timestamp(0)) / pd.Timedelta(seconds=1)})
    made = features(frame, {"d": "datetime"}, date_parts=parts, scaling="none")
    assert made.shape == (3, width)
    if parts == "calendar":
        assert made[:, 1:].tolist() == [[2024, 2, 29, 3, 13], [2023, 12, 31, 6, 0], [2024, 3, 1, 4, 23]]
    if parts == "cyclic":
        np.testing.assert_allclose(made[:, 2] ** 2 + made[:, 3] ** 2, 1)


def test_text_becomes_its_most_frequent_words() -> None:
    frame = frame_of({"t": ["good dog", "good cat", np.nan, "good bird"]})
    made = features(frame, {"t": "text"}, text_features=2)
    assert made.shape == (4, 2)
    assert made[2].tolist() == [0, 0]
    np.testing.assert_allclose(np.linalg.norm(made[[0, 1, 3]], axis=1), 1)


@pytest.mark.parametrize("test", ["f_test", "information"])
def test_the_features_that_tell_most_are_kept(test: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 6)), np.arange(200) % 2
    x[:, 2] += 3 * y
    x[:, 5] -= y
    frame = frame_of({f"x{k}": x[:, k] for k in range(6)})
    kinds = dict.fromkeys(frame, "number")
    kept = features(frame, kinds, y, select=2, select_test=test, scaling="none")
    score = f_classif(x, y)[0] if test == "f_test" else mutual_info_classif(x, y, random_state=0)
    best = np.sort(np.argsort(score)[-2:])
    np.testing.assert_array_equal(kept, x[:, best])
    assert features(frame, kinds, y, select=9).shape[1] == 6


def test_interactions_are_products() -> None:
    frame = frame_of({"a": [1.0, 2.0, 3.0, 4.0], "b": [5.0, 7.0, 6.0, 8.0], "c": ["p", "q", "p", "q"]})
    kinds = {"a": "number", "b": "number", "c": "category"}
    numbers = features(frame, kinds, interactions="numbers", scaling="none")
    np.testing.assert_array_equal(numbers[:, 2], frame["a"] * frame["b"])
    assert numbers.shape == (4, 5)
    assert features(frame, kinds, interactions="all").shape == (4, 4 + 6)


def test_principal_components_are_as_many_as_asked_or_as_there_are(pets: Prepared) -> None:
    whole = resident(pets.search)
    centred = whole.x_train - whole.x_train.mean(0)
    found = resident(pets.search, pca=3).x_train
    assert_close(found.square().sum(0).sqrt(), torch.linalg.svdvals(centred)[:3])
    assert resident(pets.search, pca=1000).shape.example[0] <= min(whole.x_train.shape)


def test_what_cannot_be_made_of_a_table_is_told(pets: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Infeasible, match=r"column 'weight' has \d+ missing values: imputation must be .* none"):
        resident(pets.search, imputation="none")
    monkeypatch.setattr("workloads.tables.transformers.MAX_CELLS", 500)
    with pytest.raises(Infeasible, match="interactions of 7 features make 28"):
        features(
            frame_of({f"x{k}": np.arange(40.0) for k in range(7)}),
            {f"x{k}": "number" for k in range(7)},
            interactions="all",
        )
    with pytest.raises(Infeasible, match="one-hot encoding makes 40 features"):
        features(frame_of({"c": [f"w{k}" for k in range(40)]}), {"c": "category"})
    with pytest.raises(Infeasible, match="text_features must be at least 1"):
        features(frame_of({"t": ["a b", "c d"]}), {"t": "text"}, text_features=0)


def test_equal_hyperparameters_give_equal_features(pets: Prepared) -> None:
    for params in EVERYTHING:
        assert torch.equal(resident(pets.search, **params).x_train, resident(pets.search, **params).x_train)


def test_embeddings_replace_codes_by_vectors() -> None:
    layer = Embeddings((3, 2), 4)
    x = torch.tensor([[2.0, 0.0, 0.5], [-1.0, 1.0, 0.25]])
    made = layer(x)
    assert made.shape == (2, 9)
    assert_close(made[0, :4], layer.table.weight[3])
    assert_close(made[0, 4:8], layer.table.weight[5])
    assert made[1, :4].tolist() == [0, 0, 0, 0], "unknown"
    assert_close(made[:, 8], x[:, 2])


@pytest.mark.parametrize("seeds", [(0, 0, 0), (1, 2, 3)])
def test_a_cohort_with_embeddings_agrees_with_plain_trainings(pets: Prepared, seeds: tuple[int, ...]) -> None:
    small = {"encoding": "embedding", "embedding_size": 3, "width": 5, "batch_size": 16}
    shared = Setup(workload("mlp"), resident(pets.search, **small))
    members = [Trainee(seed, MLP(lr=0.01 * (k + 1), **small)) for k, seed in enumerate(seeds)]
    fused = FusedLoop(shared, members)
    records = [fused.epoch() for _ in range(2)]
    for k, member in enumerate(members):
        plain = PlainLoop(shared, member)
        for epoch in range(2):
            (expected,) = plain.epoch()
            for name in ("train_loss", "val_loss", "grad_norm"):
                assert records[epoch][k][name] == pytest.approx(expected[name], rel=1e-7)
        assert_close(fused.state(k).model, plain.state(0).model, rtol=1e-6, atol=1e-8)


def test_a_workload_without_such_hyperparameters_gets_the_defaults(pets: Prepared) -> None:
    cpu = torch.device("cpu")
    bare = table(object(), pets.search, cpu, torch.float64)
    assert_close(bare.x_train, table(TableFeatures(), pets.search, cpu, torch.float64).x_train)
    assert isinstance(bare.prepare, PrepareTable)
    assert decode(pets.search.train.x, pets.search.train.columns).shape[1] == len(mixed().columns) - 2
