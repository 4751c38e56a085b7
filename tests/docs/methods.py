"""The samplers and schedules, from their catalogues."""

from __future__ import annotations

import dataclasses

from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.schedules.catalogue import SCHEDULES
from tests.docs.markdown import code, sentence, table


def samplers() -> str:
    """One row a sampler."""
    rows = []
    for row in SAMPLERS.values():
        names = ", ".join(map(code, (row.name, *row.aliases)))
        finite = "Only for a space of finitely many points." if row.finite_only else ""
        rows.append([names, " ".join(filter(None, (sentence(row.summary), finite)))])
    return table(("`method`", "what it proposes"), rows)


def schedules() -> str:
    """One row a schedule, with the keys that it reads."""
    rows = []
    for row in SCHEDULES.values():
        keys = ", ".join(code(one.name) for one in dataclasses.fields(row.parameters)) or "none"
        rows.append([code(row.name), sentence(row.summary), keys])
    return table(("`early_terminate.type`", "what it decides", "keys"), rows)
