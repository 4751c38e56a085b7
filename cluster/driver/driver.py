"""Runs one sweep from start to end: starts Ray, searches, judges the finalists, registers the champion, closes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cluster.doctor.fast_ways import FORKED, LEAN_RAY, SPARES, fallen_back
from cluster.doctor.reachability import refuse_blind
from cluster.doctor.stores import attempt, refuse_stores
from cluster.doctor.surroundings import refuse_surroundings
from cluster.driver.edits import take_up_edits
from cluster.driver.gone import CLOSE_TIMEOUT_S, end_runs, gone, way_on
from cluster.driver.packages import install_packages
from cluster.driver.progress import Progress
from cluster.driver.sized import gpus, most_lanes, sized
from cluster.driver.timing.pictures import Pictures
from cluster.driver.verdict import Finalists, lost, report_head, winner
from cluster.exit_codes import FAILED, FINISHED, TOO_MANY_FAILURES, UNREACHABLE
from cluster.guard import guarded
from cluster.lanes.joined_cluster import Joined
from cluster.lanes.shared_data import share, shared
from cluster.models.model_card import keep_card, subject_of
from cluster.ray_internals import local_ray
from cluster.ray_internals.watched_ray import RayLost, watched
from cluster.report.at_end import ReportAtEnd
from cluster.sweep import reading
from cluster.sweep.coordinator import Coordinator
from cluster.sweep.data_process import Loaded, Preparing, refuse_unfilled
from cluster.sweep.files.disk_bound import most_checkpoints, shortage
from cluster.sweep.files.full_disk import is_full, no_space
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.changed_code import changed_code
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.lane_count import lane_size
from cluster.sweep.limits.extension import Extension, reopen
from cluster.sweep.limits.memory import trainings
from cluster.sweep.limits.spending import counted
from cluster.sweep.mlflow_models.trained_rows import with_trained_rows
from cluster.sweep.mlflow_runs import run_key
from cluster.sweep.provenance.environment import Environment
from cluster.sweep.restore import DataChanged, check_card, is_new, lost_journal, note_spec, streamed
from cluster.sweep.steering.helm import Helm
from cluster.sweep.stop import INTERRUPTED, Stop
from cluster.sweep.tracker import Tracker
from cluster.terminal.records import Observer
from cluster.terminal.standard_streams import without_rays_messages
from search_spaces.race.race import Race
from search_spaces.race.search import cohort_width
from search_spaces.spec.script.verdict import without_verdict
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Gone, LostRay, NoData, NoRay, Unreadable, Unwritable
from search_spaces.types.faults import SpecError
from search_spaces.types.plain import MEANING, plain
from workloads.arrays import DataError
from workloads.registry import described

if TYPE_CHECKING:
    from cluster.driver.champion import ChampionProcess

__all__ = ["DataChanged", "Driver", "drive"]


def drive(
    home: SweepHome,
    observer: Observer,
    more: Extension | None = None,
    process_ends: bool = False,
    joined: Joined | None = None,
) -> int:
    """Run the sweep, or continue it, until it ends; return the exit code. ``more`` is what it gets besides.

    The caller holds ``home.driven()``. With ``process_ends`` the local Ray ends with this process, soon after the
    call, and no signal keeps it from telling the end. With ``joined`` the sweep runs on the cluster that the caller
    has joined.
    Raises SpecError when data files are gone or a node does not see the sweep's folder, DataChanged, StoresRefused,
    TooSmall, DataError where the workload cannot use the data, Unfit where its packages cannot be installed, and
    errors of ``CANNOT_GO_ON``.
    """
    sweep = home.sweep(to_run=True)
    if lost := lost_journal(home):
        raise Unreadable(lost)
    if joined is None:
        refuse_surroundings(lane_size(sweep).count)
    refuse_stores(home, sweep, observer.message, joined.num_machines if joined else 1)
    home.stop_mark.unlink(missing_ok=True)
    if more:
        sweep = more.of(sweep)
    try:
        with guarded():
            install_packages(sweep, joined, observer.message)
            return Driver(home, sweep, observer, Stop(home.stop_mark), more, joined).run(process_ends)
    except NoRay as error:
        raise NoRay(f"{way_on(error, home)}, best while the machine is less busy") from error
    except NoData as error:
        raise NoData(way_on(error, home)) from error
    except Unwritable:
        raise
    except Exception as error:
        if is_full(error):
            raise no_space(home) from error
        raise


@dataclass
class Driver:
    """One run of a sweep by one process, from the arguments of ``drive``."""

    home: SweepHome
    sweep: Sweep
    observer: Observer
    stop: Stop
    more: Extension | None = None
    joined: Joined | None = None
    lost: bool = False
    """Whether Ray has ended, and that is told."""

    def __post_init__(self) -> None:
        begun, self._told_to_stop = time.monotonic(), False
        self._crowned = not described(self.sweep.workload).registered
        self._study = Study(self.home.id, self.sweep.goals, self.home.study, attempt=attempt())
        note_spec(self.home, self._study, self.sweep)
        self._size = sized(self.sweep, self._study, self.joined)
        asked, self.sweep = self.sweep, streamed(self.sweep, self._study.facts(), self._size.count)
        self._size = self._size if self.sweep is asked else sized(self.sweep, self._study, self.joined)
        self._most_lanes = most_lanes(self.sweep, self.joined)
        self._report = ReportAtEnd(self.home, self._study, self.observer.message)
        self._progress = Progress(self._study, self._size.count, begun=begun)
        self._pictures = Pictures(self.sweep, self._study, self._progress, self.observer)
        nodes = self.joined.nodes() if self.joined else ()
        self._environment = Environment(self.sweep.folder, self._size.count, nodes)
        if self._study.mended:
            self.observer.message(self._study.mended)

    def run(self, process_ends: bool) -> int:
        """Run the sweep to its end and return the exit code. Raises the same errors as ``drive``."""
        self._progress.enter("starting")
        self._pictures.at("joining Ray" if self.joined else "starting Ray")
        if plain():
            self.observer.message(MEANING)
        count = self._size.count
        wanted = trainings(self.sweep, count, cohort_width(self.sweep, count), self.joined is None)
        preparing = Preparing(self.sweep, wanted)
        early = threading.Thread(target=local_ray.import_early, daemon=True)

        def quieten() -> None:
            early.join()
            preparing.wait()

        try:
            early.start()
            with (
                without_rays_messages(),
                self._ray(process_ends, quieten),
                self.stop.listening(process_ends),
                nullcontext() if self.joined else watched(self._leave),
            ):  # in this order: Ray sets signal handlers, too
                self._progress.took("start", self._progress.begun)
                if told_of_disk := shortage(self.home.checkpoints, most_checkpoints(self.sweep, self._size.count)):
                    self.observer.message(told_of_disk)
                for told in fallen_back([SPARES] if self.joined else [LEAN_RAY, FORKED]):
                    self.observer.message(told)
                return self._with_ray(preparing)
        except RayLost as error:
            self.lost = True
            raise LostRay(way_on(error, self.home)) from None
        except (DataError, SpecError):
            if is_new(self._study):
                self._study.forget()
            raise
        finally:
            preparing.cancel()
            self._study.close()

    def _leave(self, lost: str) -> None:
        """End this process, which has lost its Ray, from another thread; its guard ends all that it has started."""
        if not self.lost:
            os.write(2, f"{way_on(lost, self.home)}\n".encode())
        os._exit(FAILED)

    def _ray(self, leave: bool, quieten: Callable[[], None]) -> AbstractContextManager[None]:
        if self.joined:
            return nullcontext()
        most = replace(self._size, count=self._most_lanes)
        return local_ray.local_ray(most.ray_cpus, leave, quieten, self.observer.message, self.sweep.env)

    def _with_ray(self, preparing: Preparing) -> int:
        from cluster.driver.champion import ChampionProcess  # 200 ms: Ray

        self._pictures.at("reading the data")
        with self._progress.timed("data"):
            refuse_blind(self.home, self.joined.num_machines if self.joined else 1)  # while the data is being read
            loaded = with_trained_rows(self.sweep, preparing.result())
            refuse_unfilled(self.sweep, loaded.card)
            self._check_card(loaded)
            self._environment.keep(self._study)
            if self.more:
                reopen(self.home, self._study, self.sweep, self.more.origin)
            champion_process = ChampionProcess(self.home, self.sweep, share(loaded))
            loaded = replace(loaded, search=None, test=None)  # they are in the object store now
        tracker = Tracker(self.home, self.sweep, self._study, self.observer, loaded.card)
        tracker.keep_splits(loaded.card, loaded.indices)
        try:
            return self._with_tracker(tracker, champion_process, loaded.indices)
        except Exception as error:
            if not isinstance(error, Gone) and not self.home.is_gone:
                raise
            end_runs(self.home, self._study, tracker)
            raise gone(self.home, error) from error

    def _with_tracker(
        self, tracker: Tracker, champion_process: ChampionProcess, rows: Mapping[str, Sequence[int]]
    ) -> int:
        coordinator = self._coordinator(tracker)
        self.sweep = take_up_edits(coordinator, tracker, self.observer.message)
        self._train(coordinator, tracker, champion_process)
        if self.sweep.command is not None and coordinator.purpose != "final":
            known = self._study.facts().get(reading.TESTED, ())
            self._study.set(reading.TESTED, sorted({*known, *coordinator.unreported.tested}))
        if self.stop.requested:
            coordinator.pause()
        else:
            self._judge(coordinator, tracker, champion_process, rows)
        code = self._close(coordinator, tracker)
        if faults := coordinator.unreported.faults(self.home.spec.name, self.home.id):
            raise SpecError(faults)
        return code

    def _coordinator(self, tracker: Tracker) -> Coordinator:
        kinds = gpus(self.sweep, self.joined)
        return Coordinator(
            sweep=self.sweep,
            home=self.home,
            study=self._study,
            search=search_of(self.home, self.sweep, self._study, self.observer.message, kinds),
            writer=tracker.writer,
            num_lanes=self._size.count,
            say=self.observer.message,
            stop=self.stop,
            earlier_s=self._progress.searched_s,
        )

    def _train(self, coordinator: Coordinator, tracker: Tracker, champion_process: ChampionProcess) -> None:
        self._progress.train()
        self._pictures.train(self._progress.parts.get("start", 0.0) + self._progress.parts["data"])

        helm = Helm.of(self.home, self._size.count, self._most_lanes)

        def show() -> None:
            if self.stop.requested and not self._told_to_stop:
                self._told_to_stop = True
                self.stop.mark.touch()
                self.observer.message("stopping at the next epoch, with everything saved; once more stops now")
            helm.look(coordinator)
            self._progress.turn(helm.num_lanes)
            self._count(coordinator)
            if self._pictures.due:
                if self.home.is_gone:
                    raise Gone(f"{self.home.path} was removed while the sweep was running")
                self.sweep = self._pictures.sweep = take_up_edits(coordinator, tracker, self.observer.message)
                self._progress.enter("verdict" if coordinator.purpose == "final" else "search")
                champion_process.foresee(seen := self._pictures.show(tracker))
                self._report.foresee(seen)

        from cluster.lanes.tune import Lanes, drive_legs  # 900 ms: Ray

        sharing = self.joined.sharing(self.home.id, self.sweep, self._size) if self.joined else None
        data = champion_process.data
        legs_data = shared(self.home, self.sweep, data, helm.marks)
        lanes = Lanes(self._size, legs_data, data.test, lambda: helm.num_lanes, helm.most, sharing)
        helm.look(coordinator)  # what was asked while no driver ran counts from the first leg on
        drive_legs(coordinator, lanes, show)
        helm.close()
        self._count(coordinator)
        self._progress.trained(coordinator.accounts.busy_s)
        self._progress.note()  # MLflow is told what the study knows

    def _count(self, coordinator: Coordinator) -> None:
        """Note what the search has used so far."""
        self._progress.used(coordinator.searched_s, coordinator.spent if counted(self.sweep) else None)

    def _judge(
        self,
        coordinator: Coordinator,
        tracker: Tracker,
        champion_process: ChampionProcess,
        rows: Mapping[str, Sequence[int]],
    ) -> None:
        finals = coordinator.races.get("final")
        self._study.set(reading.NO_VERDICT, self._no_verdict(finals))
        if finals is None:
            return
        finalists = Finalists.of(coordinator)
        judged = None
        places = tuple(rows.get("test", ()))
        if case := finalists.case(self.sweep.workload, self.home.checkpoints, places, self._tested_by):
            self._pictures.at("scoring baselines")
            with self._progress.timed("champion"):
                judged = finalists.verdict(case, champion_process.judge(case, tracker))
        self._study.set("verdict", judged)
        self._study.flush()
        chosen = winner(finals)
        if chosen is not None:
            with self._progress.timed("champion"):
                self._pictures.at("registering the champion")
                if model := champion_process.crown(chosen, tracker, judged):
                    self._study.set(reading.MODEL, model)
                    self._study.set(reading.CROWNED, run_key(chosen, "final"))
                self._crowned |= model is not None
                self._pictures.at("inspecting the champion")
                head = report_head(judged, chosen, model, self.sweep.objective)
                measured = finalists.measured(chosen.trial)
                words = champion_process.inspect(
                    head, finalists.trainings(chosen), measured, rows.get("val", ()), tracker
                )
            if judged is not None:
                self._study.set("verdict", judged | {"overfitting": words})
                self._study.flush()
            subject = subject_of(self.home, self.sweep, self._study.facts(), chosen)
            card = keep_card(subject, run_key(chosen, "final"), tracker)
            if model:
                champion_process.describe(chosen, tracker, judged, card, model)
            coordinator.drop_finals(keep=chosen)

    @property
    def _tested_by(self) -> str | None:
        """The users' code that measures itself in the final evaluation; None where we do."""
        sweep = self.sweep
        own = described(sweep.workload).tests_itself(sweep.data.given, sweep.metric.name)
        return (sweep.command.title if sweep.command else sweep.workload) if own else None

    def _no_verdict(self, finals: Race | None) -> str | None:
        """Return why the sweep ends without a verdict; None where it has one, and where none was asked for."""
        if finals is not None:
            return lost(finals, self.home.id)
        if self.sweep.command is None or self.sweep.final is not None:
            return None
        tested = self._study.facts()[reading.TESTED]
        return without_verdict(self.sweep.command, self.sweep.metric.name, tested, self.home.id)

    def _close(self, coordinator: Coordinator, tracker: Tracker) -> int:
        able, stopped = coordinator.races["search"].able, self.stop.requested
        self._pictures.at("writing results")
        with self._progress.timed("logging"):
            coordinator.make_up()
            past = reading.rows(self._study, self.sweep.objective, live=False, criteria=self.sweep.criteria)
            self._study.set(reading.IMPORTANCE, reading.importance(self.sweep, past))
            tracker.conclude(
                "stopped" if stopped else "finished" if able else "failed",
                self._study.facts().get("verdict"),
            )
            if not stopped:
                self._progress.note()
                self._report.keep(self.sweep, tracker.writer)  # while what was written before is sent
            drained = tracker.close(CLOSE_TIMEOUT_S)
        code = INTERRUPTED if stopped else self._code(coordinator, drained)
        self._study.set("complete", code == FINISHED and (self._crowned or self.sweep.final is None))
        self._progress.enter("stopped" if stopped else "finished")
        self._pictures.last()
        return code

    def _code(self, coordinator: Coordinator, drained: bool) -> int:
        search = coordinator.races["search"]
        if not search.able:
            return FAILED
        num_crashed = sum(1 for track in search.tracks if track.num_failures > self.sweep.max_retries)
        if num_crashed > self.sweep.max_failed_trials:
            return TOO_MANY_FAILURES
        if (finals := coordinator.races.get("final")) and lost(finals, self.home.id):
            return FAILED
        return FINISHED if drained else UNREACHABLE

    def _check_card(self, data: Loaded) -> None:
        """Raise DataChanged where the sweep began with other data; tell a new sweep's user what to know of it."""
        if check_card(self.home, self._study, data):
            for text in data.news():
                self.observer.message(text)
        elif self.home.moved():
            self.home.keep(self.home.sweep())
        if told := changed_code(self._study, self.sweep):
            self.observer.message(told)
