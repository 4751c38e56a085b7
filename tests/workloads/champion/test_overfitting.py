"""The judgement of learning curves on planted ones: what rises is said to rise, and noise is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workloads.champion.overfitting import judge


def falling(num: int, end: float = 0.0) -> list[float]:
    return [end + math.exp(-3 * e / num) for e in range(num)]


NOISY = np.random.default_rng(1).normal(0, 0.06, 30)


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [
        (falling(30), [*falling(10, 0.2), *np.linspace(0.25, 0.9, 20)], "overfitting"),
        (falling(30), [*falling(10, 0.2), *[0.9] * 20], "overfitting"),
        (falling(9), [0.6, 0.3, 0.12, 0.085, 0.0791, 0.09, 0.1, 0.108, 0.114], "overfitting"),
        ([2.3, *falling(29)], [2.3, *falling(10, 0.1), *np.linspace(0.15, 0.3, 19)], "overfitting"),
        (falling(30), [*falling(10, 0.2), *np.linspace(0.25, 0.9, 20)] + NOISY / 3, "overfitting"),
        (falling(30), falling(30, 0.1), "not converged"),
        (falling(12), [1, 0.5, 0.3, 0.2, 0.15, 0.12, 0.1, 0.11, 0.104, 0.09, 0.071, 0.061], "not converged"),
        (falling(30), [*falling(20), *[0.06] * 10], "beginning to overfit"),
        (falling(30), [*falling(20), *[0.06] * 9, 0.0575], "no clear overfitting"),
        ([*falling(20), *[0.05] * 10], [*falling(20, 0.1), *[0.15] * 10], "no clear overfitting"),
        (falling(30), list(0.3 + 2 * np.exp(-8 * np.arange(30) / 30) + NOISY), "no clear overfitting"),
        ([*falling(15), *np.linspace(0.1, 0.5, 15)], [*falling(15, 0.1), *np.linspace(0.2, 0.6, 15)], "unstable"),
    ],
)
def test_facts_come_before_the_judgement(train: list[float], val: list[float], expected: str) -> None:
    found = judge({"train_loss": train, "val_loss": val}, int(np.argmin(val)) + 1)
    assert found is not None
    facts, judgement = found.words.split(": ", 1)
    assert facts.startswith("validation loss ") and judgement.startswith(expected), found.words
    assert f"{val[-1]:.3g}" in facts
    assert found.gap_last == pytest.approx(val[-1] - train[-1])
    gap = np.array(val[-found.window :]) - np.array(train[-found.window :])
    assert found.gap_trend == pytest.approx(np.polyfit(range(found.window), gap, 1)[0])


def test_the_epoch_of_another_metric_is_said_to_be_the_best_by_that() -> None:
    curves = {"train_loss": falling(12), "val_loss": [*falling(4, 0.2), *np.linspace(0.3, 0.9, 8)]}
    by_loss, by_accuracy = judge(curves, 4), judge(curves, 11, "accuracy")
    assert by_loss is not None and by_loss.words.endswith("the weights of epoch 4 of 12 are kept")
    assert by_accuracy is not None
    assert by_accuracy.words.endswith("the weights of epoch 11 of 12 are kept, the best by val_accuracy")


@pytest.mark.parametrize("num", [9, 15, 60])
def test_noise_about_a_level_is_rarely_called_overfitting(num: int) -> None:
    rng, words = np.random.default_rng(num), []
    for _ in range(100):
        val = 0.3 + 2 * np.exp(-8 * np.arange(num) / num) + rng.normal(0, 0.05, num)
        found = judge({"train_loss": [0.2] * num, "val_loss": val.tolist()}, 1)
        assert found is not None
        words.append(found.words)
    assert sum(": overfitting" in text and "still rising" not in text for text in words) <= 3
    assert any("varies by 0.0" in text for text in words)


def test_short_and_broken_curves_are_not_judged() -> None:
    assert judge({}, 0) is None
    assert judge({"train_loss": [1, 0.5, 0.2], "val_loss": [1, 0.6, 0.4]}, 3) is None
    assert judge({"train_loss": [1.0] * 9, "val_loss": [math.nan] * 9}, 1) is None
