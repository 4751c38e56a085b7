"""Finds the model that a sweep has registered, and says why where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from tracking.results.stored_model import StoredModel


class NoModel(Exception):
    """Error: the sweep has no model that can be used; the message says why, and what to do."""


@contextmanager
def champion_of(read: Reading) -> Iterator[StoredModel]:
    """Yield the model that the sweep has registered, with its files in a temporary folder.

    Raises NoModel where there is none, its files were changed, or MLflow cannot be asked.
    """
    from tracking.results.model_digest import ChangedModel  # 5 ms
    from tracking.results.stored_model import stored_model  # 60 ms
    from tracking.store.errors import Away, Refused  # 20 ms: sqlite3

    if not (read.facts.model or "").startswith("models:/"):
        raise NoModel(why_none(read))
    with TemporaryDirectory(prefix="paceline-model-") as folder:
        try:
            found = stored_model(store_of(read), read.sweep.name, read.home.id, Path(folder))
        except LookupError as error:
            raise NoModel(why_none(read)) from error
        except ChangedModel as error:
            raise NoModel(str(error)) from error
        except (Away, Refused, FileNotFoundError) as error:
            raise NoModel(f"MLflow cannot be asked: {error}") from error
        yield found


def store_of(read: Reading) -> str | None:
    """Return the address of the MLflow store that has the sweep; None: the environment's."""
    found = read.facts.tracking.get("uri")
    return str(found) if found else read.sweep.tracking.uri


def why_none(read: Reading) -> str:
    """Return why the sweep has registered no model, and what to do."""
    sweep, facts = read.home.id, read.facts
    if read.state == "running":
        why = f"it still runs, and registers its champion at its end; `paceline show {sweep}` shows how far it is"
    elif read.sweep.final is None:
        why = "it has no final evaluation (final: none)"
    elif facts.no_verdict:
        why = facts.no_verdict
    elif read.state == "failed":
        why = read.way_on
    elif facts.verdict is None:
        why = f"its final evaluation has not ended; `paceline resume {sweep}` continues it"
    else:
        way_out = f"`paceline best {sweep} --files DIR` copies what it saved"
        why = f"what its workload trains is not registered: {way_out}"
    return f"sweep {sweep} has no model: {why}"
