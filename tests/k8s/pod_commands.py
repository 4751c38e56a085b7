"""What a container runs: whether our image has it, and which ports it opens."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from tests.k8s.render import Manifest

Known = dict[tuple[str, str], set[str]]
"""The keys of every object by kind and name."""
PLANNED = {"cluster.job"}
_DEFAULT_PORTS = {"postgres": {5432}, "valkey": {6379}}


def listening(container: Manifest) -> set[int]:
    """The ports that the container's program opens, read from how it is started."""
    image, command = container["image"].split(":")[0].split("/")[-1], container.get("command", [])
    env = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
    if image in _DEFAULT_PORTS:
        return _DEFAULT_PORTS[image]
    if image == "versitygw":
        return {int(env["VGW_PORT"].lstrip(":"))}
    if container["name"] == "ray-head":
        return {6379, 8080, 8265, 10001, 52365}
    if container["name"] == "ray-worker":
        return {8080, 52365}
    given = [word.removeprefix("--port=") for word in command if word.startswith("--port=")]
    return {int(port) for port in given}


def command_faults(command: list[str]) -> Iterator[str]:
    """What our image lacks to run this."""
    program, *arguments = command
    if program in ("python", "bash", "sh"):
        if arguments[:1] == ["-m"]:
            module = arguments[1]
            if module not in PLANNED and importlib.util.find_spec(module) is None:
                yield f"there is no module {module}"
    elif program not in {entry.name for entry in importlib.metadata.entry_points(group="console_scripts")}:
        yield f"no package of ours has a command {program}"
    elif program == "mlflow":
        yield from _mlflow_faults(arguments)


def _mlflow_faults(arguments: list[str]) -> Iterator[str]:
    command = _mlflow()
    options = [word for word in arguments if word.startswith("--")]
    for word in (word for word in arguments if not word.startswith("--")):
        if hasattr(command, "commands"):
            if word not in command.commands:
                yield f"mlflow has no command {word}"
                return
            command = command.commands[word]
    known = {name for parameter in command.params for name in parameter.opts}
    for option in options:
        if option.split("=")[0] not in known:
            yield f"mlflow {arguments[0]} has no option {option}"


@lru_cache(maxsize=1)
def _mlflow() -> Any:
    from mlflow.cli import cli

    return cli


def script_faults(container: Manifest, spec: Manifest, known: Known) -> Iterator[str]:
    """A script that python is told to run must come from a ConfigMap that is mounted there."""
    command = container.get("command", [])
    if command[:1] != ["python"] or command[1].startswith("-"):
        return
    folder, _, file = command[1].rpartition("/")
    names = [mount["name"] for mount in container.get("volumeMounts", []) if mount["mountPath"] == folder]
    maps = [v["configMap"]["name"] for v in spec.get("volumes", []) if v["name"] in names and "configMap" in v]
    if not any(file in known.get(("ConfigMap", name), set()) for name in maps):
        yield f"{container['name']} runs {command[1]}, which no ConfigMap puts there"
