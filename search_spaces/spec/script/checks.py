"""Checks the keys of a script: the program, its command line with W&B's macros, and the length of a trial."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from search_spaces.criteria.metric_names import fault_of, is_of_test, with_goal
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.space import Space
from search_spaces.spec.keys.command import (
    DEFAULT_COMMAND,
    MACROS,
    SCRIPT,
    UNKNOWN_LENGTH,
    Command,
)
from search_spaces.spec.other_tools.names import metric
from search_spaces.spec.schema import EarlyTerminate, MetricFile, SpecFile
from search_spaces.spec.script.settle import Settled
from search_spaces.spec.yaml_document import Document, flow
from search_spaces.types.faults import nearest, shown
from search_spaces.types.problems import METRICS
from search_spaces.types.values import Nested, Params, Value

_OF_KNOWN_LENGTH: Final = ("median", "medianstop", "percentile", "curves", "pbt")
"""Schedules that decide at each epoch, or need the last one."""
_MOST_DECISIONS: Final = 10_000
"""Largest number of rungs: at each report of each trial all are looked at."""
_MOST_SPREAD: Final = 100_000
"""Largest ratio of the last step and hyperband's first rung: its brackets are dealt out to so many trials."""
_MACRO: Final = re.compile(r"\$\{([^}]*)\}")
_INTERPRETERS: Final = {
    ".sh": "bash",
    ".R": "Rscript",
    ".r": "Rscript",
    ".jl": "julia",
    ".pl": "perl",
}


def checked_command(document: Document, spec: SpecFile, settled: Settled, base: Path | None) -> Command:
    """Return the command of a script's spec; faults are noted. ``base`` is the spec's folder, None: unknown."""
    words = tuple(spec.command or DEFAULT_COMMAND)
    _check_starts(document, spec, words, base)
    open_ended = spec.steps is None and spec.epochs == UNKNOWN_LENGTH
    kind = (spec.early_terminate or {}).get("type")
    if open_ended and kind in _OF_KNOWN_LENGTH:
        rule = "needs 'epochs: N' beside it, the number of reports of a trial, or 'steps'"
        document.fault(("early_terminate", "type"), rule, shown(kind))
    return Command(
        program=spec.program,
        words=words,
        nested=dict(settled.nested),
        steps=spec.steps,
        checkpoint=spec.checkpoint,
        wandb=spec.wandb,
        pattern=settled.pattern,
        open_ended=open_ended,
        notes=tuple(settled.notes),
    )


def _check_starts(document: Document, spec: SpecFile, words: Sequence[str], base: Path | None) -> None:
    """Note faults of what is started: the program, and the words of the command line."""
    if spec.program is None and (spec.command is None or "${program}" in words):
        document.fault(("program",), "is required" + (": ${program} stands in command" if spec.command else ""))
    if spec.command is not None:
        _check_words(document, words)
        if spec.program is not None and "${program}" not in words:
            rule = "has no effect: ${program} does not stand in command"
            document.fault(("program",), rule, shown(spec.program))
    if spec.program is not None and "${program}" in words:
        _check_program(document, spec.program, base, plain=spec.command is None)


def length(spec: SpecFile) -> int:
    """Return the most epochs of a trial, in the unit of ``steps`` where the spec has one."""
    return spec.steps.most if spec.steps else spec.epochs


