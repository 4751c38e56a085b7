"""Checks ``early_terminate`` of a spec: the keys of each schedule are the fields of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from search_spaces.spec.other_tools.words import SCHEDULE_KEYS
from search_spaces.spec.pydantic_faults import checked
from search_spaces.spec.schema import EarlyTerminate
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import DEFAULT_SCHEDULE, ScheduleInfo
from search_spaces.types.faults import shown

NOT_YET = ("bayes_hyperband",)
"""Schedules of other tools that do not exist here yet."""

Schedules = Mapping[str, ScheduleInfo]


def read_early_terminate(
    document: Document, given: Mapping[str, Any], schedules: Schedules
) -> EarlyTerminate | None:
    """Return the schedule of a spec with all its parameters; None where a fault was noted."""
    kind, before = given.get("type", DEFAULT_SCHEDULE), len(document.faults)
    row = schedules.get(_aliases(schedules).get(kind, kind)) if isinstance(kind, str) else None
    own = {field.name for field in fields(row.parameters)} if row else set()
    foreign = {f.name for other in schedules.values() for f in fields(other.parameters)} - own
    for key in sorted(foreign & given.keys()) if row else ():
        told = SCHEDULE_KEYS.get(key)
        received = None if told else shown(given[key])
        document.fault(("early_terminate", key), told or f"has no effect with type {kind}", received)
    tree = {key: value for key, value in given.items() if key not in foreign}
    rule = checked(document, ("early_terminate",), rule_model(row, schedules), tree, SCHEDULE_KEYS)
    given_only = rule.model_dump(exclude_none=True) if rule else {}
    return EarlyTerminate(**given_only) if rule and len(document.faults) == before else None


def _aliases(schedules: Schedules) -> dict[str, str]:
    return {alias: row.name for row in schedules.values() for alias in row.aliases}


def rule_model(row: ScheduleInfo | None, schedules: Schedules) -> type[BaseModel]:
    """Return the model of ``early_terminate`` for a schedule; for an unknown one (None) it checks the type only."""
    names, aliases = tuple(schedules), _aliases(schedules)

    def known(kind: Any) -> Any:
        if kind in NOT_YET and kind not in names:
            raise ValueError(f"is not available yet: use {' or '.join(names)}")
        return aliases.get(kind, kind) if isinstance(kind, str) else kind

    keys: dict[str, Any] = {
        "type": (
            Annotated[
                Literal[(*names, *aliases)], BeforeValidator(known), Field(description="Name of the schedule.")
            ],
            DEFAULT_SCHEDULE,
        )
    }
    config = ConfigDict(frozen=True, allow_inf_nan=False, extra="forbid" if row else "ignore")
    hints = get_type_hints(row.parameters) if row else {}
    for field in fields(row.parameters) if row else ():
        of = field.metadata
        if "names" in of:
            keys[field.name] = (Annotated[list[str], Field(min_length=1, description=of["doc"])], None)
            continue
        if "choices" in of:
            words = of["choices"]
            keys[field.name] = (Annotated[Literal[(*words,)], Field(description=of["doc"])], field.default)
            continue
        bounds = Field(ge=of["low"], le=of["high"], description=of["doc"])
        keys[field.name] = (Annotated[hints[field.name], bounds], field.default)
    return create_model("EarlyTerminate", __config__=config, **keys)
