"""Rewrites a SQLite store with the names that an earlier version of Paceline wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from search_spaces.types.trial_names import STATE_WORDS, key_of_name
from tracking import names

METRICS = {name: old for name, old in names.EARLIER.items() if name != names.TRIAL_NAME}


def give_earlier_names(uri: str) -> None:
    """Give the tags, states and metrics of every run in the store at ``uri`` their earlier names."""
    path = names.sqlite_path(uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as db, db:
        for run_id, name in db.execute("SELECT run_uuid, value FROM tags WHERE key = 'trial.name'").fetchall():
            put = "UPDATE tags SET key = 'trial.key', value = ? WHERE key = 'trial.name' AND run_uuid = ?"
            db.execute(put, (key_of_name(name), run_id))
        for state, word in STATE_WORDS.items():
            db.execute("UPDATE tags SET value = ? WHERE key = 'trial.state' AND value = ?", (state, word))
        for table in ("metrics", "latest_metrics"):
            db.executemany(
                f"UPDATE {table} SET key = ? WHERE key = ?", [(old, new) for new, old in METRICS.items()]
            )
