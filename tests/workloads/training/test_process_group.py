"""Processes that train together: the mathematics of one process at the same batch, whatever their number."""

from __future__ import annotations

import math
import multiprocessing
import os
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.causal_data import pair_data
from tests.helpers.ports import free_ports
from tests.helpers.soak import SOAK
from tests.helpers.workload_data import sentences, setup, train, trainee
from tests.workloads.models.test_gan import eight_by_eight
from tests.workloads.models.test_gan import trainee as gan_trainee
from workloads.legs import checkpoint
from workloads.legs.checkpoint import Progress
from workloads.models.gan import frechet
from workloads.registry import workload
from workloads.training.choose_width import make_loop
from workloads.training.process_group import ProcessGroup, scaled
from workloads.training.setup import MemberState, Setup

CASES: dict[str, dict[str, Any]] = {
    "softmax": {"l1": 0.001, "batch_size": 21},
    "mlp": {"optimizer": "sgd", "momentum": 0.9, "clip_norm": 0.5, "lr_schedule": "cosine", "batch_size": 14},
    "cnn": {"micro_batch": 7, "batch_size": 15},
    "recurrent": {"batch_size": 41},
    "image": {"norm": "group", "batch_size": 20},
    "tests.helpers.networks:Tied": {},
    "language full": {"encoder_lr_ratio": 0.5, "clip_norm": 0.5},
    "language last_layers": {"trained_layers": 1, "batch_size": 15, "micro_batch": 7},
    "language lora": {"activation_checkpointing": True, "batch_size": 21},
    "language full pairs": {"batch_size": 15, "micro_batch": 7, "max_length": 64},
}
"""What is compared, and with which hyperparameters: nothing that draws noise, no batch norm.

Texts are of different lengths, so that the processes pad their parts to different ones.
Of a batch of 15 one process has 8 examples and needs two micro-batches of 7, the other has 7. An epoch's last batch
has 11 or 13 of the 43 examples; of batches of 14 or 21 it has one, so that a process has none, of 41 two, of 20 3.
"""
CONTINUED = [
    "softmax",
    "mlp",
    "cnn",
    "tests.helpers.networks:Tied",
    "language full",
    "language lora",
    *(["recurrent", "image", "language last_layers", "language full pairs"] if SOAK else []),
]
"""Those that also go on from another number of processes; the other cases hardly ever differ from these in that."""
QUIET = {"dropout": 0.0, "batch_norm": False, "flip": 0.0, "crop": 0.0}
NOISY_ONES = ("gan", "transfer", "cnn", "tests.helpers.networks:Statistics")
"""Drawn noise or statistics of a part: what two processes come to is not what one does, but both hold the same."""
NOISY = ("examples_per_s",)
BATCH = 16
EXPECTED: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}


def member(case: str) -> Any:
    name, *mode = case.split()
    known = type(trainee(name).hp).__dataclass_fields__
    params = {key: value for key, value in {**QUIET, "batch_size": BATCH, **CASES[case]}.items() if key in known}
    if mode:
        params |= {"mode": mode[0], "encoder_dropout": 0.0}
    return trainee(name, **params)


def setup_of(case: str) -> Setup:
    name, *mode = case.split()
    if not mode:
        return setup(name)
    kind = workload(name)
    search = pair_data() if "pairs" in mode else sentences()
    return Setup(kind, kind.data(member(case).hp, search, torch.device("cpu"), torch.float64))


def trained(
    name: str, group: ProcessGroup, start: MemberState | str | None, num_epochs: int
) -> tuple[Any, MemberState]:
    """Train from the beginning, or from the state of one epoch or a checkpoint of it; return whole tensors."""
    loop = make_loop(replace(setup_of(name), group=group, horizon=2), [member(name)])
    if isinstance(start, str):
        start = checkpoint.load(start, partial(loop.state, 0), group)[1]
    if start is not None:
        loop.load(0, start)
        loop.epoch_done = 1
    records = [epoch[0] for epoch in train(loop, num_epochs)]
    assert loop.finite() == [True]
    return records, loop.state(0).whole()


def saved(name: str, group: ProcessGroup, uri: str) -> bool:
    """Write a checkpoint after an epoch; return whether this process has less than all of the weights."""
    loop = make_loop(replace(setup_of(name), group=group, horizon=2), [member(name)])
    loop.epoch()
    state = loop.state(0)
    checkpoint.save(uri, Progress(epoch=1, seed=0, params={}), state, replace(state, optimizer={}), group)
    group.gathered(None)  # the first has written the rest
    return state.sharded


