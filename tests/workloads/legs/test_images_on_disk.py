"""Images that do not fit in memory are read from disk, and train the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cluster.sweep.data_process import check_first
from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.types.objective import LOSS
from search_spaces.types.problems import COSTS
from tests.workloads.data.test_image_sources import COLOURS, images
from workloads.arrays import DataError
from workloads.champion.export import export
from workloads.data.prepare import prepare
from workloads.data.sources.image_files import decoded
from workloads.data.sources.image_records import is_records
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.prefetch import ahead


def test_images_that_do_not_fit_in_memory_train_the_same_from_disk(tmp_path: Path) -> None:
    """The same folder twice: decoded once, and read in every epoch. Both are trained, scored and exported."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (tmp_path / "zoo" / name).mkdir(parents=True)
        for k in range(12):
            noisy = np.clip(rng.normal(colour, 30, (8, 9, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / "zoo" / name / f"é{k}.png")
    told: list[Any] = []
    for limit in (1.0, 0.0):
        prepared = prepare(Data(folder=str(tmp_path / "zoo"), in_memory_gib=limit))
        assert is_records(prepared.search.train.x) == (limit == 0)
        assert (prepared.card.shape, prepared.search.shape().example) == ((3, 8, 9), (3, 8, 9))
        setting = LegSetting("image", LOSS, str(tmp_path / str(limit)), device="cpu")
        lane = LegRunner(setting, prepared.search, prepared.test)
        params = {"width": 4, "batch_size": 8, "size": 6, "crop": 0.2}
        lane.start(
            Leg(
                id=0, start=0, stop=2, horizon=2, members=(Member(trial=0, seed=0, params=params),), purpose="final"
            )
        )
        epochs = [lane.epoch()[0].metrics for _ in range(2)]
        (saved,) = lane.save()
        module, inputs = export("image", saved.uri, prepared.search)
        outputs = module(torch.from_numpy(inputs))
        timeless = [{k: v for k, v in epoch.items() if k not in COSTS} for epoch in epochs]
        told.append((timeless, lane.score()[0].metrics, prepared.card.duplicates, inputs.tolist(), outputs))
    for kept, read in zip(told[0][:-1], told[1][:-1], strict=True):
        assert read == pytest.approx(kept) if isinstance(kept, dict) else read == kept
    torch.testing.assert_close(told[0][-1], told[1][-1])


def test_statistics_of_images_on_disk_are_those_of_the_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(6):
            Image.fromarray(rng.integers(0, 255, (5, 4, 3), dtype=np.uint8)).save(tmp_path / name / f"{k}.png")
    kept, read = (prepare(Data(folder=str(tmp_path), in_memory_gib=limit)).search for limit in (1.0, 0.0))
    assert np.array_equal(decoded(read.train.x), kept.train.x)
    for name in ("fill", "mean", "std"):
        assert getattr(read.statistics, name) == pytest.approx(getattr(kept.statistics, name))


def test_only_a_workload_that_reads_files_takes_images_on_disk(tmp_path: Path) -> None:
    search = prepare(Data(folder=str(images(tmp_path)), in_memory_gib=0)).search
    check_first("image", {}, search)
    with pytest.raises(DataError, match=r"data\.in_memory_gib: [0-9]+ training images .* workload cnn"):
        check_first("cnn", {}, search)


def test_items_are_made_ahead_in_order_and_errors_where_they_belong() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    taken = ahead(items())
    assert [next(taken) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="the sixth"):
        next(taken)
    early = ahead(iter(range(1000)))
    assert next(early) == 0
    early.close()
    for thread in threading.enumerate():
        if thread.name == "ahead":
            thread.join(5)
            assert not thread.is_alive()
