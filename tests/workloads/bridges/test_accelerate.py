"""Accelerate's bridge: trials of one process may have other settings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch


def test_the_next_trial_of_a_process_may_have_another_precision() -> None:
    pytest.importorskip("accelerate", reason="pip install 'paceline[accelerate]'")
    from workloads.bridges import accelerate as bridge

    run: Any = SimpleNamespace(device=torch.device("cpu"), seed=1)
    for precision in ("no", "bf16", "no"):
        accelerator = bridge.accelerator(run, mixed_precision=precision)
        assert accelerator.mixed_precision == precision and accelerator.num_processes == 1
