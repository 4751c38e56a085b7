"""Parts of an inspection on planted data: against scikit-learn, and against what is known by hand."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from search_spaces.spec.data import Data
from search_spaces.types.inspected.classes import Calibration
from search_spaces.types.inspection import Confusion
from workloads.arrays import Array, Arrays, Column
from workloads.champion.looks import classes, mistakes, numbers, saliency, series, thresholds
from workloads.champion.looks.dependence import dependence, grid
from workloads.champion.looks.seen import Seen, evenly, shares
from workloads.champion.looks.small_images import png, sheet
from workloads.champion.winner import Subject, Winner
from workloads.data.prepare import prepare


@dataclass(frozen=True)
class Planted:
    """Stands for ``Seen``: the outputs are given."""

    names: tuple[str, ...]
    y: Array
    logits: Array
    val_y: Array = field(default_factory=lambda: np.empty(0))
    val_logits: Array = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def winner(self) -> Any:
        return Named(self.names)

    @property
    def test(self) -> Arrays:
        return Arrays(np.empty((len(self.y), 1)), self.y)

    @property
    def val(self) -> Arrays:
        return Arrays(np.empty((len(self.val_y), 1)), self.val_y)

    @property
    def of_test(self) -> dict[str, Array]:
        return {"logits": self.logits}

    @property
    def test_shares(self) -> Array:
        return shares(self.logits)

    @property
    def val_shares(self) -> Array:
        return shares(self.val_logits)


@dataclass(frozen=True)
class Named:
    classes: tuple[str, ...]


def planted(num_classes: int, num: int = 500) -> Any:
    rng = np.random.default_rng(num_classes)
    y, val_y = rng.integers(num_classes, size=(2, num))
    made = [rng.normal(size=(num, num_classes)) + 1.5 * np.eye(num_classes)[of] for of in (y, val_y)]
    return Planted(tuple("abcdefgh"[:num_classes]), y, made[0], val_y, made[1])


@pytest.mark.parametrize("num_classes", [2, 4])
def test_areas_are_scikit_learn_s_and_curves_lie_on_them(num_classes: int) -> None:
    seen = planted(num_classes)
    found = classes.ranking(seen)["ranking"]
    assert [one.name for one in found] == (["b"] if num_classes == 2 else list("abcd"))
    for one in found:
        truth, scores = seen.y == "abcd".index(one.name), seen.test_shares[:, "abcd".index(one.name)]
        assert one.roc_auc == pytest.approx(roc_auc_score(truth, scores))
        assert one.average_precision == pytest.approx(average_precision_score(truth, scores))
        x, y = np.array(one.roc).T
        assert np.trapezoid(y, x) == pytest.approx(one.roc_auc, abs=0.01) and len(x) <= classes.MAX_POINTS
        assert one.examples == truth.sum()


def test_a_class_that_is_in_no_row_has_no_curve() -> None:
    seen = Planted(("a", "b", "c"), np.array([0, 1, 1]), np.eye(3))
    assert [one.name for one in classes.ranking(seen)["ranking"]] == ["a", "b"]  # type: ignore[arg-type]
    assert classes.ranking(Planted(("a", "b"), np.zeros(3, int), np.eye(3)[:, :2]))["ranking"] == []  # type: ignore[arg-type]


def test_the_calibration_error_is_that_of_its_bins() -> None:
    seen = planted(4)
    found: Calibration = classes.calibration(seen)["calibration"]
    confidence, hits = seen.test_shares.max(1), seen.logits.argmax(1) == seen.y
    accuracy, mean = calibration_curve(hits, confidence, n_bins=classes.NUM_BINS)
    assert [one for one in found.accuracy if one is not None] == pytest.approx(accuracy.tolist())
    assert [one for one in found.confidence if one is not None] == pytest.approx(mean.tolist())
    full = np.array([count for count in found.counts if count])
    assert found.error == pytest.approx(float((full / full.sum() * np.abs(accuracy - mean)).sum()))


def test_a_calibrated_champion_has_no_error_and_a_bragging_one_has() -> None:
    rng = np.random.default_rng(0)
    share = rng.uniform(0.02, 0.98, 20_000)
    y = (rng.uniform(size=len(share)) < share).astype(int)
    logits = np.stack([np.zeros(len(share)), np.log(share / (1 - share))], 1)
    honest, bragging = (Planted(("a", "b"), y, scale * logits) for scale in (1, 5))
    assert classes.calibration(honest)["calibration"].error < 0.02  # type: ignore[arg-type]
    assert classes.calibration(bragging)["calibration"].error > 0.1  # type: ignore[arg-type]


def test_the_threshold_is_chosen_on_validation_and_scored_on_test() -> None:
    seen = planted(2)
    found = thresholds.thresholds(seen)["thresholds"]
    [chosen] = [one for one in found if one.chosen]
    val, test = seen.val_shares[:, 1], seen.test_shares[:, 1]
    tried = [f1_score(seen.val_y, val >= threshold) for threshold in np.unique(val)]
    assert chosen.val.f1 == pytest.approx(max(tried)) == pytest.approx(f1_score(seen.val_y, val >= chosen.value))
    for one in found:
        flags = test >= one.value
        assert one.test.precision == pytest.approx(precision_score(seen.y, flags, zero_division=0))
        assert one.test.recall == pytest.approx(recall_score(seen.y, flags))
        assert one.test.share == pytest.approx(flags.mean())
    assert [one.value for one in found] == sorted(one.value for one in found) and len(found) >= 19


def test_probabilities_are_counted_by_true_class_or_by_right_and_wrong() -> None:
    two, four = (classes.probabilities(planted(num))["probabilities"] for num in (2, 4))
    assert two.counts.keys() == {"true a", "true b"} and four.counts.keys() == {"right", "wrong"}
    assert sum(map(sum, two.counts.values())) == sum(map(sum, four.counts.values())) == 500


def test_a_price_in_millions_keeps_its_digits_among_the_mistakes() -> None:
    assert [mistakes._number(value) for value in (1234567.8, 12.3456789)] == ["1234568", "12.3457"]


def test_confused_classes_are_told_most_often_first() -> None:
    found = Confusion(classes=["5", "9", "0"], counts=[[3, 4, 0], [1, 9, 0], [0, 0, 2]])
    assert found.confused(5) == [("5", "9", 4, 7), ("9", "5", 1, 10)]


def test_quantiles_of_errors_are_numpy_s() -> None:
    error = np.random.default_rng(0).normal(3, 2, 1001)
    found = numbers.errors(error, 2)
    assert found.quantiles["5"] == pytest.approx(np.percentile(error, 5)) and found.num_targets == 2
    assert found.absolute["100"] == pytest.approx(np.abs(error).max())
    assert sum(found.histogram.counts["errors"]) == 1001
    assert sum(numbers.errors(np.zeros(4), 1).histogram.counts["errors"]) == 4


def test_drawn_windows_follow_each_other_within_one_series() -> None:
    two = [np.arange(30.0), 100 + np.arange(30.0)]
    windows = np.stack([one[k : k + 5] for k in range(20) for one in two])  # in the order of time
    places = series.apart(windows, 3)
    assert windows[places, 0].tolist() == [0, 3, 6, 9, 12, 15, 18]
    broken = np.concatenate([windows[:10:2], windows[14::2]])  # a gap in the series
    assert broken[series.apart(broken, 1), 0].tolist() == [0, 1, 2, 3, 4]


class Column3(torch.nn.Module):
    """Predicts twice the fourth column."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x[:, 3:4]


