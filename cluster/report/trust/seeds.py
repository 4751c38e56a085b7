"""How far the result depends on the seed: each finalist, the defaults and the baselines on the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.report.records import Records
from cluster.terminal.formatting import bounds, measure
from search_spaces.race.finals import PREFIX
from search_spaces.types.trial_names import trial_name
from tracking.pages.look import BLUE, FAINT, GREEN, INK, ORANGE, in_lines, styled
from tracking.pages.page import Section
from tracking.results.trial_zero import names

NAME: Final = 22
"""Characters of a line of a name beside the figure, so that a phone has room for the figure."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One line of the figure: the mean and its interval as the verdict has them, and the value of each seed."""

    name: str
    colour: str
    mean: float | None
    ci95: Sequence[float | None]
    seeds: Mapping[int, float]
    default: bool = False
    """Whether it is trial 0 beside the finalists: it lies far off often, and they would seem to be told apart."""


def section(records: Records) -> Section | None:
    """Draw a dot for each seed, with mean and 95 % interval, of all that the verdict compares; None without one."""
    import pandas as pd

    verdict = records.verdict
    if not verdict or not verdict.get("finalists"):
        return None
    found = lines(verdict, records.read.study.facts())
    seeds = sorted({seed for one in found for seed in one.seeds})
    table = pd.DataFrame(
        [
            {"": one.name, **{f"seed {seed}": measure(one.seeds.get(seed)) for seed in seeds}}
            for one in found
            if one.seeds
        ]
    )
    figure = styled(_figure(found, verdict["metric"]), 46 * len(found) + 110)
    return Section(
        id="seeds",
        heading="Seeds of the final evaluation",
        says=_says(verdict["metric"], found),
        figures=[figure],
        tables=[table] if seeds else [],
    )


def lines(verdict: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Judged]:
    """Return finalists and defaults in the verdict's order, then the baselines."""
    role, values = names(verdict).role, _by_seed(verdict["metric"], facts)
    found = []
    for one in verdict["finalists"]:
        what = "champion" if one["champion"] else role if one["default"] else ""
        name = f"{trial_name(one['number'])} {what}".strip()
        colour = ORANGE if one["champion"] else INK if one["default"] else BLUE
        seeds = values.get(one["number"], {})
        beside = one["default"] and not one["champion"]
        found.append(Judged(name=name, colour=colour, seeds=seeds, default=beside, **_estimate(one["test"])))
    for one in verdict.get("baselines") or ():
        if one["mean"] is not None:
            found.append(Judged(name=one["name"], colour=GREEN, seeds={}, **_estimate(one)))
    return found


def _estimate(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"mean": part["mean"], "ci95": part["ci95"]}


def _by_seed(metric: str, facts: Mapping[str, Any]) -> dict[int, dict[int, float]]:
    """Return the test value of each final training, by trial and seed."""
    found: dict[int, dict[int, float]] = {}
    for key, entry in facts.items():
        if key.startswith(PREFIX) and metric in entry.get("test", {}):
            found.setdefault(entry["trial"], {})[entry["seed"]] = entry["test"][metric]
    return found


def _says(metric: str, found: Sequence[Judged]) -> str:
    spreads = {one.name: max(one.seeds.values()) - min(one.seeds.values()) for one in found if len(one.seeds) > 1}
    if not spreads:
        return f"With a single seed nothing tells how far the seed alone moves {metric}."
    widest = max(spreads, key=lambda name: spreads[name])
    if spreads[widest] == 0:
        return f"Each finalist has the same {metric} with all of its seeds."
    says = f"The seed alone moves {metric} by up to {measure(spreads[widest])} ({widest})"
    means = [one.mean for one in found if one.seeds and one.mean is not None and not one.default]
    if len(means) < 2:
        return f"{says}."
    apart = max(means) - min(means)
    than = "more than" if spreads[widest] > apart else "less than"
    than = "as far as" if measure(spreads[widest]) == measure(apart) else than
    return f"{says}, {than} the means of the finalists lie apart ({measure(apart)})."


def _figure(found: Sequence[Judged], metric: str) -> Any:
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for k, one in enumerate(found):
        if one.seeds:
            figure.add_trace(
                Scatter(
                    x=list(one.seeds.values()),
                    y=[k + 0.22] * len(one.seeds),
                    text=[f"seed {seed}" for seed in one.seeds],
                    mode="markers",
                    marker={"color": FAINT, "symbol": "circle-open", "size": 8},
                    name="one seed",
                    hovertemplate=f"{one.name}, %{{text}}: %{{x}}<extra></extra>",
                    legendgroup="seed",
                    showlegend=k == 0,
                )
            )
        known = bounds(one.ci95)
        bar = {"type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": one.colour}
        if known and one.mean is not None:
            bar |= {"array": [known[1] - one.mean], "arrayminus": [one.mean - known[0]]}
        figure.add_trace(
            Scatter(
                x=[one.mean],
                y=[k],
                mode="markers",
                marker={"color": one.colour, "symbol": "diamond", "size": 11},
                error_x=bar if known else None,
                name="mean and 95 % interval",
                hovertemplate=f"{one.name}: mean %{{x}}<extra></extra>",
                legendgroup="mean",
                showlegend=k == 0,
            )
        )
    texts = [in_lines(one.name, NAME) for one in found]
    figure.update_yaxes(tickvals=list(range(len(found))), ticktext=texts, range=[len(found) - 0.5, -0.5])
    low, high = _range(found)
    for k, one in enumerate(found):
        if one.mean is not None and not low <= one.mean <= high:
            side = {"x": low, "xanchor": "left", "text": f"◀ {measure(one.mean)}"}
            if one.mean > high:
                side = {"x": high, "xanchor": "right", "text": f"{measure(one.mean)} ▶"}
            figure.add_annotation(**side, y=k, showarrow=False, font={"color": one.colour})
    figure.update_xaxes(title_text=metric, range=[low, high])
    return figure


def _range(found: Sequence[Judged]) -> tuple[float, float]:
    """Return the range to draw: a baseline that is far off all finalists would leave them no room."""
    ends = [_ends(one) for one in found]
    core = [end for one, both in zip(found, ends, strict=True) for end in both if one.seeds]
    core = core or [end for both in ends for end in both]
    width = (max(core) - min(core)) if core else 0.0
    near = [
        end
        for both in ends
        if both
        for end in both
        if both[0] >= min(core) - width and both[-1] <= max(core) + width
    ]
    low, high = min(near or core, default=0.0), max(near or core, default=1.0)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _ends(one: Judged) -> list[float]:
    """Return the lowest and highest number that is drawn in a line, in order; empty where none is known."""
    known = [*one.seeds.values(), *(bounds(one.ci95) or ()), *([] if one.mean is None else [one.mean])]
    return [min(known), max(known)] if known else []
