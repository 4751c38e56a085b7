"""Tells of the groups of keys of Determined's and Katib's files, with their values, what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from search_spaces.spec.other_tools import names
from search_spaces.spec.other_tools.parameters import determined_parameter, katib_parameter, number
from search_spaces.spec.other_tools.words import KEYS, METHODS
from search_spaces.spec.yaml_document import Document, Path, flow
from search_spaces.types.faults import nearest

Tree = Mapping[str, Any]
SEARCHERS = {"random": "random", "grid": "grid", "bayesianoptimization": "auto", "sobol": "qmc"}
"""Names of searches with another, or the same, name here."""


def tell_other_tools(document: Document, known: Collection[str] | None) -> None:
    """Note a fault for each key of Determined's ``searcher`` and ``hyperparameters``, and of Katib's ``spec``.

    ``known`` are the workload's hyperparameters; None: unknown.
    """
    tree = document.tree
    for key, told in (
        ("searcher", _searcher),
        ("hyperparameters", partial(_hyperparameters, known)),
        ("spec", partial(_katib, known)),
    ):
        if isinstance(tree.get(key), dict):
            for path, instead in told(tree[key]):
                rule = instead if instead.startswith("is ") else f"is not read: {instead}"
                document.fault((key, *path), rule)


def _write(tree: Any, where: str = "") -> str:
    text = flow(tree)
    return f"write '{text[1:-1] if isinstance(tree, dict) else text}'{where}"


def _search(name: Any) -> str:
    """Return what to write for the name of a search, which may be that of a schedule."""
    word = str(name)
    if "early_terminate" in METHODS.get(word, ""):
        return _write({"early_terminate": {"type": word}}, ", and a method beside it, such as 'method: random'")
    return METHODS[word] if word in METHODS else _write({"method": SEARCHERS.get(word, word)})


_SEARCHER: Mapping[str, Callable[[Any], str]] = {
    "name": _search,
    "max_trials": lambda value: _write({"trials": value}),
    "max_concurrent_trials": lambda value: _write({"max_concurrent": value}),
    "max_length": lambda value: _epochs(value),
    "time_metric": lambda value: "time is counted in epochs: leave it out",
    "divisor": lambda value: _write({"early_terminate": {"eta": value}}),
    "max_rungs": lambda value: (
        "rungs follow from epochs: write 'early_terminate: {min_iter: N}', the first of them"
    ),
    "num_rungs": lambda value: (
        "rungs follow from epochs: write 'early_terminate: {min_iter: N}', the first of them"
    ),
    "mode": lambda value: "'early_terminate: {type: hyperband}' has all brackets, 'asha' the most aggressive one",
    "bracket_rungs": lambda value: "'early_terminate: {type: hyperband}' has all brackets, 'asha' one",
    "stop_once": lambda value: _write({"early_terminate": {"type": "asha_stopping" if value else "asha"}}),
    "source_trial_id": lambda value: (
        "write 'start_from: [{...}]' for values, or 'warm_start: [ID]' for what is known"
    ),
    "source_checkpoint_uuid": lambda value: "trials begin anew: write 'warm_start: [ID]' for what is known",
}


def _searcher(tree: Tree) -> Iterator[tuple[Path, str]]:
    for key, value in tree.items():
        if key == "metric":
            goal = "maximize" if tree.get("smaller_is_better") is False else "minimize"
            yield (
                (key,),
                _write({"metric": {"name": names.metric(value) or value, "goal": goal}}),
            )
        elif key == "smaller_is_better":
            yield (key,), _write({"metric": {"goal": "minimize" if value else "maximize"}})
        elif key == "max_time":
            yield (key,), _epochs({str(tree.get("time_metric", "epochs")).rstrip("s") + "s": value})
        else:
            yield (
                (key,),
                _SEARCHER[key](value) if key in _SEARCHER else _nothing(key, [*_SEARCHER, "max_time", "metric"]),
            )


def _epochs(value: Any) -> str:
    epochs = value.get("epochs") if isinstance(value, dict) else None
    return (
        _write({"epochs": epochs}) if epochs else "write 'epochs: N': lengths are counted in passes over the data"
    )


def _nothing(key: str, known: list[str]) -> str:
    close = nearest(key, known)
    return f"there is nothing like it here{f', did you mean {close!r}?' if close else ''}"


def _hyperparameters(known: Collection[str] | None, tree: Tree, inside: Path = ()) -> Iterator[tuple[Path, str]]:
    for name, value in tree.items():
        if isinstance(value, dict) and "type" not in value:
            yield from _hyperparameters(known, value, (*inside, name))
        else:
            yield (*inside, name), _parameter(name, determined_parameter(value), known)


def _parameter(name: Any, value: Any, known: Collection[str] | None) -> str:
    """Return what to write for a hyperparameter, which may be a key of the sweep here."""
    ours = None if known and name in known else names.hyperparameter(name, known)
    key = None if ours or (known and name in known) else names.sweep_key(name)
    if key is not None and (of_sweep := names.as_sweep_key(key, value)) is not None:
        return _write(of_sweep, " beside parameters")
    return _write({ours or str(name).lstrip("-"): value}, " below parameters")


def _katib(known: Collection[str] | None, tree: Tree) -> Iterator[tuple[Path, str]]:
    settings = _katib_settings(tree.get("algorithm"))
    for key, value in tree.items():
        if key == "objective" and isinstance(value, dict):
            yield (key,), _write({"metric": _katib_metric(value)})
        elif key in ("algorithm", "earlyStopping") and isinstance(value, dict):
            yield from _katib_algorithm(key, value)
        elif key in _KATIB_COUNTS:
            yield (key,), _write({_KATIB_COUNTS[key]: value})
        elif key == "parameters" and isinstance(value, list):
            for place, one in enumerate(value):
                if isinstance(one, dict) and isinstance(one.get("feasibleSpace"), dict):
                    of_epochs = one.get("name") == settings.get("resource_name") and _epochs_of(settings)
                    ours = _parameter(one.get("name"), katib_parameter(one), known)
                    yield (key, place), of_epochs or ours
        else:
            rule = KEYS[key].removeprefix("is not read: ") if key in KEYS else _nothing(key, [*KEYS])
            yield (key,), rule


_KATIB_COUNTS = {
    "maxTrialCount": "trials",
    "parallelTrialCount": "max_concurrent",
    "maxFailedTrialCount": "max_failed_trials",
}
_KATIB_SETTINGS = {
    "min_trials_required": "min_trials",
    "start_step": "min_iter",
    "eta": "eta",
}
"""Settings with another, or the same, name among the keys of ``early_terminate``."""


def _katib_metric(objective: Tree) -> dict[str, Any]:
    name = objective.get("objectiveMetricName")
    found = {"name": names.metric(name) or name, "goal": objective.get("type")}
    return found | ({"target": objective["goal"]} if "goal" in objective else {})


def _katib_algorithm(key: str, tree: Tree) -> Iterator[tuple[Path, str]]:
    name = tree.get("algorithmName")
    if name is not None:
        early = key == "earlyStopping"
        yield (key, "algorithmName"), _write({"early_terminate": {"type": name}}) if early else _search(name)
    settings = tree.get("algorithmSettings")
    for place, setting in enumerate(settings if isinstance(settings, list) else ()):
        named = setting if isinstance(setting, dict) else {}
        yield (key, "algorithmSettings", place), _katib_setting(named, _katib_settings(tree))


def _katib_setting(setting: Tree, beside: Mapping[str, Any]) -> str:
    """Return what to write for a setting of an algorithm, ``beside`` which there are others."""
    name, value = names.plain(setting.get("name")), number(setting.get("value"))
    if ours := _KATIB_SETTINGS.get(name):
        return _write({"early_terminate": {ours: value}})
    if name == "random_state":
        return _write({"seed": value})
    if name in ("resource_name", "r_l"):
        return _epochs_of(beside) or "a trial's length is counted in epochs: write 'epochs: N', the most of one"
    return "methods here have no settings: leave it out"


def _katib_settings(algorithm: Any) -> dict[str, Any]:
    """Return the settings of an algorithm by name; its resource, where that is not named, is the epochs."""
    given = algorithm.get("algorithmSettings") if isinstance(algorithm, dict) else None
    named = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return {names.plain(one.get("name")): one.get("value") for one in named}


def _epochs_of(settings: Mapping[str, Any]) -> str | None:
    """Return what to write for the resource of a hyperband that is epochs; None where it is not, or has no end."""
    if names.sweep_key(settings.get("resource_name", "epochs")) != "epochs":
        return None
    of_epochs = names.as_sweep_key("epochs", number(settings.get("r_l")))
    return _write(of_epochs, ", the most that a trial has") if of_epochs else None
