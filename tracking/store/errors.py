"""Sorts MLflow errors into permanent (``Refused``) and temporary (``Away``, retried)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from search_spaces.types.error_text import first_line

NEVER: Final = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"}
"""MLflow's error codes that are permanent."""
LIBRARIES: Final = {"mlflow", "sqlalchemy", "sqlite3", "requests", "urllib3", "psycopg"}
"""Packages whose other errors are temporary."""


class Refused(Exception):
    """MLflow rejects a record for good: sending it again cannot help."""


class Away(Exception):
    """The store cannot be reached or does not work at the moment: sending again may help."""


@contextmanager
def sorted_trouble() -> Iterator[None]:
    """Raise ``Refused`` or ``Away`` in place of a store's errors; any other error passes unchanged."""
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
