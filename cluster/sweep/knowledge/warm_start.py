"""Collects the trials of the earlier sweeps that a spec's ``warm_start`` names, and keeps them with the new sweep.

So a resume asks the same questions, whatever has become of the earlier sweeps since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cluster.sweep.files.kept import write_whole
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.data_key import data_key
from cluster.sweep.knowledge.recorded_measures import recorded
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD, kept_card, rebuilt
from search_spaces.race.earlier.warm_start import (
    NOTHING_KNOWN,
    EarlierSweep,
    EarlierTrial,
    Taken,
    WarmStart,
    earlier_trial,
    warm_start,
)
from search_spaces.spec.checks.warm_start import is_path
from search_spaces.types.driver_errors import CANNOT_GO_ON, Unreadable
from search_spaces.types.faults import Fault, SpecError, nearest, shown
from search_spaces.types.files.kept_code import name_shown
from search_spaces.types.files.sealed import Rotten, document, sealed
from search_spaces.types.values import restored
from workloads.registry import described

if TYPE_CHECKING:
    from search_spaces.spec.imported.optuna_study import KnownTrials
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study

FILE: Final = "warm_start.json"
MOST_BYTES: Final = 500_000
"""Largest size of the trials that travel with a submitted sweep: Kubernetes takes 1 MiB of files in all."""
EARLIER: Final = "warm_start"
"""Attribute of the study: the earlier sweeps with their trials, as JSON."""


TRIALS: Final = ".trials.json"
"""End of the name of a file with the trials of a study of Optuna's, which ``paceline import`` writes."""


class Unusable(Exception):
    """Error: an earlier sweep cannot be used; the text is the broken rule, ``instead`` a name to write instead."""

    def __init__(self, rule: str, instead: str | None = None) -> None:
        super().__init__(rule)
        self.rule, self.instead = rule, instead


@dataclass(frozen=True)
class Collected:
    """A new sweep with the earlier ones that it names: by whole IDs, or the paths of homes."""

    sweep: Sweep
    earlier: tuple[EarlierSweep, ...] = ()
    warm: WarmStart = NOTHING_KNOWN
    """What it takes of them if its data is the same."""

    def keep(self, home: SweepHome) -> None:
        """Write the earlier sweeps' trials into the home, if there are any."""
        if self.earlier:
            write_whole(home.path / FILE, sealed(_to_json(self.earlier)))


def collected(sweep: Sweep, origin: str) -> Collected:
    """Find and read the sweeps of ``warm_start``. Raises SpecError with a fault for each that cannot be used.

    ``origin`` is the spec's name in faults.
    """
    if not sweep.warm_start:
        return Collected(sweep)
    faults, found = [], {}
    for place, reference in enumerate(sweep.warm_start):
        try:
            if reference.endswith(TRIALS):
                found[reference] = (reference, _of_file(Path(reference), sweep))
                continue
            home = _home(reference)
            if str(home.path) in found:
                raise Unusable("is a sweep that is named before")
            found[str(home.path)] = (home.id if not is_path(reference) else str(home.path), _read(home, sweep))
        except Unusable as error:
            faults.append(Fault(origin, f"warm_start.{place}", error.rule, shown(reference), error.instead))
    if faults:
        raise SpecError(faults)
    references, earlier = zip(*found.values(), strict=True)
    return Collected(sweep.model_copy(update={"warm_start": references}), earlier, _taken(sweep, earlier, None))


def begun(sweep: Sweep, origin: str, home: SweepHome | None = None) -> SweepHome:
    """Make a new sweep's home, if it is not there, and write its spec and what it knows. Raises SpecError."""
    new = collected(sweep, origin)
    if home is None:
        home = SweepHome.create(new.sweep)
    else:
        home.keep(new.sweep)
    new.keep(home)
    return home


def beside(spec_file: str) -> str:
    """Return the name of the file in which earlier sweeps travel to a cluster with the spec."""
    return f"{spec_file.removesuffix('.yaml')}.{FILE}"


def travelling(sweep: Sweep) -> tuple[bytes, str]:
    """Return the earlier sweeps of this folder that a submitted one begins with, and what to tell the user.

    Empty where they are not all here: the cluster then looks for them itself.
    """
    if not sweep.warm_start:
        return b"", ""
    try:
        content = sealed(_to_json(collected(sweep, "warm_start").earlier)).encode()
    except SpecError as error:
        return b"", f"{error}; the cluster looks for it in its own folder"
    if len(content) > MOST_BYTES:
        return b"", f"warm_start: {len(content)} bytes of trials do not travel; the cluster looks for them itself"
    return content, ""


def arrived(sweep: Sweep, home: SweepHome, content: bytes) -> None:
    """Make the home of a submitted sweep, with the earlier sweeps that came with it. Raises SpecError."""
    try:
        earlier = _from_json(json.dumps(document(content)))
    except Rotten as error:
        raise SpecError([Fault(beside("sweep.yaml"), "", str(error))]) from error
    home.keep(sweep)
    Collected(sweep, earlier).keep(home)


def known_trials(home: SweepHome, sweep: Sweep, study: Study) -> tuple[str, WarmStart]:
    """Return the earlier trials that a sweep began with, as JSON, and what it takes of them now.

    Raises Unreadable where they are lost.
    """
    if not sweep.warm_start:
        return "", NOTHING_KNOWN
    text = study.facts().get(EARLIER) or _kept(home)
    return text, _taken(sweep, _from_json(text), data_key(study.facts().get(CARD)))


