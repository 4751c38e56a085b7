"""Tests what the names of metrics tell."""

from __future__ import annotations

import pytest

from search_spaces.criteria.metric_names import smaller_is_better


@pytest.mark.parametrize("name", ["val_loss", "eval/rmse", "testError", "WER", "val-fid", "step_ms", "BCELoss"])
def test_losses_errors_and_times_are_the_better_the_smaller(name: str) -> None:
    assert smaller_is_better(name)


@pytest.mark.parametrize("name", ["val_acc", "answer_accuracy", "cancer_auc", "num_items", "confidence", "power"])
def test_words_that_hold_such_a_word_are_none(name: str) -> None:
    assert not smaller_is_better(name)
