"""The user's side: checks what is asked of a sweep, leaves it for the driver, and waits for its answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cluster.sweep.files.trial_logs import printed, trial_number
from cluster.sweep.steering.order import MAX_LANES, Order, Sent, lanes_now, orders_now, send_order
from search_spaces.race.steering import Deed
from search_spaces.types.faults import Fault, SpecError, shown
from search_spaces.types.trial_names import state_word, trial_name

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading

Wish = tuple[Deed | Literal["lanes", "edit", "logs"], tuple[str, ...]]
"""What a user wants: of trials, by their names, a number of lanes, an edit, by its changes, or a trial's log."""
STEER = "PACELINE_STEER"
"""Environment variable that brings a wish, as JSON, to the machine of the sweep's driver."""
PATIENCE_S = 15.0
_TRIAL = re.compile(r"t?0*(\d{1,9})")


def orders(read: Reading, wish: Wish) -> list[Order]:
    """Return the orders that make up a user's wish, no edit and no log. Raises SpecError with every fault."""
    deed, words = wish
    assert deed != "edit" and deed != "logs"
    return _lanes_asked(read, words[0]) if deed == "lanes" else _trials_asked(read, deed, words)


def wish_to_json(wish: Wish) -> str:
    """Return a wish as JSON, for a target."""
    return json.dumps(wish)


def wish_from_json(text: str) -> Wish:
    """Return the wish of ``wish_to_json``."""
    deed, words = json.loads(text)
    return deed, tuple(words)


def _trials_asked(read: Reading, deed: Deed, wanted: Sequence[str]) -> list[Order]:
    """Return an order for each trial, named as ``t003`` or ``3``. Raises SpecError with every fault."""
    faults, numbers = list[Fault](), list[int]()
    rows = {row.number: row for row in read.rows}
    known = f"it has {trial_name(0)} to {trial_name(len(rows) - 1)}" if rows else "it has none yet"
    for text in wanted:
        found = _TRIAL.fullmatch(text)
        row = rows.get(int(found[1])) if found else None
        if row is None:
            faults.append(Fault(f"sweep {read.home.id}", "", f"has no such trial ({known})", shown(text)))
        elif row.state in ("done", "stopped", "failed"):
            rule = f"must be a trial that has not ended: it is {state_word(row.state)}"
            faults.append(Fault(f"sweep {read.home.id}", "", rule, shown(text)))
        else:
            numbers.append(row.number)
    if why := _over(read):
        faults, numbers = [Fault(f"sweep {read.home.id}", "", why, " ".join(wanted))], []
    if faults:
        if numbers:
            names = " ".join(map(trial_name, dict.fromkeys(numbers)))
            faults.append(Fault(f"sweep {read.home.id}", "", f"nothing was done: give {names} without the others"))
        raise SpecError(faults)
    return orders_now(deed, list(dict.fromkeys(numbers)))


def _lanes_asked(read: Reading, wanted: str) -> list[Order]:
    """Return the order to train on so many lanes. Raises SpecError."""
    why = _over(read)
    if why is None and not (wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted[:9]) <= MAX_LANES):
        why = f"must train on 1 to {MAX_LANES} workers"
    if why:
        raise SpecError([Fault(f"sweep {read.home.id}", "", why, shown(wanted))])
    return lanes_now(int(wanted))


def _over(read: Reading) -> str | None:
    if read.state in ("finished", "failed"):
        return "has finished: there is nothing left to steer"
    if read.facts.searched:
        return "is over its search: the final evaluation is not steered"
    return None


def asked(read: Reading, wish: Wish) -> list[str]:
    """Leave what a user wants for the sweep's driver, and return its answers, or what happens where none comes.

    Raises SpecError with every fault; of an edit also Refused and Busy, as ``knowledge.edit.change`` does.
    """
    if wish[0] == "logs":
        return list(printed(read.home, trial_number(wish[1][0])))
    if wish[0] == "edit":
        from cluster.sweep.knowledge.edit import change  # 300 ms: Optuna

        return change(read, wish[1])
    wanted = orders(read, wish)
    sent = [send_order(read.home, order) for order in wanted]
    if not read.live:
        way = f"`paceline resume {read.home.id}` takes it up"
        return [f"{order.subject}: sweep {read.home.id} is not running; {way}" for order in wanted]
    late = "its driver has not answered yet, and takes it up as soon as it can"
    answers = answered(sent, PATIENCE_S)
    return [answer or f"{order.subject}: {late}" for order, answer in zip(wanted, answers, strict=True)]


def answered(sent: Sequence[Sent], patience_s: float) -> list[str | None]:
    """Return the driver's answers; None for those that have not come ``patience_s`` seconds from now."""
    deadline = time.monotonic() + patience_s
    return [message.answered(max(0.0, deadline - time.monotonic())) for message in sent]
