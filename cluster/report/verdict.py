"""The verdict of a sweep: the champion beside the defaults and the baselines, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.report.records import Records
from cluster.sweep.reading import snapshot
from cluster.terminal import baseline_lines, live_lines
from cluster.terminal.changed_values import shown
from cluster.terminal.closing_summary import counted, judgement, moved_words, warnings
from cluster.terminal.formatting import bounds, count, duration, interval, measure, setting
from cluster.terminal.recommended_lines import words
from cluster.terminal.verdict import overfitted, seeds_in_common
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from tracking.pages.page import Section, Tile
from tracking.results.trial_zero import names

if TYPE_CHECKING:
    import pandas as pd

WHOLE_LINE = 10_000


def section(records: Records) -> Section:
    """Tell the verdict; before there is one, what the search has come to."""
    verdict = records.verdict
    leaks = [f"Leak: {text}" for text in (records.card or {}).get("leaks", ())]
    warned = warnings(verdict, records.objective) if verdict else []
    if why := records.document["no_verdict"]:
        warned.append(f"There is no final evaluation: {why}.")
    sentences = _of_verdict(verdict, records.objective, warned) if verdict else _of_search(records)
    return Section(
        id="verdict",
        heading="Final evaluation",
        warnings=[*warned, *leaks],
        says=" ".join(sentences),
        tiles=[*(_of_champion(verdict, records.objective) if verdict else _of_best(records)), *_costs(records)],
        tables=[*([_compared(verdict)] if verdict else []), *_configuration(records)],
        notes=_notes(verdict) if verdict else [],
    )


def _of_verdict(verdict: Mapping[str, Any], objective: Objective, warned: Sequence[str]) -> list[str]:
    found = [judgement(verdict, objective), *baseline_lines.sentences(verdict)]
    found = [text for text in found if text not in warned]
    return found + [
        text for text in (verdict.get("why"), moved_words(verdict), overfitted.sentence(verdict)) if text
    ]


def _of_search(records: Records) -> list[str]:
    """Say what is best so far, and that no test data has judged it."""
    read, best = records.read, records.read.best
    if best is None:
        return ["No trial has come to a value yet." if read.live else "No trial came to a value."]
    which = "of the search" if read.state == "finished" else "so far"
    told = [f"{trial_name(best.number)} is the best {which}, by its {records.objective.name} on validation data."]
    if read.recommended is not None:
        known = words(read.recommended, read.best_in_search)
        told = [f"{trial_name(read.recommended.trial)} is recommended. {known}"]
    return [*told, "That is no score on test data: values of a search are the best of many, and look too good."]


def _of_champion(verdict: Mapping[str, Any], objective: Objective) -> Iterator[Tile]:
    """Yield the champion's score, its difference to the defaults, and the best baseline's score."""
    champion, metric = verdict["winner"], verdict["metric"]
    name = f"{metric} of the champion, {trial_name(champion['number'])}"
    note = f"{interval(champion['ci95'])} over {count(champion['seeds'], 'seed')}"
    yield Tile(name=name, value=measure(champion["mean"]), note=note)
    difference = verdict.get("difference") or {}
    if difference.get("mean") is not None and verdict["default"]["number"] != champion["number"]:
        sign = "+" if difference["mean"] >= 0 else ""
        lower = " (lower is better)" if objective.ascending else ""
        said = judgement(verdict, objective)
        value = f"{sign}{measure(difference['mean'])}"
        note = ", ".join([f"{interval(difference['ci95'])}{lower}", *seeds_in_common.words(verdict)])
        yield Tile(name=names(verdict).difference, value=value, note=note, warns="WORSE" in said)
    scored = [one for one in verdict.get("baselines") or () if one["mean"] is not None]
    for best in objective.ranked(scored, lambda one: one["mean"])[:1]:
        wins = best["difference"]["mean"] is not None and objective.better(0.0, best["difference"]["mean"])
        yield Tile(name=f"best baseline: {best['name']}", value=measure(best["mean"]), note=_open(best), warns=wins)


def _open(baseline: Mapping[str, Any]) -> str:
    """Return a baseline's interval, and that the difference to the champion is open where it is."""
    found = bounds(baseline["difference"]["ci95"])
    is_open = found is not None and found[0] <= 0 <= found[1]
    return interval(baseline["ci95"]) + ("; no significant difference to the champion" if is_open else "")


