"""Makes an inspection of a champion that has something for every section of its report, as no real one has."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence

from PIL import Image

from search_spaces.types.inspected.classes import Calibration, Flagged, Histogram, Ranking, Threshold
from search_spaces.types.inspected.examples import Continuation, Coverage, Dependence, Picture
from search_spaces.types.inspected.numbers import Errors, Forecasts, Score
from search_spaces.types.inspection import (
    ClassScores,
    Confusion,
    Importance,
    Inspection,
    Layer,
    Mistake,
    Overfitting,
)

CLASSES = ("benign", "malignant, of the second kind")
"""Two, so that thresholds are drawn; one name is longer than a phone has room for."""
BINS = 20
COUNTS = [round(40 * math.exp(-(((k - BINS / 2) / 5) ** 2))) for k in range(BINS)]


def whole_inspection(name: str, epochs: int = 50) -> Inspection:
    """Return an inspection of the training ``name``, such as ``t015 seed 1``; its numbers are made up."""
    return Inspection(
        metric="accuracy",
        problem="classification",
        name=name,
        curves=_curves(0, epochs) | _players(epochs),
        best_epoch=epochs - 3,
        seeds={str(seed): _curves(seed, epochs) for seed in (2, 3)},
        overfitting=_overfitting(epochs),
        scores=[Score(metric=f"test_{name}", mean=0.9, low=0.85, high=0.95, seeds=3) for name in ("f1", "loss")],
        confusion=Confusion(classes=CLASSES, counts=[[120, 7], [12, 131]]),
        classes=[ClassScores.of(CLASSES[0], 120, 132, 127), ClassScores.of(CLASSES[1], 131, 138, 143)],
        ranking=[_ranking(CLASSES[1])],
        calibration=Calibration(error=0.04, counts=COUNTS, confidence=_bins(0.0), accuracy=_bins(0.04)),
        probabilities=Histogram(low=0.0, high=1.0, counts={f"true {one}": COUNTS for one in CLASSES}),
        thresholds=[_threshold(k / 20, k == 9) for k in range(1, 20)],
        pairs=[(k / 10, k / 10 + math.sin(k)) for k in range(300)],
        errors=_errors(),
        forecasts=_forecasts(200),
        continuations=[Continuation(text="The north wind doth ", continued="blow,\nand we shall have snow.")] * 2,
        coverage=[Coverage(name=one, real=0.5, made=0.4, found=True) for one in CLASSES],
        mistakes=[_mistake(row) for row in range(24)],
        images={"successes": _pictures(9), "real": _pictures(9), "made": _pictures(9)},
        epochs={f"{epoch}": png(8, 160) for epoch in (1, 9)},
        importance=[Importance(column=f"column number {k}", mean=0.1 - k / 50, std=0.02) for k in range(6)],
        dependence=[
            Dependence(column="a number", values=[1.0, 2.0, 9.0], predictions={CLASSES[1]: [0.1, 0.4, 0.8]}),
            Dependence(column="a word", values=["early", "late"], predictions={CLASSES[1]: [0.2, 0.7]}),
        ],
        layers=[_layer(f"encoder.blocks.{k // 2}.attention.{('weight', 'bias')[k % 2]}") for k in range(9)],
        failed={"a part that fails": "ValueError: of a reason"},
    )


def png(seed: int, side: int = 8) -> bytes:
    """Return a grey image of noise."""
    kept, draw = io.BytesIO(), random.Random(seed)
    Image.frombytes("L", (side, side), draw.randbytes(side * side)).save(kept, "PNG")
    return kept.getvalue()


def _curves(seed: int, epochs: int) -> dict[str, Sequence[float]]:
    draw = random.Random(seed)
    falls = [math.exp(-epoch / 12) + draw.uniform(0, 0.05) for epoch in range(epochs)]
    return {
        "train_loss": falls,
        "val_loss": [1.1 * value for value in falls],
        "val_accuracy": [1 - v for v in falls],
    }


def _players(epochs: int) -> dict[str, Sequence[float]]:
    values = [1 + math.sin(epoch) / 9 for epoch in range(epochs)]
    return {"train_generator_loss": values, "train_discriminator_loss": values[::-1]}


def _overfitting(epochs: int) -> Overfitting:
    return Overfitting(
        words="validation loss lowest 0.02 (epoch 47), last 0.03: no clear overfitting",
        measure="loss",
        best_epoch=epochs - 3,
        epochs=epochs,
        gap_best=0.01,
        gap_last=0.02,
        gap_trend=0.001,
        train_trend=-0.001,
        val_trend=0.0,
        window=5,
    )


def _ranking(name: str) -> Ranking:
    points = [(k / 50, math.sqrt(k / 50)) for k in range(51)]
    falling = [(recall, 1 - recall**4 / 2) for recall, _ in points]
    return Ranking(
        name=name, examples=143, roc_auc=0.93, average_precision=0.9, roc=points, precision_recall=falling
    )


def _bins(beside: float) -> list[float | None]:
    return [None if not count else min(1.0, (k + 0.5) / BINS + beside) for k, count in enumerate(COUNTS)]


def _threshold(value: float, chosen: bool) -> Threshold:
    flagged = Flagged(precision=value, recall=1 - value, f1=2 * value * (1 - value), share=1 - value)
    return Threshold(value=value, val=flagged, test=flagged, chosen=chosen)


def _errors() -> Errors:
    quantiles = {share: (int(share) - 50) / 40 for share in ("1", "5", "25", "50", "75", "95", "99")}
    absolute = {share: int(share) / 60 for share in ("50", "75", "95", "100")}
    return Errors(
        histogram=Histogram(low=-2, high=2, counts={"errors": COUNTS}), quantiles=quantiles, absolute=absolute
    )


def _forecasts(steps: int) -> Forecasts:
    truth = [50 + 20 * math.sin(k / 2) for k in range(steps)]
    near = [value + 1 for value in truth]
    return Forecasts(truth=truth, forecast=near, naive=near[::-1], season=7, rmse=[1, 1.5, 2], naive_rmse=[3, 3, 3])


def _mistake(row: int) -> Mistake:
    values = {f"a column of a name {k}": f"{row * k / 7}" for k in range(9)}
    return Mistake(
        row=row, truth=CLASSES[0], predicted=CLASSES[1], loss=9.0 - row / 9, confidence=0.9, example=values
    )


def _pictures(number: int) -> list[Picture]:
    return [
        Picture(png=png(k), caption=f"true {k}, predicted {k}; row {k}", saliency=png(k + 9)) for k in range(number)
    ]


def _layer(name: str) -> Layer:
    return Layer(
        name=name,
        shape=(len(COUNTS), 12),
        trainable=True,
        norm=3.2,
        mean=0.0,
        std=0.1,
        low=-0.4,
        high=0.4,
        counts=COUNTS,
    )
