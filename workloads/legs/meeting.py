"""Bounds the time in which the workers of a group find each other, and tells what to look at where they do not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import psutil

from search_spaces.types.error_text import last_line
from search_spaces.types.within import within

MEET_S: Final = 120.0
"""Seconds in which all workers of a group find each other; torch by itself waits for half an hour."""
INTERFACES: Final = {"gloo": "GLOO_SOCKET_IFNAME", "nccl": "NCCL_SOCKET_IFNAME"}
"""Variable of each library with the name of the network interface that it uses."""


class NoGroup(Exception):
    """Error: the workers cannot reach each other. The message has what the library said, and what to look at."""


def formed(num_workers: int, backend: str, form: Callable[[], object]) -> None:
    """Call ``form``, which forms the group, and wait for at most ``MEET_S`` seconds. Raises NoGroup."""
    from ray.exceptions import RayActorError  # 200 ms

    try:
        within(MEET_S, form)
    except RayActorError:  # Ray Train knows how to treat it
        raise
    except Exception as error:
        raise NoGroup(not_formed(num_workers, backend, last_line(str(error) or repr(error)))) from error


def not_formed(num_workers: int, backend: str, said: str) -> str:
    """Return what is told of a group that was not formed: what was said, and the variable to look at."""
    variable, known = INTERFACES[backend], sorted(psutil.net_if_addrs())
    given = os.environ.get(variable)
    look = f"{variable} is {given!r}" if given else f"{variable} is not set"
    return (
        f"{num_workers} workers could not form a group ({said}): {look}, and must name the network interface by "
        f"which they reach each other (here: {', '.join(known)}); no port between them may be closed"
    )