def one_of_two(rank: int, port: int, folder: str) -> None:
    """What each process does: every case with either strategy, from the start and from one process's checkpoint."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": "2"}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=300))
    found: dict[str, Any] = {}
    ddp, fsdp = groups = ProcessGroup(rank, 2), ProcessGroup(rank, 2, "fsdp")
    for name in CASES:
        for group in groups:
            found[f"{name} {group.strategy}"] = trained(name, group, None, 2)
    for name in CONTINUED:
        begun = trained(name, ProcessGroup(), None, 1)[1]
        for group in groups:
            found[f"{name} {group.strategy} resumed"] = trained(name, group, begun, 1)
        uri = f"{folder}.shards/{name}"
        assert saved(name, fsdp, uri)
        found[f"{name} fsdp from shards"] = trained(name, fsdp, uri, 1)
    frechet.MIN_EPOCHS = frechet.MIN_STEPS = 1  # how well the yardstick is trained does not matter here
    alike = {name: same_everywhere(name, ddp) for name in NOISY_ONES}
    if rank == 0:
        torch.save(alike, f"{folder}.alike")
        torch.save(
            {key: (records, state.model, state.optimizer) for key, (records, state) in found.items()}, folder
        )
    torch.distributed.destroy_process_group()


def same_everywhere(name: str, group: ProcessGroup) -> tuple[bool, list[float]]:
    """Whether all processes hold the same weights and statistics after an epoch; and what they measured."""
    if name == "gan":
        own = gan_trainee("conditional")
        shared = Setup(
            workload(name), workload(name).data(own.hp, eight_by_eight(), torch.device("cpu"), torch.float32)
        )
    else:
        shared, own = setup(name, torch.float32), trainee(name, batch_size=BATCH)
    loop = make_loop(replace(shared, group=group), [own])
    [record] = loop.epoch()
    weights = torch.cat([value.double().flatten() for value in loop.state(0).model.values()])
    told: list[object] = [None, None]
    objective = record["val_frechet_distance" if name == "gan" else "val_loss"]
    torch.distributed.all_gather_object(told, (weights.sum().item(), weights.abs().max().item(), objective))
    return told[0] == told[1], [value for metric, value in record.items() if metric not in NOISY]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("ring") / "found.pt"
    (port,) = free_ports(1)
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=one_of_two, args=(rank, port, str(path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0, 0]
    found, alike = (torch.load(file, weights_only=True) for file in (path, f"{path}.alike"))
    return found, alike, Path(f"{path}.shards")


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one(name: str, strategy: str, both: Any) -> None:
    found, _, shards = both
    one = trained(name, ProcessGroup(), None, 2)
    compare(found[f"{name} {strategy}"], one, 2)
    if name in CONTINUED:
        compare(found[f"{name} {strategy} resumed"], one, 1)
    if name in CONTINUED and strategy == "fsdp":
        compare(found[f"{name} fsdp from shards"], one, 1)
        records, state = trained(name, ProcessGroup(), str(shards / name), 1)
        compare((records, state.model, state.optimizer), one, 1)


def compare(found: Any, expected: tuple[Any, MemberState], num_epochs: int) -> None:
    """Compare records and state after two epochs, of which ``found`` has trained the last ``num_epochs``."""
    told, model, optimizer = found
    records, state = expected
    assert len(told) == num_epochs
    for epoch, record in zip(told, records[-num_epochs:], strict=True):
        wanted = {metric: value for metric, value in record.items() if metric not in NOISY}
        assert {metric: epoch[metric] for metric in wanted} == pytest.approx(wanted, **EXPECTED)
    torch.testing.assert_close(dict(model), dict(state.model), rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(dict(optimizer), dict(state.optimizer), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", NOISY_ONES)
def test_two_processes_hold_one_model(name: str, both: Any) -> None:
    same, measured = both[1][name]
    assert same
    assert all(math.isfinite(value) for value in measured)


def test_parts_of_a_batch_and_their_weights() -> None:
    rings = [ProcessGroup(rank, 3) for rank in range(3)]
    parts = [group.part(torch.arange(8)) for group in rings]
    assert torch.cat(parts).tolist() == list(range(8))
    values = [part.double().mean() for part in parts]
    weights = [group.part_of(8).weight for group in rings]
    assert sum(w * v for w, v in zip(weights, values, strict=True)) / 3 == pytest.approx(3.5)
    rows = [group.rows(torch.arange(8)) for group in rings]
    assert [len(own) for own in rows] == [3, 3, 3]
    assert torch.cat(rows).tolist()[:8] == list(range(8))


def test_learning_rates_grow_with_the_number_of_processes_as_told() -> None:
    assert [scaled(rule, 4) for rule in ("none", "linear", "sqrt")] == [1.0, 4.0, 2.0]  # type: ignore[arg-type]
