"""Makes what MLflow's UI shows of a sweep first: its note, its leaderboard and its charts.

The shared view is an internal format of MLflow's UI, written for 3.17, in the envelope with a name that lists it
under *Views*. A later UI that does not know it shows the experiment's runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from search_spaces.criteria.metric_names import on_test
from search_spaces.types.files.kept_code import name_shown
from search_spaces.types.trial_names import trial_name
from tracking import names
from tracking.store.records import Best, SweepHeader

MAX_VIEW: Final = 20_000
"""MLflow's limit of the value of an experiment's tag, in characters."""
PAGE: Final = 100
"""Runs that MLflow's UI loads at a time; its charts draw those that are loaded."""
MAX_COLUMNS: Final = 12
MAX_AXES: Final = 8
MAX_GRIDS: Final = 4
PICTURES: Final = "pictures"
"""ID of the section of grids of logged images."""
ALL: Final = "sweeps"
"""Key of the view of all sweeps."""
ALL_TAGS: Final = (names.SWEEP_STATE, names.SWEEP_TEST, names.SWEEP_METHOD)


def trials_filter(sweep_id: str) -> str:
    """Return MLflow's search expression for the trials of a sweep, without the members of its final evaluation."""
    return f"tags.`{names.SWEEP_ID}` = '{sweep_id}' and tags.`{names.SWEEP_ROLE}` = 'trial'"


def note(header: SweepHeader, best: Best | None) -> str:
    """Return the sweep's note in Markdown; a folded note shows line 1 alone, the champion or best trial."""
    if best is None:
        first = "No trial has finished yet."
    else:
        setting = ", ".join(f"`{name}={_show(value)}`" for name, value in best.params.items())
        name = trial_name(best.number)
        title = "Recommended" if best.recommended else "Best in search" if best.why is None else "Champion"
        first = f"**{title}: {name}, {header.objective.name} {best.value:.5g}** with {setting}"
        first += f"\n\n{best.why}" if best.why else ""
    aim = header.overview.get("metrics") or f"{header.objective.goal} {header.objective.name}"
    goal = f"{aim} by {header.method}"
    what = f"Sweep `{header.sweep_id}` ({header.name}): workload {name_shown(header.workload)}, {goal}."
    return "\n\n".join([first, *(best.notes if best else ()), what])


def title(header: SweepHeader, best: Best | None) -> str:
    """Return the name of the sweep's own run: with the champion's test score, before that with the best value."""
    value = None if best is None else best.value if best.test is None else best.test
    return names.sweep_title(header.name, header.sweep_id, value)


def shared_views(
    header: SweepHeader, ranked: int = 0, pictures: Mapping[str, int] = MappingProxyType({})
) -> dict[str, str]:
    """Return the experiment's tag that the links of ``server`` refer to, with its value: the sweep's view.

    It is sorted by the best value, or where so many trials are ``ranked`` by their places. The UI lists it under
    *Views*, by the time at which the sweep began. ``pictures``: the epoch of logged images, by key.
    """
    title = names.sweep_title(header.name, header.sweep_id)
    return _named(header.sweep_id, title, header.began_ms, _view(header, ranked, pictures))


def all_sweeps(header: SweepHeader) -> dict[str, str]:
    """Return the experiment's tag, with its value, of a view with one row a sweep, the newest first.

    Whichever sweep wrote it last names the columns: their metric is its own.
    """
    metric = names.clean_key(header.objective.name)
    tested = names.clean_key(on_test(header.objective.name))
    metrics = (names.best(metric), tested, names.clean_key(names.gain(tested)), "sweep/trials")
    columns = [f"tags.`{name}`" for name in ALL_TAGS] + [f"metrics.`{name}`" for name in metrics]
    one = _view(header, 0, {})
    view = {name: value for name, value in one.items() if not name.startswith("compareRun")}
    view |= {"searchFilter": f"tags.`{names.SWEEP_ROLE}` = 'sweep'", "selectedColumns": columns}
    view |= {"orderByKey": "attributes.start_time", "orderByAsc": False}
    return _named(ALL, "all sweeps", header.began_ms, view)


def _named(key: str, name: str, at_ms: int, view: Mapping[str, Any]) -> dict[str, str]:
    times = {"createdAt": at_ms, "updatedAt": at_ms}
    state = json.dumps(view, separators=(",", ":"))
    told = json.dumps({"name": name, **times, "state": state}, separators=(",", ":"))
    assert len(told) <= MAX_VIEW, len(told)
    return {names.SHARED_VIEW + key: told}


