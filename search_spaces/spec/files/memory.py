"""This machine's memory, within which data must be read."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.types.files.control_group import counts, groups, number

GIB = 2**30


def memory_bytes() -> int:
    """Return the size of this machine's memory, or its container's limit, in bytes."""
    import psutil  # 10 ms

    total: int = psutil.virtual_memory().total
    return min([total, *(limit for limit, _ in _limits())])


def available_bytes() -> int:
    """Return how much of it is free, or would be without the cache of files, in bytes."""
    import psutil  # 10 ms

    free: int = psutil.virtual_memory().available
    return max(0, min([free, *(limit - used for limit, used in _limits())]))


def _limits() -> Iterator[tuple[int, int]]:
    """Yield (limit, used) in bytes of each control group around this process that has a limit."""
    for group in groups("memory"):
        if limit := number(group, "memory.max", "memory.limit_in_bytes"):
            found = counts(group, "memory.stat")
            cached = found.get("total_inactive_file", found.get("inactive_file", 0))
            yield limit, (number(group, "memory.current", "memory.usage_in_bytes") or 0) - cached
