"""Connects to a study's database: URL, timeouts and keepalives, errors with remedies."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from typing import Any

import sqlalchemy

from search_spaces.types.driver_errors import StudyAway
from search_spaces.types.error_text import one_line
from search_spaces.types.passwords import masked, without_password

CONNECT_S = 10
_FORM = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
FORM = "postgresql+psycopg://USER@HOST/DATABASE"
_REMEDIES = (
    ("password authentication failed", "put the right password into PGPASSWORD or PACELINE_STUDY"),
    ("no password supplied", "put the password into PGPASSWORD or PACELINE_STUDY"),
    (
        "no pg_hba.conf entry",
        "let this machine in (pg_hba.conf), or connect as another user or with sslmode=require",
    ),
    ('" does not exist', "create it (createdb, createuser), or name another in the URL"),
    ("permission denied", "grant the user CREATE on the database's schema"),
    ("resolve", "correct the host in the URL"),
    ("connection refused", "start the database, or correct host and port in the URL"),
    ("timeout", "see that this machine can reach the database's host and port"),
    ("no module named 'psycopg'", "pip install 'paceline[postgres]'"),
)


def engine(url: str, application: str) -> sqlalchemy.Engine:
    """Return an engine that connects when used, within ``CONNECT_S`` seconds.

    Raises StudyAway for an invalid URL or a missing driver package.
    """
    patience = {
        "connect_timeout": CONNECT_S,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "application_name": application[:63],
    }
    try:
        return sqlalchemy.create_engine(
            driver_url(url), poolclass=sqlalchemy.NullPool, hide_parameters=True, connect_args=patience
        )
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError) as error:
        raise away(error, url) from None


def driver_url(url: str) -> str:
    """Return the URL with driver psycopg; SQLAlchemy's default for ``postgresql://`` depends on its version."""
    return _FORM.sub("postgresql+psycopg://", url, count=1)


def away(error: BaseException, url: str) -> StudyAway:
    """Return a database error as StudyAway: its message in one line, passwords masked, and a remedy."""
    cause: BaseException = error
    while (inner := getattr(cause, "orig", None) or cause.__cause__) is not None:
        cause = inner
    said = one_line(cause)
    remedy = next((what for sign, what in _REMEDIES if sign in said.lower()), f"the URL is {FORM}")
    return StudyAway(masked(without_password(url)), said, remedy)


def key_of(name: str) -> int:
    """Return the key of the sweep's advisory lock in PostgreSQL, a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(f"paceline: {name}".encode()).digest()[:8], "big", signed=True)


def whoami(name: str) -> str:
    """Return the application name by which others see this connection in the database."""
    return f"paceline {name}: process {os.getpid()} on {socket.gethostname()}"


def rows(connection: sqlalchemy.Connection, statement: str, **values: Any) -> list[Any]:
    """Execute a statement and return its rows; commit, unless it ran inside a transaction."""
    inside = connection.in_transaction()
    try:
        found = connection.execute(sqlalchemy.text(statement), values)
        return list(found) if found.returns_rows else []
    finally:
        if not inside and not connection.invalidated:
            connection.commit()
