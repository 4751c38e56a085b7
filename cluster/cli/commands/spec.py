"""Commands about specs: check, init, schema."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.cli.commands.shared import Refusal, load, print_json, write_new
from cluster.exit_codes import FINISHED
from workloads.registry import catalogue

SCHEMA = "paceline.schema.json"
NEXT = """wrote {path}; next
  paceline check {path}
  paceline run {path}"""


def check(spec: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Faults as a refusal, else the preview."""
    sweep = load(spec, overrides)
    from cluster.sweep.lane_count import TooSmall, lane_size
    from cluster.sweep.restore import streamed
    from cluster.terminal import preview

    try:
        sweep = streamed(sweep, {}, lane_size(sweep).count)
        lanes, why_not = lane_size(sweep).count, None
    except TooSmall as error:  # the spec may be meant for another machine
        lanes, why_not = sweep.max_concurrent or 1, str(error)
    plan = preview.preview(sweep, lanes, catalogue().workload(sweep.workload).hyperparameters)
    if as_json:
        print_json(preview.document(sweep, plan))
    else:
        print("\n".join(preview.lines(sweep, plan)))
        if why_not:
            print(f"not here: {why_not}")
    return FINISHED


def init(workload: str | None, output: str) -> int:
    """A spec with every key explained, that runs as it is; beside it the schema that editors complete it by."""
    from search_spaces.spec.json_schema import json_schema
    from search_spaces.spec.template import template

    known = catalogue()
    if workload is None:
        rows = [f"  {name:<10} {known.workload(name).summary}" for name in known.workload_names]
        raise Refusal("\n".join(["paceline init WORKLOAD, one of", *rows]))
    try:
        info = known.workload(workload)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    write_new(output, template(info, SCHEMA))
    Path(output).with_name(SCHEMA).write_text(json.dumps(json_schema(known), indent=2), encoding="utf-8")
    print(NEXT.format(path=output))
    return FINISHED


def schema() -> int:
    """For editors and for those who want to know every key."""
    from search_spaces.spec.json_schema import json_schema

    print_json(json_schema(catalogue()))
    return FINISHED
