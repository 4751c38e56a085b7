"""Loads and splits the data in a process of its own, while Ray starts: the driver imports no scikit-learn."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cluster.ray_internals.imports import importing
from cluster.sweep.limits.memory import Trainings, foreseen
from cluster.sweep.mlflow_models.opening import open_models_of
from search_spaces.space.hyperparameters import Open, complete, defaults, hyperparameters
from search_spaces.spec.files.dialect import read_with
from search_spaces.types.driver_errors import NoData
from search_spaces.types.encodable import all_encodable
from search_spaces.types.module_path import Packages, command, environment, users_folder
from search_spaces.types.problems import Problem
from search_spaces.types.values import Params
from workloads.arrays import DataError, Infeasible
from workloads.contract import Workload
from workloads.data.sources.image_records import is_records
from workloads.registry import WORKLOADS, described, is_users, workload

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep
    from workloads.data.search_data import SearchData


@dataclass(frozen=True)
class Loaded:
    """Prepared data: ``search`` and ``test`` arrays, the JSON-able card and each split's row numbers."""

    search: Any
    test: Any
    card: Mapping[str, Any]
    """Empty where the workload brings its own data."""
    indices: Mapping[str, list[int]]
    tried: str | None = None
    """What users should know of a model that was tried on these data; None where none was."""

    @classmethod
    def nothing(cls) -> Loaded:
        """Return what is loaded where the workload brings its own data."""
        from workloads.data.search_data import no_data, no_examples  # 60 ms: NumPy

        return cls(no_data(), no_examples(), {}, {})

    def news(self) -> Iterator[str]:
        """Yield what users should know of the data, one line each."""
        if not self.card:
            return
        found, name = self.card["details"], PurePath(self.card["name"]).name
        if "bad_images" in found:
            yield f"{found['bad_images']} images cannot be read and are left out ({found['bad_image_names']})"
        if "streamed" in found:
            yield f"data: {self.card['rows']['train']} training rows are read in every epoch, not kept in memory"
        if form := read_with(name, found):
            yield f"data: {form}"
        for word in ("leak", "note"):
            for text in self.card[f"{word}s"]:
                yield f"data: {word}: {text}"
        yield from (self.tried or "").splitlines()


