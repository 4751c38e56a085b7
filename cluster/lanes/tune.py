"""Runs legs as Ray Tune trials in reused actors and passes their reports to the coordinator."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.execution import class_cache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.utils.object_cache import _ObjectCache

from cluster.lanes.fair_share import Sharing
from cluster.lanes.lane import Lane
from cluster.lanes.multi_worker_lane import MultiWorkerLane
from cluster.ray_internals import spare_workers, worker_exits
from cluster.ray_internals.orphaned_groups import tidying
from cluster.sweep.coordinator import Coordinator
from cluster.sweep.lane_count import LaneSize
from cluster.sweep.messages import Handle, Order, Report, Shared
from search_spaces.types.failure import FailureReason
from search_spaces.types.passwords import SECRETS
from search_spaces.types.plain import ASKED_FOR, plain
from workloads.legs.ray_train import WorkerGroup

logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # the coordinator tells the user, once

# Tune would write the passwords into its actors' runtime environment, and so into Ray's logs and dashboard. A lane
# gets them from its node or its job.
class_cache.ENV_VARS_TO_PROPAGATE.difference_update(SECRETS)

MAX_BARREN_FITS = 3
"""Number of Tune runs in a row without a single report after which the error is raised."""


UNASKED = tune.PlacementGroupFactory([{"worn": 1}])
"""Resources that no leg asks for. Tune keeps lanes idle by their resources, and these are for none to keep."""
WITHOUT = "workers start anew for a training segment that they had to wait for"


def why_off() -> str | None:
    """Return the reason why idle lanes are not all kept, which leaves Tune's own behaviour; None if they are."""
    if plain():
        return ASKED_FOR
    known = hasattr(TuneController, "_cleanup_cached_actors") and hasattr(_ObjectCache, "increase_max")
    return None if known else f"Ray Tune {ray.__version__} has another cache of idle actors"


@dataclass(frozen=True)
class Lanes:
    """The number and size of lanes, their shared data, and the locked test split."""

    size: LaneSize
    shared: Shared
    test: ray.ObjectRef[Any]
    wanted: Callable[[], int]
    """Function that returns how many lanes should train now."""
    most: int
    """How many can fit."""
    sharing: Sharing | None = None
    """This sweep's share of a cluster that other sweeps use too; None on a Ray of this process's own."""


class _Unsaved:
    """Pickles as nothing: Tune saves its searcher for a restore, while a sweep is resumed from its study alone."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class LegSearcher(_Unsaved, Searcher):
    """Gives legs to Tune and reports to the coordinator.

    With ``careful`` the run is finished as soon as no member is under suspicion of having killed a lane.
    """

    def __init__(self, coordinator: Coordinator, lanes: Lanes, careful: bool) -> None:
        super().__init__(metric="done", mode="max")
        self._coordinator, self._lanes, self._careful = coordinator, lanes, careful
        self._starved = self._over = False
        self._most_wanted = lanes.size.count
        self.legs: dict[str, Handle] = {}
        self._orders: dict[str, Order] = {}
        self.num_reports = 0

    def suggest(self, trial_id: str) -> Any:
        """Return the next leg as a configuration, None to wait, or FINISHED when all is trained or stopped."""
        if self._careful and not self._coordinator.num_suspects:
            return Searcher.FINISHED
        self._over = self._over_share()
        if self._over:
            return Searcher.FINISHED if self._coordinator.stop.requested else None
        leg = self._coordinator.next_leg()
        self._starved = leg is None
        if leg is None:
            over = self._coordinator.finished or self._coordinator.stop.requested
            return Searcher.FINISHED if over else None
        self.legs[trial_id] = (leg.purpose, leg.id)
        self._orders[trial_id] = Order(leg.to_json())
        config = {"leg": self._orders[trial_id]}
        return {**config, "test": [self._lanes.test]} if leg.purpose == "final" else config

    @property
    def one_process(self) -> bool:
        """Whether each lane is a process."""
        return self._lanes.size.most == 1

    @property
    def wanted(self) -> int:
        """How many lanes should train now."""
        return self._lanes.wanted()

    @property
    def hands_back(self) -> bool:
        """Whether idle lanes should end, since other sweeps wait for their resources, or users want fewer."""
        sharing, fewer = self._lanes.sharing, self._lanes.wanted() < self._most_wanted
        if fewer and self._over:
            return True
        return sharing is not None and sharing.contested and (self._over or self._starved)

    def _over_share(self) -> bool:
        """Whether one more leg would exceed what is wanted, or the sweep's share; also renews the sweep's claim."""
        sharing, wanted = self._lanes.sharing, self._lanes.wanted()
        self._most_wanted = max(wanted, self._most_wanted)
        if sharing is None:
            return len(self.legs) >= wanted
        allowed = sharing.allowed(min(wanted, len(self.legs) + 1) if self._starved else wanted)
        return len(self.legs) >= min(wanted, allowed)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass a lane's report to the coordinator."""
        self.num_reports += 1
        self._coordinator.report(self.legs[trial_id], Report.from_result(result))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass the last report of a leg to the coordinator. ``Watch`` gets an error, with its reason."""
        if result and not error:
            self.on_trial_result(trial_id, result)
            self.over(trial_id)

    def over(self, trial_id: str) -> Handle | None:
        """Forget the leg of a Tune trial, which Tune keeps; return its handle, None where it was over before."""
        if order := self._orders.pop(trial_id, None):
            order.take()
        return self.legs.pop(trial_id, None)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: a sweep is resumed from its study."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a sweep is resumed from its study."""


