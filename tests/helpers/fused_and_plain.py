"""Whether a fused cohort trains as each of its members does alone."""

from __future__ import annotations

import pytest
from torch.testing import assert_close

from tests.helpers.workload_data import train
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee


def agree(shared: Setup, members: list[Trainee]) -> None:
    """Assert that two epochs of a fused cohort give the metrics and weights of plain trainings."""
    fused = FusedLoop(shared, members)
    together = train(fused, 2)
    for k, one in enumerate(members):
        plain = PlainLoop(shared, one)
        for epoch, (record,) in enumerate(train(plain, 2)):
            found = {name: together[epoch][k][name] for name in record if name != "examples_per_s"}
            del record["examples_per_s"]
            assert found == pytest.approx(record, rel=1e-7, abs=1e-9)
        assert_close(fused.state(k).model, plain.state(0).model, rtol=1e-6, atol=1e-8)
