"""The command line of a trial's script, from the spec's command and the trial's hyperparameters; W&B's macros."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search_spaces.spec.keys.command import ENVVAR, Command
from search_spaces.types.values import Params, unnested

_FILE = "${args_json_file}"


def config(command: Command, params: Params) -> dict[str, Any]:
    """Return the hyperparameters as ``wandb.config`` has them: those of nested ``parameters`` in groups."""
    return command.grouped({name: unnested(value) for name, value in params.items()}, inner="")


def argv(
    command: Command, params: Params, interpreter: str, json_file: Path, environment: Mapping[str, str]
) -> list[str]:
    """Return the words of the command line of one trial.

    ``json_file`` is the path of the file for which ``${args_json_file}`` stands; it holds ``config``. Raises
    ValueError where an environment variable that the command names is not set.
    """
    words: list[str] = []
    for word in command.words:
        if word == _FILE:
            words.append(str(json_file))
        elif word == "${env}":
            words.append("/usr/bin/env")
        elif word == "${interpreter}":
            words.append(interpreter)
        elif word == "${program}":
            words.append(command.program or "")
        elif word == "${args_json}":
            words.append(json.dumps(config(command, params)))
        elif word in _ARGUMENTS:
            given = ((name, unnested(value)) for name, value in params.items())
            words += [text for name, value in given for text in _ARGUMENTS[word](name, value)]
        else:
            words.append(_filled(word, environment))
    return words


def _no_boolean_flag(name: str, value: Any) -> list[str]:
    """Return the flag alone for true, and nothing for false."""
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}={value}"]


_ARGUMENTS: Mapping[str, Callable[[str, Any], list[str]]] = {
    "${args}": lambda name, value: [f"--{name}={value}"],
    "${args_no_equals}": lambda name, value: [f"--{name}", str(value)],
    "${args_no_hyphens}": lambda name, value: [f"{name}={value}"],
    "${args_no_boolean_flags}": _no_boolean_flag,
    "${args_append_hydra}": lambda name, value: [f"+{name}={value}"],
    "${args_override_hydra}": lambda name, value: [f"++{name}={value}"],
}


def _filled(word: str, environment: Mapping[str, str]) -> str:
    for name in ENVVAR.findall(word):
        if name not in environment:
            raise ValueError(f"command: {word} names the environment variable {name}, which is not set here")
    return ENVVAR.sub(lambda found: environment[found[1]], word)
