"""Two players: what they report, how they grow and go on, what is measured of their images, what is served."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm
from torch.testing import assert_close

from search_spaces.types.objective import Objective
from tests.helpers.workload_data import search_data
from workloads.arrays import DataShape
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.legs import checkpoint
from workloads.models.gan.frechet import class_coverage, frechet_distance, yardstick
from workloads.models.gan.grid_image import grid_png
from workloads.models.gan.hyperparameters import VARIANTS, GANHyperparameters
from workloads.models.gan.loop import GanLoop, growth, slope_penalty
from workloads.models.gan.networks import Players
from workloads.models.gan.workload import GAN
from workloads.training.setup import Setup, Trainee

SMALL: dict[str, Any] = {"width": 4, "latent": 6, "batch_size": 16, "growth_epochs": 1}


def eight_by_eight() -> SearchData:
    """The blobs at twice their size, so that progressive growing has two levels."""
    search = search_data()
    train, val = (replace(part, x=part.x.repeat(2, -1).repeat(2, -2)) for part in (search.train, search.val))
    return replace(search, train=train, val=val, statistics=fit(train.x), problem="generation")


@pytest.fixture(scope="module")
def setup() -> Setup:
    """With its classifier trained once for all tests."""
    data = GAN.data(GANHyperparameters(), eight_by_eight(), torch.device("cpu"), torch.float32)
    return Setup(GAN, data, Objective("val_frechet_distance", "minimize"))


def trainee(variant: str, seed: int = 0, **params: Any) -> Trainee:
    return Trainee(seed, GANHyperparameters(variant=variant, **{**SMALL, **params}))


def trained(setup: Setup, member: Trainee, num_epochs: int) -> tuple[GanLoop, list[dict[str, float]]]:
    loop = GanLoop(setup, member)
    return loop, [loop.epoch()[0] for _ in range(num_epochs)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_epoch_tells_of_both_players(setup: Setup, variant: str) -> None:
    _, [record] = trained(setup, trainee(variant, discriminator_lr_ratio=0.5), 1)
    assert set(record) == {
        "train_generator_loss",
        "train_discriminator_loss",
        "generator_grad_norm",
        "discriminator_grad_norm",
        "val_frechet_distance",
        "val_class_coverage",
        "classifier_accuracy",
        "real_frechet_distance",
        "lr",
        "discriminator_lr",
        "examples_per_s",
    }
    assert all(map(math.isfinite, record.values()))
    assert record["discriminator_lr"] == record["lr"] / 2
    assert record["classifier_accuracy"] > 0.9
    assert record["generator_grad_norm"] > 0 and record["discriminator_grad_norm"] > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_come_nearer_to_the_real_images(setup: Setup, variant: str) -> None:
    loop = GanLoop(setup, trainee(variant, lr=0.01 if variant == "progressive" else 0.003, width=8))
    first = loop.epoch()[0]["val_frechet_distance"]
    assert any(loop.epoch()[0]["val_frechet_distance"] < 0.5 * first for _ in range(39))


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_seeds_agree_and_others_do_not(setup: Setup, variant: str) -> None:
    runs = [trained(setup, trainee(variant, seed, dropout=0.3), 2)[1] for seed in (0, 0, 1)]
    distances = [[record["val_frechet_distance"] for record in run] for run in runs]
    assert distances[0] == distances[1] != distances[2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_equals_uninterrupted(setup: Setup, variant: str, tmp_path: Path) -> None:
    member = trainee(variant, dropout=0.2)
    whole, expected = trained(setup, member, 4)
    begun, _ = trained(setup, member, 2)
    checkpoint.save(str(tmp_path), checkpoint.Progress(epoch=2, seed=0, params={}), begun.state(0))
    resumed = GanLoop(setup, member)
    resumed.load(0, checkpoint.load(str(tmp_path))[1])
    resumed.epoch_done = 2
    found = [resumed.epoch()[0] for _ in range(2)]
    for one, other in zip(found, expected[2:], strict=True):
        assert one["val_frechet_distance"] == other["val_frechet_distance"]
        assert one["train_generator_loss"] == other["train_generator_loss"]
    assert_close(resumed.state(0).model, whole.state(0).model, rtol=0, atol=0)
    assert_close(resumed.state(0).optimizer, whole.state(0).optimizer, rtol=0, atol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_of_one_works(setup: Setup, variant: str) -> None:
    loop = GanLoop(setup, trainee(variant, batch_size=1))
    loop.model.train()
    values = loop.discriminator_step(setup.data.x_train[:1], setup.data.y_train[:1])
    values |= loop.generator_step(setup.data.y_train[:1])
    assert all(bool(value.isfinite()) for value in values.values()) and loop.finite() == [True]


def test_the_players_take_the_steps_they_are_given(setup: Setup) -> None:
    loop = GanLoop(setup, trainee("dcgan", batch_size=8, discriminator_steps=2, generator_steps=3))
    loop.epoch()  # 43 images: 6 mini-batches, 3 turns
    steps = {role: o.state_dict()["state"][0]["step"] for role, o in loop.optimizers.items()}
    assert steps == {"generator": 9, "discriminator": 6}
    loop = GanLoop(setup, trainee("dcgan", batch_size=8, discriminator_steps=100))
    record = loop.epoch()[0]
    assert loop.num_made == 1, "the generator has a turn in every epoch"
    assert "train_generator_loss" in record


@pytest.mark.parametrize("example", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (2, 3, 5), (1, 9, 21)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_images_of_any_size_and_number_of_channels_are_made(variant: str, example: tuple[int, ...]) -> None:
    hp = GANHyperparameters(variant=variant, width=2, latent=3)
    players = Players(hp, DataShape(example, 4, "generation"))
    y = torch.tensor([0, 3, 2])
    z = players.inputs(y, seed=0)
    assert z.shape == (3, 3 + 4 * (variant == "conditional"))
    for level in players.generator.pyramid.levels:
        for share in (1.0, 0.3) if level > players.generator.pyramid.bottom else (1.0,):
            players.grow(level, share)
            assert players(z).shape == (3, *example)
            made, real = players.generator(z), players.real(torch.rand(3, *example))
            assert made.shape == real.shape
            assert players.discriminator(made, y).shape == (3,)


def test_the_canvas_gives_back_what_is_laid_on_it() -> None:
    pyramid = Players(GANHyperparameters(width=2), DataShape((1, 9, 21), 2, "generation")).generator.pyramid
    images = torch.rand(2, 1, 9, 21)
    assert pyramid.lay(images).shape == (2, 1, 10, 22)
    assert_close(pyramid.cut(pyramid.lay(images)), images)


def test_a_level_is_faded_in_and_then_stands_alone() -> None:
    assert [growth(epoch, 4, 2) for epoch in (0, 3.9, 4, 5, 6, 7.5, 8, 9, 40)] == [
        (0, 1.0),
        (0, 1.0),
        (0, 1.0),
        (1, 0.5),
        (1, 1.0),
        (1, 1.0),
        (1, 1.0),
        (2, 0.5),
        (2, 1.0),
    ]


def test_growing_starts_with_few_pixels(setup: Setup) -> None:
    loop, _ = trained(setup, trainee("progressive", growth_epochs=2), 1)
    first = loop.model(loop.model.inputs(setup.data.y_val, seed=0))
    assert_close(first[..., ::2, ::2], first[..., 1::2, 1::2])
    loop.epoch()
    loop.epoch()
    later = loop.model(loop.model.inputs(setup.data.y_val, seed=0))
    assert (later[..., ::2, ::2] - later[..., 1::2, 1::2]).abs().max() > 1e-4


def test_a_conditional_generator_makes_the_class_it_is_asked_for(setup: Setup) -> None:
    loop, records = trained(setup, trainee("conditional", lr=0.003, width=8), 40)
    y = torch.arange(60) % 3
    seen = yardstick(setup.data).eye(loop.model(loop.model.inputs(y, seed=5))).argmax(1)
    assert (seen == y).float().mean() > 0.8
    assert records[-1]["val_class_coverage"] == 1


def test_the_slope_penalty_is_that_of_a_plane() -> None:
    weights = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    penalty = slope_penalty(lambda x: (x * weights).sum((1, 2, 3)), torch.rand(5, 1, 1, 2), torch.rand(5, 1, 1, 2))
    assert float(penalty) == pytest.approx((5 - 1) ** 2, rel=1e-5)


def test_the_frechet_distance_agrees_with_the_matrix_root() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(50, 6)), rng.normal(1, 2, size=(70, 6)) @ rng.normal(size=(6, 6))
    covariances = [np.cov(x.T, bias=True) for x in (one, other)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(sum(covariances) - 2 * root)
    first, second = torch.from_numpy(one), torch.from_numpy(other)
    assert float(frechet_distance(first, second)) == pytest.approx(expected, rel=1e-8)
    assert float(frechet_distance(second, first)) == pytest.approx(expected, rel=1e-8)
    assert float(frechet_distance(first, first)) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(first, second * math.nan).isnan()


def test_coverage_takes_more_than_a_stray_sample() -> None:
    y = torch.arange(100) % 4
    half = torch.arange(100) % 2
    assert float(class_coverage(y, y, 4)) == 1
    assert float(class_coverage(half, y, 4)) == 0.5
    stray = half.clone()
    stray[:2] = 2  # 2 of 100 where 25 are real
    assert float(class_coverage(stray, y, 4)) == 0.5
    assert float(class_coverage(half, half, 4)) == 1, "a class that the split does not have is not asked for"


def test_the_yardstick_is_trained_once_and_always_the_same(setup: Setup) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    again = GAN.data(GANHyperparameters(), eight_by_eight(), torch.device("cpu"), torch.float32)
    assert yardstick(setup.data) is yardstick(setup.data) is not yardstick(again)
    assert_close(yardstick(again).eye.state_dict(), yardstick(setup.data).eye.state_dict(), rtol=0, atol=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_grid_is_a_picture_of_the_samples() -> None:
    images = torch.full((5, 3, 4, 4), -1.0)
    images[4, 1] = 1.0
    found = np.asarray(Image.open(io.BytesIO(grid_png(images, 2, 8))))
    assert found.shape == (3 * 8 + 2, 2 * 8 + 1, 3)
    assert (found[-8:, :8] == [0, 255, 0]).all() and (found[:8, -8:] == 0).all()
    assert np.asarray(Image.open(io.BytesIO(grid_png(images[:, :1], 2)))).shape == (3 * 4 + 2, 2 * 4 + 1)