def check_decisions(document: Document, spec: SpecFile, rule: EarlyTerminate) -> None:
    """Note as a fault that a rule would decide too often over ``steps``, which may be many."""
    if spec.steps is None:
        return
    most, given = spec.steps.most, rule.parameters
    for key in ("every", "interval"):
        if key in given and most // given[key] > _MOST_DECISIONS:
            least = -(-most // _MOST_DECISIONS)
            text = f"must be at least {least}, a decision in so many of steps.most = {most}"
            document.fault(("early_terminate", key), text, shown(given[key]))
    if rule.type == "hyperband" and most // given["min_iter"] > _MOST_SPREAD:
        text = f"must be at least {-(-most // _MOST_SPREAD)}, as steps.most is {most}"
        document.fault(("early_terminate", "min_iter"), text, shown(given["min_iter"]))


def script_metric(document: Document, given: MetricFile, settled: Settled) -> dict[str, Any] | None:
    """Return the objective of a script, which may have any name; faults are noted.

    One of the test split is only told of: an untouched script may report no other.
    """
    if given.name is None:
        rule = "is required: the name of what the script reports, such as val_loss"
        document.fault(("metric", "name") if "metric" in document.tree else ("metric",), rule)
        return None
    if unfit := fault_of(given.name, given.name):
        document.fault(("metric", "name"), unfit, shown(given.name))
        return None
    if is_of_test(given.name):
        best = f"the search chooses by {given.name}: what it finds looks better than it is on new data"
        settled.notes.append(f"{best}, and no final evaluation can correct it")
    natural = {name: goal for metrics in METRICS.values() for name, goal in metrics.items()}
    goal = given.goal or natural.get(metric(given.name) or given.name)
    if goal is None:
        document.fault(("metric", "goal"), f"is required for {given.name}: write {with_goal(given.name)}")
        return None
    return {"name": given.name, "goal": goal, "target": given.target}


def default_name(spec: SpecFile) -> str:
    """Return the name of a script's sweep that has none."""
    first = spec.program or next((word for word in spec.command or () if "${" not in word and "." in word), SCRIPT)
    return Path(first).stem.strip("-_. ") or SCRIPT


def known_of(space: Space, constants: Params) -> dict[str, Hyperparameter]:
    """Return the hyperparameters of a script, which are those that its ``parameters`` name, each with its type."""
    ends = {name: domain.bounds or domain.grid() for name, domain in space.domains.items()}
    kinds = {name: _kind(values) for name, values in ends.items()}
    kinds |= {name: _kind((value,)) for name, value in constants.items()}
    return {name: Hyperparameter(name=name, type=kind, default=None, doc="") for name, kind in kinds.items()}


def _kind(values: Sequence[Value]) -> type:
    """Return the type of a hyperparameter with these values, or ends of a range."""
    for kind in (bool, int, float):
        able = (int, float) if kind is float else kind
        if all(isinstance(value, able) and (kind is bool or not isinstance(value, bool)) for value in values):
            return kind
    return str if all(isinstance(value, str) and not isinstance(value, Nested) for value in values) else object


def _check_words(document: Document, words: Sequence[str]) -> None:
    for number, word in enumerate(words):
        whole = _MACRO.fullmatch(word)
        for name in _MACRO.findall(word):
            place = ("command", number)
            if name.startswith("envvar:"):
                continue
            if name in MACROS and not whole:
                document.fault(place, f"${{{name}}} must be a word of its own", shown(word))
            elif whole and name not in MACROS:
                close = nearest(name, MACROS)
                rule = (
                    "unknown macro" if close else f"unknown macro (there are {', '.join(MACROS)} and envvar:NAME)"
                )
                document.fault(place, rule, shown(word), close and repr(f"${{{close}}}"))


def _check_program(document: Document, program: str, base: Path | None, plain: bool) -> None:
    if plain and (with_what := _INTERPRETERS.get(Path(program).suffix)):
        rule = f"is no Python program: write 'command: {flow([with_what, '${program}', '${args}'])}' beside it"
        document.fault(("program",), rule, shown(program))
    elif base is not None and not (base / program).is_file():
        folder = base / Path(program).parent
        there = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        close = nearest(Path(program).name, there)
        meant = close and repr(str(Path(program).parent / close))
        rule = f"must be a file in {base}, the folder of the spec"
        if (here := Path.cwd() / program).is_file() and not Path(program).is_absolute():
            rule += f", in which it runs: {here} is another one, so move the spec to {Path.cwd()}"
        document.fault(("program",), rule, shown(program), meant)
