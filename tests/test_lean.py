"""What a Ray of our own does without, and what is kept and begun early so that a sweep ends sooner."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster import forked_worker, lean_node
from cluster.champion import SOON_S, Crowning
from cluster.progress import Snapshot
from cluster.tuning import Watch

SEEN = Snapshot(
    phase="search",
    rows=(),
    num_planned=4,
    horizon=9,
    best=None,
    epochs_trained=0,
    epochs_saved=0,
    elapsed_s=1.0,
    eta_s=None,
    num_lanes=2,
)


def test_ray_is_as_it_was_after_a_lean_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services, utils
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    def steps() -> list[object]:
        others = [utils.get_dashboard_dependency_error, services.get_node, RayParams.__init__]
        return [getattr(Node, name, None) for name in lean_node.IDLE] + others

    monkeypatch.setattr(lean_node, "IDLE", (*lean_node.IDLE, "start_what_a_later_ray_may_not_have"))
    before = steps()
    with pytest.raises(RuntimeError), lean_node.lean_node({"MARK": "1"}):
        for name in lean_node.IDLE[:-1]:
            assert getattr(Node, name)(None, some="option") is None
        assert utils.get_dashboard_dependency_error() is not None
        assert os.environ["MARK"] == "1"
        assert RayParams(num_cpus=1).setup_worker_path == forked_worker.__file__
        assert services.get_node is not before[-2]
        raise RuntimeError
    assert steps() == before and "MARK" not in os.environ
    with lean_node.lean_node({}):
        assert RayParams(num_cpus=1).setup_worker_path is None


def test_as_many_idle_lanes_are_kept_as_there_are_lanes() -> None:
    kept: list[int] = []
    cache = SimpleNamespace(increase_max=lambda kind, by: kept.append(by))
    watch = Watch(cast(Any, None), cast(Any, None), 3, lambda: None)
    for _ in range(4):
        watch.on_trial_add(SimpleNamespace(_actor_cache=cache), SimpleNamespace(placement_group_factory="a lane"))
    assert sum(kept) == 3


@pytest.mark.parametrize(
    ("seen", "final", "begins"),
    [
        (SEEN, True, False),
        (replace(SEEN, eta_s=2 * SOON_S), True, False),
        (replace(SEEN, eta_s=SOON_S / 2), True, True),
        (replace(SEEN, eta_s=SOON_S / 2), False, False),
        (replace(SEEN, phase="verdict"), True, True),
    ],
)
def test_the_champion_s_worker_begins_when_a_verdict_is_near(
    seen: Snapshot, final: bool, begins: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[Crowning] = []
    monkeypatch.setattr(Crowning, "begin", lambda self: begun.append(self))
    sweep = SimpleNamespace(final=object() if final else None)
    Crowning(cast(Any, tmp_path), cast(Any, sweep), cast(Any, None)).foresee(seen)
    assert bool(begun) == begins
