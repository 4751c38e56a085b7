"""Faults of the user's own function: it raises, ends its process, never returns, or spoils what it finds."""

from __future__ import annotations

import random

from tests.chaos.arena import Arena
from tests.chaos.own_function import MISCHIEF
from tests.chaos.registry import Missed, Strike, fault


def asking_for(what: str) -> Strike:
    """Return a strike that makes the function do this, once, after the next epoch."""

    def strike(arena: Arena, dice: random.Random) -> str:
        if not arena.alive:
            raise Missed("the driver had ended")
        draft = arena.path / f".{MISCHIEF}"
        draft.write_text(what)
        draft.rename(arena.path / MISCHIEF)
        return f"the function does this: {what}"

    return strike


fault("start", "search", name="own_error")(asking_for("raise"))
fault("start", "search", name="own_error_not_encodable")(asking_for("surrogate"))
fault("start", "search", name="own_error_long", weight=2)(asking_for("long"))
fault("start", "search", name="own_exit")(asking_for("exit"))
fault("start", "search", name="own_system_exit", weight=2)(asking_for("system exit"))
fault("search", name="own_hang", failing=1, weight=2, cheap=False)(asking_for("hang"))
fault("start", "search", name="own_child")(asking_for("child"))
fault("start", "search", name="own_spoil")(asking_for("spoil"))
