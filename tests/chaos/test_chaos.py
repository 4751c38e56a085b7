"""A sweep survives whatever strikes it: drawn faults, resumed and judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.draw import drawn
from tests.chaos.judge import Reference
from tests.chaos.play import play
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
