"""The specs that are shipped as examples are sound, and say how they are run."""

from __future__ import annotations

from pathlib import Path

import pytest

import search_spaces
from search_spaces.sweep import load_sweep
from workloads.registry import catalogue

EXAMPLES = sorted((Path(search_spaces.__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_sound(example: Path) -> None:
    sweep = load_sweep(example, catalogue=catalogue())
    assert sweep.space.domains
    text = example.read_text()
    assert "paceline demo" in text or f"paceline run search_spaces/examples/{example.name}" in text
