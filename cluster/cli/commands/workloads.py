"""The command that lists workloads, and describes one with its hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from cluster.cli.commands.shared import Refusal, print_json
from cluster.cli.options import JSON
from cluster.exit_codes import FINISHED
from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.values import unnested
from workloads.hyperparameters import Training
from workloads.registry import catalogue
from workloads.tables.hyperparameters import TableFeatures


@click.command()
@click.argument("workload", required=False)
@JSON
def workloads(workload: str | None, as_json: bool) -> int:
    """List workloads, or describe WORKLOAD: its data, metrics and hyperparameters.

    WORKLOAD may be your own: package.module:NAME of a function, a network, or a Workload.
    """
    known = catalogue()
    try:
        found = [known.workload(name) for name in ([workload] if workload else known.workload_names)]
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    if as_json:
        print_json({"workloads": [_document(one) for one in found]})
    elif workload:
        print("\n".join(_described(found[0])))
    else:
        print("\n".join(f"{one.name:<10} {one.summary}" for one in found))
    return FINISHED


def _document(one: WorkloadInfo) -> dict[str, Any]:
    return {
        "name": one.name,
        "summary": one.summary,
        "data": [{"kind": kind, "problems": list(problems)} for kind, problems in one.problems.items()],
        "metrics": [{"name": name, "goal": goal} for name, goal in one.metrics(None).items()],
        "space": dict(one.space),
        "hyperparameters": [_fields(hp) for hp in hyperparameters(one.hyperparameters).values()],
    }


def _fields(hp: Hyperparameter) -> dict[str, Any]:
    return {
        "name": hp.name,
        "type": hp.type.__name__,
        "default": None if hp.required else unnested(hp.default),
        "required": hp.required,
        "range": hp.range,
        "doc": hp.doc,
        "shapes": hp.shapes,
    }


def _described(one: WorkloadInfo) -> Iterator[str]:
    known = hyperparameters(one.hyperparameters)
    ours = [cls for cls in (Training, TableFeatures) if issubclass(one.hyperparameters, cls)]
    shared = {
        name: cls for cls in ours for name in hyperparameters(cls) if known[name] == hyperparameters(cls)[name]
    }
    yield f"{one.name}: {one.summary}"
    if one.problems:
        yield "data        " + ", ".join(f"{kind} ({' or '.join(which)})" for kind, which in one.problems.items())
        yield "metrics     " + ", ".join(f"{name} ({goal})" for name, goal in one.metrics(None).items())
    if not known:
        yield "its hyperparameters are whatever the spec's parameters name"
        return
    yield "searched    " + (", ".join(one.space) or "nothing") + ", by default"
    yield "hyperparameters of its own"
    own = [hp for name, hp in known.items() if name not in shared]
    width = max([18, *(len(hp.name) for hp in own)])
    yield from (_line(hp, width) for hp in own)
    for cls, title in ((Training, "of every training"), (TableFeatures, "of every table")):
        if names := [name for name, owner in shared.items() if owner is cls]:
            yield f"hyperparameters {title}"
            yield f"  {', '.join(names)}"


def _line(hp: Hyperparameter, width: int) -> str:
    default = "needed" if hp.required else str(unnested(hp.default))
    kept = "; the same for all trials that are trained together" if hp.shapes else ""
    return f"  {hp.name:<{width}} {default:<10} {hp.doc} ({hp.range}{kept})"
