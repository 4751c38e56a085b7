"""What Paceline writes to MLflow: the names from ``tracking.names``, the meanings from here."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.types.trial_names import state_word
from tests.docs.markdown import code, sentence, table
from tracking import names

TAGS: Mapping[str, str] = {
    "SWEEP_ID": "The sweep's ID, on each of its runs: what the leaderboard is filtered by.",
    "SWEEP_ROLE": "`sweep` (the sweep's own run), `trial`, `repeat` (a training of a trial with a "
    "further seed), or `final` (a training of the final evaluation).",
    "SWEEP_NAME": "The spec's `name`.",
    "SWEEP_STATE": "The sweep's state: `running`, `finished`, `stopped` or `failed`.",
    "SWEEP_ENDED": "What ended the search early, such as the timeout; empty where nothing did.",
    "SWEEP_FRONT": "With several metrics: the trials of the front, in the order of the first metric.",
    "SWEEP_LANES": "How many workers a user has asked for while the sweep ran, who, and when.",
    "SWEEP_METRIC": "The objective; of several the first.",
    "SWEEP_GOAL": "`maximize` or `minimize`.",
    "SWEEP_METHOD": "The sampler.",
    "SWEEP_WORKLOAD": "The workload.",
    "SWEEP_RECOMMENDED": "The recommended trial, where trials were trained with several seeds.",
    "SWEEP_TEST": "Of a sweep with a final evaluation: the champion's score on the test split, with its "
    "95 % interval.",
    "SWEEP_WARM_START": "The earlier sweeps whose trials its sampler knows, if there are any.",
    "SWEEP_EDITS": "The edits of a sweep that had begun, if there are any: when, behind how many trials, and what.",
    "SWEEP_CACHED": "How many of its trials earlier sweeps knew, and which sweeps; only where some did.",
    "SWEEP_BASELINES": "Of a sweep with a final evaluation: each baseline with its score, and whether the champion "
    "beats it.",
    "SWEEP_TARGET": "Where it runs: `local`, or the target of `--on`.",
    "PARENT_RUN": "Of a trial's and a final training's run: the sweep's own run, below which MLflow nests it.",
    "TRIAL_NAME": "The trial (`t015`); in the final evaluation also its seed (`t015 seed 1`).",
    "TRIAL_NUMBER": "The trial's number.",
    "TRIAL_STATE": "The trial's state: `running`, `waiting` (to go on later), `done`, `pruned`, `infeasible` (it "
    "breaks a constraint), `failed`.",
    "TRIAL_ERROR": "What went wrong: a sentence, or a traceback.",
    "TRIAL_FAILURE": "The kind of it: `diverged`, `infeasible` (it does not work on this data), `constraint`, "
    "`out_of_memory`, `raised`, `lane_died`, "
    "`timed_out`; `stopped` where the search's early end cut the trial off.",
    "TRIAL_PARAMS": "All hyperparameters of the trial, exact, as JSON; the UI hides it. The run's parameters are "
    "those that are searched or set to another value than the workload's default, with four significant digits.",
    "TRIAL_LINEAGE": "With `early_terminate: {type: pbt}`: whose weights it took over, and after which epoch.",
    "TRIAL_FINAL": "What the final evaluation made of an ended sweep's trial, and of the run whose model is "
    "registered: `champion`, `finalist`, `defaults` "
    "(the default configuration; `near_defaults` where `require` has moved it; `first`: a script's first trial), "
    "or empty.",
    "TRIAL_STEERED": "What users have asked of the trial while the sweep ran, such as `paused by ann, "
    "2026-11-30 10:02:11 UTC`.",
    "TRIAL_CACHED": "The earlier sweep and trial whose results were taken over, and up to which epoch; only then.",
    "DATA_LEAKS": "The leaks that were found in the data.",
    "NOTE": "The description that MLflow shows. Of the sweep's run: the champion with its test score, its model "
    "and its report, before there is one the recommended or the best trial. Of the champion's run: its score, its "
    "data, how to load it. Of the experiment: its sweeps.",
    "RUN_NAME": "The run's name. Of the sweep's run: its name and ID, and when it has ended the champion's test "
    "score, or the best value. Of a trial's run: the trial and its first searched hyperparameters.",
    "USER": "The owner: `PACELINE_OWNER`, else the login.",
    "SOURCE_NAME": "`paceline`.",
    "EXPERIMENT_KIND": "Of the experiment: that it is about training models.",
    "SHARED_VIEW": "Of the experiment: the leaderboard and charts that `paceline ui` links to, one tag a sweep; "
    "the UI lists them under Views.",
    "DATASET_CONTEXT": "Of the data set that is logged with the sweep's run.",
}
METRICS: Mapping[str, str] = {
    "BEST_EPOCH": "The epoch of the best value.",
    "PLACE": "The trial's place on an ended sweep's leaderboard: 1 is the best in search; of equal values the "
    "lowest number comes first, infeasible and failed trials come last. MLflow has no second key to sort by.",
    "NUM_SEEDS": "The number of seeds of a trial that was trained with several; with `repeats` of every one.",
    "HYPERVOLUME": "Of the sweep's run, with several metrics: the volume that the front dominates, from the worst "
    "value of each metric among the trials that keep the constraints.",
    "SECONDS": "Seconds that the training took, its share of a group that trains as one program.",
}
FILES: Mapping[str, str] = {
    "SPEC_FILE": "Of the sweep's run: the spec.",
    "SPLITS_FILE": "Of the sweep's run: the data card, with what was found in the data and the indices of "
    "each split.",
    "LEADERBOARD_CSV": "Of the sweep's run: one row a trial, the best first.",
    "LEADERBOARD_JSON": "The same for MLflow's table viewer.",
    "MODEL_CARD_FILE": "Of the champion's run: its model card, also the registered version's description.",
    "REPORT_FILE": "Of the sweep's run: its report at its end, one page that needs no network (`paceline report`).",
}
OTHERS = {
    "HP",
    "EARLIER_HP",
    "LOGGED_IMAGES",
    "CHAMPION",
    "MODEL_TRAINING",
    "MAX_KEY",
    "MAX_PARAM",
    "MAX_TAG",
    "MAX_DIGEST",
    "NUM_DIGITS",
}
"""Constants that are no keys."""


def tags() -> str:
    """The tags, each with its meaning."""
    return _table("tag", TAGS)


def metrics() -> str:
    """The metrics that are no measurements of a task."""
    made = [
        [
            code(names.best("METRIC")),
            "The best value of a metric over the trial's epochs with its first seed, and of the sweep's trials.",
        ],
        [
            code(names.hp("NAME")),
            "A numeric hyperparameter, since MLflow compares parameters as text.",
        ],
        [
            code(names.hp_log10("NAME")),
            "Its logarithm, where it is searched on a log scale: MLflow's charts have no log axis for it.",
        ],
        [
            code(names.gain("test_METRIC")),
            "Of the sweep's run: how much better the champion is on the test split than the default configuration, "
            "negative where it is worse.",
        ],
        [
            code(names.baseline("test_METRIC")),
            "Of the sweep's run: the score of the best baseline on the test split, what needs no model included.",
        ],
        [
            code(names.gain_vs_baseline("test_METRIC")),
            "Of the sweep's run: how much better the champion is than that baseline, negative where it is worse.",
        ],
        [
            code(names.mean("METRIC")),
            "Of a trial that was trained with several seeds: the mean of its best values, renewed with each seed "
            "that ends or comes to a rung. With `repeats` every trial has it, and the leaderboard is sorted by it.",
        ],
        [code(names.std("METRIC")), "The standard deviation of them."],
        [
            code(names.recommended("METRIC")),
            "Of the sweep's run: the estimate of the recommended trial's mean, where trials have several seeds.",
        ],
        [
            code(names.importance("NAME")),
            "Of the run of an ended sweep: the share that a hyperparameter has in what sets the better half "
            "of the trials apart (PED-ANOVA), from 20 trials on; 0 of one that an edit took out of the search.",
        ],
        [
            code(names.used("RESOURCE")),
            "Of the run of a sweep with a budget, or with prices: `epochs`, `lane_hours`, `gpu_hours` and `cost` "
            "of its search so far.",
        ],
        [code(names.nonfinite("METRIC")), "A tag: a NaN or an infinity that was kept out of the metrics."],
    ]
    return table(("metric", "meaning"), [*_rows(METRICS), *made])


def files() -> str:
    """The artifacts."""
    return _table("artifact", FILES)


def _table(head: str, known: Mapping[str, str]) -> str:
    return table((head, "meaning"), _rows(known))


def _rows(known: Mapping[str, str]) -> list[list[str]]:
    told = {*TAGS, *METRICS, *FILES, *OTHERS}
    new = {name for name in vars(names) if name.isupper() and isinstance(getattr(names, name), str)} - told
    assert not new, f"tests/docs/mlflow_names.py does not tell what these are for: {sorted(new)}"
    return [
        [code(getattr(names, name)), sentence(text)]
        for name, text in known.items()
        if text and hasattr(names, name)
    ]


def statuses() -> str:
    """MLflow's status for each state of a trial and of a sweep."""
    trials = [["trial", code(state_word(ours)), code(theirs)] for ours, theirs in names.TRIAL_STATUS.items()]
    sweeps = [["sweep", code(ours), code(theirs)] for ours, theirs in names.SWEEP_STATUS.items()]
    return table(("of", "state", "MLflow's status"), [*trials, *sweeps])
