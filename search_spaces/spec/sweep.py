"""The checked spec of a sweep, and its loading from YAML: a frozen ``Sweep``, or SpecError with every fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.space.domain_contract import Domain
from search_spaces.space.space import Space
from search_spaces.space.space_json import space_from_json, space_to_json
from search_spaces.spec.checks.space.parameters import as_parameters
from search_spaces.spec.checks.sweep import checked_document, checked_sweep
from search_spaces.spec.data import Data
from search_spaces.spec.keys.budget import Budget, CostPerHour, StopWhen
from search_spaces.spec.keys.command import Command
from search_spaces.spec.keys.plain_tree import tree_document
from search_spaces.spec.keys.resources import Resources
from search_spaces.spec.schema import EarlyTerminate, Final, Repeats, Storage, Tracking
from search_spaces.spec.yaml_document import MAX_BYTES, block, decoded
from search_spaces.types.catalogue import DEFAULT_METHOD, NO_SCHEDULE, Catalogue
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.module_path import Packages, users_folder
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Goal, Problem, beside
from search_spaces.types.values import Value, unnested, value_of

DURATIONS = {"timeout_s": "timeout", "grace_s": "grace", "trial_timeout_s": "trial_timeout"}
"""Names of the durations in a ``Sweep``, and their keys in the file."""
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Metric(BaseModel):
    """The objective of a sweep, which ends early when a trial reaches ``target``."""

    model_config = _FROZEN

    name: str
    goal: Goal
    target: float | None = None


StoredValue = Annotated[Value, PlainValidator(value_of), PlainSerializer(unnested)]
StoredSpace = Annotated[Space, PlainValidator(space_from_json), PlainSerializer(space_to_json)]


class Edit(BaseModel):
    """A change of a sweep that had begun: ``space`` and ``constants`` are those of its first ``trials`` trials."""

    model_config = _FROZEN

    id: str
    at: str
    """When, in UTC."""
    changes: tuple[str, ...]
    """``key=value`` of the spec."""
    trials: int
    """Number of trials that had been drawn before."""
    outside: int = 0
    """Number of those that are not of the new space."""
    space: StoredSpace
    constants: dict[str, StoredValue] = {}

    @property
    def line(self) -> str:
        """The edit in words."""
        return f"{self.at}, behind {self.trials} trial{'s' * (self.trials != 1)}: {' '.join(self.changes)}"


class Sweep(BaseModel):
    """The checked spec of one sweep: every value is allowed by its workload."""

    model_config = _FROZEN

    name: str
    description: str = ""
    workload: str
    data: Data = Data()
    """The examples; of a workload that brings its own ``data.given`` is False."""
    method: str = DEFAULT_METHOD
    metric: Metric
    metrics: tuple[Metric, ...] = ()
    """All objectives where there are several, ``metric`` the first of them; else empty."""
    constraints: tuple[Constraint, ...] = ()
    """Bounds of metrics that a trial must keep."""
    problem: Problem | None = None
    """Problem to solve; None: decided by the target's values when the data is loaded."""
    space: StoredSpace
    constants: dict[str, StoredValue] = {}
    """Hyperparameters with a fixed value in the spec; unnamed ones have the workload's defaults."""
    command: Command | None = None
    """What a trial of a script runs; None: the workload is no script."""
    early_terminate: EarlyTerminate = EarlyTerminate()
    trials: int = 20
    epochs: int = 10
    seed: int = 0
    start_from: tuple[dict[str, StoredValue], ...] = ()
    """Configurations to try first, after the defaults; unnamed hyperparameters have their defaults."""
    warm_start: tuple[str, ...] = ()
    """Earlier sweeps whose trials the sampler is shown: IDs, or absolute paths of homes."""
    cache: bool | None = None
    """Whether equal trainings' results by earlier sweeps are taken over; None: unless the workload is a user's."""
    max_concurrent: int | None = None
    """Number of lanes; None: as many as fit on the machine or cluster."""
    train_together: int | None = None
    """Largest cohort; None: chosen from the numbers of trials and lanes."""
    timeout_s: float | None = None
    budget: Budget | None = None
    """What the search may use, over all drivers; None: no limit."""
    cost_per_hour: CostPerHour | None = None
    stop_when: StopWhen | None = None
    grace_s: float = 30.0
    """Seconds that a leg has to end, once the search closes or the sweep is stopped."""
    trial_timeout_s: float | None = None
    """Largest number of seconds of training of one trial."""
    priority: int = 0
    """Priority among the sweeps of one cluster; higher ones get lanes first."""
    max_retries: int = 3
    """Number of further attempts of one trial."""
    max_failed_trials: int = 3
    """With more failed trials than this the sweep ends with exit code 3."""
    resources: Resources = Resources()
    env: dict[str, str] = {}
    """Environment variables of the processes that train."""
    pip: tuple[str, ...] = ()
    """Packages that users' code needs beside Paceline's, as pip names them; local files with absolute paths."""
    final: Final | None = Final()
    repeats: Repeats | None = None
    retest: float | Literal["auto"] = "auto"
    """Share of all epochs that trains the best trials again, with new seeds."""
    tracking: Tracking = Tracking()
    storage: Storage = Storage()
    edits: tuple[Edit, ...] = ()
    """Changes since it began, the earliest first."""
    folder: str | None = Field(default=None, exclude=True)
    """Folder in which users' code runs and has its modules: ``working_dir``, else that of the spec's file."""

    @property
    def objective(self) -> Objective:
        """The metric and its goal."""
        return Objective(self.metric.name, self.metric.goal)

    @property
    def of_users(self) -> bool:
        """Whether what is trained is users' code: a script, or an object of their modules."""
        return ":" in self.workload or self.command is not None

    @property
    def packages(self) -> Packages:
        """The packages of ``pip``; only a script's processes may have other versions than Paceline's."""
        return Packages(self.pip, apart=self.command is not None)

    @property
    def pauses(self) -> bool:
        """Whether a trial can pause at a rung and go on later; a script without ``checkpoint: true`` cannot."""
        return self.command is None or self.command.checkpoint

    @property
    def criteria(self) -> Criteria:
        """What decides besides the objective."""
        others = tuple(Objective(one.name, one.goal) for one in self.metrics[1:])
        return Criteria(others=others, constraints=self.constraints, sparse=self.of_users)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goal of each objective."""
        return (self.metric.goal, *(one.goal for one in self.metrics[1:]))

    @property
    def beside(self) -> tuple[str, ...]:
        """Names of the metrics that are shown beside the objective."""
        others = (name for name in self.criteria.names if name != self.metric.name)
        return tuple(dict.fromkeys([*beside(self.problem, self.metric.name), *others]))

    @property
    def searched(self) -> dict[str, Domain]:
        """Domains of the hyperparameters that are searched, and then of those that were before an edit."""
        earlier = {name: domain for edit in self.edits for name, domain in edit.space.domains.items()}
        return {**self.space.domains, **earlier, **self.space.domains}

    def to_tree(self) -> dict[str, Any]:
        """Return the spec in the form of its file, as plain values, without most defaults."""
        others = {"command", "final", "constraints", "edits", *(["metric"] if self.metrics else [])}
        plain = self.model_dump(
            exclude_defaults=True, exclude={"space", "constants", "problem", *DURATIONS, *others}
        )
        words: dict[str, Any] = {"parameters": as_parameters(self.space, self.constants)}
        if self.command:
            plain |= self.command.to_tree()
            words["parameters"] = self.command.grouped(words["parameters"])
            if self.command.steps or self.command.open_ended:
                plain.pop("epochs", None)
        if self.space.require:
            words["require"] = [one.text for one in self.space.require]
        durations = self.model_dump(exclude_defaults=True, include={*DURATIONS})
        words |= {DURATIONS[name]: seconds for name, seconds in durations.items()}
        if self.final != Final():
            words["final"] = "none" if self.final is None else _final(self.final)
        rule = self.early_terminate
        words["early_terminate"] = NO_SCHEDULE if rule.type == NO_SCHEDULE else rule.model_dump()
        if self.constraints:
            given = [asdict(one) for one in self.constraints]
            words["constraints"] = [{k: v for k, v in one.items() if v is not None} for one in given]
        if self.start_from:
            words["start_from"] = [{k: unnested(v) for k, v in entry.items()} for entry in self.start_from]
        if self.warm_start:
            words["warm_start"] = list(self.warm_start)
        return {**plain, "trials": self.trials, **words}

    def to_text(self, tree: Mapping[str, Any] | None = None) -> str:
        """Return YAML that ``parse_sweep`` reads as an equal sweep, or its changed ``tree``; edits are comments."""
        return block(tree or self.to_tree()) + "".join(f"# edited {_one_line(edit.line)}\n" for edit in self.edits)

    def drawn_with(self, number: int) -> tuple[Space, Mapping[str, Value]]:
        """Return the space and the constants that trial ``number`` was drawn with, before later edits."""
        edit = next((edit for edit in self.edits if number < edit.trials), None)
        return (self.space, self.constants) if edit is None else (edit.space, edit.constants)


def _final(final: Final) -> dict[str, Any]:
    """Return the key ``final`` as a file has it: ``baselines`` only where they are turned off."""
    return final.model_dump(exclude={"baselines"} if final.baselines else None)


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def load_sweep(
    path: Path, overrides: Sequence[str] = (), *, catalogue: Catalogue, folder: Path | None = None
) -> Sweep:
    """Load the sweep in the file ``path``, with ``key=value`` overrides. Raises SpecError with every fault.

    Users' code is in ``folder``; None: in that of the file.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError([Fault(str(path), "", f"cannot be read: {reason}")]) from None
    text, base = decoded(raw, path.name), path.resolve().parent
    code = users_folder(base if folder is None else folder.resolve())
    sweep = parse_sweep(text, path.name, base, overrides, catalogue=catalogue)
    return sweep if sweep.folder else sweep.model_copy(update={"folder": code})


def parse_sweep(
    text: str, origin: str, base: Path | None, overrides: Sequence[str] = (), *, catalogue: Catalogue
) -> Sweep:
    """Parse the sweep in ``text``, named ``origin`` in faults; file names are relative to folder ``base``.

    ``base`` None is for a stored spec: its paths are absolute, and its files may not exist any more. Raises
    SpecError with every fault.
    """
    return Sweep(**checked_sweep(text, origin, base, overrides, catalogue))


def sweep_of_tree(
    tree: Mapping[str, Any], base: Path, overrides: Sequence[str] = (), *, catalogue: Catalogue
) -> Sweep:
    """Return the sweep of a spec that is given as a mapping; file names and users' code are of folder ``base``.

    Raises SpecError with every fault, each at ``spec``.
    """
    code = users_folder(base)
    return Sweep(**{"folder": code, **checked_document(tree_document(tree, "spec"), base, overrides, catalogue)})
