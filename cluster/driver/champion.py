"""Registers and inspects the winner in a Ray actor, so that the driver loads neither torch nor the weights."""

from __future__ import annotations

import base64
import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import ray

from cluster.driver.baselines_aside import BaselinesAside, measure_here
from cluster.driver.inspected.order import Order, inspected
from cluster.driver.judging import PREDICTIONS, Case, Judgement, judge
from cluster.sweep.files.champion_file import keep
from cluster.sweep.home import SweepHome
from cluster.sweep.mlflow_models.opening import open_models_of
from cluster.sweep.mlflow_notes import notes
from cluster.sweep.mlflow_runs import run_key
from cluster.sweep.restore import kept_card
from cluster.sweep.tracker import Tracker
from cluster.terminal.records import Snapshot
from search_spaces.race.track import Track
from search_spaces.spec.sweep import Sweep
from search_spaces.types.error_text import last_line
from search_spaces.types.files.kept_code import name_shown
from search_spaces.types.module_path import Packages, users_folder
from search_spaces.types.trial_names import name_of_key
from tracking.results.champion.head import Head
from tracking.results.promotion import Score
from tracking.results.registered_model import Candidate, Example, Folder, Registered, describe, log_folder, register
from tracking.store.errors import Away, Refused
from tracking.store.open import resolve
from workloads.contract import NotServed
from workloads.registry import described, is_users, workload
from workloads.training.default_inputs import default_data

if TYPE_CHECKING:
    from cluster.lanes.shared_data import SharedData
    from tracking.results.registered_model import Candidate

Measured: TypeAlias = Mapping[str, Mapping[int, float]]
"""Values by seed of each metric."""
SAVED = "saved"
"""Folder among the artifacts of the champion's run, with what a champion without ``predict`` saved."""
SAVES = {False: "save anything by run.report(save, ...)", True: "log a file, or save one (`checkpoint: true`)"}
"""What a function, or a script, would have done to leave anything behind."""
STORE_TIMEOUT_S = 30.0
SOON_S = 60.0
"""Seconds before the search's estimated end at which the actor starts; not earlier, as it takes memory."""
EARLY = (
    "torch._dynamo",
    "mlflow.pytorch",
    "mlflow.store.tracking.sqlalchemy_store",
    "tracking.results.registered_model",
    "plotly.graph_objects",
    "sklearn.metrics",
    "tracking.results.report",
    "workloads.baselines.measure",
    "workloads.champion.inspection",
)
"""Modules that the actor imports as it starts, while members still train.

They take four fifths of the time for a small champion.
"""


class _ChampionActor:
    def __init__(self, folder: str | None, env: Mapping[str, str], packages: Packages, store: str) -> None:
        os.environ.update(env)
        open_models_of(store)
        if folder is not None:
            users_folder(folder, packages)
            os.chdir(folder)
        for name in EARLY:
            importlib.import_module(name)

    def judge(self, case: Case, search: Any, test: Any) -> Judgement:
        """Return the judgement of a final evaluation from the predictions that its members kept."""
        return judge(case, search, test)

    def measure(self, workload: str, metric: str, checkpoints: str, search: Any, test: Any) -> None:
        """Fit and score the baselines of the sweep's test split, and keep them beside its checkpoints."""
        measure_here(workload, metric, checkpoints, search, test)

    def register(self, order: dict[str, Any], search: Any) -> Registered:
        candidate = Candidate(
            name=order["name"], sweep_id=order["sweep_id"], run_id=order["run_id"], metadata=order["metadata"]
        )
        kind = workload(order["workload"])
        if (of_texts := kind.champions.get(search.problem, kind.champion)) is not None:
            return _saved(of_texts, order, candidate, search)
        if kind.serves_files:
            return _function(order, candidate, search)
        if search.sentences:
            of_words = search.problem == "tagging"
            module = "workloads.champion.tagged.word_model" if of_words else "workloads.champion.text_model"
            return _saved(module, order, candidate, search)
        by_row = search.train.columns and (kind.by_row or kind.data is default_data)
        return (_table if by_row else _module)(order, candidate, search)

    def describe(self, uri: str, name: str, run_id: str, text: str) -> None:
        """Set the description of the version that comes from this run."""
        describe(uri, name, run_id, text)

    def keep(self, order: dict[str, Any]) -> bool:
        """Log what a champion without ``predict`` saved as artifacts of its run; return whether it saved any."""
        from workloads.legs.checkpoint import copy_saved  # 20 ms

        with TemporaryDirectory() as folder:
            saved = copy_saved(order["checkpoint"], Path(folder, SAVED))
            if saved:
                log_folder(order["uri"], order["run_id"], Path(folder, SAVED))
        return saved

    def inspect(self, order: Order, search: Any, test: Any) -> dict[str, Any]:
        """Return what ``inspected`` does."""
        return inspected(order, search, test)


