"""Writes the spec of a sweep over the command-line arguments of a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from search_spaces.criteria.metric_names import smaller_is_better
from search_spaces.space.domain_contract import is_number
from search_spaces.spec.starting.around import around
from search_spaces.spec.starting.script_source import Argument, Script
from search_spaces.spec.yaml_document import flow

_NOT_SEARCHED: Final = (
    *("seed", "device", "data", "dataset", "dir", "path", "root", "out", "output", "file", "log", "logs", "name"),
    *("workers", "gpu", "gpus", "cuda", "resume", "checkpoint", "save", "port", "host", "rank", "interval"),
    *("project", "entity", "wandb", "run", "debug", "url", "uri", "verbose"),
)
"""Words of arguments that are no hyperparameters."""
_EPOCHS: Final = ("epochs", "num_epochs", "n_epochs", "max_epochs", "num_train_epochs")
MANY_METRICS: Final = 8
"""Number of metrics that are named beside the objective."""
_NO_EPOCHS: Final = (
    "# epochs: 10             # the most reports of the metric by one trial; else it ends with its script"
)

_TEXT = """\
# yaml-language-server: $schema={schema}
# {summary}
#   paceline check FILE              every fault, and a preview
#   paceline run FILE trials=40      key=value goes over the file
name: {name}
program: {program}
{command}
metric: {{name: {metric}, goal: {goal}}}   # {metrics}
method: auto
trials: 20
{epochs}

# A range {{min, max}}, with log: true or step: S; choices {{values: [...]}}; or one value, which is then fixed.
parameters:
{parameters}
early_terminate: {{type: asha}}   # or none
"""


def script_spec(script: Script, program: str, schema: str) -> str:
    """Return a spec that searches the script's arguments; ``program`` is its path from the spec's folder."""
    metric = script.metrics[0] if script.metrics else "val_loss"
    others = f"it reports {', '.join(script.metrics[:MANY_METRICS])}" if script.metrics else "NAME WHAT IT REPORTS"
    epochs = next((one.default for one in script.arguments if _is_epochs(one) and one.default), None)
    flags = any(one.is_flag for one in script.arguments)
    places = "".join(f"{flow(name.upper())}, " for name in script.positional)
    words = f"[python, '${{program}}', {places}'${{{'args_no_boolean_flags' if flags else 'args'}}}']"
    asked = f"   # put in its {', '.join(script.positional)}" if places else ""
    return _TEXT.format(
        schema=schema,
        summary=script.summary,
        name=flow(Path(program).stem),
        program=flow(program),
        command=f"command: {words}{asked}\n" if flags or places else "",
        metric=flow(metric),
        goal="minimize" if smaller_is_better(metric) else "maximize",
        metrics=others,
        epochs=f"epochs: {epochs}" if epochs else _NO_EPOCHS,
        parameters="".join(f"  {line}\n" for line in _lines(script.arguments)) or "  # it has no arguments\n",
    )


def searched(one: Argument) -> dict[str, Any] | None:
    """Return a range or choices to begin with, in the form of a spec's parameter; None where none is proposed."""
    words = one.name.lower().replace("-", "_").split("_")
    if any(word in _NOT_SEARCHED for word in words) or _is_epochs(one):
        return None
    if one.kind is bool and not one.is_flag:  # argparse takes any text but the empty one as true
        return None
    if one.choices:
        return {"values": list(one.choices)}
    if one.is_flag:
        return {"values": [False, True]}
    return around(float(one.default) if one.kind is float and is_number(one.default) else one.default)


def _is_epochs(one: Argument) -> bool:
    """Whether an argument is the length of a training."""
    return one.name.replace("-", "_") in _EPOCHS


def _lines(arguments: Sequence[Argument]) -> Iterator[str]:
    for one in arguments:
        note = f"   # {one.doc}" if one.doc else ""
        if (domain := searched(one)) is not None:
            yield f"{one.name}: {flow(domain)}{note}"
        elif _is_epochs(one) and one.default:
            yield f"{one.name}: {flow(one.default)}{note}"
        elif one.required:
            yield f"{one.name}: VALUE   # the script asks for it{': ' + one.doc if one.doc else ''}"
        else:
            yield f"# {one.name}: {flow(one.default)}{note}"
