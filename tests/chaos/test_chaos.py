"""A sweep survives whatever strikes it: drawn faults, resumed and judged."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.chaos.arena import Arena, Life
from tests.chaos.draw import Blow, drawn
from tests.chaos.judge import Reference
from tests.chaos.play import awaited, next_words, play
from tests.chaos.registry import FAULTS, KILLED
from tests.helpers.soak import NUM_DRAWS, SOAK

pytestmark = pytest.mark.slow
SHORT = "" if SOAK else " --cheap"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The undisturbed run."""
    return Reference.made(tmp_path_factory.mktemp("reference"), has_ray=SOAK)


@pytest.mark.parametrize("seed", range(NUM_DRAWS))
def test_a_drawn_fault_is_survived(reference: Reference, tmp_path: Path, seed: int) -> None:
    played = play(drawn(seed, cheap=not SOAK), tmp_path / str(seed), reference, has_ray=SOAK)
    print(f"\n{played}")
    assert not played.wrong, f"`python -m tests.chaos{SHORT} --seed {seed}` plays it again\n{played}"


def test_a_seed_gives_the_same_draw_again() -> None:
    assert [str(drawn(seed)) for seed in range(50)] == [str(drawn(seed)) for seed in range(50)]
    assert len({str(drawn(seed)) for seed in range(50)}) > 40


def test_a_sweep_whose_lock_was_removed_is_resumed_and_no_other_is_begun(tmp_path: Path) -> None:
    arena = Arena.made(tmp_path / "work")
    assert next_words(arena) == ("run", "sweep.yaml")
    home = arena.path / ".paceline" / "1234"
    home.mkdir(parents=True)
    (home / "sweep.json").touch()
    assert next_words(arena) == ("resume",)


def test_a_driver_is_killed_only_after_it_has_said_what_struck_it(tmp_path: Path) -> None:
    arena = Arena.made(tmp_path / "work")
    out = arena.path / "life0.txt"
    with out.open("w") as file:
        saying = "sleep 0.3; echo 'raylet ended; `paceline resume 1234` goes on'; exec sleep 60"
        process = subprocess.Popen(["sh", "-c", saying], stdout=file, text=True, start_new_session=True)
    arena.lives.append(Life(("run", "sweep.yaml"), process, time.monotonic(), out, 0, {}))
    try:
        raylet = Blow(FAULTS["raylet_killed"], "search", 0, 0.0, "0")
        awaited(arena, Blow(FAULTS["elsewhere"], "between", 0, 0.0, "1"), [raylet])
        assert arena.life.code == KILLED
        assert "paceline resume" in arena.life.said
    finally:
        arena.bury()
