"""The verdict: the finalist that did best on validation with new seeds, judged on the locked test split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cluster.driver.beside import Beside
from cluster.driver.judging import PREDICTIONS, Case, Judgement
from cluster.terminal.baseline_lines import said_of, sentences
from cluster.terminal.closing_summary import judgement, warnings
from cluster.terminal.formatting import measure
from cluster.terminal.verdict.unpredicted import said_of as missed
from search_spaces.criteria.metric_names import on_test
from search_spaces.race.finals import DEFAULT_TRIAL, scores
from search_spaces.race.race import Race
from search_spaces.race.recommended import Tried
from search_spaces.race.track import Track
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params, stored
from tracking.results.champion.head import Head
from tracking.results.intervals import Estimate
from tracking.results.trial_zero import FIRST, ONLY

if TYPE_CHECKING:
    from cluster.sweep.coordinator import Coordinator


def test_metric(objective: str) -> str:
    """Return the metric of the verdict: the objective on the test split."""
    return on_test(objective)


def _members(race: Race) -> dict[int, list[Track]]:
    """Return the members of each finalist that were trained to their end, by trial."""
    members: dict[int, list[Track]] = {}
    for track in race.tracks:
        if track.state == "done" and track.best_value is not None:
            members.setdefault(track.trial, []).append(track)
    return members


def _means(tracks: Sequence[Track]) -> dict[str, float]:
    """Return means over a finalist's seeds of the metrics that its constraints bound."""
    names = tracks[0].criteria.names
    return {
        name: fmean(t.measured[name] for t in tracks) for name in names if all(name in t.measured for t in tracks)
    }


def _eligible(race: Race) -> dict[int, list[Track]]:
    """Return the finalists that keep the constraints on average over their seeds; all where none does."""
    members = _members(race)
    return {trial: t for trial, t in members.items() if t[0].criteria.keeps(_means(t))} or members


def _validation(tracks: list[Track]) -> float:
    return fmean(track.best_value or 0.0 for track in tracks)


def winner(race: Race) -> Track | None:
    """Return the best member of the finalist with the best mean validation value; None if all members failed.

    Only those count that keep the constraints with their new seeds, if any does. Of these the ones with all of
    their seeds come first; where there are none, those with the most seeds.
    """
    members = _eligible(race)
    most = max(map(len, members.values()), default=0)
    objective = race.rules.objective
    best = objective.best([tracks for tracks in members.values() if len(tracks) == most], _validation)
    return objective.best(best or (), lambda track: track.best_value)


def lost(race: Race, sweep: str) -> str | None:
    """Return why there is no verdict where all members have failed: the latest reason, and a way out; else None."""
    if not race.tracks or winner(race) is not None:
        return None
    found = [track.failure.line for track in race.tracks if track.failure is not None]
    why = found[-1] if found else "no reason given"
    told = f"all {len(race.tracks)} trainings of the final evaluation failed, the last by: {why}"
    return f"{told}; once that is mended, `paceline resume {sweep}` trains the finalists again"


def report_head(verdict: Mapping[str, Any] | None, chosen: Track, model: str | None, objective: Objective) -> Head:
    """Return the head of the champion's report: the verdict in words and numbers, the configuration, the model."""
    warned: Sequence[str] = verdict["warnings"] if verdict else ()
    said = [judgement(verdict, objective), verdict["why"], *sentences(verdict)] if verdict else []
    return Head(
        said=[text for text in said if text and text not in warned],
        warned=warned,
        verdict=verdict,
        params=stored(chosen.searched),
        uri=model,
    )


