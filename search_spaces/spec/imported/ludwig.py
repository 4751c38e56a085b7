"""The hyperopt section of a Ludwig configuration as a spec of one of our workloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from search_spaces.spec.imported.contract import Import, Tree, group, groups, plain, text_of
from search_spaces.spec.other_tools.names import hyperparameter
from search_spaces.spec.yaml_document import Path

_KINDS: Final = {
    "category": "category",
    "number": "number",
    "numerical": "number",
    "text": "text",
    "date": "datetime",
}
"""Our kind of a column by the type of an input feature."""
_LAWS: Final = {
    "uniform": {},
    "quniform": {},
    "randint": {},
    "qrandint": {},
    "int": {},
    "float": {},
    "loguniform": {"log": True},
    "qloguniform": {"log": True},
    "lograndint": {"log": True},
    "qlograndint": {"log": True},
}
"""Keys of our range beside its ends, by the distribution."""
_METRICS: Final = {
    "category": ("val_accuracy", "maximize"),
    "binary": ("val_accuracy", "maximize"),
    "number": ("val_rmse", "minimize"),
    "numerical": ("val_rmse", "minimize"),
}
"""Our metric by the type of the output feature."""
_NAMES: Final = {
    "accuracy": "val_accuracy",
    "loss": "val_loss",
    "roc_auc": "val_roc_auc",
    "root_mean_squared_error": "val_rmse",
    "mean_absolute_error": "val_mae",
    "r2": "val_r2",
    "f1": "val_f1_macro",
}
_LOSSES: Final = ("val_loss", "val_rmse", "val_mae")
_SCHEDULES: Final = {
    "async_hyperband": "asha_stopping",
    "asha": "asha_stopping",
    "asynchyperband": "asha_stopping",
    "hyperband": "hyperband",
    "median_stopping_rule": "median",
    "medianstopping": "median",
    "pbt": "pbt",
    "fifo": "none",
}
_SEARCHES: Final = {
    "variant_generator": "random",
    "random": "random",
    "hyperopt": "tpe",
    "optuna": "tpe",
    "bohb": "auto",
}
_SCHEDULE_KEYS: Final = {"grace_period": "min_iter", "reduction_factor": "eta"}
_TRAINERS: Final = ("trainer", "training")
"""The section of training settings, and its name in earlier versions."""
_OWN_NAMES: Final = {
    "num_fc_layers": "depth",
    "output_size": "width",
    "fc_size": "width",
    "gradient_clipping": "clip_norm",
}
MOST_TEXTS: Final = 2
"""Columns of texts that are read together."""
NOT_OF_TEXTS: Final = ("activation", "batch_norm", "embedding_size")
"""Hyperparameters of tables alone."""
KNOWN: Final = (
    *("lr", "batch_size", "weight_decay", "dropout", "optimizer", "depth", "width", "activation", "momentum"),
    *("lr_schedule", "clip_norm", "patience", "batch_norm", "cell", "embedding_size"),
)
"""Hyperparameters of ours that Ludwig's may mean."""


def from_ludwig(tree: Tree) -> Import:
    """Return the spec of a configuration with a ``hyperopt`` section."""
    found, hyperopt = Import(), group(tree, "hyperopt")
    inputs, outputs = ([one for _, one in groups(tree, f"{way}_features")] for way in ("input", "output"))
    _workload(found, inputs, outputs)
    _metric(found, hyperopt, outputs)
    for name, domain in group(hyperopt, "parameters").items():
        _parameter(found, name, domain, ("hyperopt", "parameters", name))
    _executor(found, hyperopt)
    search = text_of(group(hyperopt, "search_alg"), "type")
    if search is not None:
        found.put(method=_SEARCHES.get(search, "auto"))
        if search not in _SEARCHES:
            found.note(("hyperopt", "search_alg", "type"), f"there is no {search} here: auto is written")
    for section in _TRAINERS:
        for key, value in group(tree, section).items():
            _trainer(found, key, value, (section, key))
    for key in tree:
        if key not in ("hyperopt", "input_features", "output_features", *_TRAINERS):
            found.note((key,), "has no counterpart: the workload's own hyperparameters are listed by paceline init")
    return found