def _view(header: SweepHeader, ranked: int, pictures: Mapping[str, int]) -> dict[str, Any]:
    metric = names.clean_key(header.objective.name)
    best = names.mean(metric) if header.by_mean else names.best(metric)
    seeds = [names.NUM_SEEDS, names.best(metric)] if header.by_mean else []
    columns = [f"metrics.`{names.clean_key(key)}`" for key in (best, *seeds, *header.beside)]
    columns.append(f"tags.`{names.TRIAL_STATE}`")
    if ranked:
        columns = [f"metrics.`{names.PLACE}`", *columns, f"tags.`{names.TRIAL_FINAL}`"]
    columns += [f"params.`{names.clean_key(name)}`" for name in header.searched[:MAX_COLUMNS]]
    return {
        "searchFilter": trials_filter(header.sweep_id),
        "orderByKey": f"metrics.`{names.PLACE if ranked else best}`",
        "orderByAsc": bool(ranked) or header.objective.ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [*columns, f"metrics.`{names.SECONDS}`"],
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "SHOWALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": True,  # else sections are sorted by name, and hp comes first
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunCharts": _charts(header, best, pictures),
        "compareRunSections": [_section(header, ranked), *([_of_pictures(header)] if pictures else [])],
    }


def _section(header: SweepHeader, num_trials: int) -> dict[str, Any]:
    """Return the section of our charts; its name says so where they do not draw all trials at first."""
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": False}
    name = f"Sweep {header.sweep_id}"
    if num_trials > PAGE:
        name += f": the {PAGE} best of {num_trials} trials, until 'Load more' in the table adds others"
    return {"uuid": "sweep", "name": name, "columns": 2, "cardHeight": 360, **shown}


def _of_pictures(header: SweepHeader) -> dict[str, Any]:
    """Return the section of the grids, whose cards are as wide as the page."""
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": False}
    return {
        "uuid": PICTURES,
        "name": f"Sweep {header.sweep_id}: pictures",
        "columns": 1,
        "cardHeight": 480,
        **shown,
    }


def _charts(header: SweepHeader, best: str, pictures: Mapping[str, int]) -> list[dict[str, Any]]:
    metric = names.clean_key(header.objective.name)
    numeric = [name for name in header.searched if name not in header.categorical]
    scatters = [_scatter(_axis(name, header.log_scaled), best) for name in numeric[:3]]
    charts = [_parallel(header, best), _curves(metric), *scatters, _scatter(names.SECONDS, best)]
    charts += [_grid(key, epoch) for key, epoch in sorted(pictures.items())[:MAX_GRIDS]]
    common = {"runsCountToCompare": 100, "metricSectionId": "sweep", "deleted": False, "isGenerated": False}
    return [{**common, "uuid": f"chart{i}", **chart} for i, chart in enumerate(charts)]


def _axis(name: str, log_scaled: frozenset[str]) -> str:
    return names.clean_key(names.hp_log10(name) if name in log_scaled else names.hp(name))


def _parallel(header: SweepHeader, best: str) -> dict[str, Any]:
    """Return the chart of parallel coordinates, without conditional parameters.

    MLflow leaves out a run that has no value on some axis, so that their axes would hide whole trials. Its subtitle
    would say "Showing all runs" of those that are loaded, and says "Showing only visible runs".
    """
    shared = [name for name in header.searched if name not in header.conditional][:MAX_AXES]
    texts = [names.clean_key(name) for name in shared if name in header.categorical]
    axes = [_axis(name, header.log_scaled) for name in shared if name not in header.categorical]
    return {"type": "PARALLEL", "showAllRuns": False, "selectedParams": texts, "selectedMetrics": [*axes, best]}


def _curves(metric: str) -> dict[str, Any]:
    return {
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "scaleType": "linear",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "lineSmoothness": 0,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "range": {},
        "ignoreOutliers": False,
        "displayPoints": False,
        "yAxisKey": "metric",
        "selectedYAxisMetricKey": "",
        "yAxisExpressions": [],
    }


def _grid(key: str, epoch: int) -> dict[str, Any]:
    """Return the grid of logged images; by itself MLflow would show those of epoch 0, of which there are none."""
    return {"type": "IMAGE", "imageKeys": [key], "step": epoch, "showRunParams": True, "metricSectionId": PICTURES}


def _scatter(x: str, y: str) -> dict[str, Any]:
    return {"type": "SCATTER", "xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
