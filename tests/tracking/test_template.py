"""The store that new ones are copied from: where it was damaged it is made again, never copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.harm import HARMS
from tracking.store import open as opening
from tracking.store.sqlite import REVISIONS, revision


def make(path: Path) -> None:
    """A store as small as can be."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [min(REVISIONS)])
        connection.execute("CREATE TABLE experiments (artifact_location TEXT)")


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_template_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, harm: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []

    def made_again() -> Path:
        opening._folder().mkdir(parents=True, exist_ok=True)
        new = tmp_path / "new.db"
        make(new)
        made.append(new.rename(opening._folder() / opening._name(opening._check_sum(new))))
        return made[-1]

    monkeypatch.setattr(opening, "_make_template", made_again)
    for number in range(3):
        opening._create(tmp_path / f"{number}.db")
        assert revision(tmp_path / f"{number}.db") in REVISIONS
        if number == 1:
            assert len(made) == 1
            HARMS[harm](made[0])
    assert len(made) == 2 and made[1].exists()