def test_partial_dependence_finds_a_planted_line() -> None:
    from search_spaces.types.inspection import Importance
    from workloads.registry import workload
    from workloads.tasks.regression import Regression
    from workloads.training.default_inputs import default_data
    from workloads.training.setup import Setup

    prepared = prepare(Data(name="diabetes"), "regression")
    search = prepared.search
    data = default_data(None, search, torch.device("cpu"), torch.float32)
    setup = Setup(workload("mlp"), data)
    winner = Winner(setup, Column3(), Regression(data.shape.target_std), ())
    subject = Subject(workload="mlp", checkpoint="", objective=setup.objective)
    seen = Seen(subject, winner, search.val, prepared.test)
    name = search.val.columns[3].name
    told = [Importance(column=name, mean=1.0, std=0.0), Importance(column="none", mean=-1.0, std=0.0)]
    [found] = dependence(seen, told)["dependence"]
    assert found.column == name
    slopes = np.diff(found.predictions["prediction"]) / np.diff(np.array(found.values, float))
    assert slopes == pytest.approx(np.full(len(slopes), slopes[0]), rel=1e-2) and slopes[0] > 0


def test_words_are_tried_by_frequency_and_missing_ones_not_at_all() -> None:
    column = Column(name="c", kind="category", values=("x", "y", "z"))
    assert grid(np.array([2.0, 2, 0, np.nan, -1]), column).tolist() == [0, 2]
    assert grid(np.array([5.0, 5, np.nan]), Column(name="n")).tolist() == [5]


def test_saliency_of_a_linear_classifier_is_its_weights() -> None:
    prepared = prepare(Data(name="digits"), "classification")
    from search_spaces.types.objective import Objective
    from workloads.registry import workload
    from workloads.tasks.classification import Classification
    from workloads.training.batches import resident
    from workloads.training.setup import Setup

    data = resident(prepared.search, torch.device("cpu"))
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 10)
    model = torch.nn.Sequential(torch.nn.Flatten(), linear)
    setup = Setup(workload("softmax"), data, Objective("val_accuracy", "maximize"))
    winner = Winner(setup, model, Classification(), prepared.search.classes)
    part = prepared.search.val.take(evenly(len(prepared.search.val), 5))
    found = saliency.saliency(winner, part)
    inputs = data.raw().inputs(torch.from_numpy(part.x))
    for one, image in zip(found, inputs, strict=True):
        weights = linear.weight[int(model(image[None]).argmax())].detach().abs().reshape(8, 8).numpy()
        assert one == pytest.approx(weights / weights.max(), abs=1e-5)
    sees_no_pixels = Winner(setup, torch.nn.Sequential(torch.nn.Flatten(), Detached()), Classification(), ())
    with pytest.raises(saliency.NoSaliency, match="differentiable"):
        saliency.saliency(sees_no_pixels, part)


class Detached(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :10].detach()


def test_small_images_are_files_that_open() -> None:
    image = np.full((1, 4, 6), 10, np.uint8)
    with Image.open(io.BytesIO(png(image))) as small:
        assert small.size == (6, 4) and small.getpixel((0, 0)) == 255, "levels of a dark image are stretched"
    with Image.open(io.BytesIO(png(np.zeros((3, 300, 150), np.uint8)))) as large:
        assert large.size == (56, 112) and large.mode == "P"
    noise = np.random.default_rng(0).integers(0, 255, (3, 224, 224), dtype=np.uint8)
    assert len(png(noise)) < 14_000, "a page holds dozens of them"
    with Image.open(io.BytesIO(sheet(np.zeros((7, 1, 8, 8), np.uint8), [("true 5", "predicted 9")] * 7))) as page:
        assert page.width > 6 * 112 and page.height > 2 * 112
