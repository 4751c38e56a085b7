"""First weights against torch.nn.init, activations against torch.nn, and class weights against torch's loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from tests.helpers.workload_data import search_data, setup, train, trainee
from workloads.data.epoch_order import mix
from workloads.hyperparameters import ACTIVATION_NAMES, INIT_NAMES, Nonlinearity, Training
from workloads.layers.activations import ELU, LeakyReLU, activation
from workloads.layers.initialisation import initialise
from workloads.tasks.classification import Classification, balanced_weights
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Trainee

TORCH_INITS: dict[str, Callable[[Tensor], object]] = {
    "he": nn.init.kaiming_normal_,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "normal": lambda weight: nn.init.normal_(weight, std=0.02),
}
TORCH_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3),
    "prelu": lambda x: F.prelu(x, torch.tensor([0.4], dtype=x.dtype)),
    "elu": lambda x: F.elu(x, 1.7),
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@pytest.mark.parametrize("name", TORCH_INITS)
@pytest.mark.parametrize("workload", ["mlp", "cnn"])
def test_first_weights_are_torch_s_of_the_member_s_seed(name: str, workload: str) -> None:
    shared, member = setup(workload), trainee(workload, seed=3, init=name, init_gain=1.5)
    found = shared.build(member)
    torch.manual_seed(mix(3, 0))
    expected = shared.workload.build(member.hp, shared.data.shape)
    for layer in expected.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            TORCH_INITS[name](layer.weight)
            layer.weight.data *= 1.5
            nn.init.zeros_(layer.bias) if layer.bias is not None else None
    assert_close(found.state_dict(), expected.double().state_dict())


def test_every_name_is_compared_with_torch() -> None:
    assert {"default", *TORCH_INITS} == set(INIT_NAMES)
    assert set(TORCH_ACTIVATIONS) == set(ACTIVATION_NAMES)


def test_pre_trained_weights_embeddings_and_norms_stay() -> None:
    kept = nn.Sequential(nn.Linear(2, 2))
    kept.keeps_weights = True  # type: ignore[assignment]
    model = nn.ModuleList([kept, nn.Embedding(3, 2), nn.LayerNorm(2), nn.PReLU(), nn.Linear(2, 2)])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    initialise(model, Training(init="he"))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"4.weight", "4.bias"}


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("varied", [False, True])
def test_an_activation_and_its_gradient_are_torch_s(name: str, varied: bool) -> None:
    layer = activation(Nonlinearity(activation=name, negative_slope=0.3, prelu_slope=0.4, elu_alpha=1.7)).double()
    if varied and isinstance(layer, LeakyReLU | ELU):
        layer.common = None
    x = torch.tensor([-800.0, -3.0, -0.5, 0.0, 0.7, 4.0, 800.0], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(layer(x).sum(), x)
    (expected,) = torch.autograd.grad(TORCH_ACTIVATIONS[name](x).sum(), x)
    assert_close(layer(x), TORCH_ACTIVATIONS[name](x))
    assert_close(found, expected)


@pytest.mark.parametrize("workload", ["mlp", "cnn"])
@pytest.mark.parametrize(
    ("name", "slope"), [("leaky_relu", "negative_slope"), ("prelu", "prelu_slope"), ("elu", "elu_alpha")]
)
@pytest.mark.parametrize("varied", [False, True])
def test_members_of_different_slopes_ride_in_one_cohort(workload: str, name: str, slope: str, varied: bool) -> None:
    shared = setup(workload)
    slopes = (0.1, 0.2, 0.3) if varied else (0.2, 0.2, 0.2)
    members = [trainee(workload, activation=name, **{slope: value}) for value in slopes]
    fused = FusedLoop(shared, members)
    records = train(fused, 2)[-1]
    for k, member in enumerate(members):
        plain = PlainLoop(shared, member)
        (expected,) = train(plain, 2)[-1]
        assert records[k]["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-7)
        assert_close(fused.state(k).model, plain.state(0).model, rtol=1e-6, atol=1e-8)
    assert (records[0]["train_loss"] == pytest.approx(records[1]["train_loss"])) is not varied


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    y = torch.tensor([0] * 6 + [1] * 3 + [2])
    expected = compute_class_weight("balanced", classes=y.unique().numpy(), y=y.numpy())
    assert balanced_weights((6, 3, 1)) == pytest.approx(expected)
    assert balanced_weights((6, 0, 2)) == (4 / 6, 0.0, 2.0)


def rare() -> Any:
    """The small data with most of one class taken away."""
    search = search_data()
    keep = (search.train.y != 2) | (torch.arange(len(search.train.y)).numpy() < 9)
    return replace(search, train=search.train.take(keep))


def test_class_weights_are_counted_on_the_training_split() -> None:
    counts = rare().shape().class_counts
    assert counts == tuple(torch.bincount(torch.tensor(rare().train.y)).tolist()) and min(counts) == 3


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_loss_and_gradient_are_torch_s(smoothing: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    y, weights = torch.arange(9) % 3, torch.tensor(balanced_weights((9, 4, 2)), dtype=torch.float64)
    numbers = {
        "label_smoothing": torch.full((2,), smoothing, dtype=torch.float64),
        "class_weights": torch.tensor([0.0, 1.0], dtype=torch.float64),
    }
    task = Classification(balanced=balanced_weights((9, 4, 2)))
    found = task.loss(lambda x: x, logits, y, numbers)
    for k, weight in enumerate((None, weights)):
        costs = F.cross_entropy(logits[k], y, weight, reduction="none", label_smoothing=smoothing)
        assert_close(found["loss"][k], costs.mean())
        (expected,) = torch.autograd.grad(costs.mean(), logits, retain_graph=True)
        (gradient,) = torch.autograd.grad(found["loss"][k], logits, retain_graph=True)
        assert_close(gradient, expected)
        assert_close(found["train_loss"][k], F.cross_entropy(logits[k], y))


def test_balanced_and_unbalanced_members_ride_in_one_cohort() -> None:
    from workloads.training.batches import resident

    shared = replace(setup("mlp"), data=resident(rare(), torch.device("cpu"), torch.float64))
    members = [trainee("mlp", class_weights=choice) for choice in ("none", "balanced")]
    records = train(FusedLoop(shared, members), 2)[-1]
    for record, member in zip(records, members, strict=True):
        (expected,) = train(PlainLoop(shared, Trainee(0, member.hp)), 2)[-1]
        assert record["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-7)
    assert records[0]["val_loss"] != pytest.approx(records[1]["val_loss"], rel=1e-3)
