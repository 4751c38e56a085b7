"""Reads a sweep from its study into rows and snapshots. Imports no Ray, MLflow or torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from cluster.sweep.files.kept import is_right
from cluster.sweep.files.not_kept import NOT_KEPT
from cluster.sweep.home import SweepHome
from cluster.sweep.limits import spending
from cluster.sweep.provenance.store_place import store_now
from cluster.sweep.restore import lost_journal, settled
from cluster.terminal import recommended_lines
from cluster.terminal.criteria import measured_at_best, placed
from cluster.terminal.records import Phase, Row, Snapshot, TrialState, Trouble, best_of, recommended_of
from search_spaces.criteria.constraints import NO_CRITERIA, Criteria
from search_spaces.race.recommended import PREFIX, Estimated, num_epochs
from search_spaces.race.track import ENDS
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.failure import FailureReason
from search_spaces.types.faults import SpecError
from search_spaces.types.objective import Objective
from tracking.names import SweepState
from tracking.results import compare

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.contract import Record
    from search_spaces.study.study import Study


ENDED = "ended_by"
"""Attribute of the study: what ended the search early."""
NO_VERDICT = "no_verdict"
"""Attribute of the study: why the sweep has come to its end without a verdict, in a sentence."""
TESTED = "tested"
"""Attribute of the study: the metrics of a test split that trials of a script have reported in the search."""
BY_USER: Final[Mapping[str, Literal["paused", "boosted", "stopped"]]] = {
    "withdrawn": "stopped",
    "resting": "paused",
    "boosted": "boosted",
}
"""What holds of a trial since a user asked for it, by the key of its progress that says so."""
MODEL = "model"
"""Attribute of the study: the URI of the champion's model in MLflow, or of the files that it saved."""
CROWNED = "champion_run"
"""Attribute of the study: the key of the run in MLflow whose model is the champion's."""
IMPORTANCE = "importance"
"""Attribute of the study: the importance of parameters, ``shares``, over so many ``trials``."""
TAKEN = "warm_start_taken"
"""Attribute of the study: what the sweep took from each earlier one, in numbers of trials."""


@dataclass(frozen=True)
class Facts:
    """The study's attributes of the sweep as a whole, read once."""

    tracking: Mapping[str, Any]
    cost: Mapping[str, Any]
    verdict: Mapping[str, Any] | None
    no_verdict: str | None
    """Why it has ended without a verdict; None where it has one, or none was to be had."""
    model: str | None
    """URI of the champion's model in MLflow, or of what it saved; None where there is none."""
    phase: Phase
    searched: bool
    """Whether the search is over and the verdict has begun."""
    complete: bool
    """Whether nothing is left to do: the champion is registered, and MLflow has everything."""
    finals: Sequence[Mapping[str, Any]]
    num_finals: int
    ended_by: str | None
    """What ended the search before all planned trials were done; None where nothing did."""
    not_kept: Mapping[str, Any] | None
    """Trials whose checkpoints could not be written, and why; None where all were."""
    importance: Mapping[str, Any]
    """Importance of parameters as it was when a driver ended; empty where none did."""
    warm_start: Sequence[Mapping[str, Any]]
    """What was taken from each earlier sweep."""
    further: Sequence[Mapping[str, Any]]
    """Trainings of trials with further seeds: repeats and retests."""

    @classmethod
    def of(cls, study: Study) -> Facts:
        """Read them from the study's attributes."""
        facts = study.facts()
        finals = [entry for key, entry in facts.items() if key.startswith("final:")]
        return cls(
            tracking=facts.get("tracking", {}),
            cost=facts.get("cost", {}),
            verdict=facts.get("verdict"),
            no_verdict=facts.get(NO_VERDICT),
            model=facts.get(MODEL),
            phase=facts.get("phase", "starting"),
            searched=bool(facts.get("searched")),
            complete=bool(facts.get("complete")),
            finals=finals,
            num_finals=facts.get("num_finals", 0),
            ended_by=facts.get(ENDED),
            not_kept=facts.get(NOT_KEPT),
            importance=facts.get(IMPORTANCE, {}),
            warm_start=facts.get(TAKEN, ()),
            further=[entry for key, entry in facts.items() if key.startswith(PREFIX)],
        )