class Watch(_Unsaved, FIFOScheduler):
    """Receives from Tune the reason why a lane died, and updates the display in every turn of Tune's loop."""

    # A scheduler, not a callback: with a callback Tune imports MLflow, among others, a second of CPU.

    def __init__(
        self, coordinator: Coordinator, searcher: LegSearcher, num_lanes: int, show: Callable[[], None]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Ray's
        self._coordinator, self._searcher, self._show = coordinator, searcher, show
        self._num_lanes = self._num_to_keep = num_lanes
        self._kills = worker_exits.oom_kills()
        self._worn: list[Any] = []
        """Lanes that new ones must replace, as actors."""
        self._needs_new = False
        """Whether a leg was handed back, as it needs a new process: each idle lane would hand it back, too."""

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Raise the number of idle lanes that are kept for later legs: by itself Tune keeps a single one."""
        super().on_trial_add(tune_controller, trial)
        if self._num_to_keep and why_off() is None:
            tune_controller._actor_cache.increase_max(trial.placement_group_factory, self._num_to_keep)
        self._num_to_keep = 0

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Choose the next Tune trial; sample ahead while all lanes train. Called in every turn of Tune's loop."""
        self._show()
        self._end_overdue(tune_controller)
        if self._needs_new or self._searcher.hands_back:
            tune_controller._cleanup_cached_actors(force_all=True)
            self._needs_new = False
        if self._worn:
            self._end_worn()
        # Tune's own choice walks all trials, in each turn: those that have ended stay in its list.
        waiting = [trial for trial in tune_controller.get_live_trials() if trial.status == Trial.PENDING]
        chosen = min(waiting, key=lambda trial: self._searcher.legs[trial.trial_id], default=None)
        if chosen is None and len(self._searcher.legs) >= min(self._num_lanes, self._searcher.wanted):
            self._coordinator.look_ahead()
        return chosen

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Note a lane that must be replaced, and have Tune end it as any that it does not keep for later legs."""
        super().on_trial_complete(tune_controller, trial, result)
        if result.get("renew"):
            self._worn.append(trial.temporary_state.ray_actor)
            trial.placement_group_factory = UNASKED
            self._needs_new |= Report.from_result(result).handed_back

    def _end_worn(self) -> None:
        """Kill the lanes that must be replaced. Lanes of several processes end their groups by themselves."""
        for lane in self._worn if self._searcher.one_process else ():
            ray.kill(lane)
        self._worn.clear()

    def _end_overdue(self, tune_controller: Any) -> None:
        """Kill the lanes of legs that are given up, as ``on_trial_error`` then learns; take back waiting legs."""
        legs = self._searcher.legs
        trials = {
            legs[trial.trial_id]: trial for trial in tune_controller.get_live_trials() if trial.trial_id in legs
        }
        for handle, trial in trials.items():
            if trial.status == Trial.RUNNING:
                self._coordinator.began(handle)
        for handle in self._coordinator.overdue():
            if handle not in trials:
                continue
            if (lane := trials[handle].temporary_state.ray_actor) is not None:
                ray.kill(lane)
            else:
                tune_controller.stop_trial(trials[handle])

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Fail the leg of a lane that died, with Ray's reason."""
        self._failed(
            trial,
            Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
            if trial.error_file
            else "for an unknown reason",
        )

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Fail a leg that was taken back before it had a lane."""
        super().on_trial_remove(tune_controller, trial)
        self._failed(trial, "it was taken back")

    def _failed(self, trial: Any, told: str) -> None:
        handle = self._searcher.over(trial.trial_id)
        if handle in self._coordinator.out():
            how = worker_exits.account(told, self._kills) or _gist(told)
            self._kills = worker_exits.oom_kills()
            self._coordinator.fail(handle, FailureReason.told("lane_died", how))


def _inherit_environment() -> None:
    """Stop Tune from setting environment variables, on a Ray whose processes inherit this one's environment.

    An actor that asks for variables cannot use one of the processes that Ray keeps ready: Ray would start another,
    for a second of CPU.
    """
    class_cache.ENV_VARS_TO_PROPAGATE.clear()
    class_cache.DEFAULT_ENV_VARS.clear()


def drive_legs(coordinator: Coordinator, lanes: Lanes, show: Callable[[], None]) -> None:
    """Train until the coordinator is finished or stopping; a Tune run that breaks is followed by a new one.

    If several legs were running when it broke, any of them may be the cause: they are retried first, one by one on
    a single lane.
    """
    barren, careful = 0, False
    why = why_off()
    if why not in (None, ASKED_FOR):
        coordinator.say(f"{why}: {WITHOUT}")
    if lanes.sharing is None and why is None:
        _inherit_environment()
    else:  # an actor's process has them before it imports anything
        class_cache.DEFAULT_ENV_VARS.update(coordinator.sweep.env)
    if lanes.size.most > 1:
        show = tidying(show)
    while not (coordinator.finished or coordinator.stop.requested):
        searcher = LegSearcher(coordinator, lanes, careful)
        count = 1 if careful else lanes.most
        try:
            _fit(coordinator, lanes, searcher, count, Watch(coordinator, searcher, count, show))
            reason = FailureReason("lane_died", "it ended without a report")
        except (ray.exceptions.RayError, RuntimeError) as error:
            reason = FailureReason.told("lane_died", _sentence(error))
            coordinator.commit()  # it raises where the sweep's folder, with Tune's files in it, is gone
            coordinator.say(f"Ray Tune gave up ({_sentence(error)}); going on with a new run")
            barren = 0 if searcher.num_reports else barren + 1
            if barren >= MAX_BARREN_FITS:
                raise
        out = coordinator.out()
        for handle in out:
            coordinator.fail(handle, reason, to_blame=len(out) == 1)
        careful = len(out) > 1


def _fit(coordinator: Coordinator, lanes: Lanes, searcher: LegSearcher, count: int, watch: Watch) -> None:
    name = f"tune-{coordinator.home.id}-{time.time_ns():x}"
    tuner = tune.Tuner(
        _trainable(coordinator, lanes),
        tune_config=tune.TuneConfig(
            search_alg=searcher, scheduler=watch, num_samples=-1, reuse_actors=True, max_concurrent_trials=count
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(coordinator.home.path / "tune"),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    try:
        tuner.fit()
    except tune.TuneError as error:
        raise _raised(error) from None
    finally:
        shutil.rmtree(coordinator.home.path / "tune", ignore_errors=True)


def _raised(error: BaseException) -> BaseException:
    """Return the error that our own code raised while it took a result: Tune wraps it in a TuneError."""
    inner: BaseException | None = error
    while isinstance(inner, tune.TuneError):
        inner = inner.__cause__ or inner.__context__
    return inner or error


def _trainable(coordinator: Coordinator, lanes: Lanes) -> Any:
    """Return the trainable under the sweep's own name: all jobs of a cluster share the names of trainables."""
    size, name = lanes.size, f"Lane{coordinator.home.id}"
    if size.most == 1:
        lane = tune.with_parameters(type(name, (Lane,), {}), shared=lanes.shared)
        return tune.with_resources(lane, {"cpu": size.cpus, "gpu": size.gpus, **size.custom})
    sweep, storage = coordinator.sweep, str(coordinator.home.path / "tune" / "crews")
    crew = WorkerGroup(
        *(size.least, size.most, size.cpus, size.gpus),
        strategy=sweep.resources.strategy,
        storage=storage,
        spares=lanes.sharing is not None and spare_workers.why_off() is None,
        custom=size.custom,
        talks_only=sweep.command is not None,
    )
    lane = tune.with_parameters(type(name, (MultiWorkerLane,), {}), shared=lanes.shared, crew=crew)
    return tune.with_resources(
        lane, {"memory": 1}
    )  # one byte: Tune needs a request that is not empty, and the CPUs are for the workers


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {_gist(str(error))}"


def _gist(text: str) -> str:
    """Return the first line of Ray's account of a death that says more than where and when."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Failure #")]
    return next(iter(lines), "no reason given")
