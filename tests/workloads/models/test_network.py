"""Networks of the user's own: what a class declares, which are trained fused, and what is refused."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member
from search_spaces.space.hyperparameters import complete, hyperparameters
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.objective import Objective
from search_spaces.types.values import value_of
from tests.helpers import networks
from tests.helpers.sequence_data import series, text
from tests.helpers.workload_data import search_data, setup, train, trainee
from workloads.arrays import DataShape, Infeasible
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.network.same_program import difference
from workloads.models.network.tryout import programs, why_apart
from workloads.models.network.workload import is_network, network_of
from workloads.registry import catalogue, workload
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Trainee

PLACE = "tests.helpers.networks"
TIMING = "examples_per_s"


def own(name: str) -> dict[str, Any]:
    """The hyperparameters of the class itself, those of all trainings left out."""
    known = hyperparameters(workload(f"{PLACE}:{name}").hyperparameters)
    ours = hyperparameters(workload("mlp").hyperparameters)
    return {
        key: hp for key, hp in known.items() if key not in ours or (hp.doc != ours[key].doc and key != "encoding")
    }


def test_keyword_arguments_are_hyperparameters_with_their_bounds() -> None:
    found = own("Perceptron")
    assert {name: (hp.type, hp.default, hp.range, hp.shapes) for name, hp in found.items()} == {
        "width": (int, 6, "1 <= width <= 64", True),
        "dropout": (float, 0.0, "0 <= dropout < 1", False),
        "hidden": (str, "relu", "one of relu, tanh", True),
        "residual": (bool, False, "a true or false", True),
    }
    assert found["dropout"].doc == "share of hidden units that are dropped"
    kind = workload(f"{PLACE}:Perceptron")
    assert kind.space["width"] == {"min": 1, "max": 64} and "lr" in kind.space
    assert kind.summary == "A small perceptron with dropout."


@pytest.mark.parametrize(
    ("kind", "shaping"),
    [
        ("dropout", set()),
        ("first weights", set()),
        ("plain", set()),
        ("alpha dropout", {"rate"}),
        ("number", {"scale"}),
        ("hook", {"scale"}),
        ("class made inside", {"scale"}),
        ("function", {"scale"}),
        ("layer if", {"rate"}),
        ("tensor", set()),
        ("drawn tensor", {"rate", "scale"}),
    ],
)
def test_what_shapes_the_program_is_found_by_trying(kind: str, shaping: set[str]) -> None:
    class Net(networks.Odd):
        def __init__(self, shape: Any, *, rate: float = 0.5, scale: float = 1.0) -> None:
            super().__init__(shape, kind=kind, rate=rate, scale=scale)

    known = hyperparameters(network_of("mine:Net", Net).hyperparameters)
    assert {name for name in ("rate", "scale") if known[name].shapes} == shaping


NO_RULE = "nn.LSTM has no batching rule"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("plain", None),
        ("lazy", None),
        ("norm of no statistics", None),
        ("weight norm", None),
        ("shared", None),
        ("strided", None),
        ("dropout", None),
        ("tensor", None),
        ("noise", None),
        ("float32", None),
        ("hook", None),
        ("class made inside", None),
        ("rate read", "decides by the values of tensors"),
        ("cumulative statistics", "decides by the values of tensors"),
        ("spectral norm", "aten::div.out has no batching rule"),
        ("branches", "decides by the values of tensors"),
        ("noise and a wrong rule", "its gradients would differ"),
        ("counts", "keeps state between forward passes (Odd.calls)"),
        ("python's noise", "draws random numbers from Python"),
        ("numpy's noise", "draws random numbers from Python or NumPy"),
        ("own average", "buffer average"),
        ("frozen", "body.weight is frozen"),
        ("unused", "other.weight has no part"),
        ("script", "TorchScript"),
        ("optimizer", "its part Odd.optimizer cannot be compared"),
        pytest.param("compiled", "torch.compile", marks=pytest.mark.soak),
    ],
)
def test_an_oddity_is_trained_fused_only_where_that_equals_plain_training(kind: str, told: str | None) -> None:
    member, shared = trainee(f"{PLACE}:Odd", kind=kind), setup(f"{PLACE}:Odd", torch.float32)
    found = shared.workload.programs(shared, [member] * 3)
    reason = why_apart(declared_of("Odd"), shared, member)
    if told is None:
        assert (reason, found) == (None, [[0, 1, 2]])
    else:
        assert reason is not None and told in reason and found == [[0], [1], [2]]


def declared_of(name: str) -> Any:
    return workload(f"{PLACE}:{name}").programs.args[0]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("wide", r"Odd.forward must return \(batch, num_outputs\) = \(12, 3\) for .*, received \(12, 5\)"),
        ("pair", "must return one tensor, received tuple"),
        ("complex", "has complex parameters or buffers"),
        ("trained layer in a list", r"keeps layers or parameters in Odd.hidden, .*: use nn.ModuleList"),
        ("sparse", r"has sparse gradients \(table\)"),
        ("in place", "changes its inputs in place"),
        ("squeezed", r"\(batch, num_outputs\) = \(1, 3\) for inputs \(1, 1, 4, 4\), received \(3,\)"),
        ("nan", "not finite before any training"),
    ],
)
def test_what_cannot_be_trained_is_told_before_the_sweep_starts(kind: str, told: str) -> None:
    found = workload(f"{PLACE}:Odd")
    assert found.tryout is not None
    with pytest.raises(Infeasible, match=told):
        found.tryout(trainee(f"{PLACE}:Odd", kind=kind).hp, search_data())


def test_layers_that_are_no_part_of_the_network_are_never_those_of_another() -> None:
    """A layer in a plain list has no trained weights, but each network has its own."""
    name = f"{PLACE}:Odd"
    one, same, other = (setup(name).build(trainee(name, seed, kind="layer in a list")) for seed in (1, 1, 2))
    assert difference(one, same) is None and difference(one, other) == "Odd.hidden"
    plain = (setup(name).build(trainee(name, seed)) for seed in (1, 2))
    assert difference(*plain) is None


def test_how_it_is_trained_is_told_in_one_line() -> None:
    for name, told in (("Perceptron", "fused: "), ("Memory", f"one by one: {NO_RULE}")):
        kind = workload(f"{PLACE}:{name}")
        assert kind.tryout is not None
        line = kind.tryout(kind.hyperparameters(), search_data())
        assert line is not None and line.startswith(f"{PLACE}:{name} is trained {told}")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("plain", "as one program"),
        ("dropout", "as one program"),
        (
            "noise in evaluation",
            "drawn at random in evaluation, too: F.dropout(x, p, self.training) asks for the mode",
        ),
        ("others of the batch", "depend on the others of the batch in evaluation, too"),
    ],
)
def test_what_makes_predictions_depend_on_more_than_their_example_is_told(kind: str, told: str) -> None:
    found = workload(f"{PLACE}:Odd")
    assert found.tryout is not None
    assert (found.tryout(trainee(f"{PLACE}:Odd", kind=kind).hp, search_data()) or "").endswith(told)


def test_members_of_other_programs_are_not_trained_together() -> None:
    """A layer that is there for some values of a number only, which the defaults do not show."""

    class Net(networks.Odd):
        def __init__(self, shape: Any, *, width: int = 5) -> None:
            super().__init__(shape, kind="noise" if width in (7, 14) else "dropout")

    kind = network_of("mine:Net", Net)
    shared = dataclasses.replace(setup(f"{PLACE}:Odd", torch.float32), workload=kind)
    members = [Trainee(0, kind.hyperparameters(width=width, batch_size=8)) for width in (5, 7, 6, 14)]
    assert not hyperparameters(kind.hyperparameters)["width"].shapes
    assert programs(kind.programs.args[0], shared, members) == [[0, 2], [1, 3]]  # type: ignore[union-attr]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adagrad", "rmsprop"])
@pytest.mark.parametrize("kind", ["used sometimes", "unused"])
def test_a_parameter_that_batches_leave_out_goes_on_with_its_own_count(kind: str, optimizer: str) -> None:
    name = f"{PLACE}:Odd"
    shared, member = setup(name), trainee(name, kind=kind, optimizer=optimizer, momentum=0.5)
    whole, first, second = (PlainLoop(shared, member) for _ in range(3))
    train(whole, 4)
    train(first, 2)
    second.load(0, first.state(0))
    second.epoch_done = 2
    train(second, 2)
    for found, expected in (
        (second.state(0).model, whole.state(0).model),
        (second.state(0).optimizer, whole.state(0).optimizer),
    ):
        assert_close(dict(found), dict(expected))


def test_a_loss_and_metrics_of_ones_own_agree_fused_and_plain() -> None:
    name = f"{PLACE}:Focal"
    shared = setup(name)
    members = [trainee(name, lr=0.01 * (k + 1), gamma=gamma) for k, gamma in enumerate((0.0, 1.0, 3.0))]
    fused = FusedLoop(shared, members)
    records = train(fused, 2)[-1]
    for k, member in enumerate(members):
        plain = PlainLoop(shared, member)
        (expected,) = train(plain, 2)[-1]
        assert {**records[k], TIMING: 0} == pytest.approx({**expected, TIMING: 0}, rel=1e-7)
        assert_close(fused.state(k).model, plain.state(0).model, rtol=1e-6, atol=1e-8)
    x, y = shared.data.inputs(shared.data.x_val), shared.data.y_val
    outputs = fused.forward(x)[2].detach()
    assert records[2]["val_top2"] == networks._top2(outputs, y)
    assert records[2]["val_loss"] == pytest.approx(float(networks.Focal.loss(outputs, y).mean()))
    assert workload(name).metrics("image")["val_top2"] == "maximize"


def test_a_loss_that_is_no_mean_over_examples_is_told() -> None:
    for name, told in (("Weighted", "val_loss is that mean, and train_loss is not"), ("Focal", "as one program")):
        kind = workload(f"{PLACE}:{name}")
        assert kind.tryout is not None
        assert (kind.tryout(kind.hyperparameters(), search_data()) or "").endswith(told)


def test_a_loss_that_takes_rows_is_measured_for_each() -> None:
    name = f"{PLACE}:Masked"
    shared = setup(name)
    loop = PlainLoop(shared, trainee(name))
    (found,) = train(loop, 1)[-1]
    x, y = shared.data.inputs(shared.data.x_val), shared.data.y_val
    outputs = loop.model(x).detach()
    assert found["val_loss"] == pytest.approx(float(networks.Masked.loss(outputs, y)))
    assert found["val_accuracy"] == networks._top2(outputs, y)
    values = {key: value[None] for key, value in loop.task.evaluate(loop.model, x, y).items()}
    assert "accuracy" not in loop.task.by_row(values, y), "the rows of ours are not those of the class's own"
    assert {len(k) for k in programs(declared_of("Masked"), shared, [trainee(name)] * 2)} == {1}


def test_a_loss_that_is_a_mean_is_measured_by_row() -> None:
    from workloads.models.network.declared import declared
    from workloads.models.network.task import task

    shape = DataShape((2,), 1, "regression", target_mean=5.0, target_std=2.0)
    found = task(declared("mine:Huber", networks.Huber), shape, "val_loss")
    outputs, y = torch.randn(7, 1), torch.randn(7, 1)
    values = {name: value[None] for name, value in found.evaluate(lambda x: x, outputs, y).items()}
    measured = found.metrics(values, y)
    assert float(measured["loss"]) == pytest.approx(float(networks.Huber.loss(outputs, y)))
    assert found.by_row(values, y)["loss"].shape == (1, 7)
    assert float(measured["mae"]) == pytest.approx(2 * float((outputs - y).abs().mean()))


@pytest.mark.parametrize(
    ("name", "search", "metric"),
    [
        ("Perceptron", lambda _: search_data(), "val_accuracy"),
        ("Memory", lambda folder: series(folder).search, "val_rmse"),
        ("Letters", lambda folder: text(folder).search, "val_bits_per_character"),
    ],
)
def test_images_series_and_texts_are_trained(name: str, search: Any, metric: str, tmp_path: Path) -> None:
    setting = LegSetting(f"{PLACE}:{name}", Objective(metric, "minimize"), str(tmp_path), device="cpu")
    lane = LegRunner(setting, search(tmp_path))
    members = tuple(Member(trial=k, seed=0, params={"lr": 0.01 * (k + 1)}) for k in range(2))
    lane.start(Leg(id=0, start=0, stop=1, horizon=1, members=members))
    told = lane.epoch()
    assert [report.failure for report in told] == [None, None]
    assert {report.metrics[metric] for report in told}
    assert all(one.uri for one in lane.save())


def test_a_spec_may_name_a_metric_of_ones_own_whatever_the_data_s_problem() -> None:
    spec = f"workload: {PLACE}:Focal\ndata: {{name: diabetes}}\nmetric: {{name: val_top2}}\ntrials: 2\n"
    sweep = parse_sweep(spec, "sweep.yaml", Path.cwd(), catalogue=catalogue())
    assert (sweep.metric.name, sweep.metric.goal) == ("val_top2", "maximize")


def refused(cls: type) -> str:
    with pytest.raises(LookupError) as found:
        network_of("mine:Bad", cls)
    return str(found.value)


class Base(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Positional(Base):
    def __init__(self, shape: Any, width: int = 3) -> None: ...


class Taken(Base):
    def __init__(self, shape: Any, *, batch_size: int = 3, learning_rate: float = 0.1, many: int) -> None: ...


class Kinds(Base):
    def __init__(self, shape: Any, *, size: Literal[1, 2] = 3, form: nn.Module = None) -> None: ...  # type: ignore


class Unknown(Base):
    def __init__(self, num_inputs: int, num_output: int) -> None: ...


class Rest(Base):
    def __init__(self, *args: Any, **more: Any) -> None: ...


class Labels(nn.Module):
    metrics: ClassVar = {"f2": lambda outputs, targets: 0}

    def __init__(self) -> None: ...

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs


class OnTheClass(networks.Perceptron):
    scale = 1.0

    def __init__(self, shape: Any, *, width: int = 3, scale: float = 1.0) -> None:
        super().__init__(shape, width=width)
        OnTheClass.scale = scale


class InAGlobal(networks.Perceptron):
    def __init__(self, shape: Any, *, width: int = 3) -> None:
        super().__init__(shape, width=width)
        SETTINGS.width = width


class InAStore(networks.Perceptron):
    """Keeps what does no harm: how many there are, and masks by their size."""

    made = 0
    masks: ClassVar = {}

    def __init__(self, shape: Any, *, width: int = 3) -> None:
        super().__init__(shape, width=width)
        InAStore.made += 1
        self.masks.setdefault(width, torch.ones(width))


SETTINGS = SimpleNamespace(width=0)


def test_a_store_of_masks_and_a_count_may_be_kept_outside_of_the_network() -> None:
    assert network_of("mine:InAStore", InAStore).name == "mine:InAStore"


class LightningModule(Base): ...


class Fitted(LightningModule): ...


class Spaced(networks.Perceptron):
    space: ClassVar = {"widht": {"values": [1]}}


@pytest.mark.parametrize(
    ("cls", "told"),
    [
        (Positional, ["'width' must be keyword-only: write '*, ' before it"]),
        (Taken, ["batch_size is Paceline's own", "lr is Paceline's own"]),
        (
            Kinds,
            [
                "'form' must have a type that a spec can hold, received torch.nn.modules.module.Module",
                "must be one of 1, 2, received 3",
            ],
        ),
        (OnTheClass, ["keeps scale in OnTheClass.scale, which all networks", "as self.scale"]),
        (InAGlobal, ["keeps width in SETTINGS, which all networks"]),
        (Unknown, ["received 'num_output', did you mean num_outputs?"]),
        (Rest, ["'*args' must name each hyperparameter", "'**more' must name each"]),
        (
            Labels,
            [
                "must take the data's shape first",
                "forward must take the inputs alone, received x, y",
                "loss must be a static method",
                "metrics of Labels must be",
            ],
        ),
        (Fitted, ["is a LightningModule"]),
        (Spaced, ["space names 'widht', which is no hyperparameter, did you mean width?"]),
    ],
)
def test_a_class_that_declares_what_cannot_be_is_refused_with_every_fault(cls: type, told: list[str]) -> None:
    found = refused(cls)
    assert found.startswith("'mine:Bad'") and [one for one in told if one not in found] == []


class Layers(Base):
    """Layers of any sizes, the last of a size that the spec must give."""

    def __init__(self, shape: Any, *, sizes: list[int] = [4, 4], last: int, bias: float | None = None) -> None:  # noqa: B006
        super().__init__()
        widths = [shape.num_inputs, *sizes, last]
        self.layers = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(widths)))
        self.head = nn.Linear(last, shape.num_outputs)
        if bias is not None:
            nn.init.constant_(self.head.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x.flatten(1)))


def test_lists_and_values_that_only_the_spec_has() -> None:
    kind = network_of("mine:Layers", Layers)
    known = hyperparameters(kind.hyperparameters)
    assert [known[name].shapes for name in ("sizes", "last", "bias")] == [True, True, True]
    hp = kind.hyperparameters(**complete(kind.hyperparameters, {"sizes": value_of([3, 2]), "last": 5}))
    model = kind.build(hp, DataShape((6,), 2))
    assert [tuple(p.shape) for p in model.parameters() if p.dim() == 2] == [(3, 6), (2, 3), (5, 2), (2, 5)]
    assert kind.tryout is not None and "fused" in str(kind.tryout(hp, search_data()))


def test_classes_are_told_from_other_objects() -> None:
    assert is_network(networks.Perceptron) and not is_network(nn.ReLU()) and not is_network(int)
    with pytest.raises(LookupError, match=re.escape("neither a function, a network (a class of nn.Module), nor")):
        workload("pathlib:Path")


def test_initial_weights_are_the_users_own_and_follow_from_the_seed() -> None:
    name = f"{PLACE}:Odd"
    shared = setup(name)
    one, same, other = (shared.build(trainee(name, seed, kind="first weights", scale=3.0)) for seed in (1, 1, 2))
    assert_close(one.state_dict(), same.state_dict())
    assert not torch.equal(one.last.weight, other.last.weight)  # type: ignore[union-attr,arg-type]
    assert float(one.last.weight.std()) > 1.5  # type: ignore[union-attr,operator]
