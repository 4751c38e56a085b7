"""The driver's interface to MLflow: the writer, the link to the results and the leaderboard."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.sweep.home import SweepHome
from cluster.sweep.limits import spending
from cluster.sweep.mlflow_notes import notes
from cluster.sweep.mlflow_notes.notes import Judged
from cluster.sweep.mlflow_runs import over_seeds
from cluster.sweep.provenance import store_place
from cluster.sweep.reading import (
    CROWNED,
    ENDED,
    IMPORTANCE,
    MODEL,
    champion,
    epochs_saved,
    epochs_trained,
    rows,
    shares_now,
)
from cluster.sweep.steering.order import LANES
from cluster.terminal import baseline_lines
from cluster.terminal.changed_values import shown
from cluster.terminal.closing_summary import warnings
from cluster.terminal.criteria import goals, pareto_front, told
from cluster.terminal.knowledge_lines import cached
from cluster.terminal.leaderboard_file import leaderboard
from cluster.terminal.recommended_lines import words
from cluster.terminal.records import Observer, Row, best_of, ranked, recommended_of
from cluster.terminal.verdict import overfitted
from search_spaces.space.domain_contract import Domain, is_number
from search_spaces.space.hyperparameters import complete
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from search_spaces.types.objective import Objective
from search_spaces.types.passwords import without_password
from search_spaces.types.trial_names import trial_key, trial_name
from search_spaces.types.values import Params, Value
from tracking import names
from tracking.results.trial_zero import names as zero
from tracking.store.open import sqlite_path
from tracking.store.records import Best, SweepHeader
from tracking.ui.server import leaderboard_url, local_url
from tracking.writer.writer import Writer
from workloads.registry import catalogue, is_users

SUMMARY_EVERY_S = 5.0


def header(home: SweepHome, sweep: Sweep, card: Mapping[str, Any]) -> SweepHeader:
    """Return the description of the sweep that MLflow gets before its first trial."""
    overview: dict[str, Value] = {
        "workload": sweep.workload,
        "method": sweep.method,
        "early_terminate": sweep.early_terminate.type,
        "epochs": sweep.epochs,
        "seed": sweep.seed,
        **({"data": str(card["name"])} if card else {}),
    }
    if sweep.metrics:
        overview["metrics"] = goals(sweep.objective, sweep.criteria)
    if sweep.constraints:
        overview["constraints"] = told(sweep.criteria)
    spaces = [sweep.space, *(edit.space for edit in sweep.edits)]
    sizes: dict[str, Value] = {f"rows_{split}": count for split, count in card.get("rows", {}).items()}
    return SweepHeader(
        sweep_id=home.id,
        name=sweep.name,
        workload=sweep.workload,
        experiment=sweep.tracking.experiment or sweep.name,
        objective=sweep.objective,
        beside=sweep.beside,
        method=sweep.method,
        spec_text=sweep.to_text(),
        overview=overview | sizes,
        dataset={**card, "digest": str(card["digest"])[:36], "rows": sum(card["rows"].values())} if card else {},
        log_scaled=frozenset(name for name, domain in sweep.searched.items() if domain.log),
        searched=tuple(sweep.searched),
        defaults=_defaults(sweep),
        categorical=frozenset(name for name, domain in sweep.searched.items() if not _numeric(domain)),
        conditional=frozenset(name for name in sweep.searched if not all(_always(name, space) for space in spaces)),
        began_ms=int(1000 * home.began_s),
        warm_start=sweep.warm_start,
        by_mean=sweep.repeats is not None,
    )


def _defaults(sweep: Sweep) -> Params:
    """Return the defaults of a built-in workload; users' code has few hyperparameters, and is not run for them."""
    if is_users(sweep.workload):
        return {}
    return complete(catalogue().workload(sweep.workload).hyperparameters, {})


def _always(name: str, space: Space) -> bool:
    """Whether all configurations of the space have the parameter."""
    return name in space.domains and name not in space.when


def _numeric(domain: Domain) -> bool:
    return domain.bounds is not None or all(map(is_number, domain.grid()))


