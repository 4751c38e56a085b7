"""How often a leg is saved while it is under way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.lanes import leg_in_process
from cluster.lanes.leg_in_process import CHECKPOINT_EVERY_S, CHECKPOINT_SHARE, LegInProcess


def test_a_process_s_first_checkpoint_does_not_put_off_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, costs, saved_at = 100.0, iter([3.0, 0.1, 0.1]), []

    def save() -> tuple[str]:
        nonlocal now
        saved_at.append(now)
        now += next(costs)
        return ("checkpoint",)

    monkeypatch.setattr(leg_in_process, "time", SimpleNamespace(monotonic=lambda: now))
    lane = LegInProcess(cast(Any, None), lambda stream: cast(Any, None))
    while len(saved_at) < 3:
        lane._num_unsaved += 1
        lane._saved(cast(Any, SimpleNamespace(save=save)), over=False)
        now += 0.25
    first, second, third = saved_at
    assert first + 3.0 + CHECKPOINT_EVERY_S <= second <= first + 3.5 + CHECKPOINT_EVERY_S
    assert second + 0.1 / CHECKPOINT_SHARE <= third <= second + 0.6 + 0.1 / CHECKPOINT_SHARE
