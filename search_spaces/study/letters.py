"""Letters to the driver of a sweep whose study is in PostgreSQL, from any machine that reaches the database.

Each is an attribute of the study until the driver takes it up, and so is its answer until the sender has read it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from search_spaces.study.postgres_url import away, engine, rows, whoami

LETTER, ANSWER = "letter:", "answer:"
"""Beginnings of the attributes' names; a letter's kind and an ID that sorts behind earlier ones follow."""
POLL_S: Final = 0.5
_PUT = "INSERT INTO study_user_attributes (study_id, key, value_json) SELECT study_id, :key, :text FROM studies "
_FIND = "SELECT key, value_json FROM study_user_attributes JOIN studies USING (study_id) "
_DROP = "DELETE FROM study_user_attributes WHERE key = :key AND study_id IN (SELECT study_id FROM studies "
_OF = "WHERE study_name = :name"


@dataclass(frozen=True)
class Letter:
    """A letter that waits: its ``content``, and ``answer``, which takes it up and leaves a text for its sender."""

    content: Mapping[str, Any]
    answer: Callable[[str], None]


@dataclass(frozen=True)
class SentLetter:
    """A letter on its way to the sweep ``name`` in the database ``url``."""

    url: str
    name: str
    id: str

    def answered(self, patience_s: float) -> str | None:
        """Return the answer, and remove it; None where none comes within ``patience_s``. Raises StudyAway."""
        deadline = time.monotonic() + patience_s
        while (found := _read(self.url, self.name, f"{ANSWER}{self.id}")) is None:
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_S)
        return found


def send(url: str, name: str, kind: str, content: Mapping[str, Any]) -> SentLetter:
    """Leave a letter for the driver of the sweep ``name``. Raises StudyAway."""
    sent = SentLetter(url, name, f"{kind}:{time.time_ns():020d}-{uuid.uuid4().hex[:8]}")
    with _reached(url), engine(url, whoami("letter")).connect() as connection:
        rows(connection, _PUT + _OF, key=f"{LETTER}{sent.id}", text=json.dumps(dict(content)), name=name)
    return sent


def waiting(connection: sqlalchemy.Connection, name: str, kind: str) -> list[Letter]:
    """Return the letters that wait for the driver, which holds this connection, the oldest first."""
    found = rows(connection, f"{_FIND}{_OF} AND key LIKE :like ORDER BY key", name=name, like=f"{LETTER}{kind}:%")

    def answered(key: str) -> Callable[[str], None]:
        def answer(text: str) -> None:
            with suppress(SQLAlchemyError), connection.begin():  # an outage: it waits, and is taken up once more
                rows(connection, f"{_DROP}{_OF})", key=key, name=name)
                about = f"{ANSWER}{key.removeprefix(LETTER)}"
                rows(connection, _PUT + _OF, key=about, text=json.dumps(text), name=name)

        return answer

    return [Letter(json.loads(text), answered(key)) for key, text in found]


def is_letter(key: str) -> bool:
    """Whether an attribute of a study is a letter, or an answer."""
    return key.startswith((LETTER, ANSWER))


@contextmanager
def _reached(url: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise away(error, url) from None


def _read(url: str, name: str, key: str) -> str | None:
    """Return and remove an attribute of the study; None where there is none."""
    with _reached(url), engine(url, whoami("letter")).connect() as connection:
        found = rows(connection, f"{_FIND}{_OF} AND key = :key", name=name, key=key)
        if not found:
            return None
        rows(connection, f"{_DROP}{_OF})", key=key, name=name)
    return str(json.loads(found[0][1]))
