"""Stores the spec and the data card in the study, and restores a sweep's home from them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cluster.sweep.files.kept import bears_its_mark, is_right, write_whole
from cluster.sweep.home import SweepHome, matching
from cluster.sweep.lane_count import lane_bytes
from cluster.sweep.shared_storage import STUDY
from search_spaces.types.faults import SpecError
from search_spaces.types.files.sealed import Rotten, document, sealed, without_seal
from search_spaces.types.passwords import without_password
from workloads.registry import catalogue, described

if TYPE_CHECKING:
    from cluster.sweep.data_process import Loaded
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study

SPEC, CARD = "spec", "card"
GROWS = ("trials", "budget")
"""Fields of the spec to which `resume` adds."""
MAY_DIFFER = (*GROWS, "data", "tracking", "storage", "folder")
"""Fields of the spec that a home may have of its own: places differ between machines."""


GONE = "is gone: the study's own copy of the spec counts"


class DataChanged(RuntimeError):
    """Error: the data of a resumed sweep differs from the data it began with."""


def note_spec(home: SweepHome, study: Study, sweep: Sweep) -> None:
    """Store the spec in the study; one that lies in the home is moved with it, and with the data beside it."""
    from search_spaces.spec.stored import to_json  # 150 ms: pydantic

    text = to_json(sweep, home.place(sweep) if home.study == home.journal else None)
    if study.facts().get(SPEC) != text:
        study.set(SPEC, text)


def settled(home: SweepHome, study: Study, sweep: Sweep | SpecError) -> tuple[Sweep, str]:
    """Return the spec by which the sweep goes, and what is wrong with the home's file of it, in words.

    ``sweep`` is what that file says, or why it cannot be read. The study's own copy is the truth. Raises ``sweep``
    where the study has none that this version reads.
    """
    from search_spaces.spec.stored import from_json  # 150 ms: pydantic

    text = str(study.facts().get(SPEC, ""))
    try:
        kept = from_json(text, str(home.document), home.path) if text.startswith("{") else None
    except SpecError:
        kept = None
    there, right = home.document.exists(), is_right(home.document)
    if kept is None:
        if isinstance(sweep, SpecError):
            raise sweep
        return sweep, f"{home.document} cannot be read: {home.spec.name} counts" if there and not right else ""
    if isinstance(sweep, SpecError) or (there and not right):
        return kept, f"{home.document} {_how(home, kept) if there else GONE}"
    if not there and bears_its_mark(home.spec, home.id):
        return kept, f"{home.document} {GONE}"
    same = sweep.model_copy(update={name: getattr(kept, name) for name in MAY_DIFFER})
    if same == kept:
        return sweep.model_copy(update={name: getattr(kept, name) for name in GROWS}), ""
    return kept, f"{home.document} {_changed(same, kept)}"


def _changed(sweep: Sweep, kept: Sweep) -> str:
    named = ", ".join(name for name in type(kept).model_fields if getattr(sweep, name) != getattr(kept, name))
    return f"was changed since the sweep began ({named}): the study's own copy counts"


def _how(home: SweepHome, kept: Sweep) -> str:
    """Say of a file of the spec whose check sum does not fit what was changed in it, if that can be told."""
    from search_spaces.spec.stored import from_json  # 150 ms: pydantic

    try:
        found = from_json(without_seal(home.document.read_bytes()), "", home.path)
    except (OSError, SpecError):
        found = kept
    return "cannot be read: the study's own copy of the spec counts" if found == kept else _changed(found, kept)


def lost_journal(home: SweepHome) -> str:
    """Return how the journal of a sweep that had begun was lost, in words; empty where it was not."""
    from search_spaces.study.journal import holds_any  # 10 ms

    begun = home.data.exists() or any(home.spool.glob("events.jsonl*"))
    if not begun or home.study != home.journal or holds_any(home.journal):
        return ""
    what = "is empty or all bad" if home.journal.exists() else "is gone"
    return f"{home.journal} {what}, as is its copy: `paceline repair {home.id}` has it back from spool and MLflow"


def is_new(study: Study) -> bool:
    """Whether the sweep has not loaded its data yet."""
    return CARD not in study.facts()


def streamed(sweep: Sweep, facts: Mapping[str, Any], num_lanes: int) -> Sweep:
    """Return ``sweep`` with ``data.streaming`` decided: as when the sweep began, else by the size of its data.

    ``facts`` are the attributes of its study, empty for a new sweep.
    """
    from cluster.sweep.data_process import draws  # 60 ms: NumPy
    from search_spaces.spec.streaming import decided  # 90 ms: pydantic

    known = facts.get(CARD)
    if not sweep.data.given:
        found = False
    elif known is not None:
        found = bool(known["details"].get("streamed"))
    elif described(sweep.workload).streams and not draws(sweep.constants, sweep.space.domains):
        found = decided(sweep.data, lane_bytes(num_lanes))
    else:
        found = bool(sweep.data.streaming)
    if not found:
        return sweep
    return sweep.model_copy(update={"data": sweep.data.model_copy(update={"streaming": found})})


def check_card(home: SweepHome, study: Study, data: Loaded) -> bool:
    """Return whether the sweep is new, and store its card. Raises DataChanged where it began with other data.

    A home's card that is damaged or gone is written anew: it follows from the data.
    """
    known = study.facts().get(CARD)
    if known is None and home.data.exists():  # an older version kept the card only there
        known = kept_card(home)
    if known is not None and not _alike(known, data.card):
        raise DataChanged(f"the data has changed since sweep {home.id} began{home.moved()}; start a new sweep")
    if data.card and not home.has_data:
        write_whole(home.data, sealed(json.dumps({"card": data.card, "indices": data.indices})))
    if is_new(study):
        study.set(CARD, dict(data.card))
    return known is None


def kept_card(home: SweepHome) -> Mapping[str, Any] | None:
    """Return the data card as the home keeps it; None where it is damaged."""
    try:
        found: Mapping[str, Any] | None = document(home.data.read_bytes()).get("card")
    except (OSError, Rotten):
        return None
    return found


def _alike(known: Mapping[str, Any], card: Mapping[str, Any]) -> bool:
    """Return whether two cards describe the same data; the digest is of numbers, and classes are words.

    That of a workload's own data is empty.
    """
    if not known or not card:
        return not known and not card
    return known["digest"] == card["digest"] and list(known["classes"]) == list(card["classes"])


def rebuilt(reference: str, whole: bool = False) -> SweepHome | None:
    """Create a home for the sweep in database PACELINE_STUDY whose ID begins with ``reference``, or return None.

    With ``whole`` the reference is a complete ID.

    Raises LookupError where several IDs begin with it, and StudyAway where the database cannot be reached.
    """
    url = os.environ.get(STUDY)
    if not url or reference == "last":
        return None
    from search_spaces.spec.stored import from_json  # 150 ms: pydantic
    from search_spaces.spec.sweep import parse_sweep
    from search_spaces.study.postgres import names  # 300 ms: SQLAlchemy
    from search_spaces.study.study import Study  # 140 ms: Optuna

    sweeps = [
        name for name in names(url) if PurePath(name).name == name != ".."
    ]  # others' studies may have any name
    found = matching(reference, [name for name in sweeps if name == reference or not whole])
    text = None if found is None else Study(found, "maximize", url, writing=False).facts().get(SPEC)
    if text is None:
        return None
    origin = f"the spec of sweep {found}"
    is_json = text.startswith("{")  # studies of earlier versions hold YAML
    sweep = from_json(text, origin) if is_json else parse_sweep(text, origin, None, catalogue=catalogue())
    here = sweep.storage.model_copy(
        update={"study": without_password(url)}
    )  # the database may have another name here
    return SweepHome.create(sweep.model_copy(update={"storage": here}), sweep_id=found)
