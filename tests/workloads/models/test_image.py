"""Images end to end: augmentation drawn from the seed, residual networks, and how they are computed."""

from __future__ import annotations

import dataclasses
from functools import partialmethod
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close
from torchvision.transforms.v2 import functional as V

from tests.helpers.workload_data import search_data, train, trainee
from workloads.arrays import DataShape, Infeasible
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.models.image import augment
from workloads.models.image.augment import Strengths, augmented, coloured, mixed, rotated, shifted
from workloads.models.image.workload import IMAGE, ImageHyperparameters, build, check
from workloads.training.image_inputs import pictures, resized
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

CPU = torch.device("cpu")
STRONG = {
    "flip": 0.5, "crop": 0.25, "rotate": 20.0, "colour": 0.5, "randaugment": 9.0, "mixup": 0.4, "cutmix": 1.0,
    "dropout": 0.2,
}  # fmt: skip


def photos(num: int = 6, sides: tuple[int, int] = (12, 9)) -> Tensor:
    return torch.rand(num, 3, *sides, generator=torch.Generator().manual_seed(1))


def setup(**params: Any) -> tuple[Setup, Trainee]:
    member = trainee("image", **params)
    return Setup(IMAGE, IMAGE.data(member.hp, search_data(), CPU, torch.float32)), member


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Strengths)])
def test_each_augmentation_changes_images_and_none_at_strength_0(name: str) -> None:
    x, strength = photos(), {"flip": 1.0, "rotate": 30.0, "randaugment": 20.0}.get(name, 0.4)
    how = Strengths(**{name: strength})
    torch.manual_seed(3)
    new = mixed(augmented(x, how), how).x
    assert new.shape == x.shape
    assert not torch.equal(new, x)
    assert new.min() >= 0 and new.max() <= 1
    none = mixed(augmented(x, Strengths()), Strengths())
    assert none.partner is None
    assert torch.equal(none.x, x)


def test_equal_seeds_draw_equal_numbers_whatever_the_strengths() -> None:
    x = photos()
    weak, strong = Strengths(crop=0.1, rotate=3), Strengths(crop=0.1, rotate=3, colour=0.5)
    drawn = []
    for how in (weak, weak, strong):
        torch.manual_seed(5)
        drawn.append((augmented(x, how), torch.rand(3)))
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert torch.equal(drawn[0][1], drawn[2][1]), "the colour took no number from what follows"


def test_a_shift_is_a_crop_of_the_padded_image() -> None:
    x = photos(2, (8, 8))
    moved = shifted(x, 0.25, torch.tensor([0.0, 0.999]), torch.tensor([0.5, 0.999]))
    framed = F.pad(x, (2, 2, 2, 2))
    assert torch.equal(moved[0], framed[0, :, 4:12, 2:10])
    assert torch.equal(moved[1], framed[1, :, 0:8, 0:8])


@pytest.mark.parametrize("sides", [(9, 9), (9, 15)])
def test_a_rotation_is_torchvision_s(sides: tuple[int, int]) -> None:
    x = photos(2, sides)
    ours = rotated(x, torch.deg2rad(torch.tensor([30.0, -75.0])))
    for k, angle in enumerate((30.0, -75.0)):
        theirs = V.rotate(x[k], angle, interpolation=V.InterpolationMode.BILINEAR)
        assert_close(ours[k], theirs, atol=2e-3, rtol=0)


def test_colours_are_changed_as_by_torchvision() -> None:
    x, factors = photos(2), torch.tensor([[0.7, 1.2], [1.3, 0.4], [0.0, 1.6]])
    ours = coloured(x, factors)
    for k in range(2):
        brightness, contrast, saturation = factors[:, k].tolist()
        theirs = V.adjust_contrast(V.adjust_brightness(x[k], brightness), contrast)
        assert_close(ours[k], V.adjust_saturation(theirs, saturation), atol=2e-3, rtol=0)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_mixed_label_has_the_shares_of_its_pixels(name: str) -> None:
    """Image k is filled with the number k, so its pixels tell which image they are of."""
    x = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 12, 10)
    torch.manual_seed(0)
    for _ in range(20):
        new = mixed(x, Strengths(**{name: 1.0}))
        assert new.partner is not None
        expected = new.own * torch.arange(8.0) + (1 - new.own) * new.partner
        assert_close(new.x.mean((1, 2, 3)), expected)


def test_the_loss_of_mixed_labels_is_that_of_soft_ones() -> None:
    shared, member = setup(mixup=1.0, label_smoothing=0.1)
    task, loop = shared.task(), PlainLoop(shared, member)
    x, y = torch.rand(9, 1, 4, 4), torch.arange(9) % 3
    torch.manual_seed(4)
    found = task.loss(loop.model.eval(), x, y, loop.numbers)
    torch.manual_seed(4)
    new = mixed(augmented(x, Strengths()), Strengths(mixup=1.0))
    assert new.partner is not None
    one_hot = F.one_hot(y, 3).float()
    soft = new.own * one_hot + (1 - new.own) * one_hot[new.partner]
    expected = F.cross_entropy(loop.model(new.x), soft, label_smoothing=0.1)
    assert_close(found["loss"], expected)


def test_equal_seeds_agree_and_a_resumed_training_with_an_uninterrupted_one() -> None:
    shared, member = setup(**STRONG)
    whole, again, resumed = (PlainLoop(shared, member) for _ in range(3))
    expected = train(whole, 3)
    assert [epoch[0]["val_loss"] for epoch in train(again, 3)] == [epoch[0]["val_loss"] for epoch in expected]
    begun = PlainLoop(shared, member)
    begun.epoch()
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 1
    assert train(resumed, 2)[-1][0]["train_loss"] == expected[-1][0]["train_loss"]
    assert_close(resumed.state(0).model, whole.state(0).model)


