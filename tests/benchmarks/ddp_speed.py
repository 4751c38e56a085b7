"""Steps per second on one GPU: as a worker of a distributed trial trains, under DDP, against plain torch.

    python -m tests.benchmarks.ddp_speed [--device cpu|cuda] [--pairs 5] [--steps 200]

Needs torch and numpy alone. A group of one process, NCCL on a GPU and gloo on a CPU: nothing is sent, but all that
DDP does is done. "torch" is a textbook loop, "torch, DDP" the same under DistributedDataParallel, "worker" what
``plain_loop`` does in a ring, which also keeps the metrics and the gradient's norm. Interleaved; medians, and
medians of the ratios to "torch". Without a GPU it says so and ends with 0, unless told to use the CPU.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from tests.benchmarks.fused_speed import CASES, noise_setup, stepper, timed
from workloads.training.plain_loop import PlainLoop
from workloads.training.process_group import ProcessGroup
from workloads.training.setup import Setup, Trainee

WARM_UP = 2
Stepper = Callable[[], float]


class Together(ProcessGroup):
    """A process group of one that takes all steps that a larger one takes."""

    @property
    def alone(self) -> bool:
        """Always false, so that nothing is skipped."""
        return False


def textbook(setup: Setup, member: Trainee, num_steps: int, *, ddp: bool) -> Stepper:
    """Return a function that runs ``num_steps`` steps of torch's textbook loop, and returns their seconds."""
    model: Any = setup.build(member).train()
    if ddp:
        model = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), member.hp.lr)

    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        with setup.autocast():
            loss = F.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()

    return timed(step, setup, [member], num_steps)


def measure(case: str, device: torch.device, num_pairs: int, num_steps: int) -> dict[str, tuple[float, float]]:
    """Return, by way, the steps per second and the ratio to plain torch. Needs torch's default process group."""
    name, params, shape, num_rows = CASES[case]
    setup = noise_setup(name, shape, num_rows, device)
    member = Trainee(0, setup.workload.hyperparameters(**params, optimizer="adam"))
    worker = PlainLoop(replace(setup, group=Together()), member)
    ways: dict[str, Stepper] = {
        "torch": textbook(setup, member, num_steps, ddp=False),
        "torch, DDP": textbook(setup, member, num_steps, ddp=True),
        "worker": stepper(worker, num_steps),
    }
    for run in [*ways.values()] * WARM_UP:
        run()
    rounds = [{way: num_steps / run() for way, run in ways.items()} for _ in range(num_pairs)]
    return {
        way: (statistics.median(r[way] for r in rounds), statistics.median(r[way] / r["torch"] for r in rounds))
        for way in ways
    }


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    if options.device is None and not torch.cuda.is_available():
        print("no GPU here: DDP on one GPU is not measured")
        return
    device = torch.device(options.device or "cuda")
    device = torch.device("cuda", 0) if device.type == "cuda" else device
    torch.set_num_threads(1)
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, store=torch.distributed.HashStore(), rank=0, world_size=1)
    machine = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, one thread"
    print(f"| {machine}, torch {torch.__version__} | way | steps a second | x torch |\n|---|---|---|---|")
    for case in CASES:
        for way, (per_s, ratio) in measure(case, device, options.pairs, options.steps).items():
            print(f"| {case} | {way} | {per_s:.0f} | {ratio:.2f} |", flush=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
