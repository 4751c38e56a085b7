"""Writes the commented spec of ``paceline init``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.spec.starting.around import around
from search_spaces.spec.starting.proposal import Proposal, narrowed
from search_spaces.spec.yaml_document import flow
from search_spaces.types.catalogue import DEFAULT_METHOD, DEFAULT_SCHEDULE, Catalogue, ScheduleInfo, WorkloadInfo
from search_spaces.types.problems import DataKind
from search_spaces.types.values import unnested

_HEAD = """\
# yaml-language-server: $schema={schema}
# {name}: {summary}
#   paceline check FILE              every fault, and a preview
#   paceline run FILE trials=40      key=value goes over the file
name: {title}
workload: {name}

{notes}
data: {data}

metric: {{name: {metric}, goal: {goal}}}   # {metrics}
{method}
trials: 20
epochs: 10                 # of a trial that is not stopped early
seed: 0

# A range {{min, max}}, with log: true or step: S; choices {{values: [...]}}; or one value, which is then fixed.
# when: {{optimizer: sgd}} inside a range: it exists only under that value.
parameters:
"""

_TAIL = """
{early_terminate}
{final}

# require: [batch_size >= 64 or lr < 0.01]   # conditions that every trial satisfies
# start_from: [{lr: 0.01}]             # tried first, after the defaults
# max_concurrent: auto                 # workers, each training at the same time
# train_together: auto                 # trials trained as one program
# timeout: 2h
# budget: {epochs: 500}                # or lane_hours, gpu_hours, cost (by cost_per_hour: {cpu: 0.04, gpu: 2.5})
# stop_when: {no_improvement: 30}      # so many trials without a better one; or regret_below: 0.01
# grace: 30s                           # a silent trial has this long to report once the search is to end
# trial_timeout: 20m                   # a trial that trains for longer fails
# priority: 0                          # on a shared cluster: higher ones take the workers that come free
# max_retries: 3                       # further attempts of a trial that failed
# max_failed_trials: 3                 # more failed trials than this: exit code 3
# resources: {cpus: 1, gpus: 0}        # of one process that trains
# tracking: {uri: sqlite:///mlflow.db, experiment: NAME}
# storage: {study: postgresql+psycopg://USER@HOST/DB, checkpoints: s3://BUCKET/PREFIX}  # shared
"""


_FINAL = """\
final: {top: 3, seeds: 5}  # final evaluation: the best trials again, with new seeds, on the test split; or none"""
_NO_FINAL = "final: none                # a final evaluation on the test split needs a function predict(folder, x)"


def default_kind(workload: WorkloadInfo) -> DataKind:
    """Return a template's default kind of data: images for our workloads that take them, else the first kind."""
    return "image" if "image" in workload.problems and ":" not in workload.name else next(iter(workload.problems))


def template(workload: WorkloadInfo, proposal: Proposal, schema_name: str, catalogue: Catalogue) -> str:
    """Return a spec for ``workload`` on what is proposed, that runs unchanged.

    It names the schema by which editors complete it.
    """
    parameters = "".join(_parameters(workload, proposal))
    head, tail = _head(workload, proposal, schema_name, catalogue), _tail(workload, catalogue)
    if not workload.space and not workload.init_values and not guessed_space(workload.hyperparameters):
        head, tail = head.replace("trials: 20\n", "trials: 1\n").removesuffix("parameters:\n"), "\n" + tail
    return head + parameters + tail


def _head(workload: WorkloadInfo, proposal: Proposal, schema_name: str, catalogue: Catalogue) -> str:
    metrics = proposal.metrics(workload)
    metric = workload.init_metric.get(proposal.problem, next(iter(metrics)))
    return _HEAD.format(
        schema=schema_name,
        name=workload.name,
        summary=workload.summary,
        title=f"{workload.name.rpartition(':')[2]}-{proposal.data.title}",
        notes="\n".join(f"# {' '.join(line.split())}" for line in proposal.notes),
        data=flow(proposal.data.spec),
        metric=metric,
        goal=metrics[metric],
        method=_line(f"method: {DEFAULT_METHOD}", " | ".join(catalogue.samplers)),
        metrics=", ".join(f"{name} ({natural})" for name, natural in metrics.items()),
    )


def _tail(workload: WorkloadInfo, catalogue: Catalogue) -> str:
    tail = _TAIL.replace("{final}", _FINAL if workload.judged else _NO_FINAL)
    return tail.replace("{early_terminate}", _early_terminate(catalogue.schedules))


def _line(text: str, comment: str) -> str:
    return f"{text:<26} # {comment}"


def _early_terminate(schedules: Mapping[str, ScheduleInfo]) -> str:
    """Return the line of the default schedule with all its keys, and the other schedules in a comment."""
    defaults = {field.name: field.default for field in fields(schedules[DEFAULT_SCHEDULE].parameters)}
    default = flow({"type": DEFAULT_SCHEDULE, **defaults})
    others = ", ".join(name for name in schedules if name != DEFAULT_SCHEDULE)
    return f"early_terminate: {default}   # or {others}"


def _parameters(workload: WorkloadInfo, proposal: Proposal) -> list[str]:
    kind, given = proposal.kind, proposal.fixed
    known = hyperparameters(workload.hyperparameters)
    space = narrowed(workload.space or guessed_space(workload.hyperparameters), given)
    note = (
        "" if workload.space else "  # ranges around the defaults of a function that names none: put in your own\n"
    )
    begun = {**workload.init_values, **workload.init_values_on.get(kind, {})}
    fixed = {**{name: value for name, value in begun.items() if name not in space}, **given}
    written = [f"  {name}: {flow(inner)}{_doc(known.get(name))}\n" for name, inner in {**fixed, **space}.items()]
    others = [
        f"  # {name}: {'?' if hp.required else flow(unnested(hp.default))}{_doc(hp)}\n"
        for name, hp in known.items()
        if name not in space and name not in fixed and hp.has_effect(kind, proposal.problem)
    ]
    return [note, *written, *others] if space else [*written, *others]


def guessed_space(hyperparameters_type: type) -> dict[str, Any]:
    """Return ranges around the defaults, for a function that declares none."""
    return {
        name: inner
        for name, hp in hyperparameters(hyperparameters_type).items()
        if (inner := around(hp.default)) is not None
    }


def _doc(hp: Hyperparameter | None) -> str:
    return "" if hp is None else f"   # {hp.doc} ({hp.range})"