def _home(reference: str) -> SweepHome:
    if is_path(reference):
        home = SweepHome(Path(reference).name, Path(reference).resolve())
        if not any(path.exists() for path in (home.spec, home.document, home.journal)):
            raise Unusable("must be the home of a sweep, as .paceline/ID is")
        return home
    try:
        return SweepHome.find(reference)
    except LookupError as error:
        try:
            home_of_study = rebuilt(reference)
        except CANNOT_GO_ON as away:
            raise Unusable(f"cannot be looked for: {away}") from away
        if home_of_study is None:
            close = nearest(reference, [home.id for home in SweepHome.all()])
            raise Unusable(f"must be an earlier sweep ({error.args[0]})", close and repr(close)) from error
        return home_of_study


def keep_trials(path: Path, known: KnownTrials) -> None:
    """Write the trials of an Optuna study into a new file that ``warm_start`` can name. Raises FileExistsError."""
    one = {"id": path.name, "name": known.name, "digest": None, "epochs": known.epochs, "trials": known.trials}
    text = sealed(json.dumps({"format": 1, "sweeps": [one], "goal": known.goal}))
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _of_file(path: Path, sweep: Sweep) -> EarlierSweep:
    """Return the trials that ``keep_trials`` wrote. Raises Unusable where they say nothing to ``sweep``."""
    try:
        found = document(path.read_bytes())
    except (OSError, Rotten) as error:
        raise Unusable(f"cannot be read: {error}") from error
    if found["goal"] != sweep.metric.goal:
        raise Unusable(f"must {sweep.metric.goal} its metric, as this sweep does, and is to {found['goal']}")
    [one] = _from_json(json.dumps(found))
    [taken] = _taken(sweep, (one,), None).taken
    if not taken.used:
        raise Unusable(_tells_nothing(sweep, one, taken, ""))
    return one


def _read(home: SweepHome, sweep: Sweep) -> EarlierSweep:
    """Read an earlier sweep. Raises Unusable where its trials say nothing to ``sweep``."""
    try:
        read = Reading.of(home)
    except (SpecError, *CANNOT_GO_ON) as error:
        raise Unusable(f"cannot be read: {error}") from error
    for rule in _foreign(read.sweep, sweep):
        raise Unusable(rule)
    known = read.study.facts().get(CARD)
    known = kept_card(home) if known is None else known
    records = read.study.records()
    measured, away = recorded(read, records, sweep.criteria)
    trials = tuple(
        replace(earlier_trial(record, read.sweep.drawn_with(record.number)[1]), measured=found)
        for record, found in zip(records, measured, strict=True)
    )
    one = EarlierSweep(
        id=home.id, name=read.sweep.name, digest=data_key(known), epochs=read.sweep.epochs, trials=trials
    )
    [taken] = _taken(sweep, (one,), None).taken
    if not taken.used:
        raise Unusable(_tells_nothing(sweep, one, taken, away))
    return one


def _tells_nothing(sweep: Sweep, one: EarlierSweep, taken: Taken, away: str) -> str:
    """Return why no trial of an earlier sweep has an effect; ``away``: why MLflow cannot be asked."""
    [free] = _taken(sweep.model_copy(update={"constraints": ()}), (one,), None).taken
    left = [f"{taken.outside} are not in this space"]
    if free.used:
        names = ", ".join(constraint.metric for constraint in sweep.constraints)
        asked = f": MLflow cannot be asked ({away})" if away else ""
        left.append(f"{free.used} did not measure what constraints bound ({names}){asked}")
    if free.no_value:
        left.append(f"{free.no_value} have no value")
    rule = f"must have trials that inform on this space (of {len(one.trials)}, {', '.join(left)})"
    return f"{rule}: leave it out, or the constraints" if free.used else rule


def _foreign(earlier: Sweep, new: Sweep) -> Iterator[str]:
    """Yield why the trials of another sweep cannot be compared with the new ones."""
    theirs, ours = (name_shown(sweep.workload) for sweep in (earlier, new))
    if theirs != ours:
        yield f"must be a sweep of workload {ours}, as this one, and is one of {theirs}"
    if earlier.objective != new.objective:
        is_to = f"{earlier.metric.goal} {earlier.metric.name}"
        yield f"must {new.metric.goal} {new.metric.name}, as this sweep does, and is to {is_to}"
    elif lacking := [one.name for one in new.criteria.others if one.name not in earlier.criteria.names]:
        yield f"must have measured {', '.join(lacking)}, as one of its metrics or in a constraint, and has not"


def _taken(sweep: Sweep, earlier: tuple[EarlierSweep, ...], digest: str | None) -> WarmStart:
    return warm_start(sweep, described(sweep.workload).hyperparameters, earlier, digest)


def _kept(home: SweepHome) -> str:
    path = home.path / FILE
    try:
        return json.dumps(document(path.read_bytes()))
    except (OSError, Rotten) as error:
        raise Unreadable(
            f"{path} cannot be read ({error}): the trials that the sweep was to begin with are lost; "
            "`paceline run` begins it anew"
        ) from error


def _to_json(earlier: tuple[EarlierSweep, ...]) -> str:
    return json.dumps({"format": 1, "sweeps": [asdict(one) for one in earlier]})


def _from_json(text: str) -> tuple[EarlierSweep, ...]:
    return tuple(
        EarlierSweep(**{**one, "trials": tuple(map(_trial, one["trials"]))}) for one in json.loads(text)["sweeps"]
    )


def _trial(record: Mapping[str, Any]) -> EarlierTrial:
    by_epoch = {key: {int(epoch): found for epoch, found in record[key].items()} for key in ("values", "measured")}
    return EarlierTrial(**{**record, **by_epoch, "params": restored(record["params"])})
