"""Reads the control groups that this process is in, as in a container: limits and counts, of versions 1 and 2."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

OWN, MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
NO_LIMIT = 2**60
"""Version 1 writes a number of about this size where version 2 writes ``max``."""


def groups(controller: str) -> list[Path]:
    """Return the folders of this process's groups for ``controller``, its own first, then those around it.

    In a container its own group may be mounted as the outermost one.
    """
    lines = OWN.read_text(encoding="utf-8").splitlines() if OWN.is_file() else []
    own = {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}
    first = controller in own
    if not first and "" not in own:
        return []
    root = MOUNT / controller if first else MOUNT
    folder = root / own[controller if first else ""].strip("/")
    return [each for each in (folder, *folder.parents) if each.is_relative_to(root) and each.is_dir()]


def number(group: Path, *names: str) -> int | None:
    """Return the number in the first of these files there; None for no limit, and without such a file."""
    for name in names:
        with suppress(OSError, ValueError):
            found = int((group / name).read_text(encoding="utf-8"))
            return found if found < NO_LIMIT else None
    return None


def counts(group: Path, *names: str) -> dict[str, int]:
    """Return the numbers by name in the first of these files that the group has."""
    for name in names:
        with suppress(OSError):
            lines = (line.split() for line in (group / name).read_text(encoding="utf-8").splitlines())
            return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
    return {}
