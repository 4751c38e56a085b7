"""Legs of the two players: their end, their score, and what is served."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member, MemberEpoch, Purpose
from search_spaces.types.objective import Objective
from tests.helpers.paths import ROOT
from tests.helpers.workload_data import blobs
from tests.workloads.models.test_gan import SMALL, eight_by_eight
from workloads.champion.export import export
from workloads.legs.runner import LegRunner, LegSetting


def legs(folder: Path, variant: str, purpose: Purpose, stop: int = 2) -> tuple[LegRunner, list[MemberEpoch]]:
    setting = LegSetting("gan", Objective("val_frechet_distance", "minimize"), str(folder), device="cpu")
    test = blobs(30, 2)
    enlarged = replace(test, x=test.x.repeat(2, -1).repeat(2, -2))
    lane = LegRunner(setting, eight_by_eight(), enlarged)
    members = (Member(trial=0, seed=0, params={**SMALL, "variant": variant}),)
    lane.start(Leg(id=0, start=0, stop=stop, horizon=9, members=members, purpose=purpose))
    told = []
    while not lane.done:
        told += lane.epoch()
        [shown] = lane.exhibits()
        assert shown.path.startswith("samples/e") and shown.path.endswith(".png")
    return lane, told


def test_training_ends_where_samples_come_no_nearer(tmp_path: Path) -> None:
    setting = LegSetting("gan", Objective("val_frechet_distance", "minimize"), str(tmp_path), device="cpu")
    lane = LegRunner(setting, eight_by_eight())
    members = (Member(trial=0, seed=0, params={**SMALL, "patience": 1, "min_improvement": 1e9}),)
    lane.start(Leg(id=0, start=0, stop=9, horizon=9, members=members))
    told = []
    while not lane.done:
        told += lane.epoch()
    assert [t.finished for t in told] == [False, True]


PREDICT = """
import sys
import numpy as np
import torch
from tests.workloads.models.test_gan import SMALL, eight_by_eight
from workloads.champion.export import export
module, _ = export("gan", sys.argv[1], eight_by_eight())
np.save(sys.argv[3], module(torch.from_numpy(np.load(sys.argv[2]))).numpy())
"""


@pytest.mark.parametrize("variant", ["conditional", "progressive"])
def test_a_final_member_is_scored_and_its_generator_served(variant: str, tmp_path: Path) -> None:
    lane, told = legs(tmp_path / "checkpoints", variant, "final")
    [scored] = lane.score()
    best = min(told, key=lambda t: t.metrics["val_frechet_distance"])
    assert scored.best_epoch == best.epoch
    assert scored.metrics["val_frechet_distance"] == pytest.approx(best.metrics["val_frechet_distance"])
    assert scored.metrics["test_frechet_distance"] > 0
    assert 0 <= scored.metrics["test_class_coverage"] <= 1
    [saved] = lane.save()
    module, inputs = export("gan", saved.uri, eight_by_eight())
    images = module(torch.from_numpy(inputs))
    x = eight_by_eight().train.x
    assert images.shape == (len(inputs), 1, 8, 8)
    assert x.min() <= images.min() and images.max() <= x.max()
    np.save(tmp_path / "z.npy", inputs)
    command = [sys.executable, "-c", PREDICT, saved.uri, str(tmp_path / "z.npy"), str(tmp_path / "images.npy")]
    subprocess.run(command, check=True, cwd=ROOT)
    assert_close(torch.from_numpy(np.load(tmp_path / "images.npy")), images, rtol=0, atol=0)
