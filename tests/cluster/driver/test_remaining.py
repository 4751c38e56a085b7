"""The estimate of a sweep's end: over all phases, and never rising while nothing happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.driver.timing.remaining import CLOSING, Remaining
from cluster.terminal.views import advanced
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.sweep_in_every_state import row, snapshot
from workloads.registry import catalogue

SPEC = """
workload: mlp
data: {name: digits}
trials: 4
epochs: 10
early_terminate: {type: none}
parameters: {lr: {min: 1e-4, max: 1e-1, log: true}}
final: {top: 1, seeds: 2, baselines: false}
"""


def estimate() -> Remaining:
    return Remaining(parse_sweep(SPEC, "sweep.yaml", Path(), catalogue=catalogue()), start_s=4.0)


def test_the_estimate_is_of_search_final_retrainings_and_closing() -> None:
    it = estimate()
    begun = snapshot(row(0, state="running", epochs=1), horizon=10, num_planned=4, epochs_trained=1)
    assert it.at(replace(begun, epochs_trained=0, rows=[]), 0.0).whole is None
    seen = replace(begun, epochs_trained=11, rows=[row(0, epochs=10), row(1, state="running", epochs=1)])
    left = it.at(seen, 11.0)
    assert left.search == pytest.approx(29.0), "40 epochs were planned, a second each"
    assert left.after == pytest.approx(4 * 10 + 4.0 * 2.7), "four retrainings, and what closes the sweep"
    finals = replace(seen, phase="verdict", epochs_trained=40, finals_planned=4, final_epochs=20)
    assert it.at(finals, 61.0).whole == pytest.approx(20 * 61 / 60 + 10.8, rel=0.01)


def test_the_estimate_falls_while_nothing_happens_and_keeps_what_comes_after() -> None:
    it = estimate()
    rows = [row(0, state="running", epochs=1)]
    it.at(snapshot(*rows, epochs_trained=0, horizon=10), 0.0)
    seen = snapshot(*rows, epochs_trained=10, horizon=10)
    found = [it.at(seen, 10.0 + passed) for passed in (0, 5, 10, 1000)]
    whole = [left.whole or 0.0 for left in found]
    assert whole == sorted(whole, reverse=True) and whole[1] == whole[0] - 5
    assert whole[-1] == found[-1].least == pytest.approx(50.8), "retrainings and closing are still to come"
    shown = replace(seen, eta_s=whole[0], eta_least_s=found[0].least)
    assert [advanced(shown, passed).eta_s for passed in (5.0, 1000.0)] == pytest.approx([whole[1], 50.8])


def test_each_stage_of_the_closing_leaves_less() -> None:
    it = estimate()
    left = [it.closing(stage).whole for stage in CLOSING]
    assert left == pytest.approx([10.8, 9.2, 2.8, 1.2])
    assert [it.closing(stage).least for stage in CLOSING] == pytest.approx([9.2, 2.8, 1.2, 0.0])
