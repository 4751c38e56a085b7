"""Reads a script, without running it, and writes the spec of a sweep over its command-line arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from search_spaces.space.domain_contract import is_number
from search_spaces.spec.starting.around import around
from search_spaces.spec.yaml_document import flow
from search_spaces.types.problems import Goal

_TYPES: Final = {"float": float, "int": int, "str": str, "bool": bool}
_FLAGS: Final = {"store_true": False, "store_false": True, "BooleanOptionalAction": False}
_NOT_SEARCHED: Final = (
    *("seed", "device", "data", "dataset", "dir", "path", "root", "out", "output", "file", "log", "logs", "name"),
    *("workers", "gpu", "gpus", "cuda", "resume", "checkpoint", "save", "port", "host", "rank", "interval"),
    *("project", "entity", "wandb", "run", "debug", "url", "uri", "verbose"),
)
"""Words of arguments that are no hyperparameters."""
_EPOCHS: Final = ("epochs", "num_epochs", "n_epochs", "max_epochs", "num_train_epochs")
_LOGGERS: Final = ("log", "report", "log_metric", "log_metrics", "log_dict")
_LOW: Final = ("loss", "error", "err", "rmse", "mae", "mse", "perplexity", "ppl", "fid", "wer", "nll")
MANY_METRICS: Final = 8
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


@dataclass(frozen=True)
class Argument:
    """One argument of a script's command line."""

    name: str
    kind: type | None
    """Type of its value; None where the script does not say it."""
    default: Any
    choices: tuple[Any, ...] = ()
    required: bool = False
    doc: str = ""
    is_flag: bool = False
    """Whether it takes no value."""

    @property
    def is_epochs(self) -> bool:
        """Whether it is the length of a training."""
        return self.name.replace("-", "_") in _EPOCHS

    @property
    def searched(self) -> dict[str, Any] | None:
        """A range or choices to begin with, in the form of a spec's parameter; None where none is proposed."""
        words = self.name.lower().replace("-", "_").split("_")
        if any(word in _NOT_SEARCHED for word in words) or self.is_epochs:
            return None
        if self.kind is bool and not self.is_flag:  # argparse takes any text but the empty one as true
            return None
        if self.choices:
            return {"values": list(self.choices)}
        if self.is_flag:
            return {"values": [False, True]}
        return around(float(self.default) if self.kind is float and is_number(self.default) else self.default)


@dataclass(frozen=True)
class Script:
    """What a script's source says."""

    summary: str
    arguments: tuple[Argument, ...]
    metrics: tuple[str, ...]
    """Names of what it reports, the likeliest objective first."""
    positional: tuple[str, ...] = ()
    """Names of the arguments that it asks for by their place."""


def read_script(path: Path) -> Script:
    """Return what the source of a script says. Raises ValueError where it is no Python."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as error:
        raise ValueError(f"{path} is no Python: line {error.lineno}: {error.msg}") from error
    found = [argument for node in ast.walk(tree) if (argument := _argument(node))]
    names = list(dict.fromkeys(_reported(tree)))
    names.sort(key=lambda name: (not name.startswith(("val", "eval", "dev")), "loss" in name))
    summary = (ast.get_docstring(tree) or f"the script {path.name}").splitlines()[0]
    positional = tuple(name for node in ast.walk(tree) if (name := _positional(node)))
    return Script(summary, tuple({one.name: one for one in found}.values()), tuple(names), positional)


def script_spec(script: Script, program: str, schema: str) -> str:
    """Return a spec that searches the script's arguments; ``program`` is its path from the spec's folder."""
    metric = script.metrics[0] if script.metrics else "val_loss"
    others = f"it reports {', '.join(script.metrics[:MANY_METRICS])}" if script.metrics else "NAME WHAT IT REPORTS"
    epochs = next((one.default for one in script.arguments if one.is_epochs and one.default), None)
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
        goal=goal_of(metric),
        metrics=others,
        epochs=f"epochs: {epochs}" if epochs else _NO_EPOCHS,
        parameters="".join(f"  {line}\n" for line in _lines(script.arguments)) or "  # it has no arguments\n",
    )


def goal_of(metric: str) -> Goal:
    """Return the likely goal of a metric by its name."""
    return "minimize" if any(word in metric.lower() for word in _LOW) else "maximize"


def _lines(arguments: Sequence[Argument]) -> Iterator[str]:
    for one in arguments:
        note = f"   # {one.doc}" if one.doc else ""
        if (domain := one.searched) is not None:
            yield f"{one.name}: {flow(domain)}{note}"
        elif one.is_epochs and one.default:
            yield f"{one.name}: {flow(one.default)}{note}"
        elif one.required:
            yield f"{one.name}: VALUE   # the script asks for it{': ' + one.doc if one.doc else ''}"
        else:
            yield f"# {one.name}: {flow(one.default)}{note}"


def _argument(node: ast.AST) -> Argument | None:
    """Return the argument that a call of ``add_argument`` declares; None for any other node."""
    if not isinstance(node, ast.Call) or _word(node.func) != "add_argument":
        return None
    options = [one for arg in node.args if isinstance(one := _literal(arg), str) and one.startswith("--")]
    if not options:
        return None
    given = {word.arg: word.value for word in node.keywords if word.arg}
    name = options[-1].lstrip("-")  # what the command line calls it
    action = _word(given.get("action"))
    default = _literal(given.get("default"))
    if action == "BooleanOptionalAction" and default is True:  # its flag turns it off
        name, default = f"no-{name}", False
    kind = _TYPES.get(_word(given.get("type")) or "", type(default) if is_number(default) else None)
    choices = _literal(given.get("choices")) or ()
    return Argument(
        name=name,
        kind=kind,
        default=_FLAGS[action] if action in _FLAGS and default is None else default,
        choices=tuple(choices) if isinstance(choices, list | tuple) else (),
        required=bool(_literal(given.get("required"))),
        doc=" ".join(str(_literal(given.get("help")) or "").split())[:80],
        is_flag=action in _FLAGS,
    )


def _positional(node: ast.AST) -> str | None:
    """Return the name of an argument without a flag that must be given."""
    if not isinstance(node, ast.Call) or _word(node.func) != "add_argument" or not node.args:
        return None
    name = _text(_literal(node.args[0]))
    nargs = next((_literal(word.value) for word in node.keywords if word.arg == "nargs"), None)
    return name if name and not name.startswith("-") and nargs not in ("?", "*") else None


def _word(node: ast.AST | None) -> str | None:
    """Return the last name, or the text, of an expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else _text(_literal(node))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _literal(node: ast.AST | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def _reported(tree: ast.AST) -> Iterator[str]:
    """Yield the names that calls such as ``wandb.log({...})``, ``mlflow.log_metric(...)``, ``report(...)`` give."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _word(node.func) not in _LOGGERS:
            continue
        for arg in node.args[:1]:
            keys = [_literal(key) for key in arg.keys if key] if isinstance(arg, ast.Dict) else [_literal(arg)]
            yield from (key for key in keys if isinstance(key, str) and key.replace("/", "_").isidentifier())
        if _word(node.func) == "report":
            yield from (word.arg for word in node.keywords if word.arg and word.arg not in ("save", "step"))
