"""Faulty keys, values and texts: place, rule, value received, what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.spec_cases import BASE, DATA, Case, judge, param, whole

CASES = {
    # typos
    "key": Case("epoch: 3", 5, "epoch", "unknown key", "'epoch'", "'epochs'"),
    "method": Case("method: bays", 5, "method", "unknown name", "'bays'", "'bayes'"),
    "far method": Case("method: zigzag", 5, "method", "must be one of auto, tpe, gp, cmaes", "'zigzag'"),
    "workload": whole("workload: mpl\ndata: {name: digits}", 1, "workload", "unknown workload", "'mpl'", "'mlp'"),
    "module": whole(
        "workload: a.b:C\ndata: {name: digits}", 1, "workload", "'a.b:C' cannot be imported", "'a.b:C'"
    ),
    "inner": Case("final: {tops: 3}", 5, "final.tops", "unknown key", "'tops'", "'top'"),
    "parameter key": param("width: {mim: 1, max: 4}", "width.mim", "unknown key", "'mim'", "'min'"),
    "parameter keys": param("width: {mn: 1, mx: 4}", "width.mn", "unknown key", "'mn'", "'min'"),
    "parameter": param("drop_out: {min: 0.0, max: 0.5}", "drop_out", "unknown hyper", "'drop_out'", "'dropout'"),
    "choice": param("optimizer: {values: [sgd, adm]}", "optimizer.values.1", "must be one of", "'adm'", "'adam'"),
    "distribution": param(
        "dropout: {min: 0.0, max: 0.5, distribution: unifrom}",
        "dropout.distribution",
        "unknown name",
        "'unifrom'",
        "'uniform'",
    ),
    "data set": whole(DATA % "{name: digit}", 2, "data.name", "unknown data set", "'digit'", "'digits'"),
    "far name": whole(DATA % "{name: qqq}", 2, "data.name", "there are digits", "'qqq'"),
    "metric": Case(
        "metric: {name: val_acuracy}", 5, "metric.name", "unknown metric", "'val_acuracy'", "'val_accuracy'"
    ),
    "constraint": Case(
        "constraints: [{metric: latncy_ms, max: 5}]",
        5,
        "constraints.0.metric",
        "unknown metric",
        "'latncy_ms'",
        "'latency_ms'",
    ),
    "constraint on the test split": Case(
        "constraints: [{metric: test_accuracy, min: 0.9}]",
        5,
        "constraints.0.metric",
        "must not be of the test split",
        "'test_accuracy'",
        "'val_accuracy'",
    ),
    "constraint without a bound": Case(
        "constraints: [{metric: params_m}]", 5, "constraints.0", "must have a bound", "'params_m'"
    ),
    "constraint without a metric": Case("constraints: [{max: 5}]", 5, "constraints.0.metric", "is required"),
    "constraint that nobody keeps": Case(
        "constraints: [{metric: val_loss, min: 2, max: 1}]", 5, "constraints.0.min", "must be <= max = 1", "2"
    ),
    "constraint that nothing costs": Case(
        "constraints: [{metric: params_m, max: 0}]", 5, "constraints.0.max", "must be > 0: no trial", "0"
    ),
    "constraint twice": Case(
        "constraints: [{metric: val_acc, min: 0.5}, {metric: val_accuracy, max: 0.9}]",
        5,
        "constraints.1.metric",
        "is bound twice: write max and min in one entry",
        "'val_accuracy'",
    ),
    "constraint as a group": Case("constraints: {metric: params_m, max: 1}", 5, "constraints", "must be a list"),
    "constraint key": Case(
        "constraints: [{metric: params_m, mx: 1}]", 5, "constraints.0.mx", "unknown key", "'mx'", "'max'"
    ),
    "resource": Case("resources: {cpu: 2}", 5, "resources.cpu", "unknown key", "'cpu'", "'cpus'"),
    "split": whole(
        DATA % "{name: wine, split: {trian: 1}}", 2, "data.split.trian", "unknown key", "'trian'", "'train'"
    ),
    # wrong types and sizes
    "text for number": Case("epochs: ten", 5, "epochs", "must be a whole number", "'ten'"),
    "bool for number": Case("epochs: true", 5, "epochs", "must be a whole number", "true"),
    "fraction": Case("epochs: 2.5", 5, "epochs", "must be a whole number", "2.5"),
    "nothing": Case("epochs:", 5, "epochs", "must be a whole number", "nothing"),
    "zero": Case("epochs: 0", 5, "epochs", "must be >= 1", "0"),
    "huge float": Case("trials: 1e12", 5, "trials", "must be a whole number", "1e+12"),
    "huge": Case("trials: 1000000000000", 5, "trials", "must be <= 100000", "1000000000000"),
    "many digits": Case(
        "seed: " + "9" * 400, 5, "seed", "must be <= 4294967295", "a number of more than 60 digits"
    ),
    "absurd": Case("seed: " + "9" * 9000, 5, "", "must be a number of a sane size"),
    "list for text": Case("name: [a]", 5, "name", "must be text", "['a']"),
    "empty name": Case("name: ''", 5, "name", "must not be empty", "''"),
    "number for group": Case("metric: 3", 5, "metric", "must be a group of keys", "3"),
    "text for bool": whole(
        DATA % "{csv: a.csv, target: y, header: 'no'}", 2, "data.header", "must be true or false", "'no'"
    ),
    "infinite target": Case("metric: {target: .inf}", 5, "metric.target", "must be a finite number", "inf"),
    "nan": Case("metric: {target: .nan}", 5, "metric.target", "must be a finite number", "nan"),
    "timeout": Case("timeout: soon", 5, "timeout", "must be seconds or a duration", "'soon'"),
    "no timeout": Case("timeout: 0s", 5, "timeout", "must be > 0", "'0s'"),
    "bool timeout": Case("timeout: true", 5, "timeout", "must be a number", "true"),
    "empty final": Case("final:", 5, "final", "must not be empty: leave it out, or write none", "nothing"),
    "one seed": Case("final: {seeds: 1}", 5, "final.seeds", "must be >= 2", "1"),
    "repeats and pbt": Case(
        "early_terminate: {type: pbt}\nrepeats: {seeds: 2}",
        6,
        "repeats",
        "must be left out with early_terminate type pbt",
    ),
    "one repeat": Case("repeats: {seeds: 1}", 5, "repeats.seeds", "must be >= 2", "1"),
    "empty repeats": Case("repeats:", 5, "repeats", "must not be empty: leave it out, or write none", "nothing"),
    "repeats' keys": Case("repeats: {seed: 2}", 5, "repeats.seed", "unknown key", "'seed'", "'seeds'"),
    "retest": Case("retest: 0.9", 5, "retest", "must be auto, none, or a share of the budget from 0 to 0.5", "0.9"),
    "retest of nothing": Case("trials: 1\nretest: 0.1", 6, "retest", "must be left out with trials: 1", "0.1"),
    "workers": Case("resources: {workers: 0}", 5, "resources.workers", "must be >= 1", "0"),
    "workers' bounds": Case("resources: {workers: [4, 2]}", 5, "resources.workers", "4 is more than 2", "[4, 2]"),
    "three bounds": Case(
        "resources: {workers: [1, 2, 3]}", 5, "resources.workers", "or [least, most]", "[1, 2, 3]"
    ),
    "a strategy alone": Case("resources: {strategy: fsdp}", 5, "resources.strategy", "no effect on one process"),
    "together and alone": Case("train_together: 4\nresources: {workers: 2}", 5, "train_together", "must be 1", "4"),
    "cpus": Case("resources: {cpus: 0}", 5, "resources.cpus", "must be > 0", "0"),
    "cohort": Case("cohort: 0", 5, "train_together", "must be >= 1", "0"),
    "start_from": Case("start_from: {lr: 1}", 5, "start_from", "must be a list", "a group of lr"),
    # rules between keys
    "test metric": Case(
        "metric: {name: test_accuracy}",
        5,
        "metric.name",
        "the search never sees it",
        "'test_accuracy'",
        "'val_accuracy'",
    ),
    "goal": Case(
        "metric: {name: val_loss, goal: maximize}",
        5,
        "metric.goal",
        "must be minimize for val_loss",
        "'maximize'",
        "'minimize'",
    ),
    "min_iter": Case(
        "early_terminate: {min_iter: 10}", 5, "early_terminate.min_iter", "must be below epochs = 10", "10"
    ),
    "eta": Case("early_terminate: {eta: 1}", 5, "early_terminate.eta", "must be >= 2", "1"),
    "asha key of none": Case(
        "early_terminate: {type: none, eta: 2}", 5, "early_terminate.eta", "has no effect with type none", "2"
    ),
    "bayes_hyperband": Case(
        "early_terminate: {type: bayes_hyperband}",
        5,
        "early_terminate.type",
        "is not available yet: use asha",
        "'bayes_hyperband'",
    ),
    "pbt without an exchange": Case(
        "early_terminate: {type: pbt, interval: 10}",
        5,
        "early_terminate.interval",
        "must be below epochs = 10",
        "10",
    ),
    "pbt of one": Case("early_terminate: {type: pbt}\ntrials: 1", 6, "trials", "must be at least 2", "1"),
    "pbt of a name that is none": Case(
        "early_terminate: {type: pbt, mutate: [lrr]}",
        5,
        "early_terminate.mutate.0",
        "must name a hyperparameter (there are lr",
        "'lrr'",
        "'lr'",
    ),
    "pbt of what shapes the program": Case(
        "early_terminate: {type: pbt, mutate: [lr, batch_size]}",
        5,
        "early_terminate.mutate.1",
        "must name a hyperparameter that does not shape the program",
        "'batch_size'",
    ),
    "pbt of what is not searched": Case(
        "early_terminate: {type: pbt, mutate: [dropout]}",
        5,
        "early_terminate.mutate.0",
        "must name a hyperparameter that is searched",
        "'dropout'",
    ),
    "pbt of nothing": whole(
        "workload: mlp\ndata: {name: digits}\nparameters: {width: {values: [8, 16]}}\nearly_terminate: {type: pbt}",
        4,
        "early_terminate.type",
        "changes hyperparameters while a trial trains, and of those searched (width) each shapes the program",
        "'pbt'",
    ),
    "stop rule": Case(
        "early_terminate: {type: ahsa}", 5, "early_terminate.type", "unknown name", "'ahsa'", "'asha'"
    ),
    "grid": Case("method: grid", 4, "parameters.lr", "count is needed (or values): method grid tries every one"),
    "large grid": Case(
        "  width: {min: 1, max: 4096}\n  batch_size: {min: 1, max: 4096}\nmethod: grid",
        6,
        "method",
        "must make at most 100000 grid points",
        "16777216",
        base="workload: mlp\ndata: {name: wine}\nparameters:\n",
    ),
    "nothing searched": whole(
        "workload: mlp\ndata: {name: wine}\nparameters: {lr: 0.1}\ntrials: 3",
        4,
        "trials",
        "nothing is searched",
        "3",
    ),
    "both names": Case("trials: 3\nrun_cap: 4", 6, "run_cap", "is another name of trials", "4"),
    "start outside": Case(
        "start_from: [{lr: 5}]", 5, "start_from.0.lr", "must lie in the space: 1e-05 to 0.1", "5"
    ),
    "start unknown": Case(
        "start_from: [{rl: 0.01}]", 5, "start_from.0.rl", "unknown hyperparameter", "'rl'", "'lr'"
    ),
    "start fixed": Case("start_from: [{width: 3}]", 5, "start_from.0.width", "is not searched", "3"),
    "start many": Case(
        "trials: 1\nstart_from: [{lr: 0.01}]", 6, "start_from", "must be fewer than the trials", "1"
    ),
    "start off": Case(
        "  optimizer: {values: [adam, sgd]}\n  momentum: {min: 0.1, max: 0.5, when: {optimizer: sgd}}\n"
        "start_from:\n  - optimizer: adam\n    momentum: 0.2",
        9,
        "start_from.0.momentum",
        "has no effect: its 'when' does not hold",
        "0.2",
    ),
    # other tools' keys
    "program": Case("program: train.py", 1, "workload", "must be left out beside program or command", "'mlp'"),
    "project": Case("project: mine", 5, "project", "write 'tracking: {experiment: NAME}'"),
    "one of several objectives": Case(
        "metrics: [{name: val_accuracy}]", 5, "metrics", "must be two to four objectives (one: 'metric:", "1"
    ),
    "objectives and an objective": Case(
        "metric: {name: val_loss}\nmetrics: [{name: val_accuracy}, {name: params_m}]",
        5,
        "metric",
        "is one of metrics: give metric, or metrics",
    ),
    "an objective twice": Case(
        "metrics: [{name: val_accuracy}, {name: val_acc}]",
        5,
        "metrics.1.name",
        "is an objective already",
        "'val_acc'",
    ),
    "an unknown objective": Case(
        "metrics: [{name: val_accuracy}, {name: latncy_ms}]",
        5,
        "metrics.1.name",
        "unknown metric (workload mlp has val_accuracy",
        "'latncy_ms'",
        "'latency_ms'",
    ),
    "a cost as the first objective": Case(
        "metrics: [{name: params_m}, {name: val_accuracy}]",
        5,
        "metrics.0.name",
        "must be a validation metric, by which a trial's best epoch is chosen",
        "'params_m'",
    ),
    "a cost as the objective": Case(
        "metric: {name: latency_ms}", 5, "metric.name", "must be a validation metric, by which", "'latency_ms'"
    ),
    "an objective's goal": Case(
        "metrics: [{name: val_accuracy}, {name: params_m, goal: maximize}]",
        5,
        "metrics.1.goal",
        "must be minimize for params_m",
        "'maximize'",
        "'minimize'",
    ),
    "a schedule of one objective": Case(
        "metrics: [{name: val_accuracy}, {name: params_m}]\nearly_terminate: {type: curves}",
        6,
        "early_terminate.type",
        "must be one that ranks trials by several objectives: asha, ",
        "'curves'",
    ),
    "retests of several objectives": Case(
        "metrics: [{name: val_accuracy}, {name: params_m}]\nretest: 0.2",
        6,
        "retest",
        "has no effect with several metrics",
    ),
    "a regret of several objectives": Case(
        "metrics: [{name: val_accuracy}, {name: params_m}]\nstop_when: {regret_below: 0.01}",
        6,
        "stop_when.regret_below",
        "is bounded for one objective only",
    ),
    "a method of one objective": Case(
        "metrics: [{name: val_accuracy}, {name: params_m}]\nmethod: cmaes",
        6,
        "method",
        "must be one that knows several objectives: auto, tpe, gp, nsga2, nsga3, qmc, random, grid",
        "'cmaes'",
    ),
    # text that is no spec
    "empty": whole("", None, "", "must hold a sweep", "nothing"),
    "comment": whole("# nothing\n", None, "", "must hold a sweep", "nothing"),
    "list": whole("- a\n- b", 1, "", "must hold a sweep", "['a', 'b']"),
    "scalar": whole("sweep", 1, "", "must hold a sweep", "'sweep'"),
    "two documents": whole(BASE + "---\nepochs: 1", 5, "", "must hold one document"),
    "tab": Case("early_terminate:\n\ttype: asha", 6, "", "must be indented by spaces, not by tabs"),
    "bracket": Case("name: [a", 5, "", "must be valid YAML: did not find expected ',' or ']'"),
    "bracket left open": Case(
        "final: {top: 3\nseed: 1", 6, "", "(while parsing a flow mapping that begins on line 5)", "':'"
    ),
    "quote left open": Case("name: 'a\n", 5, "", "must be valid YAML: found unexpected end of stream"),
    "bracket of another kind": Case("name: [a}\nseed: 1", 5, "", "must be valid YAML", "'}'"),
    "colon in a value": Case("name: a: b", 5, "", "must be valid YAML: mapping values are not allowed", "':'"),
    "reserved character": Case("name: @a", 5, "", "must be valid YAML: found character that cannot start", "'@'"),
    "doubled key": Case("epochs: 3\nepochs: 4", 6, "epochs", "must be given once (first on line 5)"),
    "doubled parameter": param("lr: {min: 0.1, max: 0.2}", "lr", "must be given once (first on line 4)"),
    "list as key": Case("[a, b]: 3", 5, "", "a key must be text"),
    "tag": Case(
        "name: !!python/object:os.system x",
        5,
        "",
        "tags are not read",
        "'tag:yaml.org,2002:python/object:os.system'",
    ),
    "no anchor": Case("name: *other", 5, "", "an alias needs an anchor before it", "'*other'"),
    "bomb": Case(
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        8,
        "",
        "must hold at most 5000 values, aliases written out",
    ),
    "loop": Case("a: &a [*a]", 5, "", "an alias needs an anchor before it", "'*a'"),
    "inside an alias": Case("x: &a {tops: 3}\nfinal: *a", 5, "final.tops", "unknown key", "'tops'", "'top'"),
    "deep": Case("a: " + "[" * 5000, 5, "", "must not be nested deeper than 20"),
    "deep with spaces": Case("a: " + "[ " * 500, 5, "", "must not be nested deeper than 20"),
    "merge": Case("<<: {epochs: 3}", 5, "<<", "unknown key", "'<<'"),
    "number as key": Case("3: 4", 5, "3", "unknown key", "'3'"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_of_a_key_or_of_the_text(case: Case, tmp_path: Path) -> None:
    judge(case, tmp_path)
