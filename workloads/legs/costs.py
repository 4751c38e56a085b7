"""Measures what a member costs: parameters, seconds of training, latency of one example, memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from search_spaces.space.hyperparameters import Signature, signature
from search_spaces.types.error_text import last_line
from workloads.contract import Workload
from workloads.training.memory_limits import attempt
from workloads.training.setup import Setup, Trainee

NUM_WARM, NUM_TIMED = 3, 15
"""Numbers of passes before the timed ones, and of timed ones."""
MAX_S = 0.5
"""Seconds after which no further pass is timed, if there is one."""
MIB = 2**20
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Costs:
    """Costs of the members that one process trains. Models of one signature are built and timed once.

    ``tell`` gets a line for users where a model trains and cannot be measured.
    """

    def __init__(self, workload: Workload, device: torch.device, tell: Callable[[str], None]) -> None:
        self._workload, self._device, self._tell = workload, device, tell
        self._of_models: dict[Signature, Mapping[str, float]] = {}

    def begin(self) -> None:
        """Begin to observe the peak of memory, at a leg's start."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        elif _CLEAR.exists():
            with suppress(OSError):  # a container may not allow it: then the peak is the process's own
                _CLEAR.write_text("5")  # resets the peak, and nothing else

    def of_epoch(self, setup: Setup, share_s: float) -> dict[str, float]:
        """Return the costs of all members that train as one program, after an epoch of ``share_s`` each."""
        num_examples = setup.data.num_examples  # 0 where the workload brings its own data
        pace = {"examples_per_s": num_examples / share_s} if share_s > 0 and num_examples else {}
        return {**pace, "peak_memory_mib": self._peak_bytes() / MIB}

    def of_model(self, setup: Setup, trainee: Trainee) -> Mapping[str, float]:
        """Return parameters and latency of a member's model; nothing where it is not known, or memory ends."""
        shaping = signature(type(trainee.hp), vars(trainee.hp))
        if shaping not in self._of_models:
            self._of_models[shaping] = self._tried(setup, trainee)
        return self._of_models[shaping]

    def _tried(self, setup: Setup, trainee: Trainee) -> Mapping[str, float]:
        try:
            return attempt(lambda: self._measured(setup, trainee)) or {}
        except Exception as error:  # noqa: BLE001 - a model may take no single example, and train well
            said = last_line(str(error) or repr(error))
            self._tell(f"parameters and latency are not known: one example raised {type(error).__name__}: {said}")
        return {}

    def _measured(self, setup: Setup, trainee: Trainee) -> Mapping[str, float]:
        model = setup.build(trainee).eval()
        if next(model.parameters(), None) is None:
            return {}
        served, example = self._served(setup, trainee.hp, model)
        num_params = sum(parameter.numel() for parameter in served.parameters())
        with torch.inference_mode(), setup.autocast():
            latency_s = timed(lambda: self._finished(served(example)))
        return {"params_m": num_params / 1e6, "latency_ms": 1000 * latency_s}

    def _served(self, setup: Setup, hp: Any, model: nn.Module) -> tuple[nn.Module, torch.Tensor]:
        """Return the module that is served and an example for it, already prepared."""
        if self._workload.export is None:
            return model, setup.data.inputs(setup.data.x_val[:1])
        served, rows = self._workload.export(hp, model.cpu(), setup.data)
        return served.eval().to(self._device), torch.as_tensor(rows[:1]).to(self._device)

    def _finished(self, outputs: object) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def _peak_bytes(self) -> float:
        if self._device.type == "cuda":
            return float(torch.cuda.max_memory_allocated(self._device))
        if _STATUS.exists():
            line = next((line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM")), "")
            if line:
                return float(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(peak if sys.platform == "darwin" else peak * 1024)


def timed(action: Callable[[], None]) -> float:
    """Return the median seconds of ``NUM_TIMED`` calls, or of as many as fit into ``MAX_S``, after warm ones."""
    begun, taken = time.perf_counter(), list[float]()
    for number in range(NUM_WARM + NUM_TIMED):
        before = time.perf_counter()
        action()
        if number >= NUM_WARM or before - begun > MAX_S:
            taken.append(time.perf_counter() - before)
        if taken and time.perf_counter() - begun > MAX_S:
            break
    return median(taken)