class Tracker:
    """Owner of the sweep's MLflow writer. All methods must be called from the driver's thread."""

    def __init__(
        self, home: SweepHome, sweep: Sweep, study: Study, observer: Observer, card: Mapping[str, Any]
    ) -> None:
        self._sweep, self._study, self._observer, self._home, self._card = sweep, study, observer, home, card
        self.uri = store_place.store_of(home, sweep.tracking.uri, study.facts())
        if told := store_place.moved(home, self.uri, study.facts()):
            observer.message(told)
        self.writer = Writer(self.uri, home.spool, header(home, sweep, card), observer.message)
        self._linked = False
        self._summed_up = -math.inf

    def keep_splits(self, card: Mapping[str, Any], indices: Mapping[str, list[int]]) -> None:
        """Write the data card and the row numbers of each split as an artifact, if there are any."""
        if not card:
            return
        self.writer.text(names.SPLITS_FILE, json.dumps({"card": card, "indices": indices}))

    def edited(self, sweep: Sweep) -> None:
        """Describe the sweep to MLflow as it is now."""
        self._sweep = sweep
        self.writer.describe(header(self._home, sweep, self._card))

    def say(self, text: str) -> None:
        """Show the user a line."""
        self._observer.message(text)

    def run_id(self, key: str, timeout_s: float) -> str | None:
        """Wait at most ``timeout_s`` seconds for the MLflow run ID of the member ``key``; None without one."""
        deadline = time.monotonic() + timeout_s
        while key not in self.writer.run_ids and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.writer.run_ids.get(key)

    def tick(self, found: Sequence[Row]) -> None:
        """Publish the link as soon as it is known and, every ``SUMMARY_EVERY_S`` seconds, the sweep's summary."""
        self._link()
        if time.monotonic() - self._summed_up > SUMMARY_EVERY_S:
            self._sum_up("running", found)

    def conclude(self, state: names.SweepState, verdict: Mapping[str, Any] | None) -> None:
        """Write the final summary of this run of the driver and the leaderboard."""
        found = rows(self._study, self._sweep.objective, live=False, criteria=self._sweep.criteria)
        table = leaderboard(found, self._sweep, champion(verdict))
        self.writer.long_text(names.LEADERBOARD_CSV, table.csv())
        self.writer.long_text(names.LEADERBOARD_JSON, table.json())
        order = [trial_key(row.number) for row in ranked(found, self._sweep.objective)]
        metric, repeated = self._sweep.metric.name, self._sweep.repeats is not None
        told = {
            trial_key(row.number): row.tried for row in found if repeated or (row.further and row.further.values)
        }
        means = {key: over_seeds(tried, metric) for key, tried in told.items()}
        crowned = str(self._study.facts().get(CROWNED, ""))
        note = notes.of_champion(self.judged(verdict)) if crowned and verdict else ""
        self.writer.rank(order, finals(verdict), means, (crowned, note) if note else ("", ""))
        self._sum_up(state, found, verdict)

    def judged(self, verdict: Mapping[str, Any]) -> Judged:
        """Return what the notes of MLflow tell of the sweep with this verdict."""
        facts = self._study.facts()
        return Judged(
            sweep_id=self._home.id,
            sweep=self._sweep,
            verdict=verdict,
            card=self._card,
            model=facts.get(MODEL),
            experiment_id=self.writer.experiment_id,
            parent_run_id=self.writer.parent_run_id,
            champion_run_id=self.writer.run_ids.get(facts.get(CROWNED, "")),
        )

    def close(self, timeout_s: float) -> bool:
        """Send the remaining events within ``timeout_s`` seconds; return False when some stay in the spool."""
        drained = self.writer.close(timeout_s)
        self._link()
        known = {str(int(key[1:])): run_id for key, run_id in self.writer.run_ids.items() if "-" not in key}
        self._study.set("run_ids", self._study.facts().get("run_ids", {}) | known)
        self._study.flush()
        return drained

    def _link(self) -> None:
        if self._linked or self.writer.experiment_id is None:
            return
        local = sqlite_path(self.uri) is not None
        uri = without_password(self.uri)
        base = local_url(self.writer.experiment_id, self._home.id) if local else uri
        url = leaderboard_url(base, self.writer.experiment_id, self._home.id)
        facts = {"experiment_id": self.writer.experiment_id, "parent_run_id": self.writer.parent_run_id}
        self._study.set("tracking", {"uri": uri, **facts, "url": url})
        self._study.set(store_place.PLACE, store_place.noted(self._home, self.uri))
        self._observer.link(url)
        self._linked = True

    def _counted(self, found: Sequence[Row]) -> dict[str, float]:
        """Return the sweep's metrics that count trials, epochs and what they have used."""
        trained = epochs_trained(found)
        counted = {
            "sweep/planned": float(self._sweep.trials),  # a metric, since a param of MLflow's cannot change
            "sweep/trials": float(len(found)),
            "sweep/epochs_trained": float(trained),
            "sweep/epochs_saved": float(epochs_saved(found, self._sweep)),
        }
        return counted | spending.metrics(self._sweep, self._study.facts().get("cost", {}), trained)

    def _sum_up(
        self, state: names.SweepState, found: Sequence[Row], verdict: Mapping[str, Any] | None = None
    ) -> None:
        first, known = best_of(found, self._sweep.objective), recommended_of(found, self._sweep.objective)
        chosen = champion(verdict) if verdict else known.trial if known else None
        leader = next((row for row in found if row.number == chosen), first)
        tags: dict[str, str] = {}
        kept, best = self._study.facts().get(IMPORTANCE, {}), None
        shares = {} if state == "running" else shares_now(self._sweep, found, kept)
        metrics = self._counted(found) | _importance(shares, self._sweep)
        if leader is not None and leader.best_value is not None:
            best = Best(
                number=leader.number,
                value=known.mean if known and not verdict else leader.best_value,
                params=shown(leader, self._sweep.objective),
                why=_reasons(verdict, self._sweep.objective) if verdict else words(known, first) if known else None,
                recommended=known is not None and not verdict,
                notes=(*(notes.of_sweep(self.judged(verdict)) if verdict else ()), *notes.of_importance(shares)),
                test=verdict["winner"]["mean"] if verdict else None,
            )
        if known is not None:
            metrics[names.recommended(self._sweep.metric.name)] = known.estimate
            tags[names.SWEEP_RECOMMENDED] = trial_name(known.trial)
        if first is not None and first.best_value is not None:
            metrics[names.best(self._sweep.metric.name)] = first.best_value
        if verdict:
            metrics |= final_metrics(verdict, self._sweep.objective)
            tags |= final_tags(verdict)
        front = pareto_front(found, self._sweep.objective, self._sweep.criteria)
        if front:
            metrics[names.HYPERVOLUME] = front["hypervolume"]
        why = self._study.facts().get(ENDED)
        tags |= {names.SWEEP_ENDED: why or ""} if state != "running" else {}
        if self._sweep.edits:
            tags[names.SWEEP_EDITS] = "\n".join(edit.line for edit in self._sweep.edits)
        if known_before := cached([{"epochs": row.epochs, "cached_from": row.cached} for row in found]):
            tags[names.SWEEP_CACHED] = known_before
        if front:
            tags[names.SWEEP_FRONT] = ", ".join(trial_name(one["number"]) for one in front["trials"])
        if lanes := self._study.facts().get(LANES):
            tags[names.SWEEP_LANES] = lanes["told"]
        self.writer.summary(state, best, metrics, tags or None)
        self._summed_up = time.monotonic()