class Preparing:
    """A process that runs ``workloads.data.prepare.prepare`` and checks that the workload can use the result.

    There is no process where the workload brings its own data. The memory of ``wanted`` trainings is told, too.
    """

    def __init__(self, sweep: Sweep, wanted: Trainings | None = None) -> None:
        self._loaded: Loaded | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if not sweep.data.given:
            self._loaded = Loaded.nothing()
            return
        self._process = subprocess.Popen(
            command("-c", "from cluster.sweep.data_process import _main; _main()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment()},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        order = {
            "data": sweep.data.model_dump(mode="json"),
            "problem": sweep.problem,
            "workload": sweep.workload,
            "constants": dict(sweep.constants),
            "first": first(sweep),
            "memory": wanted and wanted.to_json(),
            "tracking": sweep.tracking.uri,
            "searched": list(sweep.space.domains),
            "metric": sweep.metric.name,
            "judged": sweep.final is not None,
            "folder": sweep.folder if is_users(sweep.workload) else None,
            "pip": sweep.pip,
        }
        self._process.stdin.write(json.dumps(order).encode())
        self._process.stdin.close()

    def wait(self) -> None:
        """Wait for the data, which ``result`` then returns at once. Raises the same errors."""
        if self._loaded is None:
            self._loaded = self._read()

    def result(self) -> Loaded:
        """Wait for the data and hand it over.

        Raises DataError as ``prepare`` does, and NoData if the process died.
        """
        self.wait()
        loaded, self._loaded = self._loaded, None
        assert loaded is not None
        return loaded

    def _read(self) -> Loaded:
        assert self._process is not None and self._process.stdout is not None
        try:
            found = pickle.load(self._process.stdout)  # its arrays go from the pipe to where they stay
        except (EOFError, pickle.UnpicklingError):
            found = None
        if (code := self._process.wait()) != 0:
            how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
            how += ", as where memory ends" if -code == signal.SIGKILL else ""
            raise NoData(f"the data could not be loaded: the process that reads it ended with {how}")
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Loaded)
        return replace(found, card=all_encodable(found.card))  # classes may be named like folders

    def cancel(self) -> None:
        """Kill the process if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def needed(sweep: Sweep) -> Params:
    """Return a value of each hyperparameter that is searched and has no default."""
    kind = described(sweep.workload).hyperparameters
    if kind is Open:
        return {}
    known = hyperparameters(kind)
    return {name: value for name, value in defaults(known, sweep.space.domains).items() if known[name].required}


def first(sweep: Sweep) -> list[Params]:
    """Return what the first trial has beside constants and defaults.

    Where a path is searched (of a model, or weights) that is a configuration for each of its values.
    """
    kind = described(sweep.workload).hyperparameters
    known = {} if kind is Open else hyperparameters(kind)
    choices = {name: one for name, one in sweep.space.domains.items() if name in known and known[name].is_path}
    others = [{name: value} for name, one in choices.items() for value in one.grid()]
    return [{**needed(sweep), **one} for one in others or [{}]]


def check_first(
    name: str,
    constants: Params,
    search: SearchData,
    searched: Iterable[str] = (),
    first: Sequence[Params] = ({},),
) -> str | None:
    """Raise DataError where the first trial, the defaults with the fixed values, cannot work on this data.

    Also raised where a hyperparameter that is fixed or ``searched`` would have no effect on this data. ``first``
    are configurations of what has no default, each of which must work. Returns what users should know of a model
    that was tried.
    """

    try:
        kind = workload(name)
    except LookupError as error:
        raise DataError(f"workload: {error.args[0]}") from error
    if is_records(search.train.x) and not kind.reads_files:
        raise DataError(
            f"data.in_memory_gib: {len(search.train.x)} training images take more memory than that, and workload "
            f"{name} does not read them from disk: raise it, or use workload image"
        )
    if search.stream is not None:
        check_streams(kind, constants, searched)
    _refuse_idle(kind, constants, searched, search.problem)
    return _tried(kind, [{**constants, **one} for one in first], constants, search)


def _refuse_idle(kind: Workload, constants: Params, searched: Iterable[str], problem: Problem) -> None:
    """Raise DataError where a hyperparameter that is ``searched``, or no default, has no effect on ``problem``."""
    known = {} if kind.hyperparameters is Open else hyperparameters(kind.hyperparameters)
    given = {
        *searched,
        *(name for name, value in constants.items() if name in known and value != known[name].default),
    }
    for name, hp in known.items():
        if name in given and hp.problems and problem not in hp.problems:
            able = " and ".join(hp.problems)
            raise DataError(f"parameters.{name}: has no effect on {problem}, only on {able}: leave it out")


def _tried(kind: Workload, configurations: Sequence[Params], constants: Params, search: SearchData) -> str | None:
    """Return what the first of ``configurations`` that were tried tells, if anything.

    Raises DataError with a line for each that cannot work on this data.
    """
    if kind.check is None:
        return None
    faults, told = [], None
    for params in configurations:
        hp = kind.hyperparameters(**complete(kind.hyperparameters, params))
        try:
            kind.check(hp, search.shape())
            told = told or (None if kind.tryout is None else kind.tryout(hp, search))
        except Infeasible as error:
            faults.append(_named(kind, constants, str(error)))
    if faults:
        raise DataError("\n".join(dict.fromkeys(faults)))
    return told


def _named(kind: Workload, constants: Params, fault: str) -> str:
    """Return the sentence on a fault of a configuration; one that names its place stays as it is."""
    if fault.startswith("parameters."):
        return fault
    fixed = ", ".join(f"{key}: {value}" for key, value in constants.items())
    what = f"the defaults with {fixed}" if fixed else "the defaults"
    return f"parameters: {what} of workload {kind.name} cannot work on this data: {fault}"


def draws(constants: Params, searched: Iterable[str]) -> bool:
    """Whether ``sampling`` is fixed or searched: drawing the examples of an epoch needs all of them in memory."""
    return "sampling" in searched or constants.get("sampling", "none") != "none"


def check_streams(kind: Workload, constants: Params, searched: Iterable[str]) -> None:
    """Raise DataError where the workload, or a hyperparameter, needs all training rows in memory."""

    if not kind.streams:
        able = ", ".join(name for name in WORKLOADS if workload(name).streams)
        raise DataError(f"data.streaming: workload {kind.name} keeps all training rows in memory; {able} do not")
    if draws(constants, searched):
        raise DataError(
            "parameters.sampling: must be left out of a sweep over streamed data, whose rows come in their own "
            "order; class_weights: balanced has the same effect on the mean"
        )


@importing()  # the data stays in memory, too, and the process ends after its answer
def _main() -> None:
    from search_spaces.spec.data import Data  # 90 ms: pydantic
    from workloads.data.metric_check import check_metric  # 60 ms: NumPy
    from workloads.data.prepare import prepare  # 60 ms

    order = json.load(sys.stdin.buffer)
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    answer: Loaded | DataError
    try:
        found = prepare(Data.model_validate(order["data"]), order["problem"])
        open_models_of(order["tracking"])
        if order["folder"] is not None:
            users_folder(order["folder"], Packages(tuple(order["pip"])))
            os.chdir(order["folder"])
        constants = order["constants"]
        tried = check_first(order["workload"], constants, found.search, order["searched"], order["first"])
        if order["memory"]:
            wanted, kind = Trainings.of_json(order["memory"]), workload(order["workload"])
            memory = [f"memory: {line}" for line in foreseen(kind, wanted, found.search)]
            tried = "\n".join(filter(None, [tried, *memory]))
        check_metric(order["metric"], found.search, found.test if order["judged"] else None)
        indices = {name: rows.tolist() for name, rows in found.indices.items()}
        answer = Loaded(found.search, found.test, found.card.to_dict(), indices, tried)
    except DataError as error:
        answer = error
    pickle.dump(answer, out, protocol=5)
    out.flush()


def refuse_unfilled(sweep: Sweep, card: Mapping[str, Any]) -> None:
    """Raise DataError where numbers are missing and some trial would not impute them."""
    if not card.get("missing") or "none" not in _imputations(sweep):
        return
    from workloads.tables.columns import NUMERIC  # 60 ms: NumPy

    kinds = card.get("columns", {})
    missing = {name: count for name, count in card["missing"].items() if kinds.get(name) in NUMERIC}
    if not missing:
        return
    shown = ", ".join(f"{name!r} in {count} rows" for name, count in list(missing.items())[:5])
    place = "parameters.imputation: must be median, mean or most_frequent"
    raise DataError(f"{place}, as {card['name']} has missing numbers ({shown}), received none")


def _imputations(sweep: Sweep) -> set[Any]:
    """Return all values of ``imputation`` in the sweep's trials; the workload's default imputes."""
    domain = sweep.space.domains.get("imputation")
    entries = [entry.get("imputation") for entry in sweep.start_from]
    return {sweep.constants.get("imputation"), *entries, *(getattr(domain, "values", ()))}
