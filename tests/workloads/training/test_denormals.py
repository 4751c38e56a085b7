"""Numbers too small for the processor's arithmetic count as 0 in the loops, and nowhere else."""

from __future__ import annotations

import pytest
import torch

from tests.helpers.workload_data import setup, trainee
from workloads.training.choose_width import make_loop
from workloads.training.denormals import without_denormals

TINY = 1e-40


def kept() -> bool:
    """Whether the product of a tiny number is not 0, in this thread and at this moment."""
    return bool((torch.tensor(TINY) * torch.tensor(0.5) > 0).item())


def test_they_count_as_zero_meanwhile() -> None:
    assert kept()
    with without_denormals():
        assert not kept()
    assert kept()
    with pytest.raises(ValueError, match="stop"), without_denormals():
        raise ValueError("stop")
    assert kept()


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_an_epoch_runs_without_them(name: str, num_members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(setup(name, torch.float32), [trainee(name)] * num_members)
    seen: list[bool] = []
    step = loop.train_step

    def watched(*arguments: object) -> object:
        seen.append(kept())
        return step(*arguments)

    monkeypatch.setattr(loop, "train_step", watched)
    loop.epoch()
    assert seen and not any(seen)
    assert kept()
