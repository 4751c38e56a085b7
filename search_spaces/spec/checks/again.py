"""Checks a stored sweep again before it is resumed: the workload's code and the data may have changed since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search_spaces.space.hyperparameters import Open, hyperparameters
from search_spaces.spec.checks.data import SOURCES, read_data, resolved
from search_spaces.spec.data import Data
from search_spaces.spec.sweep import Sweep
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.faults import shown


def check_again(sweep: Sweep, origin: str, catalogue: Catalogue, missing_in: Sequence[Path] = ()) -> None:
    """Raise SpecError where the workload lacks a hyperparameter or refuses its values, or where data is missing.

    ``missing_in`` are the folders in which the sweep's data could be and is not, if they are not as they were.
    """
    document = Document(origin)
    _check_workload(document, sweep, catalogue)
    if not sweep.data.given:
        document.refuse_faulty()
        return
    data = Data(**sweep.data.model_dump(exclude_defaults=True))  # checks count every field set as given by the user
    source = next((key for key in SOURCES if getattr(data, key) is not None), None)
    if source is None:
        read_data(document, data, None, catalogue.datasets)
    else:
        resolved(document, data, Path("/"), source)
        if missing_in:
            places = " nor ".join(map(str, missing_in))
            document.fault(("data",), f"is not in {places}: go on in the folder that has it, or move it back")
    document.refuse_faulty()


def _check_workload(document: Document, sweep: Sweep, catalogue: Catalogue) -> None:
    try:
        found = catalogue.workload(sweep.workload).hyperparameters
    except LookupError as error:
        document.fault(("workload",), str(error.args[0]), shown(sweep.workload))
        return
    if found is Open:
        return
    known = hyperparameters(found)
    ends = {name: domain.bounds or domain.grid() for name, domain in sweep.space.domains.items()}
    for name, values in {**ends, **{name: (value,) for name, value in sweep.constants.items()}}.items():
        if name not in known:
            document.fault(("parameters", name), "is no hyperparameter of this workload any more")
            continue
        for value in values:
            if fault := known[name].fault(value):
                document.fault(("parameters", name), fault, shown(value))