KnownRows = dict[int, tuple["Record", Row]]
"""Rows of trials by number, with the records that they were made from; for one ``live`` alone."""


def rows(
    study: Study,
    objective: Objective,
    live: bool,
    known: KnownRows | None = None,
    criteria: Criteria = NO_CRITERIA,
) -> list[Row]:
    """Return one row per trial. A trial that has not ended is ``running`` only while a live driver trains it.

    Rows that are ``known`` are made anew only where the record is another one.
    """
    facts = study.facts()
    run_ids, known = facts.get("run_ids", {}), {} if known is None else known
    again = [entry for key, entry in facts.items() if key.startswith(PREFIX)]
    found = study.records()
    for record in found:
        if record.number not in known or known[record.number][0] is not record:
            row = replace(_row(record, objective, live, criteria), run_id=run_ids.get(str(record.number)))
            known[record.number] = record, row
    told = placed([known[record.number][1] for record in found], objective, criteria)
    return recommended_lines.with_further(told, again, objective) if again else told


def _row(record: Record, objective: Objective, live: bool, criteria: Criteria) -> Row:
    noted = record.attributes.get("progress", {})
    values = list(record.values.values())
    running: TrialState = "running" if live and noted.get("state") == "running" else "paused"
    failure = FailureReason.noted(noted)
    broken = record.outcome == "failed" and failure is not None and failure.kind == "constraint"
    measured = measured_at_best(record, objective, criteria)
    return Row(
        number=record.number,
        state="infeasible" if broken else record.outcome or running,
        epochs=max(record.values, default=0),
        value=values[-1] if values else None,
        best_value=objective.best(values, float),
        params=record.params,
        curve=record.values,
        seconds=float(noted.get("seconds") or 0.0),
        changes=noted.get("exploits", ()),
        steered=noted.get("steered", ()),
        by_user=next((word for key, word in BY_USER.items() if noted.get(key)), None),
        beside={**noted.get("beside", {}), **measured},
        failure=failure,
        cached=noted.get("cached"),
        feasible=not broken and criteria.keeps(measured),
    )


def picture(
    sweep: Sweep, study: Study, live: bool, cost: Mapping[str, Any], known: KnownRows | None = None
) -> Snapshot:
    """Return the current state of the whole sweep for display; ``known`` rows are not made again.

    Of the ``cost`` it shows ``seconds``, the running time over all drivers, and ``lanes``.
    """
    facts = Facts.of(study)
    found = rows(study, sweep.objective, live, known, sweep.criteria)
    best = best_of(found, sweep.objective)
    trained, saved = epochs_trained(found), epochs_saved(found, sweep)
    num_finals = sum(1 for entry in facts.finals if "test" in entry or entry.get("state") == "failed")
    retests = [one for one in facts.further if not one.get("repeat")]
    return Snapshot(
        phase=facts.phase,
        rows=found,
        num_planned=sweep.trials,
        horizon=max(horizon(found, sweep), 1),
        open_ended=is_open_ended(sweep),
        best=best.number if best else None,
        epochs_trained=trained,
        epochs_of_further_seeds=num_epochs(facts.further),
        epochs_saved=saved,
        elapsed_s=float(cost.get("seconds", 0.0)),
        eta_s=None,
        num_lanes=int(cost.get("lanes", 0)),
        finals_done=num_finals,
        finals_planned=facts.num_finals,
        champion=champion(facts.verdict),
        budget=spending.line(sweep, facts.cost, trained, over=facts.searched or facts.ended_by is not None),
        recommended=recommended_of(found, sweep.objective),
        retests_done=sum(1 for one in retests if one["state"] in ENDS),
        retests_begun=len(retests),
        final_epochs=num_epochs(facts.finals),
    )


