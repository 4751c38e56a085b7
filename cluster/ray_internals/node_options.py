"""Sets options of a local Ray's node that ``ray.init`` has no arguments for, or changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any


@contextmanager
def node_options(**options: Any) -> Iterator[None]:
    """Have a Ray that starts in the block start its node with these options."""
    from ray._private.parameter import RayParams

    before: Any = RayParams.__init__

    @wraps(before)
    def init(self: RayParams, *words: Any, **given: Any) -> None:
        before(self, *words, **(given | options))

    kind: Any = RayParams
    kind.__init__ = init
    try:
        yield
    finally:
        kind.__init__ = before
