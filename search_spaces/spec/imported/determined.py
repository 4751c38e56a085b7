"""Determined's experiment configuration as a spec of its entrypoint."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

from search_spaces.spec.imported.contract import Import, Tree, Watched, group, in_its_place, plain, text_of
from search_spaces.spec.other_tools.parameters import determined_parameter
from search_spaces.spec.yaml_document import Path

_SAME: Final = {"name": "name", "description": "description", "max_restarts": "max_retries"}
_COUNTS: Final = {"max_trials": "trials", "max_concurrent_trials": "max_concurrent"}
_READ: Final = (*_SAME, "searcher", "hyperparameters", "entrypoint", "resources", "environment", "reproducibility")
_SCHEDULES: Final = {"adaptive_asha": "hyperband", "async_halving": "asha", "asha": "asha"}
_SHELL: Final = re.compile(r"[|&;<>$`*~(){}\n]")
"""Signs that a shell would read."""
_TYPES: Final = ("const", "categorical", "int", "double", "log")
NO_FLAGS: Final = (
    "hyperparameters come as arguments --name=value (or ${args_json_file}), where Determined's came by its API: "
    "read them there, and report by 'from workloads.report import report'"
)


def from_determined(tree: Tree) -> Import:
    """Return the spec of an experiment."""
    found = Import()
    for key, ours in _SAME.items():
        found.put(**{ours: tree.get(key)})
    _entrypoint(found, tree.get("entrypoint"))
    _searcher(found, group(tree, "searcher"))
    _hyperparameters(found, group(tree, "hyperparameters"), ("hyperparameters",))
    _resources(found, group(tree, "resources"))
    found.put(seed=group(tree, "reproducibility").get("experiment_seed"))
    variables = group(tree, "environment").get("environment_variables")
    if isinstance(variables, list):
        found.put(env=dict(str(one).split("=", 1) for one in variables if "=" in str(one)) or None)
    elif plain(variables):
        found.note(("environment", "environment_variables"), "write those of this machine's kind into env")
    for key in group(tree, "environment"):
        if key != "environment_variables":
            found.note(("environment", key), "trials run in this environment, on a cluster in the job's")
    for key in tree:
        if key not in _READ:
            found.note((key,), in_its_place(key))
    return found


def _entrypoint(found: Import, entrypoint: Any) -> None:
    if isinstance(entrypoint, str) and _SHELL.search(entrypoint):
        _shell(found, entrypoint)
        return
    words = entrypoint if isinstance(entrypoint, list) else shlex.split(str(entrypoint or ""))
    words = [str(word) for word in words]
    launcher = next((place for place, word in enumerate(words) if "determined.launch" in word), None)
    if launcher is not None:
        words = _launched(words[launcher + 1 :])
        found.note(("entrypoint",), "workers are started by resources.workers, without Determined's launcher")
    if not words:
        found.refuse(("entrypoint",), "must name what a trial starts")
    elif len(words) == 1 and ":" in words[0]:
        module = words[0].partition(":")[0]
        found.put(workload=f"{module}:train")
        found.note(
            ("entrypoint",), f"{words[0]} is a Trial class: write a function train(run, *, ...) in {module}.py"
        )
    else:
        found.put(command=[*words, "${args}"])
        found.note(("entrypoint",), NO_FLAGS)


def _launched(words: list[str]) -> list[str]:
    """Return what Determined's launcher starts with these arguments: a program's words, or a Trial class alone."""
    if "--" in words:
        return words[words.index("--") + 1 :]
    for place, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == "--trial":
            return [value] if value else words[place + 1 : place + 2]
        if word.rpartition("/")[2] in ("python", "python3"):
            return words[place:]
        if word.endswith(".py"):
            return ["python", *words[place:]]
    return []


def _shell(found: Import, text: str) -> None:
    """Put a line for a shell, whose Python program gets the hyperparameters as its arguments."""
    line = re.sub(r"\$\{(\w+)\}(?!\w)", r"$\1", " ".join(text.split()))
    line, known = re.subn(r"(\bpython3?\s[^&|;<>]*?\.py)\b", r'\1 "$@"', line, count=1)
    if not known:
        found.refuse(
            ("entrypoint",), "is a line for a shell in which no program.py is seen: write it as a list of words"
        )
        return
    found.put(command=["sh", "-c", line, "sh", "${args}"])
    found.note(("entrypoint",), f'"$@" stands for the hyperparameters: {NO_FLAGS}')


def _searcher(found: Import, searcher: Tree) -> None:
    name = text_of(searcher, "name")
    goal = "maximize" if searcher.get("smaller_is_better") is False else "minimize"
    found.put(metric={"name": searcher.get("metric"), "goal": goal})
    if name in _SCHEDULES:
        schedule = "asha" if name == "adaptive_asha" and searcher.get("mode") == "aggressive" else _SCHEDULES[name]
        if searcher.get("stop_once"):
            schedule = "asha_stopping"
        found.put(method="random", early_terminate={"type": schedule})
        found.put(early_terminate={"eta": searcher["divisor"]} if "divisor" in searcher else None)
    elif name == "single":
        found.put(trials=1, early_terminate="none")
    elif name in ("random", "grid"):
        found.put(method=name, early_terminate="none")
    else:
        found.refuse(("searcher", "name"), f"there is no searcher like {name} here")
    for key, ours in _COUNTS.items():
        found.put(**{ours: searcher.get(key)})
    _length(found, searcher)
    read = ("name", "metric", "smaller_is_better", "divisor", "stop_once", "max_length", "max_time", "time_metric")
    for key in searcher:
        if key not in (*read, *_COUNTS) and (key, searcher[key]) != ("mode", "aggressive"):
            found.note(("searcher", key), "rungs follow from epochs" if "rung" in key else "has no counterpart")


def _length(found: Import, searcher: Tree) -> None:
    length = searcher.get("max_length")
    if length is None and "max_time" in searcher:
        length = {str(searcher.get("time_metric", "batches")): searcher["max_time"]}
    if isinstance(length, int):
        length = {"batches": length}
    if not isinstance(length, dict):
        return
    for unit, most in length.items():
        if "epoch" in unit:
            found.put(epochs=most)
        elif "workload" in found.tree:
            found.note(
                ("searcher", "max_length"), f"write epochs: how many a training has, in place of {most} {unit}"
            )
        else:
            found.put(steps={"name": unit, "most": most})
            found.note(("searcher", "max_length"), f"report {unit!r} beside the metric: lengths are counted in it")


def _hyperparameters(found: Import, tree: Tree, path: Path) -> None:
    for name, value in tree.items():
        if isinstance(value, list) and any(map(_is_parameter, value)):
            found.note((*path, name), f"each of its elements is a parameter of its own: {name}.0, {name}.1 ...")
            value = Watched({str(place): one for place, one in enumerate(value)})
        if isinstance(value, dict) and not _is_parameter(value):
            inner = Import()
            _hyperparameters(inner, value, (*path, name))
            found.put(parameters={name: {"parameters": inner.tree.get("parameters", {})}})
            found.notes += inner.notes
        else:
            found.put(parameters={name: determined_parameter(value)})


def _is_parameter(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in _TYPES


def _resources(found: Import, resources: Tree) -> None:
    slots = resources.get("slots_per_trial")
    if isinstance(slots, int) and slots > 0:
        found.put(resources={"gpus": 1, **({"workers": slots} if slots > 1 else {})})
    found.put(priority=resources.get("priority"))
    for key in resources:
        if key not in ("slots_per_trial", "priority"):
            found.note(("resources", key), in_its_place(f"resources.{key}"))
