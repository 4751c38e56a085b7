"""This machine's memory, within which data must be read."""

from __future__ import annotations

from pathlib import Path

GIB = 2**30
GROUP = Path("/sys/fs/cgroup")


def memory_bytes() -> int:
    """Return the size of this machine's memory, or its container's limit, in bytes."""
    import psutil  # 10 ms

    total: int = psutil.virtual_memory().total
    bound = _bound()
    return total if bound is None else min(total, bound)


def available_bytes() -> int:
    """Return how much of it is free, or would be without the cache of files, in bytes."""
    import psutil  # 10 ms

    free: int = psutil.virtual_memory().available
    bound = _bound()
    if bound is None:
        return free
    counts = dict(line.split() for line in (GROUP / "memory.stat").read_text().splitlines())
    used = int((GROUP / "memory.current").read_text()) - int(counts.get("inactive_file", 0))
    return max(0, min(free, bound - used))


def _bound() -> int | None:
    path = GROUP / "memory.max"
    text = path.read_text().strip() if path.is_file() else "max"
    return int(text) if text.isdigit() else None