@dataclass
class ChampionProcess:
    """Actor that registers and inspects one sweep's winner. It starts with ``begin``, or with its first task."""

    home: SweepHome
    sweep: Sweep
    data: SharedData
    _worker: Any = None
    _baselines: BaselinesAside = field(init=False)

    def __post_init__(self) -> None:
        self._baselines = BaselinesAside(self.home, self.sweep)

    def begin(self) -> None:
        """Start the actor, which imports its modules in the background; a second call does nothing."""
        if self._worker is None:
            worker: Any = ray.remote(num_cpus=0, max_restarts=2, max_task_retries=2)(_ChampionActor)
            store = resolve(self.sweep.tracking.uri)
            self._worker = worker.remote(self._code(), self.sweep.env, self.sweep.packages, store)

    def _code(self) -> str | None:
        """Return the folder in which the actor runs: that of users' code, where the workload is theirs."""
        return self.sweep.folder if is_users(self.sweep.workload) else None

    def foresee(self, seen: Snapshot) -> None:
        """Start the actor when the verdict is less than ``SOON_S`` seconds away, or has begun."""
        near = seen.phase == "verdict" or (seen.search_eta_s is not None and seen.search_eta_s < SOON_S)
        if near and self.sweep.final is not None:
            self.begin()
        if seen.phase == "verdict" and self._worker is not None:
            self._baselines.begin(self._worker, self.data.search, self.data.test)

    def judge(self, case: Case, tracker: Tracker) -> Judgement:
        """Return the judgement of the final evaluation, and keep all predictions as an artifact of the sweep's run.

        Where it cannot be made from the predictions, the user is told, and its intervals are over the seeds alone:
        so they are where users' code measures itself, too.
        """
        if case.tested_by is not None:
            return judge(case)
        self.begin()
        self._baselines.begin(self._worker, self.data.search, self.data.test)
        cut_off = self._baselines.wait(self._worker, tracker.say)
        case = replace(case, trained_baselines=self._baselines.wanted, cut_off=cut_off)
        try:
            found: Judgement = ray.get(self._worker.judge.remote(case, self.data.search, self.data.test))
        except ray.exceptions.RayError as error:
            tracker.say(f"the test rows could not be counted in the intervals: {last_line(error)}")
            return judge(case)
        if found.predictions:
            tracker.writer.content(PREDICTIONS, base64.b64encode(found.predictions).decode())
        return found

    def crown(self, chosen: Track, tracker: Tracker, judged: Mapping[str, Any] | None = None) -> str | None:
        """Register the model of the final member ``chosen``, which was ``judged`` so, under the sweep's name.

        It is the champion, unless a better one of the same test split is.

        Returns the model's URI, or of a champion that is no model for MLflow that of the files which it saved.
        None, with a message to the user, where MLflow cannot be reached, the member's run does not exist yet
        (`paceline resume` registers it later), or the champion has saved nothing. A second call makes no second
        version.
        """
        home, sweep = self.home, self.sweep
        run_id = tracker.run_id(run_key(chosen, "final"), STORE_TIMEOUT_S)
        if run_id is None or chosen.checkpoint is None:
            tracker.say(f"the champion is not registered yet; `paceline resume {home.id}` does it")
            return None
        order = {
            "uri": tracker.uri,
            "name": sweep.name,
            "sweep_id": home.id,
            "run_id": run_id,
            "workload": sweep.workload,
            "checkpoint": chosen.checkpoint,
            "metadata": {
                "trial": str(chosen.trial),
                "seed": str(chosen.seed),
                **self._score(judged),
            },
        }
        self.begin()
        try:
            if not described(sweep.workload).registered:
                who = sweep.command.title if sweep.command else name_shown(sweep.workload)
                return self._kept(order, tracker, f"{who} has no predict")
            try:
                found: Registered = ray.get(self._worker.register.remote(order, self.data.search))
            except NotServed as error:
                return self._kept(order, tracker, last_line(error))
        except ray.exceptions.RayError as error:
            tracker.say(f"the champion could not be registered: {last_line(error)}")
            return None
        if found.told:
            tracker.say(found.told)
        return found.uri

    def _score(self, judged: Mapping[str, Any] | None) -> dict[str, str]:
        """Return the tags by which the version is compared with others; none where users' code measures itself."""
        if judged is None or judged["tested_by"] is not None:
            return {}
        rows = (kept_card(self.home) or {}).get("test_digest", "")
        goal, winner = self.sweep.objective.goal, judged["winner"]
        low, high = winner["ci95"] or (None, None)
        return Score(metric=judged["metric"], goal=goal, value=winner["mean"], ci95=(low, high)).tags(rows)

    def describe(
        self, chosen: Track, tracker: Tracker, verdict: Mapping[str, Any] | None, card: str, model: str
    ) -> None:
        """Describe the registered version of ``chosen``, if ``model`` is one, by its model card."""
        if not model.startswith(notes.ALIAS):
            return
        text = card if verdict is None else notes.of_version(tracker.judged(verdict), card)
        run_id = tracker.run_id(run_key(chosen, "final"), STORE_TIMEOUT_S)
        try:
            ray.get(self._worker.describe.remote(tracker.uri, self.sweep.name, run_id, text))
        except ray.exceptions.RayError as error:
            tracker.say(f"the champion's version got no description: {last_line(error)}")

    def _kept(self, order: dict[str, Any], tracker: Tracker, why: str) -> str | None:
        """Log what a champion that is no model for MLflow saved, say so, and return the URI of that."""
        told = f"the champion is no model for MLflow: {why}"
        if not ray.get(self._worker.keep.remote(order)):
            tracker.say(f"{told}; nor did it {SAVES[self.sweep.command is not None]}")
            return None
        place = f"the artifact {SAVED!r} of its run, and `paceline best {self.home.id} --files DIR` copies it"
        tracker.say(f"{told}; what it saved is {place}")
        return f"runs:/{order['run_id']}/{SAVED}"

    def inspect(
        self, head: Head, finals: Sequence[Track], measured: Measured, rows: Sequence[int], tracker: Tracker
    ) -> str | None:
        """Analyse the errors and the overfitting of the champion, and store its report as artifacts of its run.

        ``finals`` are its trainings, first that whose weights are kept; ``measured`` has their values of test
        metrics by seed. ``rows`` are the row numbers of the validation examples in their source. Returns a sentence
        on overfitting, None where the learning curves do not tell. Parts that failed are reported to the user.
        """
        chosen, *others = finals
        key = run_key(chosen, "final")
        order = Order(
            workload=self.sweep.workload,
            objective=self.sweep.objective,
            checkpoint=str(chosen.checkpoint),
            rows=list(rows),
            others={one.seed: one.checkpoint for one in others if one.checkpoint is not None},
            head=replace(head, title=f"{self.sweep.name}: {name_of_key(key)}"),
            name=name_of_key(key),
            uri=tracker.uri,
            run_id=tracker.run_id(key, STORE_TIMEOUT_S),
            checkpoints=self.home.checkpoints,
            keys={one.seed: one.key for one in finals},
            measured=measured,
        )
        self.begin()
        try:
            found = ray.get(self._worker.inspect.remote(order, self.data.search, self.data.test))
        except ray.exceptions.RayError as error:
            tracker.say(f"the champion could not be inspected: {last_line(error)}")
            return None
        keep(self.home, found["files"], tracker.say)
        for path, content in found["files"].items():
            tracker.writer.content(path, base64.b64encode(content).decode(), key)
        for part, why in found["failed"].items():
            tracker.say(f"the champion's {part} could not be inspected: {why}")
        words: str | None = found["overfitting"]
        return words


