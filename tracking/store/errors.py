"""What a store's errors mean to us: never, or later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from search_spaces.types.error_text import first_line

NEVER: Final = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"}
LIBRARIES: Final = {"mlflow", "sqlalchemy", "sqlite3", "requests", "urllib3", "psycopg"}


class Refused(Exception):
    """MLflow will never take this, however often it is sent."""


class Away(Exception):
    """The store cannot be reached or cannot work now: worth another try."""


@contextmanager
def sorted_trouble() -> Iterator[None]:
    """Turns what a store raises into ``Refused`` or ``Away``; errors of our own pass through as they are."""
    try:
        yield
    except (Refused, Away):
        raise
    except Exception as error:
        if _is_final(error):
            raise Refused(first_line(error)) from error
        if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in LIBRARIES:
            raise Away(first_line(error)) from error
        raise


def _is_final(error: Exception) -> bool:
    if type(error).__module__ == "mlflow.exceptions":
        # A proxy's 404 while the server is down carries the same code, but not the server's JSON.
        return getattr(error, "error_code", None) in NEVER and "failed with error code" not in str(error)
    return type(error).__name__ in ("IntegrityError", "DataError")