@dataclass(frozen=True)
class Finalists:
    """A finished race of final members, with what the study has of each, and the values of the search by trial."""

    race: Race
    entries: Mapping[str, Mapping[str, Any]]
    searched: Mapping[int, float]
    first: int | None = None
    """Trial with the best value in the search, which is no finalist where others are better by all seeds."""
    seeds: Mapping[int, Tried] = field(default_factory=dict)
    """Values of the trials that the search trained with several seeds."""
    num_tried: int = 0
    """Number of trials of the search, whatever became of them."""
    defaults: Params | None = field(default_factory=dict)
    """The workload's default of each hyperparameter; empty: trial 0 is taken as having them; None: it has none."""

    @classmethod
    def of(cls, coordinator: Coordinator) -> Finalists:
        """Return those of a sweep whose final members have been trained."""
        search, known = coordinator.races["search"], coordinator.retests
        found = ((track.trial, known.tried(track)) for track in search.tracks)
        return cls(
            race=coordinator.races["final"],
            entries=coordinator.finals.entries,
            searched={track.trial: track.best_value for track in search.tracks if track.best_value is not None},
            first=next((track.trial for track in search.ranked()), None),
            seeds={trial: tried for trial, tried in found if tried},
            num_tried=len(search.tracks),
            defaults=coordinator.search.declared,
        )

    @property
    def objective(self) -> Objective:
        """The sweep's objective."""
        return self.race.rules.objective

    @property
    def metric(self) -> str:
        """Name of the objective on the test split."""
        return test_metric(self.objective.name)

    def case(
        self, workload: str, checkpoints: str, rows: tuple[int, ...] = (), tested_by: str | None = None
    ) -> Case | None:
        """Return what is to be judged; None when the champion could not be scored.

        ``rows`` tells where each test example stands in its source, ``tested_by`` the code that measured itself.
        """
        chosen, by_trial = winner(self.race), scores(self.entries, self.metric)
        if chosen is None or chosen.trial not in by_trial:
            return None
        keys: dict[int, dict[int, str]] = {}
        for track in self.race.tracks:
            if track.seed in by_trial.get(track.trial, {}):
                keys.setdefault(track.trial, {})[track.seed] = track.key
        return Case(
            workload=workload,
            metric=self.metric,
            checkpoints=checkpoints,
            champion=chosen.trial,
            default=DEFAULT_TRIAL,
            scores=by_trial,
            keys=keys,
            rows=rows,
            tested_by=tested_by,
        )

    def trainings(self, chosen: Track) -> list[Track]:
        """Return the champion's trainings that came to their end, ``chosen``, whose weights are kept, first."""
        others = _members(self.race).get(chosen.trial, ())
        return [chosen, *(track for track in others if track.seed != chosen.seed)]

    def measured(self, trial: int) -> dict[str, dict[int, float]]:
        """Return a finalist's values by seed of each metric of the test split."""
        names = {name for entry in self.entries.values() for name in entry.get("test", {})}
        return {name: scores(self.entries, name).get(trial, {}) for name in sorted(names)}

    def verdict(self, case: Case, judged: Judgement) -> dict[str, Any]:
        """Return the ``verdict`` of the ``--json`` document."""
        chosen = winner(self.race)
        assert chosen is not None
        shown: dict[str, Any] = {
            "metric": case.metric,
            "winner": {"number": chosen.trial, "params": stored(chosen.searched), **_estimate(judged.champion)},
            "default": {"number": DEFAULT_TRIAL, **self._moved(), **_estimate(judged.default)},
            "difference": _estimate(judged.difference),
            "baseline": None,
            "baselines": [self._beside(one) for one in judged.baselines],
            "unpredicted": [{**one, "said": missed(one)} for one in judged.unpredicted],
            "finalists": list(self._finalists(chosen.trial, judged)),
            "interval": {"over": judged.champion.over, "rows": judged.num_rows, "parts": judged.parts},
            "why": self._why(chosen),
            "breaks": chosen.criteria.broken(_means(_members(self.race)[chosen.trial]), at_end=True),
            "predictions": PREDICTIONS if judged.predictions else None,
            "tested_by": case.tested_by,
        }
        for one in judged.baselines[:1]:
            if not one.trained and one.failed is None:
                difference = _estimate(one.difference)
                shown["baseline"] = {"name": one.name, "value": one.score.mean, "difference": difference}
        return shown | {"warnings": warnings(shown, self.objective)}

    def _beside(self, one: Beside) -> dict[str, Any]:
        """Return a baseline's score, the champion's difference to it, and what that means in a sentence."""
        told = {
            "name": one.name,
            "trained": one.trained,
            **_estimate(one.score),
            "difference": _estimate(one.difference),
            "rows": one.num_rows,
            "of_rows": one.of_rows,
            "seconds": one.seconds,
            "failed": one.failed,
        }
        return {**told, "said": said_of(told, self.objective)}

    def _moved(self) -> dict[str, Any]:
        """Return, as ``moved``, the values in which trial 0 differs from the defaults; without any nothing.

        Beside them, whether it is the one trial of all.
        """
        only = {ONLY: True} if self.num_tried == 1 else {}
        if self.defaults is None:
            return {FIRST: True, **only}
        tried = next((track.searched for track in self.race.tracks if track.trial == DEFAULT_TRIAL), {})
        moved = {name: value for name, value in tried.items() if value != self.defaults.get(name, value)}
        return {**only, **({"moved": moved} if moved else {})}

    def _finalists(self, champion: int, judged: Judgement) -> Iterator[dict[str, Any]]:
        """Yield every finalist and the defaults, the best on validation first, those with failed seeds last."""
        members = _members(self.race)
        seeds = {
            track.trial: [t.seed for t in self.race.tracks if t.trial == track.trial] for track in self.race.tracks
        }
        ranked = self.objective.ranked(members, lambda trial: _validation(members[trial]))
        for trial in sorted([*ranked, *(seeds.keys() - members.keys())], key=lambda t: -len(members.get(t, ()))):
            done = members.get(trial, [])
            yield {
                "number": trial,
                "champion": trial == champion,
                "default": trial == DEFAULT_TRIAL,
                "search_value": self.searched.get(trial),
                "validation_mean": _validation(done) if done else None,
                "test": _estimate(judged.trials.get(trial, Estimate(mean=math.nan, num_seeds=0))),
                "failed_seeds": sorted(set(seeds[trial]) - {track.seed for track in done}),
            }

    def _why(self, chosen: Track) -> str:
        """Return why the champion won, in a sentence, with the trial that the search had first if it is another.

        Finalists of whose seeds more failed than of the champion's had no part in it.
        """
        members, name = _eligible(self.race), self.objective.name
        num_seeds = len(members[chosen.trial])
        seeds = f"{num_seeds} new seed" + ("s" if num_seeds > 1 else "")
        peers = [trial for trial, tracks in members.items() if len(tracks) == num_seeds]
        others = f" of {len(peers)} finalists" if len(peers) > 1 else ""
        value = _validation(members[chosen.trial])
        if self.num_tried == 1:
            return f"Mean {name} of {trial_name(chosen.trial)} over {seeds}: {measure(value)}."
        text = f"{trial_name(chosen.trial)} has the best mean {name}{others} over {seeds}: {measure(value)}"
        equal = [t for t in peers if t != chosen.trial and _validation(members[t]) == value]
        same = " and ".join(map(trial_name, equal))
        text += f", the same as {same}, which the search had behind it." if equal else "."
        if again := self.seeds.get(chosen.trial):
            text += f" Over {len(again.values)} seeds of the search it had the mean {measure(again.mean)}."
        begun = sorted({track.trial for track in self.race.tracks} & self.searched.keys())
        first = self.first
        if first is None:
            first = self.objective.best(begun, lambda trial: self.searched[trial])
        if first is None:
            return text
        if first == chosen.trial:
            return f"{text} It was the best of the search, too."
        return f"{text} {trial_name(first)}, the best of the search with {measure(self.searched[first])}, " + (
            _came_to(members[first], num_seeds)
            if first in members
            else "is no finalist: by all that further seeds came to, others are better."
            if first not in begun
            else "breaks a constraint with its new seeds."
            if first in _members(self.race)
            else "failed with every new seed."
        )


def _came_to(tracks: list[Track], num_seeds: int) -> str:
    mean = f"came to {measure(_validation(tracks))}"
    return f"{mean} with {len(tracks)}." if len(tracks) != num_seeds else f"{mean}."


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "mean": _number(found.mean),
        "ci95": [_number(found.low), _number(found.high)],
        "seeds": found.num_seeds,
    }


def _number(value: float) -> float | None:
    """Return None for NaN, which JSON lacks: the bounds of no interval are [null, null]."""
    return value if math.isfinite(value) else None