def _module(order: dict[str, Any], candidate: Candidate, search: Any) -> Registered:
    """Register a champion whose input torch alone prepares; return the version."""
    import torch

    from workloads.champion.export import export  # 1,300 ms: torch

    model, inputs = export(order["workload"], order["checkpoint"], search)
    with torch.inference_mode():
        example = Example(inputs, model(torch.from_numpy(inputs)).numpy())
    try:
        return register(order["uri"], candidate, model, example)
    except Exception as error:
        if isinstance(error, Away | Refused) or not is_users(order["workload"]):
            raise
    return _network(order, candidate, search, example)  # a graph of it cannot be traced


def _network(order: dict[str, Any], candidate: Candidate, search: Any, example: Example) -> Registered:
    """Register a user's network as its weights and its own module; return the version."""
    from workloads.champion import network_model  # 1,300 ms: torch
    from workloads.champion.own_function import code_of_network, imports_kept  # 1,300 ms: torch

    found = network_model.network_model(order["workload"], order["checkpoint"], search)
    with TemporaryDirectory() as folder:
        found.save(made := Path(folder, "model"))
        code = code_of_network(order["workload"], Path(folder, "code"))
        saved = Folder(str(made), network_model.__name__, network_model.PACKAGES, tuple(map(str, code)))
        with imports_kept(code):
            return register(order["uri"], candidate, saved, example)


