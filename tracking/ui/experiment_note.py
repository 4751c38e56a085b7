"""Keeps the experiment's note: a table of its sweeps, with links, for who opens MLflow without one.

The table is made from the store alone, from the sweeps' own runs. Whoever has changed the run of a sweep makes it
anew, and writes it until it finds its own text in the store. So of several sweeps that end at once the last one to
write has looked at the store after that, and has seen what every other had changed before it wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tracking import names
from tracking.store.open import Store
from tracking.store.records import FoundRun, Place
from tracking.ui.links import TRAINING, run_page

BEGIN: Final = "#### Sweeps"
END: Final = "*Kept by Paceline.*"
MAX_SWEEPS: Final = 40
"""Sweeps in the table, the newest."""
MAX_NOTE: Final = 16_000
"""Characters of the table, so that with what others wrote it fits an experiment's tag of MLflow's (20,000)."""
MAX_TRIES: Final = 20
"""Writes after which others are believed to change the store all the time: the last of them leaves it right."""
_OURS: Final = re.compile(rf"{re.escape(BEGIN)}[^\n]*\n.*?{re.escape(END)}", re.DOTALL)


def keep_note(store: Store, place: Place) -> None:
    """Make the table anew, and write the note until it is what the store tells. What others wrote there stays."""
    for _ in range(MAX_TRIES):
        found = store.experiment_tags(place.experiment_id).get(names.NOTE, "")
        wanted = merged(found, table(store.sweeps(place), place.experiment_id))
        if found == wanted:
            return
        store.tag_experiment(place.experiment_id, {names.NOTE: wanted})


def merged(note: str, ours: str) -> str:
    """Return the note with our table in place of the one that it has, or behind what others wrote."""
    if _OURS.search(note):
        return _OURS.sub(lambda _: ours, note, count=1)
    return f"{note.rstrip()}\n\n{ours}" if note.strip() else ours


def table(runs: Sequence[FoundRun], experiment_id: str) -> str:
    """Return the Markdown table of these sweeps' own runs, the newest first."""
    newest = sorted(runs, key=lambda run: (-run.start_ms, run.run_id))
    head = "| sweep | best in search | on the test split | state | began (UTC) |\n|---|---|---|---|---|"
    lines: list[str] = []
    for run in newest[:MAX_SWEEPS]:
        line = "| " + " | ".join(_cells(run, experiment_id)) + " |"
        if sum(map(len, (*lines, line))) + len(lines) > MAX_NOTE - len(head) - 200:
            break
        lines.append(line)
    more = f"\n{len(newest) - len(lines)} earlier sweeps are not listed.\n" if len(newest) > len(lines) else ""
    return "\n".join([BEGIN + _newest(newest), "", head, *lines, more, END])


def _newest(newest: Sequence[FoundRun]) -> str:
    """Return what the first line tells, all that a folded note shows: the newest sweep and what it came to."""
    if not newest:
        return ""
    _, best, test, state, _ = _cells(newest[0], "")
    name = f"{cell(newest[0].tags.get(names.SWEEP_NAME, ''))} {newest[0].tags.get(names.SWEEP_ID, '')}"
    return f" ({len(newest)}); newest: " + ", ".join(text for text in (name, test or best, state) if text)


def _cells(run: FoundRun, experiment_id: str) -> tuple[str, ...]:
    sweep, metric = run.tags.get(names.SWEEP_ID, ""), run.tags.get(names.SWEEP_METRIC, "")
    best = run.newest(names.best(names.clean_key(metric)))
    state = run.tags.get(names.SWEEP_STATE, "")
    own, trials = run_page(experiment_id, run.run_id), f"#/experiments/{experiment_id}/runs?{TRAINING}"
    return (
        f"[{cell(run.tags.get(names.SWEEP_NAME, ''))} {sweep}]({own}) · "
        f"[trials]({trials}&viewStateShareKey={sweep})",
        "" if best is None else f"{cell(metric)} {best:.5g}",
        cell(run.tags.get(names.SWEEP_TEST, "")),
        names.EARLIER_STATES.get(state, state),
        datetime.fromtimestamp(run.start_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
    )


def cell(text: str) -> str:
    """Return the text as Markdown shows it in a table's cell, on one line."""
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", " ".join(text.split()))
