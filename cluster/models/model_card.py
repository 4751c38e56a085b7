"""A champion's model card: what it is, its data, how good it is, its limits and how to use it, as Markdown."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cluster.sweep.home import SweepHome
from cluster.sweep.provenance.environment import ENVIRONMENTS
from cluster.sweep.reading import MODEL
from cluster.sweep.restore import kept_card
from cluster.sweep.tracker import Tracker
from cluster.terminal.baseline_lines import sentences
from cluster.terminal.closing_summary import judgement, warnings
from cluster.terminal.formatting import interval, measure
from search_spaces.race.track import Track
from search_spaces.spec.sweep import Sweep
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from tracking import names

FEW_ROWS: Final = 30
"""Test rows of a class below which its scores say little."""
MOST_NAMED: Final = 10


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a card is made from."""

    sweep: str
    name: str
    workload: str
    objective: Objective
    uri: str | None
    """The model in MLflow, or what it saved; None where there is neither."""
    trial: int
    params: Mapping[str, Any]
    """Its searched hyperparameters."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Those with a value in the sweep file."""
    verdict: Mapping[str, Any] | None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The data card; empty where the workload brings its own data."""
    environment: Mapping[str, Any] = field(default_factory=dict)


def subject_of(home: SweepHome, sweep: Sweep, facts: Mapping[str, Any], chosen: Track) -> Subject:
    """Return what the card of the final member ``chosen`` is made from; ``facts`` are the study's."""
    space, fixed = sweep.drawn_with(chosen.trial)
    searched = {name: value for name, value in chosen.params.items() if name in space.domains}
    return Subject(
        sweep=home.id,
        name=sweep.name,
        workload=sweep.workload,
        objective=sweep.objective,
        uri=facts.get(MODEL),
        trial=chosen.trial,
        params=searched,
        fixed=fixed,
        verdict=facts.get("verdict"),
        data=kept_card(home) or {},
        environment=(facts.get(ENVIRONMENTS) or [{}])[-1],
    )


def keep_card(of: Subject, key: str, tracker: Tracker) -> str:
    """Log the card as an artifact of the champion's run, which has this ``key``; return it."""
    card = model_card(of)
    tracker.writer.content(names.MODEL_CARD_FILE, base64.b64encode(card.encode()).decode(), key)
    return card


def model_card(of: Subject) -> str:
    """Return the card. Numbers are those of the verdict, as terminal and JSON show them."""
    parts = [
        [f"# {of.name}, champion of sweep {of.sweep}", "", *_what(of)],
        ["## Data", "", *_data(of.data)],
        ["## Test split", "", *_test(of)],
        ["## Limits", "", *_limits(of)],
        ["## Use", "", *_use(of)],
        ["## Made with", "", *_made_with(of.environment)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _what(of: Subject) -> Iterator[str]:
    told = [_settings(of.params)] if of.params else []
    told += [f"fixed in the sweep file: {_settings(of.fixed)}"] if of.fixed else []
    yield f"Workload `{of.workload}`, trial {trial_name(of.trial)}: {'; '.join(told) or 'its defaults'}. "
    yield f"It was chosen by `{of.objective.name}` ({of.objective.goal}) on the validation split."


def _settings(params: Mapping[str, Any]) -> str:
    shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in params.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _data(card: Mapping[str, Any]) -> Iterator[str]:
    if not card:
        yield "The workload brings its own data."
        return
    rows = ", ".join(f"{num:,} {split}" for split, num in card["rows"].items())
    yield f"- `{card['name']}` ({card.get('kind', '')}, {card.get('problem', '')}), rows: {rows}"
    yield f"- digest `{card['digest'][:16]}`, of the test split `{card.get('test_digest', '')[:16]}`"
    if columns := card.get("columns"):
        named = ", ".join(f"{name} ({kind})" for name, kind in list(columns.items())[:MOST_NAMED])
        yield f"- columns: {named}{_more(len(columns))}"
    for leak in card.get("leaks", ()):
        yield f"- **Leak: {leak}**"
    yield from (f"- {note}" for note in card.get("notes", ()))


def _test(of: Subject) -> Iterator[str]:
    verdict = of.verdict
    if verdict is None:
        yield "It was not scored on a test split."
        return
    over = (verdict.get("interval") or {}).get("over", "seeds")
    yield verdict["metric"] + (f", with the 95 % interval over {over}:" if over else ", of a single seed:")
    yield ""
    yield "| | mean | 95 % | seeds |"
    yield "|---|---|---|---|"
    found: list[tuple[str, Mapping[str, Any]]] = [("champion", verdict["winner"])]
    found += [("default configuration", one)] if (one := verdict.get("default")) else []
    found += [(one["name"], one) for one in verdict.get("baselines", ()) if one.get("mean") is not None]
    for name, one in found:
        yield f"| {name} | {measure(one['mean'])} | {interval(one.get('ci95'))} | {one.get('seeds', '')} |"
    yield ""
    yield from (f"- {said}" for said in (judgement(verdict, of.objective), *sentences(verdict)))


def _limits(of: Subject) -> Iterator[str]:
    found = [] if of.verdict is None else warnings(of.verdict, of.objective)
    if of.verdict is not None and (words := of.verdict.get("overfitting")):
        found.append(words)
    counts = list(
        zip(of.data.get("classes", ()), (of.data.get("class_counts") or {}).get("test", ()), strict=False)
    )
    few = [f"{name} ({num})" for name, num in counts if num < FEW_ROWS]
    if few:
        found.append(f"Classes with fewer than {FEW_ROWS} test rows, whose scores say little: {_listed(few)}")
    found += of.data.get("leaks", ())
    yield from (f"- {said}" for said in found or ["None that the sweep has seen."])
    yield "- It is known to be good on rows like those of the test split, and on no others."


def _use(of: Subject) -> Iterator[str]:
    if of.uri is None or not of.uri.startswith("models:/"):
        yield f"`paceline best {of.sweep} --files DIR` copies what it saved."
        return
    yield "```"
    yield f"paceline predict {of.sweep} FILE -o OUT     # a table, texts, images"
    yield f"paceline serve {of.sweep}                   # over HTTP"
    yield f"paceline export {of.sweep} FILE             # ONNX, pt2, safetensors"
    yield f'mlflow.pyfunc.load_model("{of.uri}").predict(rows)'
    yield "```"


def _made_with(environment: Mapping[str, Any]) -> Iterator[str]:
    packages = environment.get("packages", {})
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    yield f"Python {environment.get('python', '(unknown)')}" + (f", {versions}" if versions else "")
    if git := environment.get("git"):
        yield f"Git commit `{git.get('commit', '')}`" + (", with changes" if git.get("dirty") else "")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:MOST_NAMED]) + _more(len(words))


def _more(num: int) -> str:
    return f" and {num - MOST_NAMED} others" if num > MOST_NAMED else ""
