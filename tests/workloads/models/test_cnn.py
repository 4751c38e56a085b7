"""The convolutional network: images of every size, sizes of maps against torch's own, and what cannot work."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from search_spaces.space.hyperparameters import hyperparameters
from workloads.arrays import DataShape, Infeasible
from workloads.models.cnn import CNNHyperparameters, build, plan


def network(shape: tuple[int, ...], **params: Any) -> nn.Module:
    return build(CNNHyperparameters(**{"channels": 2, **params}), DataShape(shape, 3))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 9), (1, 8, 8), (5, 33, 17)])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 8])
@pytest.mark.parametrize("blocks", [1, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_with_padding_nothing_eats_the_image(
    shape: tuple[int, ...], kernel_size: int, blocks: int, stride: int
) -> None:
    model = network(shape, blocks=blocks, kernel_size=kernel_size, stride=stride, batch_norm=False)
    assert model(torch.randn(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize(
    "params",
    [
        {"padding": padding, "pooling": pooling, "kernel_size": kernel_size, "stride": stride, "depth": depth}
        for padding, pooling, kernel_size, stride, depth in itertools.product(
            ("same", "valid"), ("max", "average", "none"), (1, 2, 3, 4), (1, 2, 3), (1, 2)
        )
    ],
    ids=lambda params: "-".join(map(str, params.values())),
)
def test_the_planned_maps_are_those_that_torch_makes(params: dict[str, Any]) -> None:
    """Every convolution and pooling gives maps of the planned sizes, or the plan refuses what torch cannot do."""
    hp, shape = CNNHyperparameters(channels=2, blocks=2, **params), DataShape((3, 19, 14), 3)
    try:
        steps = plan(hp, shape)
    except Infeasible as error:
        assert "does not fit on maps of" in str(error)
        assert hp.padding == "valid"
        return
    made: list[tuple[int, ...]] = []
    model = build(hp, shape)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            layer.register_forward_hook(lambda _, __, output: made.append(tuple(output.shape[1:])))
    model(torch.randn(2, 3, 19, 14))
    assert made == [(step.num_outputs, *step.sides) for step in steps]


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_same_padding_is_torch_s_own(kernel_size: int) -> None:
    model = network((2, 7, 9), blocks=1, kernel_size=kernel_size, pooling="none", batch_norm=False)
    assert isinstance(model, nn.Sequential)
    convolution, x = model[0], torch.randn(4, 2, 7, 9)
    assert isinstance(convolution, nn.Conv2d)
    expected = nn.functional.conv2d(x, convolution.weight, convolution.bias, padding="same")
    torch.testing.assert_close(convolution(x), expected)


def test_channels_double_behind_what_shrinks_the_maps() -> None:
    shape = DataShape((3, 32, 32), 10)
    pooled = plan(CNNHyperparameters(blocks=5, channels=4), shape)
    assert [step.num_outputs for step in pooled if step.kind == "convolution"] == [4, 8, 16, 32, 64]
    assert pooled[-1].sides == (2, 2), "maps of 2 x 2 are not pooled"
    strided = plan(CNNHyperparameters(blocks=3, channels=4, stride=2, pooling="none", depth=2), shape)
    assert [(step.num_outputs, step.sides[0]) for step in strided] == [
        (4, 16), (4, 16), (8, 8), (8, 8), (16, 4), (16, 4)
    ]  # fmt: skip
    flat = plan(CNNHyperparameters(blocks=3, channels=4, pooling="none"), shape)
    assert {step.num_outputs for step in flat} == {4}


def test_a_window_that_does_not_fit_is_named_with_layer_and_sizes() -> None:
    with pytest.raises(Infeasible, match=r"block 2, convolution 1: a window of 5 x 5 .* on maps of 4 x 2"):
        network((1, 12, 8), kernel_size=5, padding="valid", blocks=2)
    with pytest.raises(Infeasible, match=r"block 1, convolution 4: .* on maps of 2 x 2"):
        network((1, 8, 8), padding="valid", depth=6)


@pytest.mark.parametrize("name", CNNHyperparameters.__dataclass_fields__)
def test_every_hyperparameter_is_explained_and_has_a_range(name: str) -> None:
    known = hyperparameters(CNNHyperparameters)[name]
    assert known.doc
    assert known.range != "a text"


def test_a_batch_of_one_cannot_be_normalised_where_maps_are_single_pixels() -> None:
    with pytest.raises(Infeasible, match="block 1, convolution 1: normalising maps of 1 x 1 over a batch of one"):
        network((1, 1, 1), batch_size=1)
    assert network((1, 1, 1), batch_size=1, batch_norm=False)(torch.randn(1, 1, 1, 1)).shape == (1, 3)


def test_a_batch_of_one_works() -> None:
    model = network((1, 4, 4), blocks=2).train()
    assert model(torch.randn(1, 1, 4, 4)).isfinite().all()