def _of_best(records: Records) -> Iterator[Tile]:
    if (best := records.read.best) is not None:
        name = f"best {records.objective.name} in the search, {trial_name(best.number)}"
        yield Tile(name=name, value=measure(best.best_value), note="on validation data")


def _costs(records: Records) -> Iterator[Tile]:
    """Yield what the sweep cost, and where its model is."""
    picture = snapshot(records.read)
    saved = live_lines.saved_line(picture, WHOLE_LINE)
    note = _saved(saved.plain) if saved else "of the search"
    further = picture.epochs_of_further_seeds
    note += f"; {further:,} with further seeds" if further else ""
    finals = picture.final_epochs
    more = f"; {finals:,} for the final evaluation" if finals else ""
    yield Tile(name="epochs trained", value=f"{picture.epochs_trained:,}", note=note + more)
    workers = f"on {count(picture.num_lanes, 'worker')}" if picture.num_lanes else ""
    yield Tile(name="time", value=duration(picture.elapsed_s), note=picture.budget or workers)
    if model := records.document["model"]:
        yield Tile(name="model", value=model, note=_loaded(model, records.read.home.id))


def _loaded(model: str, sweep: str) -> str:
    """Return how to get at the model, or at what users' code saved, which is no model of MLflow's."""
    if model.startswith("models:/"):
        return "mlflow.pyfunc.load_model(...) loads it"
    return f"what it saved: paceline best {sweep} --files DIR copies it"


def _saved(line: str) -> str:
    """Return the part in brackets of the line on saved epochs, or that they are of the search."""
    return line.partition("(")[2].partition(")")[0] or "of the search"


def _compared(verdict: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of every finalist, the defaults and the baselines."""
    import pandas as pd

    role, metric = names(verdict).role, verdict["metric"]
    rows = [
        {
            "": trial_name(one["number"]),
            "role": "champion" if one["champion"] else role if one["default"] else "finalist",
            metric: measure(one["test"]["mean"]),
            "95 % interval": interval(one["test"]["ci95"]),
            "validation": measure(one["validation_mean"]),
            "best in search": measure(one["search_value"]),
            "failed seeds": ", ".join(map(str, one["failed_seeds"])),
        }
        for one in verdict.get("finalists") or ()
    ]
    rows += [
        {
            "": one["name"],
            "role": "baseline" if one["trained"] else "no model",
            metric: "failed" if one["failed"] else measure(one["mean"]),
            "95 % interval": "" if one["failed"] else interval(one["ci95"]),
        }
        for one in verdict.get("baselines") or ()
    ]
    table = pd.DataFrame(rows).fillna("")
    return table if any(table.get("failed seeds", ())) else table.drop(columns="failed seeds", errors="ignore")


def _configuration(records: Records) -> list[pd.DataFrame]:
    """Return the searched hyperparameters of the best trial and of trial 0; an empty list without a best one."""
    import pandas as pd

    best, zero = records.read.best, next((row for row in records.rows if row.number == 0), None)
    if best is None or not best.params:
        return []
    found = shown(best, records.objective)
    columns = {"hyperparameter": list(found), trial_name(best.number): [setting(value) for value in found.values()]}
    if zero is not None and zero is not best:
        label = names(records.verdict or {}).label
        columns[f"t000 ({label})"] = [setting(zero.params[name]) if name in zero.params else "" for name in found]
    return [pd.DataFrame(columns)]


def _notes(verdict: Mapping[str, Any]) -> list[str]:
    told = "Validation: the mean over the new seeds, by which the champion is chosen; test data is read after it."
    return [*filter(None, [counted(verdict)]), told]