def _importance(shares: Mapping[str, float], sweep: Sweep) -> dict[str, float]:
    """Return the metrics of hyperparameters' importance; none where it is not known.

    One that an edit took out of the search has 0: MLflow would show its share of before for ever.
    """
    known = {**dict.fromkeys(sweep.searched, 0.0), **shares} if shares else {}
    return {names.importance(name): share for name, share in known.items()}


def _reasons(verdict: Mapping[str, Any], objective: Objective) -> str:
    """Return why the champion won, whether it overfitted, and the warnings, for the sweep's note."""
    warned = warnings(verdict, objective)
    plain = [text for text in baseline_lines.sentences(verdict) if text not in warned]
    told = [str(verdict.get("why") or ""), *filter(None, [overfitted.sentence(verdict)])]
    return "\n\n".join([*told, *plain, *(f"**{text}**" for text in warned)])


def finals(verdict: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what the final evaluation made of its finalists, by the key of the trial's run."""
    default = zero(verdict or {}).tag
    return {
        trial_key(one["number"]): "champion" if one["champion"] else default if one["default"] else "finalist"
        for one in (verdict or {}).get("finalists") or ()
    }


def final_tags(verdict: Mapping[str, Any]) -> dict[str, str]:
    """Return the champion's score on the test split with its interval, and what is said of the baselines."""
    found = {names.SWEEP_TEST: f"{verdict['metric']} {notes.score(verdict)}"}
    told = baseline_lines.lines(verdict)
    return found | ({names.SWEEP_BASELINES: "\n".join(told)} if told else {})


def final_metrics(verdict: Mapping[str, Any], objective: Objective) -> dict[str, float]:
    """Return the champion's mean on the test split, and its gain over the defaults and over the best baseline."""
    metric, mean, difference = verdict["metric"], verdict["winner"]["mean"], verdict["difference"]["mean"]
    found = {} if mean is None else {metric: mean}
    found |= {} if difference is None else {names.gain(metric): -objective.signed(difference)}
    scored = [one for one in verdict.get("baselines") or () if one["difference"]["mean"] is not None]
    for best in objective.ranked(scored, lambda one: one["mean"])[:1]:
        found[names.baseline(metric)] = best["mean"]
        found[names.gain_vs_baseline(metric)] = -objective.signed(best["difference"]["mean"])
    return found
