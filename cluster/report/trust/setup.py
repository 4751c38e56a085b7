"""What it takes to run the sweep again: its spec, versions, machines, and the git commit of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from cluster.report.records import Records
from cluster.sweep.provenance.environment import ENVIRONMENTS
from search_spaces.types.passwords import masked
from tracking.pages.page import Section

NOT_RECORDED = "not recorded"


def section(records: Records) -> Section | None:
    """Tell the spec as YAML and each environment that the sweep's drivers had."""
    import pandas as pd

    found = records.read.study.facts().get(ENVIRONMENTS, [])
    columns = [told(one) for one in found] or [{"versions and machines": NOT_RECORDED}]
    names = list(dict.fromkeys(name for one in columns for name in one))
    heads = [f"driver {k}" if len(columns) > 1 else "found" for k in range(1, len(columns) + 1)]
    cells = {head: [one.get(name, "") for name in names] for head, one in zip(heads, columns, strict=True)}
    spec = (
        f"<details open><summary>sweep.yaml</summary><pre>{escape(masked(records.sweep.to_text()))}</pre></details>"
    )
    table = pd.DataFrame({"what": names, **cells})
    return Section(id="setup", heading="To run it again", says=_says(found), tables=[table], html=spec)


def _says(found: list[Mapping[str, Any]]) -> str:
    if not found:
        return "Versions, machines and git commit are not recorded, as by versions before this report."
    git = found[-1].get("git")
    if len(found) > 1:
        return f"The sweep's drivers had {len(found)} different environments."
    if git is None:
        return "The sweep file's folder was in no git repository."
    state = {True: "with changes that are not committed", False: "as committed", None: "changed or not is unknown"}
    return f"The sweep file's folder was at git commit {git['commit'][:12]}, {state[git['dirty']]}."


def told(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return an environment as lines of a table."""
    machine, git, cluster = (environment.get(name) or {} for name in ("machine", "git", "cluster"))
    changed = {True: " and changes", False: "", None: ""}[git.get("dirty")]
    lines = {
        "git commit": f"{git['commit'][:12]}{changed}" if git else NOT_RECORDED,
        "workers": str(environment.get("lanes", "")),
        "CPU": f"{machine.get('cpu', '')}, {machine.get('cpus', '?')} cores",
        "memory": f"{machine.get('memory_gib', '?')} GiB",
        "GPUs": ", ".join(machine.get("gpus", ())) or "none",
        "system": str(machine.get("system", "")),
    }
    if cluster:
        kinds = ", ".join(cluster["kinds"])
        of_gpus = f", {cluster['gpus']:g} GPUs {kinds}".rstrip() if cluster["gpus"] else ""
        lines["cluster"] = f"{cluster['machines']} machines, {cluster['cpus']:g} CPUs{of_gpus}"
    return {**lines, "Python": str(environment.get("python", "")), **environment.get("packages", {})}
