"""The head of a sweep's report: its title, and sentences on what it is, how far it is, and when that was."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cluster.report.records import Records
from cluster.sweep.reading import snapshot
from cluster.terminal import formatting
from cluster.terminal.criteria import goals
from cluster.terminal.records import Row
from search_spaces.types.files.kept_code import name_shown

STAMP = "%Y-%m-%d %H:%M:%S %Z"


def title(records: Records) -> str:
    """Return the name and ID of the sweep."""
    return f"{records.sweep.name} {records.read.home.id}"


def said(records: Records, now_s: float) -> list[str]:
    """Return the sentences below the title; ``now_s`` is the time of the report, in seconds since 1970."""
    return [_about(records), _state(records), _when(records, now_s), *_wrong(records)]


def _about(records: Records) -> str:
    sweep, card = records.sweep, records.card
    parts = [sweep.command.title if sweep.command else name_shown(sweep.workload)]
    if card:
        rows = ", ".join(f"{number:,} {split}" for split, number in card["rows"].items())
        parts[0] += f" on {card['name']} ({rows} rows)"
    aim = goals(sweep.objective, sweep.criteria) if sweep.metrics else f"{sweep.metric.goal} {sweep.metric.name}"
    parts += [aim, f"{sweep.method} + {sweep.early_terminate.type}"]
    length = "until its script ends" if records.open_ended else f"up to {formatting.count(sweep.epochs, 'epoch')}"
    return " · ".join([*parts, f"{formatting.count(sweep.trials, 'trial')}, {length}", f"seed {sweep.seed}"])


def begun(records: Records) -> list[Row]:
    """Return the trials that have begun: others were asked for, and wait."""
    return [row for row in records.rows if row.epochs or row.state != "paused"]


def _state(records: Records) -> str:
    """Say how far the sweep is; while it runs, that the page shows a moment."""
    read = records.read
    rows = begun(records)
    counts = ", ".join(f"{number:,} {word}" for _, word, number in formatting.states(rows))
    told = f"{len(rows):,} of {records.sweep.trials:,} trials" + (f" ({counts})" if counts else "")
    if read.live:
        phase = {"starting": "It is starting", "verdict": "Its final evaluation runs"}
        return f"The sweep runs. {phase.get(read.facts.phase, 'It searches')}: {told} so far."
    why = f"; the search ended: {read.facts.ended_by}" if read.facts.ended_by else ""
    way_on = "" if read.state != "stopped" else f"; `paceline resume {read.home.id}` continues it"
    return f"The sweep {_ended(records)}: {told}{why}{way_on}."


def _ended(records: Records) -> str:
    words = {
        "finished": "has finished",
        "failed": "has failed, as no trial came to a value",
        "stopped": "was stopped",
    }
    return words[records.read.state]


def _when(records: Records, now_s: float) -> str:
    home, shown = records.read.home, snapshot(records.read)
    began, now = (time.strftime(STAMP, time.localtime(second)) for second in (home.began_s, now_s))
    took = f", {formatting.duration(shown.elapsed_s)} so far" if records.read.live else ""
    took = took or f", {formatting.duration(shown.elapsed_s)} in all"
    workers = f" on {formatting.count(shown.num_lanes, 'worker')}" if shown.num_lanes else ""
    return f"Begun {began} by {home.owner}{took}{workers}. This page shows it as it was {now}."


def _wrong(records: Records) -> Iterator[str]:
    if records.read.wrong:
        yield records.read.wrong
