"""Steps per second and member: fused cohorts of 1 to 64 against training one after the other with torch.optim.

    python -m tests.benchmarks.fused_speed [--device cpu|cuda] [--json OUT] [--pairs 5]

Needs torch, numpy and pydantic alone. Three cases: the digits MLP (64-64-64-10, batch 64), a smaller one with
dropout that is a user's own class, so fused by vmap, and a CNN on 32 x 32 colour images (bfloat16 products on a
GPU; on a CPU, where its wide cohorts are slower, up to 8 members). The examples are noise of the right shape and
number, which take as long. Pairs are interleaved; the medians of their ratios are reported.
On a GPU also whole epochs are compared, with the order of the examples, validation and all that is reported.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.registry import workload
from workloads.training.batches import resident
from workloads.training.fused.cuda_graphs import WARM_UP
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, ...], int]] = {
    "digits MLP 64-64-64-10": ("mlp", {"batch_size": 64}, (1, 8, 8), 1258),
    "a user's class 64-32-10": (
        "tests.helpers.networks:Perceptron",
        {"batch_size": 64, "width": 32, "dropout": 0.2},
        (1, 8, 8),
        1258,
    ),
    "CNN on 32x32": ("cnn", {"batch_size": 64, "blocks": 3, "channels": 16}, (3, 32, 32), 1280),
}


def noise_setup(name: str, shape: tuple[int, ...], num_rows: int, device: torch.device) -> Setup:
    """Return a workload on random images with random labels of ten classes."""
    rng = np.random.default_rng(0)
    train = Arrays(rng.integers(0, 256, (num_rows, *shape), dtype=np.uint8), rng.integers(0, 10, num_rows))
    data = SearchData(train, train.take(np.arange(num_rows // 5)), fit(train.x), 10)
    return Setup(workload(name), resident(data, device))


def stepper(loop: FusedLoop | PlainLoop, num_steps: int) -> Callable[[], float]:
    """Return a function that runs ``num_steps`` training steps and returns their seconds."""
    loop.model.train()
    return timed(loop.train_step, loop.setup, loop.members, num_steps)


def timed(
    step: Callable[[Tensor, Tensor], object], setup: Setup, members: Sequence[Trainee], num_steps: int
) -> Callable[[], float]:
    """Return a function that calls ``step`` with ``num_steps`` mini-batches and returns the seconds it took."""
    data = setup.data

    def synchronize() -> None:
        if data.device.type == "cuda":
            torch.cuda.synchronize(data.device)

    def run() -> float:
        synchronize()
        started = time.perf_counter()
        batches = itertools.chain.from_iterable(setup.batches(members, 0) for _ in itertools.count())
        for x, y in itertools.islice(batches, num_steps):
            step(x, y)
        synchronize()
        return time.perf_counter() - started

    return run


def epochs(loop: FusedLoop | PlainLoop) -> Callable[[], float]:
    """Return a function that trains one more epoch and returns its seconds."""

    def run() -> float:
        started = time.perf_counter()
        loop.epoch()
        return time.perf_counter() - started

    return run


def paired(plain: Callable[[], float], fused: Callable[[], float], width: int, num_pairs: int) -> list[float]:
    """Return the median seconds of a member alone and of a member in the cohort, and the pairs' median ratio."""
    for _ in range(WARM_UP + 1):
        plain(), fused()
    pairs = [(plain(), fused() / width) for _ in range(num_pairs)]
    ratio = statistics.median(one / other for one, other in pairs)
    return [*(statistics.median(side) for side in zip(*pairs, strict=True)), ratio]


def measure(case: str, device: torch.device, num_pairs: int, num_steps: int) -> list[dict[str, Any]]:
    """Return a row for each width: steps per second and member, and how many times faster fused members train."""
    name, params, shape, num_rows = CASES[case]
    shared = noise_setup(name, shape, num_rows, device)
    member = Trainee(0, shared.workload.hyperparameters(**params))
    num_steps = num_steps if device.type == "cuda" or name != "cnn" else max(1, num_steps // 10)
    plain = PlainLoop(shared, member)
    rows = []
    for width in WIDTHS if device.type == "cuda" or name != "cnn" else WIDTHS[:4]:
        fused = FusedLoop(shared, [member] * width)
        alone, each, ratio = paired(stepper(plain, num_steps), stepper(fused, num_steps), width, num_pairs)
        row = {"case": case, "width": width, "ratio": ratio}
        rows.append({**row, "plain_per_s": num_steps / alone, "fused_per_s": num_steps / each})
        shown = f"{num_steps / alone:9.0f} plain {num_steps / each:9.0f} fused steps/s and member {ratio:7.2f} x"
        if device.type == "cuda":
            rows[-1]["epoch_ratio"] = paired(epochs(plain), epochs(fused), width, num_pairs)[-1]
            shown += f"  epochs {rows[-1]['epoch_ratio']:7.2f} x"
        print(f"{case:24} {device.type:4} width {width:3} {shown}", flush=True)
    return rows


def main() -> None:
    """Measure as the command line says, print the rows, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, help="timed steps a measurement (20 on a CPU, 200 on a GPU)")
    options = parser.parse_args()
    has_gpu = torch.cuda.is_available()
    if not has_gpu:
        print("no GPU here: the goals for one (10 times at 64 members) are not measured")
    device = torch.device(options.device or ("cuda" if has_gpu else "cpu"))
    torch.set_num_threads(1)
    num_steps = options.steps or (200 if device.type == "cuda" else 20)
    rows = [row for case in CASES for row in measure(case, device, options.pairs, num_steps)]
    machine = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.machine()}, one thread"
    if options.json:
        record = {"machine": machine, "torch": torch.__version__, "gpu": has_gpu, "rows": rows}
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
