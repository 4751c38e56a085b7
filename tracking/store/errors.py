"""Sorts MLflow errors into permanent (``Refused``) and temporary (``Away``, retried)."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from search_spaces.types.error_text import first_line

NEVER: Final = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"}
"""MLflow's error codes that are permanent."""
LIBRARIES: Final = {"mlflow", "sqlalchemy", "sqlite3", "requests", "urllib3", "psycopg"}
"""Packages whose other errors are temporary."""
DENIALS: Final = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403}
"""MLflow's error codes for what a login may not do, and their HTTP statuses."""
DAMAGE: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""SQLite's primary error codes for a file that is damaged, or is no database."""
LOGIN: Final = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
"""Environment variables of a login."""


class Refused(Exception):
    """MLflow rejects a record for good: sending it again cannot help."""


class Away(Exception):
    """The store cannot be reached or does not work at the moment: sending again may help."""


class Stuck(Away):
    """The store works again when a user has done something, and no sooner; the text says what."""


class Denied(Stuck):
    """The server refuses the login, or what this login may not do. It helps to give it another one."""

    @classmethod
    def of(cls, code: int) -> Denied:
        """Return the error of an HTTP answer 401 or 403; its text names the variables."""
        given = "MLFLOW_TRACKING_USERNAME" in os.environ or "MLFLOW_TRACKING_TOKEN" in os.environ
        if given and code == 403:
            return cls(f"does not let this login write ({code}): have that allowed, or correct {LOGIN}")
        return cls(f"refuses the login ({code}): {'correct' if given else 'set'} {LOGIN}")


@contextmanager
def sorted_trouble() -> Iterator[None]:
    """Raise ``Refused`` or ``Away`` in place of a store's errors; any other error passes unchanged."""
    try:
        yield
    except (Refused, Away):
        raise
    except Exception as error:
        if (code := _denial(error)) is not None:
            raise Denied.of(code) from error
        if is_damage(error):
            what = f"is damaged ({first_line(error)}): move it away, and all results are written into a new one"
            raise Stuck(what) from error
        if is_final(error):
            raise Refused(first_line(error)) from error
        if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in LIBRARIES:
            raise Away(first_line(error)) from error
        raise


def is_damage(error: BaseException | None) -> bool:
    """Whether the error, or what it comes from, says that a SQLite file is damaged, or is none."""
    while error is not None:
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:
            return True
        error = error.__cause__
    return False


def _denial(error: Exception) -> int | None:
    """Return the status, 401 or 403, of a server's answer that refuses the login; None for other errors."""
    if type(error).__module__ == "mlflow.exceptions":
        said = re.search(r"failed with error code (40[13])\b", str(error))
        return int(said[1]) if said else DENIALS.get(getattr(error, "error_code", ""))
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if type(error).__module__.startswith("requests.") and status in DENIALS.values() else None


def is_final(error: Exception) -> bool:
    """Whether the store itself has answered that it cannot be, as of a name that it has not."""
    if type(error).__module__ == "mlflow.exceptions":
        # A proxy's 404 while the server is down carries the same code, but not the server's JSON.
        return getattr(error, "error_code", None) in NEVER and "failed with error code" not in str(error)
    return type(error).__name__ in ("IntegrityError", "DataError")
