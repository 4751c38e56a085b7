"""The documents of ``--json``, field by field. The test beside this file holds them to what the commands print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.docs.markdown import code, sentence, table

_SWEEP = {
    "sweep": "the sweep's ID",
    "name": "the spec's `name`",
    "state": "`running`, `finished`, `stopped`, or `failed`: no trial came to a value",
    "status": "as `state`",
    "metric.name": "the objective",
    "metric.goal": "`maximize` or `minimize`",
    "trials[].number": "the trial's number, from 0; trial 0 is the default configuration, or the nearest that "
    "satisfies `require`",
    "trials[].state": "`done`, `stopped` (early), `infeasible` (it breaks a constraint), `failed`, `running` or "
    "`paused` (it waits for a promotion)",
    "trials[].status": "the same in words: `done`, `pruned`, `infeasible`, `failed`, `running` or `waiting`",
    "trials[].epochs": "epochs trained",
    "trials[].value": "the objective after the last epoch",
    "trials[].best_value": "its best value over the epochs; with `repeats` the mean over its seeds",
    "trials[].params": "the searched hyperparameters by name",
    "trials[].beside": "what is shown beside the objective, by metric",
    "trials[].changes": "with `early_terminate: {type: pbt}`: each `epoch` after which it took over the weights of "
    "the trial `source`, and the `params` that changed then",
    "trials[].seeds.values[]": "best values with each seed, the search's first; `seeds` is null with one seed",
    "trials[].seeds.mean": "their mean",
    "trials[].seeds.std": "their standard deviation",
    "trials[].seeds.failed": "the number of further seeds with which it failed",
    "trials[].run_id": "the trial's run in MLflow",
    "trials[].cached_from": "the `sweep` and `trial` whose results it took over, up to which `epoch`, or null",
    "trials[].error": "the last line of what went wrong, or null",
    "trials[].steered": "what users have asked of it while the sweep ran, by whom and when, in words",
    "trials[].failure.kind": "`diverged`, `infeasible` (it does not work on this data), `constraint`, "
    "`out_of_memory`, `raised`, `lane_died`, `timed_out`, or `stopped`: cut off by the search's early end; "
    "`failure` is null where there is none",
    "trials[].failure.text": "the whole of it: a sentence, or a traceback",
    "trials[].failure.output": "the last lines that the trial printed before; empty where none are kept",
    "ended_by": "what ended the search before all its trials were done, as the timeout; null where nothing did",
    "budget": "by resource (`epochs`, `lane_hours`, `gpu_hours`, `cost`) what the search has `used`, the spec's "
    "`limit` (null: none), and what the `final_evaluation` has used beside; null where the spec has neither "
    "`budget` nor `cost_per_hour`",
    "not_kept.reason": "why checkpoints could not be written; `not_kept` is null where all were",
    "not_kept.resumes_at": "the epoch behind which a resume begins each unfinished trial, by number",
    "not_kept.ended": "the ended trials whose weights are not there",
    "best.number": "the champion's trial, or before there is one the recommended trial; `best` may be null",
    "best.value": "its best value in the search",
    "best.params": "its searched hyperparameters",
    "best.by": "what chose it: `search`, `repeats`, `retests` or `final evaluation`",
    "best.stages": "with `early_terminate: {type: pbt}`: how the weights with that value were trained, from each "
    "`epoch` on, in which `trial`, with which `params`; null where no value changed",
    "best.files": "the folder with what a function of your own, or a script, saved in it; null without any",
    "best_in_search.number": "the trial with the best value in the search; null as `best`",
    "best_in_search.value": "its best value",
    "best_in_search.params": "its searched hyperparameters",
    "recommended.number": "the trial to recommend by what is known of all; null as `best`",
    "recommended.mean": "its mean over its seeds",
    "recommended.std": "the standard deviation over them; null with one seed",
    "recommended.seeds": "the number of seeds",
    "recommended.estimate": "the mean, shrunk toward the better half of the trials",
    "recommended.ci95": "the estimate's 95 % interval, [low, high]; null while no trial has several seeds",
    "recommended.params": "its searched hyperparameters",
    "importance": "each searched hyperparameter's share, largest first; null below 20 ended trials in the space",
    "edits": "a record for each `paceline edit`: `at` (when), `changes`, `trials` (how many there were) and "
    "`outside` (how many of them are not of the new space)",
    "warm_start": "a record for each earlier sweep: `sweep` (its ID), `name`, `same_data`, and numbers of trials: "
    "`shown` to the sampler, `tried_first`, and left out as `outside` of the space or with `no_value`",
    "pareto_front.metrics[].name": "the metrics, in order; `pareto_front` is null where there is one metric",
    "pareto_front.metrics[].goal": "`maximize` or `minimize`",
    "pareto_front.trials[].number": "a trial that no other beats in one metric and equals in all, the best in the "
    "first one first",
    "pareto_front.trials[].values": "the metrics with which it counts, by name",
    "pareto_front.trials[].params": "its searched hyperparameters",
    "pareto_front.hypervolume": "the volume that the front dominates, from `reference`",
    "pareto_front.reference": "the worst value of each metric among the trials that keep the constraints, by name",
    "constraints[].metric": "the metric of each constraint; `constraints` is empty where there is none",
    "constraints[].min": "its smallest value allowed, or null",
    "constraints[].max": "its largest value allowed, or null",
    "constraints[].num_broken": "trials that break it, those at work as they are now",
    "verdict.metric": "what the final evaluation judges by; `verdict` is null where there is none",
    "verdict.winner.number": "the champion's trial",
    "verdict.winner.params": "its searched hyperparameters",
    "verdict.winner.mean": "its mean over the seeds on the test split",
    "verdict.winner.ci95": "the 95 % interval, [low, high]; [null, null] where there is none",
    "verdict.winner.seeds": "the number of seeds",
    "verdict.default.number": "0: the default configuration",
    "verdict.default.moved": "where these do not satisfy `require`: the values in which trial 0, the nearest that "
    "does, differs from them; only then",
    "verdict.default.first_trial": "true where nobody knows of defaults: of a script, and of a function or network "
    "with a searched parameter that has none; only then",
    "verdict.default.mean": "likewise",
    "verdict.default.ci95": "likewise",
    "verdict.default.seeds": "likewise",
    "verdict.difference.mean": "champion minus default, paired by seed",
    "verdict.difference.ci95": "likewise",
    "verdict.difference.seeds": "likewise",
    "verdict.baseline.name": "what needs no model, such as the majority class; `baseline` is null without one",
    "verdict.baseline.value": "its score on the test split",
    "verdict.baseline.difference.mean": "champion minus baseline",
    "verdict.baseline.difference.ci95": "likewise",
    "verdict.baseline.difference.seeds": "likewise",
    "verdict.baselines[].name": "each simple model that the champion must beat, what needs no model first",
    "verdict.baselines[].trained": "false for what needs no model",
    "verdict.baselines[].mean": "its score on the test split: it is trained once",
    "verdict.baselines[].ci95": "the 95 % interval over the test rows",
    "verdict.baselines[].seeds": "1; 0 where it failed",
    "verdict.baselines[].difference.mean": "champion minus baseline, paired by test row",
    "verdict.baselines[].difference.ci95": "likewise",
    "verdict.baselines[].difference.seeds": "likewise",
    "verdict.baselines[].rows": "training rows that it was fitted on",
    "verdict.baselines[].of_rows": "training rows that there are",
    "verdict.baselines[].seconds": "seconds that it took",
    "verdict.baselines[].failed": "why it failed; null where it did not",
    "verdict.baselines[].said": "in a sentence whether the champion beats it",
    "verdict.finalists[].number": "each finalist's trial, the best on validation first",
    "verdict.finalists[].champion": "whether it is the champion",
    "verdict.finalists[].default": "whether it is the default configuration, or the nearest to it",
    "verdict.finalists[].search_value": "its best value in the search; null where it had none",
    "verdict.finalists[].validation_mean": "its mean validation value over the new seeds: it chooses the champion",
    "verdict.finalists[].test.mean": "its mean on the test split",
    "verdict.finalists[].test.ci95": "likewise",
    "verdict.finalists[].test.seeds": "the number of seeds that were scored",
    "verdict.finalists[].failed_seeds": "seeds with which it failed",
    "verdict.interval.over": "what the intervals count as samples: `rows and seeds`, `rows`, `seeds`, or nothing",
    "verdict.interval.rows": "the number of independent parts of the test split; null where rows are not counted",
    "verdict.interval.parts": "what these parts are: `rows`, `groups`, or `blocks` of a series or a text",
    "verdict.why": "in a sentence why the champion won",
    "verdict.breaks": "which constraints the champion breaks on average over the new seeds; null where none",
    "verdict.warnings": "sentences: the champion is no better than what needs no model or than a baseline, "
    "is worse than the defaults, or never predicts a class",
    "verdict.unpredicted[].class": "a class that the champion predicts for no test row, those with most rows first",
    "verdict.unpredicted[].rows": "its test rows",
    "verdict.unpredicted[].of_rows": "all test rows",
    "verdict.unpredicted[].seeds": "the seeds with which it is never predicted",
    "verdict.unpredicted[].of_seeds": "all seeds of the champion",
    "verdict.unpredicted[].classes": "the number of classes",
    "verdict.unpredicted[].said": "that in a sentence, with what helps",
    "verdict.predictions": "the table of all predictions among the artifacts of the sweep's run; null without one",
    "verdict.tested_by": "the function of your own that measured itself on test data of its own; else null",
    "verdict.overfitting": "what the learning curves say, in words",
    "model": "the URI of the champion's model in MLflow, or of the files that it saved; null before there is one",
    "no_verdict": "why there is no verdict at the end where one could be had, in a sentence; else null",
    "cost.seconds": "seconds from the command's start, over all attempts",
    "cost.epochs_trained": "epochs of the search, of each trial with its first seed",
    "cost.epochs_of_further_seeds": "epochs of `repeats` and retests",
    "cost.epochs_saved": "epochs that training every trial to the end would have cost beside",
    "cost.workers": "worker processes",
    "cost.lanes": "the same, by its earlier name",
    "cost.parts": "where the seconds went: `start`, `data`, `training`, `waiting`, `champion`, `logging`",
    "tracking.uri": "MLflow's store",
    "tracking.experiment_id": "the experiment",
    "tracking.parent_run_id": "the sweep's own run",
    "tracking.url": "the leaderboard; on a machine without a server it opens while `paceline ui` runs",
}
_NEW_NAMES = {"verdict": "final_evaluation", "winner": "champion", "default": "defaults"}
_EVALUATION = {
    ".".join(_NEW_NAMES.get(part, part) if i < 2 else part for i, part in enumerate(path.split("."))): text
    for path, text in _SWEEP.items()
    if path.startswith("verdict")
}
"""The same fields as ``verdict``'s, which is the earlier name."""
CARD = {
    "name": "the data set, or the path of the source",
    "kind": "`table`, `image`, `text`, `series`, `sentences`, `tagged` or `completions`",
    "problem": "`classification`, `regression`, `language`, `forecast`, `generation`, `tagging` or `completion`",
    "shape": "the shape of one example: columns; channels, height and width; steps",
    "rows": "rows by split",
    "class_counts": "rows of each class by split; of labelled words the words of each label",
    "duplicates": "rows that are copies of a row of an earlier split, as `test_in_train`",
    "digest": "the SHA-256 of all inputs, targets and columns: a resumed sweep refuses other data",
    "classes": "names of the classes, or of words' labels",
    "features": "names of a table's or a series' columns",
    "details": "what was told from the source: how a file is written, the step of a series, the depth of images, "
    "what was left out and how often",
    "columns": "kinds of a table's columns by name",
    "missing": "missing values by column, over all splits, of numbers, ordinals and dates that have any",
    "notes": "sentences on what was changed or left out, and on what is odd",
    "leaks": "sentences on what may make results look better than they are; `data.strict: true` refuses them",
}
"""Fields of the data card. The page on what is read shows them, too."""
_COLUMN = {
    "missing": "missing values",
    "distinct": "different values; null where they are not counted",
    "low": "the lowest number or date, the length of the shortest text; null for words",
    "high": "the highest one",
    "mean": "the mean of numbers",
    "std": "their standard deviation",
    "common": "rows by word, the most frequent first, of at most 12 words",
    "picture": "what `bars` are: `histogram` (rows from `low` to `high`), `counts` (rows of the words in `common`) "
    "or `course` (means over time)",
    "bars": "heights of the bars of its picture",
}
_SIMULATION = {
    "table": "the file of recorded curves",
    "metric.name": "the objective",
    "metric.goal": "`maximize` or `minimize`",
    "configurations": "configurations in the table that were trained for all epochs, or diverged",
    "left_out": "configurations with fewer epochs",
    "unused_columns": "columns that are no hyperparameter of the sweep",
    "not_simulated": "a sentence on each key without effect here",
    "best_value": "the best value in the table that keeps the constraints; null where none does",
    "marks": "times in simulated seconds at which runs are compared",
    "means[].schedule": "a schedule, as it was named",
    "means[].lanes": "the number of workers",
    "means[].runs": "the number of seeds",
    "means[].seconds": "simulated seconds to the end, mean over the seeds",
    "means[].epochs": "epochs trained",
    "means[].lane_use": "share of the workers' time in which they trained",
    "means[].promotions": "times that a trial went on from a rung",
    "means[].trained_to_end": "trials that were trained to the last epoch",
    "means[].regret": "at each mark the distance of the best trial by then from the best of the table, as it ends",
    "runs[].schedule": "likewise, of each seed",
    "runs[].lanes": "likewise",
    "runs[].seed": "the seed",
    "runs[].seconds": "likewise",
    "runs[].epochs": "likewise",
    "runs[].trials": "trials that were begun",
    "runs[].lane_use": "likewise",
    "runs[].promotions": "likewise",
    "runs[].reached": "trials that were trained to each rung, by its epoch",
    "runs[].ended_by": "what ended the search early; else null",
    "runs[].regret": "each time at which another trial became the best, with its regret",
}
DOCUMENTS: Mapping[str, Mapping[str, str]] = {
    "run, resume, demo and show": {**_SWEEP, **_EVALUATION},
    "simulate": _SIMULATION,
    "best": {
        "number": "the champion's trial, before a final evaluation the recommended trial",
        "value": "its best value in the search",
        "params": "its searched hyperparameters",
        "by": "what chose it: `search`, `repeats`, `retests` or `final evaluation`",
        "stages": "as in `show`",
        "files": "likewise",
    },
    "check": {
        "name": "the spec's `name`",
        "metric.name": "the objective",
        "metric.goal": "`maximize` or `minimize`",
        "trials": "trials that will be tried",
        "rungs": "epochs at which trials are compared; the last is full training, null for a script that ends "
        "by itself",
        "reaching": "trials expected at each of them",
        "train_together": "trials that are trained as one program",
        "workers": "worker processes",
        "cohort": "as `train_together`, by its earlier name",
        "lanes": "as `workers`, by its earlier name",
        "legs": "training segments that the search takes, at least",
        "retests": "trainings of the best trials with new seeds, at most",
        "finals": "trainings of the final evaluation",
        "first[]": "the first configurations",
        "require_share": "share of the space that satisfies `require`; null without it",
        "defaults_moved": "whether the first trial is only near to the defaults, as these do not satisfy `require`",
        "memory": "memory of the trainings beside that of a worker, in sentences; null where it is not told",
        "no_effect": "why a hyperparameter has no effect, in all trials or some, by its name; null where all have",
        "seeds": "seeds of a trial, at most, by `repeats`; 1 without",
        "epochs": "epochs of the search, expected, with one seed each; more where later trials turn out better; "
        "null for a script that ends by itself",
        "epochs_with_all_seeds": "these where `repeats` trains every trial with all of its `seeds`; null likewise",
        "warm_start": "as in `show`, if the data turns out to be the same",
        "streaming": "whether training rows are read in every epoch",
        "budget": "by resource the `limit`, and the number of `trials` that it is enough for, with one seed each "
        "and `trials_with_all_seeds`, where that is known before the first one is trained; null without a budget",
    },
    "workloads": {
        "workloads[].name": "the workload, as a spec names it",
        "workloads[].summary": "what it is, in one line",
        "workloads[].data[].kind": "a kind of data that it accepts",
        "workloads[].data[].problems[]": "the problems that it solves on it, the default first",
        "workloads[].metrics[].name": "a metric that a sweep may optimise",
        "workloads[].metrics[].goal": "`maximize` or `minimize`",
        "workloads[].space": "the default search space, as a spec's `parameters`",
        "workloads[].hyperparameters[].name": "a hyperparameter",
        "workloads[].hyperparameters[].type": "`float`, `int`, `str`, `bool`, or `object`: any value of a spec",
        "workloads[].hyperparameters[].default": "its default; null where a spec must give a value",
        "workloads[].hyperparameters[].required": "whether a spec must give a value",
        "workloads[].hyperparameters[].range": "allowed values, in words",
        "workloads[].hyperparameters[].doc": "what it is",
        "workloads[].hyperparameters[].shapes": "whether it is the same for all trials that are trained together",
    },
    "data": {
        "name": "the spec's `name`",
        **{f"card.{name}": text for name, text in CARD.items()},
        "overview.rows": "training rows that are described; of streamed data those of a sample",
        "overview.columns[].name": "the column; `red`, `green` and `blue`, or `grey`, of images; `text` of a text",
        "overview.columns[].kind": "its kind; where it is no table `channel`, `characters`, `value` or `input`",
        **{f"overview.columns[].{name}": text for name, text in _COLUMN.items()},
        "overview.target.name": "the target's column; `target` is null where columns themselves are predicted",
        "overview.target.kind": "`class` or `number`",
        **{f"overview.target.{name}": "likewise" for name in _COLUMN},
        "overview.first[]": "the first training rows: `row` (its position in the source, from 0), `values` by "
        "column (an image's mean level, a window of a text or a series) and `target`",
        "overview.features.number": "features that a model gets of a row of a table with the default and the fixed "
        "values; `features` is null for other data",
        "overview.features.rows": "the features of the first training rows",
    },
    "ls": {
        "[].sweep": "the sweep's ID",
        "[].name": "the spec's `name`",
        "[].workload": "the workload",
        "[].state": "as in `show`, or as the target says",
        "[].trials": "trials so far",
        "[].planned": "trials planned",
        "[].metric": "the objective",
        "[].best": "its best value",
        "[].started": "when it began, to the minute",
        "[].owner": "who began it",
        "[].target": "where it runs",
    },
    "status": {
        "sweep": "the sweep's ID",
        "name": "the spec's `name`",
        "target": "where it runs",
        "state": "`queued`, `starting`, `running`, `retrying`, `finished`, `stopped` or `failed`",
        "attempt": "the number of its driver",
        "owner": "who submitted it",
        "submitted_at": "when, in UTC",
        "message": "what the target says of it",
        "last": "the driver's last line",
    },
    "doctor": {
        "ok": "whether nothing is wrong",
        "checks[].name": "what was looked at",
        "checks[].state": "`ok`, `warning` or `wrong`",
        "checks[].found": "what was found",
        "checks[].remedy": "what to do about it",
    },
}
OPAQUE = {
    "workloads[].space",
    "moved",
    "pareto_front.trials[].values",
    "pareto_front.reference",
    "steered",
    "budget",
    "params",
    "beside",
    "changes",
    "importance",
    "parts",
    "ci95",
    "failed_seeds",
    "not_kept.ended",
    "not_kept.resumes_at",
    "cached_from",
    "stages",
    "edits",
    "warm_start",
    "warnings",
    "rungs",
    "reaching",
    "first",
    "rows",
    "shape",
    "class_counts",
    "duplicates",
    "classes",
    "details",
    "missing",
    "notes",
    "leaks",
    "common",
    "bars",
    "card.columns",
    "unused_columns",
    "not_simulated",
    "marks",
    "regret",
    "reached",
    "card.features",
}
"""Fields, or their whole paths, whose own names depend on the sweep, or that are plain lists."""


def documents() -> str:
    """A section a document, a row a field."""
    sections = []
    for commands, fields in DOCUMENTS.items():
        rows = [[code(path), sentence(text)] for path, text in fields.items()]
        sections.append(f"## {commands}\n\n{table(('field', 'meaning'), rows)}")
    return "\n\n".join(sections)


def fields(document: Any, path: str = "") -> Iterator[str]:
    """The paths of a real document, in the notation of DOCUMENTS."""
    opaque = path in OPAQUE or path.rpartition(".")[2] in OPAQUE
    if isinstance(document, list) and not opaque:
        for item in document:
            yield from fields(item, f"{path}[]")
    elif isinstance(document, list) and document and isinstance(document[0], dict):
        yield f"{path}[]"
    elif isinstance(document, dict) and not opaque:
        for name, value in document.items():
            yield from fields(value, f"{path}.{name}" if path else name)
    else:
        yield path
