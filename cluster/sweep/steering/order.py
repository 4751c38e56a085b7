"""One thing that a user asks of a running sweep: to stop, pause or boost a trial, or to train on so many lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from cluster.sweep.files.inbox import Message, send, waiting
from search_spaces.race.steering import DONE, Deed
from search_spaces.types.trial_names import trial_name
from tracking.store.records import user

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.study.letters import Letter
    from search_spaces.study.study import Study

KIND: Final = "steer"
MAX_LANES = 4096
LANES = "steered_lanes"
"""Attribute of the study: how many lanes a user wants, ``count``, and ``told``: by whom and when."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to do with ``trial``, or the number of ``lanes``; by whom, and when (UTC, to the second)."""

    deed: Deed | Literal["lanes"]
    trial: int | None = None
    lanes: int | None = None
    by: str = ""
    at: str = ""

    @property
    def told(self) -> str:
        """The order as it is noted: ``paused by ann, 2026-11-30 10:02:11 UTC``."""
        what = workers(self.lanes or 0) if self.deed == "lanes" else DONE[self.deed]
        return f"{what} by {self.by}, {self.at} UTC"

    @property
    def subject(self) -> str:
        """What it is about, for users: ``t003``, or ``the sweep``."""
        return "the sweep" if self.trial is None else trial_name(self.trial)


def workers(count: int) -> str:
    """Return ``1 worker``, ``2 workers``."""
    return f"{count} worker{'' if count == 1 else 's'}"


def orders_now(deed: Deed, trials: Sequence[int]) -> list[Order]:
    """Return one order for each trial, by this user and of this moment."""
    return [Order(deed=deed, trial=trial, by=user(), at=_now()) for trial in trials]


def lanes_now(lanes: int) -> list[Order]:
    """Return the order to train on so many lanes, by this user and of this moment."""
    return [Order(deed="lanes", lanes=lanes, by=user(), at=_now())]


class Sent(Protocol):
    """An order on its way."""

    def answered(self, patience_s: float) -> str | None:
        """Return the driver's answer; None where none comes within ``patience_s`` seconds."""


def send_order(home: SweepHome, order: Order) -> Sent:
    """Leave the order for the sweep's driver: in its study's database, if it has one, else in its home."""
    if isinstance(home.study, str):
        from search_spaces.study.letters import send as send_letter  # 320 ms: SQLAlchemy

        return send_letter(home.study, home.id, KIND, asdict(order))
    return send(home, KIND, asdict(order))


def orders_waiting(home: SweepHome, study: Study | None = None) -> list[tuple[Message | Letter, Order | None]]:
    """Return the orders that wait, each with what brought it; None for what is none, as another version's."""
    found: list[Message | Letter] = [*waiting(home, KIND), *(study.letters(KIND) if study else ())]
    return [(message, _order(message.content)) for message in found]


def _order(content: Mapping[str, Any]) -> Order | None:
    try:
        order = Order(**content)
    except TypeError:
        return None
    if order.deed == "lanes":
        return order if type(order.lanes) is int and 1 <= order.lanes <= MAX_LANES else None
    return order if order.deed in DONE and type(order.trial) is int else None


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