def _workload(found: Import, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    if len(outputs) != 1:
        found.refuse(
            ("output_features",), f"must be one feature, which is what a sweep predicts, not {len(outputs)}"
        )
        return
    kinds = {str(one.get("type")) for one in inputs}
    if kinds & {"image", "audio", "timeseries"}:
        kind = sorted(kinds & {"image", "audio", "timeseries"})[0]
        found.note(
            ("input_features",), f"columns of {kind} need a spec of their own: paceline init image, or recurrent"
        )
    target = str(outputs[0].get("name"))
    if inputs and kinds == {"text"} and len(inputs) <= MOST_TEXTS:
        texts = [str(one.get("name")) for one in inputs]
        found.put(
            workload="recurrent",
            data={"csv": "FILE.csv", "target": target, "text": texts[0] if len(texts) == 1 else texts},
        )
        found.note(
            ("input_features",),
            "put the file that `ludwig --dataset` named into data.csv; workload: language has pre-trained encoders",
        )
        return
    named = {str(one.get("name")): text_of(one, "type") or "" for one in inputs}
    columns = {name: _KINDS[kind] for name, kind in named.items() if kind in _KINDS}
    found.put(
        workload="mlp", data={"csv": "FILE.csv", "target": target, **({"columns": columns} if columns else {})}
    )
    found.note(("input_features",), "put the file that `ludwig --dataset` named into data.csv")


def _metric(found: Import, hyperopt: Tree, outputs: Sequence[Any]) -> None:
    kind = str(outputs[0].get("type")) if outputs else ""
    name, goal = _METRICS.get(kind, ("val_loss", "minimize"))
    asked = text_of(hyperopt, "metric") or "loss"
    if asked in _NAMES:
        name = _NAMES[asked]
        goal = hyperopt.get("goal", "minimize" if name in _LOSSES else "maximize")
    else:
        found.note(("hyperopt", "metric"), f"there is no {asked} here: {name} is written")
    found.put(metric={"name": name, "goal": goal})
    if "split" in hyperopt and hyperopt["split"] != "validation":
        found.note(("hyperopt", "split"), "trials are compared on the validation split, never on the test split")


def _parameter(found: Import, name: str, domain: Any, path: Path) -> None:
    last = name.rpartition(".")[2]
    ours = _OWN_NAMES.get(last) or hyperparameter(last, KNOWN)
    if ours in NOT_OF_TEXTS and found.tree.get("workload") == "recurrent":
        ours = None
    if ours is None or ours in found.tree.get("parameters", {}):
        found.note(path, "has no counterpart among the hyperparameters of the workload")
        plain(domain)
        return
    if not isinstance(domain, dict):
        found.put(parameters={ours: domain})
        return
    space = text_of(domain, "space") or text_of(domain, "type") or "uniform"
    if space in ("choice", "grid_search", "category"):
        found.put(parameters={ours: {"values": domain.get("categories", domain.get("values"))}})
    elif space in _LAWS:
        low, high = (domain.get(key, domain.get(other)) for key, other in (("lower", "low"), ("upper", "high")))
        if space in ("randint", "lograndint") and isinstance(high, int):
            high -= 1  # the upper end is not one of them
        found.put(parameters={ours: {"min": low, "max": high, **(_rounding(space, domain) or _LAWS[space])}})
    else:
        found.note(path, f"there is no distribution {space} here")
        plain(domain)


def _rounding(space: str, domain: Tree) -> dict[str, Any]:
    """Return the keys of a law whose values are multiples of ``q``."""
    if not space.startswith("q") or domain.get("q") in (None, 1):
        return {}
    return {"distribution": "q_log_uniform_values" if "log" in space else "q_uniform", "q": domain["q"]}


def _executor(found: Import, hyperopt: Tree) -> None:
    executor = group(hyperopt, "executor")
    found.put(trials=executor.get("num_samples") or group(hyperopt, "sampler").get("num_samples"))
    found.put(timeout=executor.get("time_budget_s"), max_concurrent=_count(executor.get("max_concurrent_trials")))
    if "max_concurrent_trials" in executor and "max_concurrent" not in found.tree:
        found.note(
            ("hyperopt", "executor", "max_concurrent_trials"), "as many as the machine has room for, by default"
        )
    for key, ours in (("cpu_resources_per_trial", "cpus"), ("gpu_resources_per_trial", "gpus")):
        found.put(resources={ours: executor[key]} if executor.get(key) else None)
    scheduler = group(executor, "scheduler")
    name = text_of(scheduler, "type")
    if name is not None and name not in _SCHEDULES:
        found.note(("hyperopt", "executor", "scheduler", "type"), f"there is no {name} here: asha is the default")
    if name in _SCHEDULES:
        word = _SCHEDULES[name]
        keys = {ours: scheduler[key] for key, ours in _SCHEDULE_KEYS.items() if key in scheduler}
        found.put(early_terminate="none" if word == "none" else {"type": word, **keys})
    found.put(epochs=scheduler.get("max_t"))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _trainer(found: Import, key: str, value: Any, path: Path) -> None:
    ours = hyperparameter(key, KNOWN)
    if ours in NOT_OF_TEXTS and found.tree.get("workload") == "recurrent":
        ours = None
    if isinstance(value, dict) and "type" in value:
        value = value["type"]
    if key == "epochs":
        if found.tree.setdefault("epochs", plain(value)) != value:
            found.note(path, "the scheduler's max_t is written")
    elif ours and ours not in found.tree.get("parameters", {}) and isinstance(value, int | float | str):
        found.put(parameters={ours: value})
    elif ours:
        plain(value)
        found.note(path, f"{ours} is searched, or is no single value")
    else:
        plain(value)
        found.note(path, "has no counterpart")
