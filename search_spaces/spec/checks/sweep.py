"""Checks the text of a spec and returns the fields of a ``Sweep``; holds the rules that concern several keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search_spaces.space.hyperparameters import Open, defaults, hyperparameters
from search_spaces.space.space import Space
from search_spaces.spec.checks.bounds import check_regret, check_target
from search_spaces.spec.checks.criteria import (
    Asked,
    checked_constraints,
    is_of_users,
    refuse_of_one_objective,
    unjudged,
)
from search_spaces.spec.checks.data import lacks_data, read_data, refuse_sourceless, refuse_unread
from search_spaces.spec.checks.early_terminate import read_early_terminate
from search_spaces.spec.checks.population import check_population
from search_spaces.spec.checks.repeats import check_repeats, check_retest
from search_spaces.spec.checks.space.grid import grid_size, refuse_counts
from search_spaces.spec.checks.space.own_paths import settle_paths
from search_spaces.spec.checks.space.parameters import read_open_parameters, read_parameters
from search_spaces.spec.checks.space.require import required
from search_spaces.spec.checks.space.start_from import Searched, check_count, check_entries
from search_spaces.spec.checks.space.without_effect import refuse_without_effect, refuse_without_gpu
from search_spaces.spec.checks.storage import check_workers, checked_storage, refuse_passwords
from search_spaces.spec.checks.warm_start import checked_warm_start
from search_spaces.spec.data import Data
from search_spaces.spec.imported.read import tool_of
from search_spaces.spec.keys.budget_checks import check_budget
from search_spaces.spec.keys.cache_checks import check_cache
from search_spaces.spec.other_tools.told import tell_other_tools
from search_spaces.spec.overrides import override, settle_aliases
from search_spaces.spec.packages.place_of_code import PlaceOfCode, is_named_by_users, place_of_code
from search_spaces.spec.pydantic_faults import checked
from search_spaces.spec.schema import EarlyTerminate, ObjectiveFile, SpecFile, instead
from search_spaces.spec.script.checks import (
    check_decisions,
    checked_command,
    default_name,
    known_of,
    length,
    script_metric,
)
from search_spaces.spec.script.early_stopping import refuse_exchange, stopping_form
from search_spaces.spec.script.settle import Settled, settle_script
from search_spaces.spec.script.verdict import unjudged as script_unjudged
from search_spaces.spec.starting.words import like, meant
from search_spaces.spec.yaml_document import Document, decoded, read_yaml
from search_spaces.types.catalogue import NO_SCHEDULE, Catalogue, SamplerInfo, WorkloadInfo
from search_spaces.types.faults import nearest, shown
from search_spaces.types.module_path import NotInstalled
from search_spaces.types.problems import DataKind, Goal, Problem, metrics_of, problem_of
from search_spaces.types.values import Value

DEFAULT_TRIALS = 20

SAME = (
    "description",
    "workload",
    "epochs",
    "seed",
    "cache",
    "max_concurrent",
    "train_together",
    "max_retries",
    "priority",
    "budget",
    "cost_per_hour",
    "stop_when",
    "resources",
    "env",
    "final",
    "repeats",
    "retest",
    "tracking",
)
"""Keys of the file that become fields of a ``Sweep`` unchanged."""


def checked_sweep(
    text: str, origin: str, base: Path | None, overrides: Sequence[str], catalogue: Catalogue
) -> dict[str, Any]:
    """Return the fields of the sweep in ``text``. Raises SpecError with every fault."""
    document = read_yaml(decoded(text.encode("utf-8", "surrogatepass"), origin), origin)
    return checked_document(document, base, overrides, catalogue)


def checked_document(
    document: Document, base: Path | None, overrides: Sequence[str], catalogue: Catalogue
) -> dict[str, Any]:
    """Return the fields of the sweep in ``document``. Raises SpecError with every fault."""
    if not isinstance(document.tree, dict):
        document.fault((), "must hold a sweep: keys and values, such as 'workload: mlp'", shown(document.tree))
        document.refuse_faulty()
    if tool := tool_of(document.tree):
        document.fault((), f"is {tool.what}: `paceline import {document.origin}` writes a sweep file of it")
    settle_aliases(document)
    inner = [text for text in overrides if text.startswith("parameters")]
    override(document, [text for text in overrides if text not in inner])
    script = settle_script(document)
    place = place_of_code(document, base)
    workload = None if place.faulty else _workload(document, catalogue)
    if workload is not None and document.tree.get("parameters") is None:
        _put_default_space(document, workload)
    override(document, inner)
    settle_paths(document, workload, base)
    refuse_passwords(document)
    fields = {**_Checks(document, catalogue, workload, script).fields(base, place), **place.fields}
    tell_other_tools(document, hyperparameters(workload.hyperparameters) if workload else None)
    document.refuse_faulty()
    return fields


def _workload(document: Document, catalogue: Catalogue) -> WorkloadInfo | None:
    name = document.tree.get("workload")
    if not isinstance(name, str):
        return None
    try:
        return catalogue.workload(name)
    except NotInstalled as error:
        document.fault(("pip",), str(error))
    except LookupError as error:
        names = ", ".join(catalogue.workload_names)
        if ":" in name:
            document.fault(("workload",), str(error.args[0]), shown(name))
            return None
        known = meant(name)
        close = nearest(name, catalogue.workload_names) if known is None else None
        known = known or (None if close else like(name))
        rule = f"unknown workload (there are {names} and package.module:NAME)"
        document.fault(("workload",), rule, shown(name), str(known) if known else close and repr(close))
    return None


def _put_default_space(document: Document, workload: WorkloadInfo) -> None:
    if "parameters" in document.tree:
        document.fault(("parameters",), "must not be empty: leave it out for the workload's default space")
    space = json.loads(json.dumps(workload.space, default=dict))
    document.put(("parameters",), space, document.place(("workload",)))


class _Checks:
    """The checks of one document. A key with a fault of its own is left out of rules that concern several keys."""

    def __init__(
        self, document: Document, catalogue: Catalogue, workload: WorkloadInfo | None, script: Settled
    ) -> None:
        self._document, self._catalogue, self._workload, self._script = document, catalogue, workload, script
        self._open = workload is not None and workload.hyperparameters is Open
        self._hyperparameters = hyperparameters(workload.hyperparameters) if workload else None
        self._faulty = {fault.path.split(".")[0] for fault in document.faults}
        self._spec = self._read()

    def _read(self) -> SpecFile:
        tree = self._document.tree
        if self._workload is None and "data" not in tree and is_named_by_users(tree.get("workload")):
            self._faulty |= {"data"}  # users' code that is not known may bring its own
            tree = {**tree, "data": {}}
        if self._workload is not None and "data" not in tree:
            lacks_data(self._document, self._workload)
            self._faulty |= set() if self._workload.own_data else {"data"}
            tree = {**tree, "data": {}}
        before = len(self._document.faults)
        spec = checked(self._document, (), SpecFile, tree, instead(self._catalogue), self._catalogue)
        if spec is not None:
            return spec
        self._faulty |= {fault.path.split(".")[0] for fault in self._document.faults[before:]}
        sound = {key: tree[key] for key in tree if key not in self._faulty and key in SpecFile.model_fields}
        sound = {"workload": "", "data": {}, **sound}
        return SpecFile.model_validate(sound, strict=True, context=self._catalogue)

    def _given(self, key: str) -> bool:
        return key in self._document.tree

    def _sound(self, *keys: str) -> bool:
        return not self._faulty.intersection(keys)

    def fields(self, base: Path | None, place: PlaceOfCode) -> dict[str, Any]:
        """Return the fields of a ``Sweep``, which are valid only where no fault was noted."""
        spec = self._spec
        space, constants = self._space()
        space = self._required(space, constants)
        data, kind = self._data(base)
        if self._hyperparameters is not None:
            given = (self._hyperparameters, space, constants)
            refuse_without_effect(self._document, *given, kind)
            refuse_without_gpu(self._document, *given, spec.resources.gpus)
        metrics = self._metrics(kind)
        metric = metrics[0] if metrics else self._metric(kind)
        self._check_final(metric["name"] if metric else None, place.folder)
        trials = self._trials(space)
        if self._sound("retest", "trials", "parameters"):
            check_retest(self._document, spec, trials)
        check_cache(self._document, spec)
        if spec.repeats and self._sound("repeats", "early_terminate"):
            check_repeats(self._document, spec)
        if self._hyperparameters is not None and self._sound("parameters", "start_from"):
            if self._sound("trials"):
                trials_there = spec.trials or DEFAULT_TRIALS
                check_count(self._document, spec.start_from, trials_there + self._open)
            check_entries(self._document, spec.start_from, Searched(self._hyperparameters, space, constants))
        check_workers(self._document, spec, self._workload)
        check_budget(self._document, spec, self._faulty, bool(space.domains))
        return {
            **{key: getattr(spec, key) for key in SAME},
            "max_failed_trials": spec.max_retries if spec.max_failed_trials is None else spec.max_failed_trials,
            "epochs": length(spec),
            "name": spec.name or self._default_name(),
            "data": data,
            "method": self._method.name,
            "metric": metric,
            "metrics": metrics,
            "constraints": checked_constraints(self._document, spec.constraints, self._workload, kind),
            "problem": self._problem(kind, metric),
            "space": space,
            "constants": constants,
            "early_terminate": self._early_terminate(space),
            "trials": trials,
            "start_from": tuple(spec.start_from),
            "warm_start": checked_warm_start(self._document, spec.warm_start, base, self._method, space),
            "storage": checked_storage(self._document, spec, base),
            "command": checked_command(self._document, spec, self._script, place.folder) if self._open else None,
            "timeout_s": spec.timeout,
            "grace_s": spec.grace,
            "trial_timeout_s": spec.trial_timeout,
        }

    @property
    def _method(self) -> SamplerInfo:
        return self._catalogue.methods[self._spec.method]

    def _data(self, base: Path | None) -> tuple[Data | None, DataKind | None]:
        """Return the data and its kind; no kind for a workload that brings its own, and where there are faults."""
        given = self._spec.data
        if not self._sound("data"):
            return None, None
        if not given.given and self._workload is not None and self._workload.own_data:
            if self._given("data"):
                refuse_sourceless(self._document, self._workload, given)
            return given, None
        found = read_data(self._document, given, base, self._catalogue.datasets)
        if found is None or not self._check_kind(found[1]):
            return None, None
        return found

    def _default_name(self) -> str:
        if self._open:
            return default_name(self._spec)
        if not self._spec.data.given:
            return self._spec.workload.removeprefix("__main__:").rpartition(".")[2].replace(":", "-")
        origin = self._spec.data.origin.split("*")[0].rstrip("/")
        return f"{self._spec.workload.rpartition(':')[2]}-{Path(origin).stem.strip('-_.')}"

    def _space(self) -> tuple[Space, dict[str, Value]]:
        if not self._sound("parameters") or not self._given("parameters"):
            return Space({}), {}
        before = len(self._document.faults)
        tree = self._document.tree["parameters"]
        if self._open:
            space, constants, self._script.nested = read_open_parameters(self._document, tree)
            found, self._hyperparameters = (space, constants), known_of(space, constants)
        else:
            found = read_parameters(self._document, tree, self._hyperparameters, self._catalogue)
        if len(self._document.faults) > before:
            self._faulty.add("parameters")
        return found

    def _required(self, space: Space, constants: dict[str, Value]) -> Space:
        if self._hyperparameters is None or not self._sound("parameters", "require") or not self._spec.require:
            return space
        before = len(self._document.faults)
        found = required(self._document, self._spec.require, self._hyperparameters, space, constants)
        if len(self._document.faults) > before:
            self._faulty.add("require")
        return found

    def _check_kind(self, kind: DataKind) -> bool:
        if self._workload is not None and kind not in self._workload.problems:
            kinds = " or ".join(self._workload.problems)
            self._document.fault(
                ("data",), f"must be {kinds} data for workload {self._workload.name}", f"{kind} data"
            )
            return False
        return self._workload is None or refuse_unread(self._document, self._workload, self._spec.data)

    def _check_final(self, metric: str | None, base: Path | None) -> None:
        if self._workload is None or not self._sound("final", "data") or not self._spec.final:
            return
        if self._open:
            rule = script_unjudged(self._spec.program, metric, base, self._script.pattern)
        else:
            rule = unjudged(self._workload, self._spec.data.given, metric)
        if rule:
            self._document.fault(("final",), rule, None if self._given("final") else "the default")

    def _metric(self, kind: DataKind | None) -> dict[str, Any] | None:
        given = self._spec.metric
        if self._workload is None or not self._sound("metric", "metrics"):
            return None
        if self._open:
            return script_metric(self._document, given, self._script)
        name = given.name or self._default_metric(kind)
        if name is None:
            return None
        asked = Asked(self._document, self._workload, self._natural(kind))
        found = asked.objective(ObjectiveFile(name=name, goal=given.goal), ("metric",))
        if found is not None and not is_of_users(self._workload):
            check_target(self._document, found["name"], given.target)
            if self._sound("stop_when"):
                check_regret(self._document, self._spec, found["name"])
        return None if found is None else {**found, "target": given.target}

    def _default_metric(self, kind: DataKind | None) -> str | None:
        """Return the metric of a sweep that names none; None, with the fault noted, where nobody knows one."""
        assert self._workload is not None
        if self._spec.data.given or self._workload.reports or not self._sound("data"):
            return next(iter(self._natural(kind)))
        rule = (
            f"is required: one that {self._workload.name} reports, as in metric: {{name: val_loss, goal: minimize}}"
        )
        self._document.fault(("metric",), rule)
        return None

    def _natural(self, kind: DataKind | None) -> Mapping[str, Goal]:
        """Return the metrics that a sweep on this kind of data may optimise, with their goals."""
        assert self._workload is not None
        own, known = self._own_problem(kind), self._workload.metrics(kind)
        if own is None:
            return known
        if self._workload.own_metrics:
            return {**self._workload.reports, **metrics_of([own]), **known}
        return {**self._workload.reports, **metrics_of([own])}

    def _metrics(self, kind: DataKind | None) -> tuple[dict[str, Any], ...]:
        """Return several objectives; none where there is one."""
        given = self._spec.metrics
        if not self._given("metrics") or self._workload is None or not self._sound("metrics"):
            return ()
        refuse_of_one_objective(self._document, self._spec, self._catalogue, self._faulty)
        return Asked(self._document, self._workload, self._natural(kind)).objectives(given)

    def _problem(self, kind: DataKind | None, metric: Mapping[str, Any] | None) -> Problem | None:
        if self._workload is None or kind is None or metric is None:
            return None
        return self._own_problem(kind) or problem_of(self._workload.problems[kind], metric["name"])

    def _own_problem(self, kind: DataKind | None) -> Problem | None:
        """Return the problem of a registered data set, if it has one that the workload solves."""
        info = self._catalogue.datasets.get(self._spec.data.name or "")
        solved = self._workload.problems[kind] if self._workload and kind else ()
        return info.problem if info and info.problem in solved else None

    def _early_terminate(self, space: Space) -> EarlyTerminate | None:
        given, epochs = self._spec.early_terminate, length(self._spec)
        if given is None or (epochs == 1 and not self._given("early_terminate")):
            return EarlyTerminate(type=NO_SCHEDULE)
        rule = read_early_terminate(self._document, given, self._catalogue.schedules)
        first = rule.parameters.get("min_iter", 0) if rule else 0
        if self._sound("early_terminate", "epochs") and first >= epochs and given.keys() - {"type"}:
            of = "steps.most" if self._spec.steps else "epochs"
            text = f"must be below {of} = {epochs}, else nothing is ever stopped (or early_terminate: none)"
            self._document.fault(("early_terminate", "min_iter"), text, shown(first))
        if rule and self._hyperparameters and self._sound("early_terminate", "epochs", "trials", "parameters"):
            check_population(self._document, self._spec, rule, space, self._hyperparameters)
        if rule and self._open:
            check_decisions(self._document, self._spec, rule)
            refuse_exchange(self._document, rule, space)
        if rule and self._open and not self._spec.checkpoint:
            rule, told = stopping_form(self._document, rule)
            self._script.notes += told
        return rule

    def _trials(self, space: Space) -> int:
        given = self._spec.trials
        if not self._sound("parameters", "trials", "method"):
            return DEFAULT_TRIALS
        if not space.domains:
            if given is not None and given > 1:
                rule = "must be 1: nothing is searched, every further trial would repeat the first"
                self._document.fault(("trials",), rule, shown(given))
            return 1
        if not self._method.finite_only:
            refuse_counts(self._document, space, self._method.name)
            return given or DEFAULT_TRIALS
        if not self._sound("require"):
            return DEFAULT_TRIALS
        size = grid_size(self._document, space, self._method.name, limited=given is not None)
        if size is None:
            return DEFAULT_TRIALS
        known = None if self._open else defaults(self._hyperparameters or {}, space.domains)
        first = space.first(known, self._spec.start_from)  # these need not be points of the grid
        wanted = size + sum(not space.contains(params) for params in first)
        return min(wanted, given or wanted)
