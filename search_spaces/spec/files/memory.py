"""This machine's memory, within which data must be read."""

from __future__ import annotations

from pathlib import Path

GIB = 2**30


def memory_bytes() -> int:
    """Return the size of this machine's memory, or its container's limit, in bytes."""
    import psutil  # 10 ms

    bound = Path("/sys/fs/cgroup/memory.max")
    text = bound.read_text().strip() if bound.is_file() else "max"
    total: int = psutil.virtual_memory().total
    return min(total, int(text)) if text.isdigit() else total
