"""A container's limits of memory, as both versions of control groups write them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from search_spaces.spec.files.memory import available_bytes, memory_bytes
from search_spaces.types.files import control_group

MIB = 2**20
FREE = 2**63 - 4096
"""What version 1 writes where there is no limit."""
FIRST = {"memory.limit_in_bytes": 64 * MIB, "memory.usage_in_bytes": 40 * MIB}
FIRST_STAT = f"inactive_file 1\ntotal_inactive_file {8 * MIB}\n"
SECOND, SECOND_STAT = {"memory.max": 64 * MIB, "memory.current": 40 * MIB}, f"inactive_file {8 * MIB}\n"


@pytest.mark.parametrize(
    ("own", "folder", "numbers", "stat"),
    [
        ("0::/", "", SECOND, SECOND_STAT),
        ("0::/pod/ours", "pod", SECOND, SECOND_STAT),  # the limit is that of a group around it
        ("4:memory:/docker/ab\n0::/", "memory", FIRST, FIRST_STAT),  # a container: its own is the outermost
        ("4:cpu,memory:/ours\n0::/", "memory/ours", FIRST, FIRST_STAT),
    ],
)
def test_memory_is_bounded_by_the_own_control_group(
    own: str, folder: str, numbers: dict[str, int], stat: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_group, "OWN", tmp_path / "own")
    monkeypatch.setattr(control_group, "MOUNT", tmp_path / "groups")
    (tmp_path / "own").write_text(f"{own}\n")
    group = tmp_path / "groups" / folder
    group.mkdir(parents=True)
    for name, number in numbers.items():
        (group / name).write_text(f"{number}\n")
    (group / "memory.stat").write_text(stat)
    assert (memory_bytes(), available_bytes()) == (64 * MIB, 32 * MIB)
    name = next(iter(numbers))
    (group / name).write_text(f"{'max' if name == 'memory.max' else FREE}\n")
    assert memory_bytes() == psutil.virtual_memory().total
    (tmp_path / "own").unlink()  # not on Linux
    assert memory_bytes() == psutil.virtual_memory().total and available_bytes() > 0
