"""A commented spec to start from, for ``paceline init``."""

from __future__ import annotations

import io
from typing import Any

from search_spaces.space.hyperparameters import Hyperparameter, hyperparameters
from search_spaces.types.catalogue import WorkloadInfo

_HEAD = """\
# yaml-language-server: $schema={schema}
# {name}: {summary}
#   paceline check FILE              every fault, and a preview
#   paceline run FILE trials=40      key=value goes over the file
name: {name}-{dataset}
workload: {name}

# or {{csv: PATH, target: COLUMN}}, or {{parquet: PATH, target: COLUMN{image}}}
data: {{name: {dataset}}}

metric: {{name: {metric}, goal: {goal}}}   # {metrics}
method: tpe                # tpe | random | grid
trials: 20
epochs: 10                 # of a trial that is not stopped early
seed: 0

# A range {{min, max}}, with log: true or step: S; choices {{values: [...]}}; or one value, which is then fixed.
# when: {{optimizer: sgd}} inside a range: it exists only under that value.
parameters:
"""

_TAIL = """
early_terminate: {type: asha, min_iter: 1, eta: 3}   # or none
final: {top: 3, seeds: 5}  # the verdict: the best trials again, with new seeds, on the test split; or none

# start_from: [{lr: 0.01}]             # tried first, after the defaults
# max_concurrent: auto                 # lanes at a time
# cohort: auto                         # trials trained as one program
# timeout: 2h
# priority: 0                          # on a shared cluster: higher ones take the lanes that come free
# max_failures: 3                      # retries of one trial
# resources: {cpus: 1, gpus: 0}        # of one lane
# tracking: {uri: sqlite:///mlflow.db, experiment: NAME}
# storage: {study: postgresql+psycopg://USER@HOST/DB, checkpoints: s3://BUCKET/PREFIX}  # shared
"""


def template(workload: WorkloadInfo, schema_name: str, dataset: str | None = None) -> str:
    """A spec of ``workload`` with its default space, which names the schema and parses without change."""
    if dataset is None:
        dataset = "digits" if "image" in workload.problems else "wine"
    metric, goal = next(iter(workload.metrics(None).items()))
    head = _HEAD.format(
        schema=schema_name,
        name=workload.name,
        summary=workload.summary,
        dataset=dataset,
        image=", image: COLUMN" if "image" in workload.problems else "",
        metric=metric,
        goal=goal,
        metrics=", ".join(f"{name} ({natural})" for name, natural in workload.metrics(None).items()),
    )
    return head + "".join(_parameters(workload)) + _TAIL


def _parameters(workload: WorkloadInfo) -> list[str]:
    known = hyperparameters(workload.hyperparameters)
    searched = [f"  {name}: {_flow(inner)}{_doc(known.get(name))}\n" for name, inner in workload.space.items()]
    others = [
        f"  # {name}: {_flow(hp.default)}{_doc(hp)}\n" for name, hp in known.items() if name not in workload.space
    ]
    return [*searched, *others]


def _doc(hp: Hyperparameter | None) -> str:
    return "" if hp is None else f"   # {hp.doc} ({hp.range})"


def _flow(value: Any) -> str:
    """One line of YAML."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.width = 1 << 20
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue().removesuffix("...\n").strip()