def champion(verdict: Mapping[str, Any] | None) -> int | None:
    """Return the trial number of the champion; None without a verdict."""
    return None if verdict is None else int(verdict["winner"]["number"])


def num_past(found: Sequence[Row]) -> int:
    """Return the number of trials that are finished or wait at a rung, where most stay for good."""
    return sum(1 for row in found if row.state != "running" and row.epochs)


def epochs_trained(found: Sequence[Row]) -> int:
    """Return the number of epochs that trials were trained for with their first seeds."""
    return sum(row.epochs_trained for row in found)


def is_open_ended(sweep: Sweep) -> bool:
    """Whether trials end by themselves, nobody knows after how many epochs."""
    return sweep.command is not None and sweep.command.open_ended


def horizon(found: Sequence[Row], sweep: Sweep) -> int:
    """Return the number of epochs of full training: of an open-ended sweep the most of any trial so far."""
    return max((row.epochs for row in found), default=1) if is_open_ended(sweep) else sweep.epochs


def epochs_saved(found: Sequence[Row], sweep: Sweep) -> int:
    """Return the number of epochs that early stopping has saved, against full training of the stopped trials.

    Trials that a user stopped, or held to the end, are left out, and those that the search's early end broke off
    between two rungs: no schedule has saved their epochs.
    """
    whole = horizon(found, sweep)
    early = [row for row in found if row.state in ("stopped", "infeasible") and not row.held_by_user]
    rungs = _rungs(sweep) if any(map(_at_the_end, early)) else frozenset()
    return sum(whole - row.epochs for row in early if row.epochs in rungs or not _at_the_end(row))


def _at_the_end(row: Row) -> bool:
    """Return whether the search's early end, as by a timeout, ended a trial."""
    return row.failure is not None and row.failure.kind == "stopped"


def _rungs(sweep: Sweep) -> frozenset[int]:
    """Return the epochs at which trials wait for a decision."""
    from search_spaces.race.search import sweep_schedule  # 120 ms: samplers

    return frozenset(sweep_schedule(sweep).rungs[:-1])


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The state of a sweep on disk, read once. ``live``: a process drives it now."""

    home: SweepHome
    sweep: Sweep
    study: Study
    live: bool
    wrong: str = ""
    """What is wrong with the home's files, in words; empty where nothing is."""
    ends: bool = False
    """Whether its driver is ending it now: it is as it will be then."""
    lost: bool = False
    """Whether the journal is lost, so that the sweep cannot go on before it is repaired."""

    @classmethod
    def of(cls, home: SweepHome) -> Reading:
        """Read the sweep of this home."""
        from search_spaces.study.journal import is_there  # 10 ms
        from search_spaces.study.study import Study

        found: Sweep | SpecError
        try:
            found = home.sweep()
            goals, place = found.goals, home.study
        except SpecError as error:
            if not is_there(home.journal):
                raise _lost(home, error) from error
            found, goals, place = error, ("maximize",), home.journal  # an existing study has its own goal
        study = Study(home.id, goals, place, writing=False)
        try:
            sweep, wrong = settled(home, study, found)
        except SpecError as error:
            raise _lost(home, error) from error
        lost = lost_journal(home)
        wrong = "\n".join(filter(None, [wrong, home.edited(), lost]))
        live = study.driven or home.driver_pid() is not None
        return cls(home=home, sweep=sweep, study=study, live=live, wrong=wrong, lost=bool(lost))

    @cached_property
    def facts(self) -> Facts:
        """Attributes of the sweep as a whole."""
        found = Facts.of(self.study)
        if (store := store_now(self.home, self.study.facts())) is not None:
            found = replace(found, tracking={**found.tracking, "uri": store})
        return replace(found, phase="finished") if self.ends else found

    @property
    def state(self) -> SweepState:
        """State of the sweep; ``failed`` where it has ended and no trial has come to a value."""
        if self.live:
            return "running"
        if self.facts.phase != "finished":
            return "stopped"
        return "failed" if self.best_in_search is None else "finished"

    @property
    def complete(self) -> bool:
        """Whether the sweep has finished and a driver would find nothing to do."""
        return self.state == "finished" and self.facts.complete

    @property
    def way_on(self) -> str:
        """What to type while the sweep lacks a result, and why: a clause without its full stop."""
        if self.state == "running":
            return f"it still runs, and `paceline show {self.home.id}` shows how far it is"
        if self.state == "failed":
            more = f"`paceline resume {self.home.id} --trials +N` tries more"
            return f"none of its trials succeeded; `paceline show {self.home.id}` says why, and {more}"
        return f"`paceline resume {self.home.id}` continues it"

    @cached_property
    def best(self) -> Row | None:
        """Row of the champion, before there is one of the recommended or the best trial; None before any value."""
        number = champion(self.facts.verdict)
        if number is None and self.recommended:
            number = self.recommended.trial
        return next((row for row in self.rows if row.number == number), self.best_in_search)

    @property
    def chosen_by(self) -> str:
        """What chose the best trial."""
        if self.facts.verdict is not None:
            return "final evaluation"
        if self.recommended is None:
            return "search"
        retested = any(one["values"] and not one.get("repeat") for one in self.facts.further)
        return "retests" if retested else "repeats"

    @cached_property
    def recommended(self) -> Estimated | None:
        """What is known of the trial to recommend; None while each has been seen with one seed alone."""
        return recommended_of(self.rows, self.sweep.objective)

    @cached_property
    def best_in_search(self) -> Row | None:
        """Row of the trial with the best value in the search; None before the first value."""
        return best_of(self.rows, self.sweep.objective)

    @cached_property
    def rows(self) -> list[Row]:
        """Rows of the sweep, one per trial."""
        return rows(self.study, self.sweep.objective, self.live, self.known, self.sweep.criteria)

    @cached_property
    def known(self) -> KnownRows:
        """Rows made so far, so that ``snapshot`` does not make them again."""
        return {}


