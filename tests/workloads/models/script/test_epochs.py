"""Epochs of what scripts report, whatever they count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from workloads.models.script.epochs import Epochs, Report

V = "val_acc"


def told(reports: Sequence[tuple[dict[str, float], float | None]], **given: object) -> dict[int, dict[str, float]]:
    epochs = Epochs(V, **given)  # type: ignore[arg-type]
    found: dict[int, dict[str, float]] = {}
    for metrics, step in reports:
        epochs.add(Report(metrics, step))
        while epoch := epochs.next():
            assert epoch.number not in found
            found[epoch.number] = dict(epoch.metrics)
    if epoch := epochs.next(over=True):
        found[epoch.number] = dict(epoch.metrics)
    return found


def values(*reports: dict[str, float], **given: object) -> dict[int, float]:
    return {n: m[V] for n, m in told([(one, None) for one in reports], **given).items()}


def test_each_report_of_the_metric_is_an_epoch() -> None:
    assert values({V: 0.1}, {"loss": 3.0}, {V: 0.2}, {V: 0.3}) == {1: 0.1, 2: 0.2, 3: 0.3}


def test_what_comes_before_the_metric_is_of_its_epoch_and_what_comes_after_it_too() -> None:
    found = told([({"loss": 3.0}, None), ({V: 0.1}, None), ({"f1": 0.5}, None), ({V: 0.2}, None)])
    assert found == {1: {"loss": 3.0, V: 0.1, "f1": 0.5}, 2: {V: 0.2}}


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_are_counted_from_0_or_from_1(first: int) -> None:
    assert values(*({"epoch": first + n, V: n / 10} for n in range(3))) == {1: 0.0, 2: 0.1, 3: 0.2}


def test_the_epoch_may_be_told_before_the_metric_comes() -> None:
    reports = [({"epoch": 0.0, "loss": 2.0}, None), ({"epoch": 0.0, V: 0.4}, None), ({"epoch": 1.0, V: 0.5}, None)]
    assert told(reports) == {1: {"epoch": 0.0, "loss": 2.0, V: 0.4}, 2: {"epoch": 1.0, V: 0.5}}


def test_a_metric_that_is_told_every_third_epoch_leaves_the_others_out() -> None:
    reports = [{"epoch": e, **({V: e / 10} if e % 3 == 0 else {})} for e in range(1, 8)]
    assert values(*reports) == {3: 0.3, 6: 0.6}


@pytest.mark.parametrize("unit", [None, "step"])
def test_step_0_behind_others_says_nothing(unit: str | None) -> None:
    found = told([({V: 0.1}, 1), ({V: 0.2}, 2), ({"test_acc": 0.3}, 0)], unit=unit)
    assert found == {1: {V: 0.1}, 2: {V: 0.2, "test_acc": 0.3}}


def test_reports_of_one_step_are_one_epoch() -> None:
    found = told([({V: 0.1}, 782), ({"f1": 0.2}, 782), ({V: 0.3}, 1564), ({"f1": 0.4}, 1564)])
    assert found == {1: {V: 0.1, "f1": 0.2}, 2: {V: 0.3, "f1": 0.4}}


def test_of_two_values_of_one_step_the_later_one_counts() -> None:
    assert told([({V: 0.1}, 7), ({V: 0.2}, 7), ({V: 0.3}, 14)]) == {1: {V: 0.2}, 2: {V: 0.3}}


def test_a_step_of_ones_own_is_the_epochs_number() -> None:
    by_metric = [{"global_step": s, V: s / 1000} for s in (100, 200, 250)]
    assert values(*by_metric, unit="global_step") == {100: 0.1, 200: 0.2, 250: 0.25}
    by_the_logger = told([({V: 0.1}, 100), ({V: 0.2}, 200)], unit="global_step")
    assert list(by_the_logger) == [100, 200]


def test_a_part_of_an_epoch_is_no_number() -> None:
    assert values(*({"epoch": e, V: e} for e in (0.5, 1.0, 1.5, 2.0))) == {1: 0.5, 2: 1.0, 3: 1.5, 4: 2.0}


def test_one_that_tells_parts_of_epochs_from_0_on_has_its_first_at_1() -> None:
    halves = [{"epoch": e / 2, **({V: e / 10} if e and e % 2 == 0 else {"loss": 1.0})} for e in range(5)]
    assert values(*halves) == {1: 0.2, 2: 0.4}


def test_epochs_that_go_back_are_counted_on_and_it_is_said_once() -> None:
    epochs = Epochs(V)
    for number in (1, 2, 3, 1, 2):
        epochs.add(Report({"epoch": number, V: number}))
    epochs.next(over=True)
    assert epochs.done == 4
    assert epochs.messages == ["epoch 1 was reported after epoch 3: from there on it counts from 4"]


def test_it_goes_on_behind_the_epochs_that_are_done() -> None:
    assert values({V: 0.4}, {V: 0.5}, done=3, known=3) == {4: 0.4, 5: 0.5}
    assert values({"epoch": 3, V: 0.4}, {"epoch": 4, V: 0.5}, done=3, known=3, first=0) == {4: 0.4, 5: 0.5}


def test_epochs_that_are_trained_again_are_not_told_again() -> None:
    reports = [{"epoch": e, V: e / 10} for e in (2, 3, 4)]
    assert values(*reports, done=3, known=3, first=1) == {4: 0.4}
    assert values(*({V: e / 10} for e in (1, 2, 3, 4)), done=0, known=3) == {4: 0.4}


def test_an_epoch_that_was_told_is_not_told_once_more() -> None:
    epochs = Epochs(V)
    epochs.add(Report({"epoch": 1, V: 0.1}))
    assert epochs.next(over=True) is not None
    epochs.add(Report({"epoch": 1, V: 0.2, "f1": 0.3}))
    assert not epochs.pending
    epochs.add(Report({"epoch": 2, V: 0.4}))
    assert epochs.pending and not epochs.complete
    epochs.add(Report({"epoch": 2, "f1": 0.5}))
    assert epochs.complete
    last = epochs.next(over=True)
    assert last is not None and (last.number, last.metrics["f1"]) == (2, 0.5)
    told = "f1 came after epoch 1 was reported, and is left out there: log it before val_acc, or with it"
    assert epochs.messages == [told]
    epochs.add(Report({"epoch": 2, "f1": 0.6}))
    assert epochs.rest["f1"] == 0.6, "no epoch comes behind it yet"
    epochs.add(Report({"epoch": 3, V: 0.4}))
    assert (epochs.rest, len(epochs.messages)) == ({}, 1)


def test_a_step_tells_of_which_epoch_a_report_is_that_has_none() -> None:
    reports = [report for e in (1, 2, 3) for report in (({"epoch": e, V: e / 10}, 7 * e), ({"f1": e / 5}, 7 * e))]
    found = told(reports)
    assert {number: (m[V], m["f1"]) for number, m in found.items()} == {1: (0.1, 0.2), 2: (0.2, 0.4), 3: (0.3, 0.6)}


def test_a_report_of_the_step_of_an_epoch_that_was_told_is_not_of_the_next_one() -> None:
    epochs = Epochs(V)
    epochs.add(Report({"epoch": 1, V: 0.1}, 7))
    assert epochs.next(over=True)
    epochs.add(Report({"f1": 0.2}, 7))
    epochs.add(Report({"epoch": 2, V: 0.2}, 14))
    second = epochs.next(over=True)
    assert second is not None and "f1" not in second.metrics and len(epochs.messages) == 1


def test_a_name_that_comes_once_more_begins_the_next_epoch() -> None:
    first_epoch = [{"batch": 1.0}, {"batch": 2.0}, {V: 0.1, "s": 9}, {"f1": 0.2, "s": 9}]
    both = [*first_epoch, {"batch": 3.0}, {V: 0.2}, {"f1": 0.4}]
    counted = [Report(metrics, n, counted=True) for n, metrics in enumerate(both)]
    for reports in (counted, [Report(report.metrics) for report in counted]):
        epochs = Epochs(V)
        for report in reports:
            epochs.add(report)
        first, second = epochs.next(over=True), epochs.next(over=True)
        assert first is not None and second is not None
        assert (first.metrics["f1"], first.metrics["batch"]) == (0.2, 2.0)
        assert (second.metrics["f1"], second.metrics["batch"]) == (0.4, 3.0)


def test_what_may_be_of_an_epoch_that_was_told_counts_with_no_other() -> None:
    epochs = Epochs(V)
    epochs.add(Report({"loss": 3.0}))
    epochs.add(Report({V: 0.1}))
    assert epochs.next(over=True)
    epochs.add(Report({"f1": 0.2}))
    epochs.add(Report({"loss": 2.0}))  # it came before the metric, and is of the next epoch
    epochs.add(Report({V: 0.2}))
    assert epochs.pending and not epochs.complete, "f1 is waited for now"
    epochs.add(Report({"f1": 0.4}))
    second = epochs.next(over=True)
    assert second is not None and second.metrics == {"loss": 2.0, V: 0.2, "f1": 0.4}
    epochs.add(Report({"test_acc": 0.7}))
    assert epochs.rest == {"test_acc": 0.7}


def test_what_another_source_tells_counts_in_place_of_the_first_and_no_epoch_twice() -> None:
    for numbered in (True, False):
        epochs = Epochs(V)
        for e in (1, 2):
            epochs.add(Report({**({"epoch": e} if numbered else {}), V: e / 10}))
        first = epochs.next()
        assert first is not None and first.number == 1 and epochs.pending
        epochs.restart()
        for e in (1, 2, 3):
            epochs.add(Report({**({"epoch": e} if numbered else {}), V: e / 5}))
        second, third = epochs.next(), epochs.next(over=True)
        assert second is not None and (second.number, second.metrics[V]) == (2, 0.4)
        assert third is not None and (third.number, third.metrics[V]) == (3, 0.6)


def test_a_metric_that_decides_is_waited_for() -> None:
    epochs = Epochs(V, expected={"f1"})
    epochs.add(Report({V: 0.1}))
    assert epochs.pending and not epochs.complete
    epochs.add(Report({"f1": 0.5}))
    assert epochs.complete


def test_what_is_not_a_number_is_told_as_it_is() -> None:
    assert math.isnan(values({V: math.nan})[1])
    assert list(values({"epoch": math.nan, V: 0.5})) == [1]
