"""Micro-batches of several workers: equally many backward passes on each, one exchange of gradients a step."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.helpers.workload_data import setup, trainee
from workloads.arrays import Infeasible
from workloads.training.batches import ResidentData
from workloads.training.plain_loop import PlainLoop
from workloads.training.process_group import MIN_PART, ProcessGroup, min_part
from workloads.training.setup import in_parts


@dataclass
class Steps:
    """What one worker does with its parts of an epoch's mini-batches."""

    sizes: list[list[int]] = field(default_factory=list)
    """Examples of each backward pass, by step."""
    exchanged: list[list[bool]] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    """This worker's contribution to each step's gradient, where an example's gradient is the example."""


def steps(data: ResidentData, batch_size: int, micro_batch: int, group: ProcessGroup) -> Steps:
    done = Steps()
    for i, (x, y) in enumerate(data.batches(torch.arange(len(data.y_train)), batch_size, group)):
        part = data.part(i, batch_size, group)
        sizes: list[int] = []
        exchanged: list[bool] = []
        grads: list[Tensor] = []

        def step(x: Tensor, y: Tensor, share: float, last: bool) -> dict[str, Tensor]:
            sizes.append(len(y))  # noqa: B023
            exchanged.append(last)  # noqa: B023
            grads.append(x.double().mean() * share * part.weight)  # noqa: B023
            return {"mean": x.double().mean()}

        told = in_parts(step, x, y, micro_batch, largest=part.largest)
        assert float(told["mean"]) == pytest.approx(float(x.double().mean()))
        done.sizes.append(sizes)
        done.exchanged.append(exchanged)
        done.means.append(torch.stack(grads).sum())
    return done


@given(
    num_rows=st.integers(1, 60),
    batch_size=st.integers(2, 40),
    micro_batch=st.integers(0, 12),
    num_workers=st.integers(1, 4),
)
@example(num_rows=43, batch_size=15, micro_batch=7, num_workers=2)
@example(num_rows=9, batch_size=9, micro_batch=1, num_workers=4)
@example(num_rows=10, batch_size=8, micro_batch=1, num_workers=4)
def test_workers_make_equal_steps_whose_mean_is_the_batch_s(
    num_rows: int, batch_size: int, micro_batch: int, num_workers: int
) -> None:
    rows = torch.arange(num_rows, dtype=torch.float64).square()
    data = replace(setup("softmax").data, x_train=rows.view(-1, 1), y_train=torch.zeros(num_rows), ready=True)
    told = [
        steps(data, batch_size, micro_batch, ProcessGroup(rank, num_workers, "ddp")) for rank in range(num_workers)
    ]
    for one in told:
        assert [len(sizes) for sizes in one.sizes] == [len(sizes) for sizes in told[0].sizes]
        assert all(1 <= size <= (micro_batch or num_rows) for sizes in one.sizes for size in sizes)
        assert all(last == [False] * (len(last) - 1) + [True] for last in one.exchanged)
    assert len(told[0].sizes) == -(-num_rows // batch_size), "every row is trained on"
    whole = [x for x, _ in data.batches(torch.arange(num_rows), batch_size, ProcessGroup())]
    for i, mean in enumerate(torch.stack([torch.stack(one.means) for one in told]).mean(0)):
        assert float(mean) == pytest.approx(float(whole[i].mean()))


@pytest.mark.parametrize(("num_rows", "kept", "num_steps"), [(11, 8, 1), (12, 12, 2), (3, 3, 1)])
def test_batch_norm_leaves_a_last_batch_out_where_a_worker_has_one_example_of_it(
    num_rows: int, kept: int, num_steps: int
) -> None:
    data = replace(setup("softmax").data, x_train=torch.ones(num_rows, 1), y_train=torch.zeros(num_rows))
    pair = [ProcessGroup(rank, 2) for rank in range(2)]
    sizes = [[len(y) for _, y in data.batches(torch.arange(num_rows), 8, one, MIN_PART)] for one in pair]
    assert sum(map(sum, sizes)) == kept
    assert [len(each) for each in sizes] == [data.num_steps(8, one, MIN_PART) for one in pair] == [num_steps] * 2


def test_two_examples_are_needed_where_a_batch_s_own_statistics_normalise() -> None:
    norm, frozen = nn.BatchNorm1d(3), nn.BatchNorm1d(3).eval()
    own, always = nn.Identity(), nn.BatchNorm1d(3, track_running_stats=False).eval()
    own.needs_two_examples = True  # type: ignore[assignment]
    found = [
        min_part(nn.Sequential(nn.Linear(3, 3), each)) for each in (norm, frozen, own, always, nn.LayerNorm(3))
    ]
    assert found == [2, 1, 2, 2, 1]


@pytest.mark.parametrize(("batch_norm", "least"), [(False, 2), (True, 4)])
def test_a_batch_that_the_workers_cannot_share_is_refused(batch_norm: bool, least: int) -> None:
    shared = replace(setup("cnn"), group=Counting(0, 2))
    PlainLoop(shared, trainee("cnn", batch_norm=batch_norm, batch_size=least))
    with pytest.raises(Infeasible, match=f"a batch of {least - 1} cannot be shared by 2 workers: at least {least}"):
        PlainLoop(shared, trainee("cnn", batch_norm=batch_norm, batch_size=least - 1))


@dataclass(frozen=True)
class Counting(ProcessGroup):
    """A worker that counts the exchanges of gradients, and meets no other."""

    exchanges: list[bool] = field(default_factory=list)

    def exchange(self, model: torch.nn.Module, last: bool) -> AbstractContextManager[object]:
        self.exchanges.append(last)
        return nullcontext()

    def wrap(self, model: torch.nn.Module) -> torch.nn.Module:
        return model

    def average_statistics(self, model: torch.nn.Module) -> None: ...

    def agree(self, value: Any) -> Any:
        return value

    def means(self, means: Any, weight: float) -> dict[str, Tensor]:
        return dict(means)

    def joined(self, values: Any, num_rows: int) -> dict[str, Tensor]:
        return {name: torch.cat([value] * self.size, dim=1)[:, :num_rows] for name, value in values.items()}


@pytest.mark.parametrize(("batch_size", "micro_batch"), [(16, 4), (15, 4), (15, 7), (15, 1)])
def test_a_loop_s_workers_make_the_same_exchanges(batch_size: int, micro_batch: int) -> None:
    shared = setup("softmax")
    told = []
    for rank in range(2):
        group = Counting(rank, 2, "ddp")
        hp = trainee("softmax", batch_size=batch_size, micro_batch=micro_batch)
        PlainLoop(replace(shared, group=group), hp).epoch()
        told.append(group.exchanges)
    assert told[0] == told[1]
    assert sum(told[0]) == 3, "one exchange a step"