def _lost(home: SweepHome, error: SpecError) -> Exception:
    """Return the error of a spec that no file holds, and the one of a newer version as it is."""
    if is_right(home.document):
        return error
    return Unreadable(f"{error}; `paceline repair {home.id}` looks for it in the spool and MLflow")


def snapshot(read: Reading) -> Snapshot:
    """Return the snapshot that a view shows."""
    return picture(read.sweep, read.study, live=read.live, cost=read.facts.cost, known=read.known)


def ended(found: Sequence[Row]) -> list[Row]:
    """Return the rows of trials that are done or were stopped, by which importance is judged."""
    return [row for row in found if row.state in ("done", "stopped")]


def importance(sweep: Sweep, found: Sequence[Row]) -> dict[str, Any]:
    """Return each parameter's importance over the ended trials, and their number, as the study keeps it.

    A stopped trial counts with its best value. With 1,500 trials of 200 parameters it takes a second.
    """
    able = ended(found)
    shares = compare.importance(sweep.space, [(row.params, row.best_value) for row in able], sweep.objective)
    return {"trials": len(able), "shares": {name: round(share, 4) for name, share in shares.items()}}


def shares_now(sweep: Sweep, found: Sequence[Row], kept: Mapping[str, Any]) -> Mapping[str, float]:
    """Return each parameter's importance, as the last driver ``kept`` it unless other trials have ended since."""
    same = kept.get("trials") == len(ended(found))
    shares: Mapping[str, float] = (kept if same else importance(sweep, found))["shares"]
    return shares


def troubles(read: Reading) -> list[Trouble]:
    """Return every distinct error in full, with the numbers of the trials that raised it."""
    grouped: dict[FailureReason, list[int]] = defaultdict(list)
    for row in read.rows:
        if row.failure and row.failure.is_error:
            grouped[row.failure].append(row.number)
    return [Trouble(failure=failure, trials=tuple(numbers)) for failure, numbers in grouped.items()]