def _saved(module: str, order: dict[str, Any], candidate: Candidate, search: Any) -> Registered:
    """Register a champion of raw texts, which ``module`` makes and loads; return the version."""
    of_champion = importlib.import_module(module)
    model, rows = of_champion.made(order["workload"], order["checkpoint"], search)
    with TemporaryDirectory() as folder:
        model.save(saved := Path(folder, "model"))
        params = getattr(of_champion, "PARAMS", {})
        files = Folder(str(saved), module, model.packages, takes_lists=True, params=params)
        return register(order["uri"], candidate, files, Example(rows, model.predict(rows)))


def _function(order: dict[str, Any], candidate: Candidate, search: Any) -> Registered:
    """Register the champion of a user's function, which predicts by its own ``predict``; return the version."""
    from workloads.champion.own_function import LOADER, imports_kept, own_function  # 1,300 ms: torch

    with TemporaryDirectory() as folder:
        found = own_function(order["workload"], order["checkpoint"], search, Path(folder))
        model = Folder(str(found.path), LOADER, found.packages, tuple(map(str, found.code)))
        example = None if found.example is None else Example(found.example, found.outputs)
        with imports_kept(found.code):
            return register(order["uri"], candidate, model, example)


def _table(order: dict[str, Any], candidate: Candidate, search: Any) -> Registered:
    """Register a champion that takes raw rows of a table (a pandas frame); return the version."""
    from workloads.champion import table_model  # 1,300 ms: torch
    from workloads.champion.own_function import code_of_network, imports_kept  # 1,300 ms: torch

    model, rows = table_model.table_model(order["workload"], order["checkpoint"], search)
    with TemporaryDirectory() as folder:
        model.save(made := Path(folder, "model"))
        code = code_of_network(order["workload"], Path(folder, "code"))
        saved = Folder(str(made), table_model.__name__, table_model.PACKAGES, tuple(map(str, code)))
        with imports_kept(code):
            return register(order["uri"], candidate, saved, Example(rows, model.predict(rows)))