def test_images_are_resized_on_their_shorter_side_and_cropped() -> None:
    x = (255 * photos(2, (20, 30))).to(torch.uint8)
    small = resized(x, 10)
    theirs = V.center_crop(V.resize(x, [10], antialias=True), [10, 10])
    assert small.shape == (2, 3, 10, 10)
    assert (small.int() - theirs.int()).abs().max() <= 1
    assert resized(x[..., :20], 20) is not None and torch.equal(resized(x, 0), x)


def test_networks_see_images_of_the_size_that_was_asked_for_standardised_by_the_training_split() -> None:
    rng = np.random.default_rng(0)
    parts = [Arrays(rng.integers(0, 200, (n, 3, 20, 30), dtype=np.uint8), np.arange(n) % 2) for n in (6, 4)]
    search = SearchData(parts[0], parts[1], fit(parts[0].x), 2)
    data = pictures(16, search, CPU, torch.float32)
    assert data.shape.example == (3, 16, 16)
    assert (data.x_train.shape, data.x_train.dtype) == ((6, 3, 16, 16), torch.uint8)
    model = build(ImageHyperparameters(size=16, width=4), data.shape)
    seen: list[Tensor] = []
    model.network.register_forward_pre_hook(lambda _, x: seen.append(x[0]))  # type: ignore[union-attr]
    raw = pictures(0, search, CPU, torch.float32)
    build(ImageHyperparameters(width=4), raw.shape)(raw.inputs(raw.x_train))
    model(data.inputs(torch.from_numpy(parts[1].x)))
    standard = build(ImageHyperparameters(width=4), raw.shape)
    standard.network.register_forward_pre_hook(lambda _, x: seen.append(x[0]))  # type: ignore[union-attr]
    standard(raw.inputs(raw.x_train))
    assert seen[0].shape == (4, 3, 16, 16), "raw images of another size are resized by what is exported, too"
    assert_close(seen[1].mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    assert_close(seen[1].std((0, 2, 3)), torch.ones(3), atol=1e-2, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 4), (3, 9, 40), (3, 150, 130)])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_networks_take_images_of_every_size_and_batches_of_one(shape: tuple[int, ...], norm: str) -> None:
    model = build(ImageHyperparameters(width=6, depth=2, norm=norm), DataShape(shape, 5))
    assert model.eval()(torch.rand(1, *shape)).shape == (1, 5)
    if norm == "group":
        assert model.train()(torch.rand(1, *shape)).isfinite().all()


@pytest.mark.parametrize("how", [{"channels_last": True}, {"precision": "bfloat16"}, {"precision": "float32"}])
def test_how_a_network_is_computed_changes_little_in_what_it_gives(how: dict[str, Any]) -> None:
    x, shape = photos(4, (16, 16)), DataShape((3, 16, 16), 5)
    outputs = []
    for params in ({}, how):
        torch.manual_seed(0)
        outputs.append(build(ImageHyperparameters(width=8, **params), shape).eval()(x))
    assert {output.dtype for output in outputs} == {torch.float32}
    assert_close(outputs[0], outputs[1], atol=0.05, rtol=0)
    if "precision" in how:
        assert torch.equal(*outputs) == (how["precision"] == "float32"), "on a CPU auto is float32"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.soak)])
def test_a_compiled_network_trains_the_same_and_keeps_its_names(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inductor is torch's own choice, and takes most of a minute; the other one traces and compiles nothing."""
    monkeypatch.setattr(torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend=backend))
    shared, member = setup()
    plain, compiled = PlainLoop(shared, member), PlainLoop(shared, setup(compile=True)[1])
    x, y = shared.data.inputs(shared.data.x_train[:8]), shared.data.y_train[:8]
    told = []
    for loop in (plain, compiled):
        loop.model.train()
        torch.manual_seed(0)
        told.append(float(loop.train_step(x, y)["grad_norm"]))
    assert told[1] == pytest.approx(told[0], rel=1e-3)
    assert list(compiled.state(0).model) == list(plain.state(0).model)


def test_what_cannot_be_done_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Infeasible, match="1 or 3 channels, the images have 4"):
        check(ImageHyperparameters(randaugment=5), DataShape((4, 8, 8), 3))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(Infeasible, match="needs a C"):
        check(ImageHyperparameters(compile=True), DataShape((3, 8, 8), 3))


def test_augmentation_leaves_the_validation_split_alone() -> None:
    shared, member = setup(**STRONG)
    plain = PlainLoop(shared, setup()[1])
    strong = PlainLoop(shared, member)
    task = shared.task()
    x, y = shared.data.inputs(shared.data.x_val), shared.data.y_val
    strong.model.load_state_dict(plain.model.state_dict())
    values = [task.evaluate(loop.model.eval(), x, y)["loss"] for loop in (plain, strong)]
    assert torch.equal(*values)


def test_randaugment_gives_neighbours_in_groups_the_same_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "RANDAUGMENT_GROUP", 2)
    x = photos(1).expand(6, -1, -1, -1)
    torch.manual_seed(2)
    new = augment.randaugmented(x, 25)
    assert torch.equal(new[0], new[1])
    assert len({tuple(image.flatten().tolist()) for image in new}) > 1
