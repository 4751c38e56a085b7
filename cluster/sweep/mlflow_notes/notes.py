"""Writes the notes of a judged sweep: of its own run, of the champion's run and of the registered version.

Numbers are those of the verdict, formatted as the terminal does. Links lead within MLflow's UI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.terminal.closing_summary import counted, judgement, largest, warnings
from cluster.terminal.formatting import bounds, count, interval, measure, settings
from search_spaces.spec.sweep import Sweep
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import restored
from tracking import names
from tracking.results.trial_zero import names as zero
from tracking.ui.links import model_page, run_page

REPORT: Final = "verdict/report.html"
"""Artifact of the champion's run."""
ALIAS: Final = "models:/"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A sweep with a verdict, and what leads to it in MLflow: IDs that are not known yet are None."""

    sweep_id: str
    sweep: Sweep
    verdict: Mapping[str, Any]
    card: Mapping[str, Any]
    model: str | None
    """URI of the champion's model, or of what it saved; None where there is none."""
    experiment_id: str | None
    parent_run_id: str | None
    champion_run_id: str | None


def score(verdict: Mapping[str, Any]) -> str:
    """Return the champion's mean on the test split with its 95 % interval, ``0.9568 [0.9214, 0.9763]``."""
    return f"{measure(verdict['winner']['mean'])} {interval(verdict['winner']['ci95'])}"


def of_sweep(judged: Judged) -> list[str]:
    """Return the paragraphs of the sweep's note that follow its first line: score, model, links."""
    verdict, objective = judged.verdict, judged.sweep.objective
    said = judgement(verdict, objective)
    told = [_test(verdict), *([said] if said not in warnings(verdict, objective) else []), _load(judged)]
    pages = [_link("the sweep's report", _run(judged, judged.parent_run_id, names.REPORT_FILE))]
    pages += [_link("the champion's run", _run(judged, judged.champion_run_id)), *_pages(judged)]
    return [text for text in (*told, _row(pages)) if text]


def of_importance(shares: Mapping[str, float]) -> list[str]:
    """Return the paragraph of the sweep's note on its hyperparameters' importance; none where it is not known."""
    told = ", ".join(f"`{name}` {100 * share:.0f} %" for name, share in largest(shares).items())
    return [f"Hyperparameter importance (PED-ANOVA): {told}."] if told else []


def of_champion(judged: Judged) -> str:
    """Return the note of the champion's run: what it is, its score, its data, how to load it, its report."""
    home = _link(f"{judged.sweep.name} {judged.sweep_id}", _run(judged, judged.parent_run_id))
    lines = [f"**Champion of sweep {home}.** {_test(judged.verdict)}", *_about(judged), _load(judged)]
    return "\n\n".join(text for text in (*lines, _row(_pages(judged))) if text)


def of_version(judged: Judged, card: str) -> str:
    """Return the description of the registered version: its score, links, and the whole model ``card``.

    How to load it is added where its number is known.
    """
    home = _link(f"{judged.sweep.name} {judged.sweep_id}", _run(judged, judged.parent_run_id))
    whole = _link("its model card", _run(judged, judged.champion_run_id, names.MODEL_CARD_FILE))
    lines = [f"Champion of sweep {home}. {_test(judged.verdict)}", _row([*_pages(judged)[:1], whole]), card]
    return "\n\n".join(text for text in lines if text)


def _test(verdict: Mapping[str, Any]) -> str:
    metric, found = verdict["metric"], verdict["winner"]
    told = f"**{metric} {score(verdict)}** on the test split, over {count(found['seeds'], 'seed')}"
    told += " (95 % interval)" if bounds(found["ci95"]) else ""
    default = (verdict.get("default") or {}).get("mean")
    beside = "" if default is None else f"; {zero(verdict).words}: {measure(default)}"
    return " ".join(filter(None, [f"{told}{beside}.", counted(verdict)]))


def _about(judged: Judged) -> list[str]:
    """Return the trial with its searched values, warnings, and the data."""
    found, card = judged.verdict["winner"], judged.card
    told = [f"{trial_name(found['number'])}: `{settings(restored(found['params']))}`"] if found["params"] else []
    told += [f"**{text}**" for text in warnings(judged.verdict, judged.sweep.objective)]
    if card:
        rows = ", ".join(f"{split} {number:,}" for split, number in card.get("rows", {}).items())
        told.append(f"Data: {card['name']}, rows {rows} (digest {str(card['digest'])[:12]}).")
        told += [f"**Leak: {text}**" for text in card.get("leaks", ())]
    return told


def _load(judged: Judged) -> str:
    if judged.model is None:
        return ""
    if not judged.model.startswith(ALIAS):
        return (
            f"What the champion saved: `{judged.model}`; `paceline best {judged.sweep_id} --files DIR` copies it."
        )
    return f'Load it: `mlflow.pyfunc.load_model("{judged.model}").predict(rows)`'


def _pages(judged: Judged) -> list[str]:
    found = [_link("its report", _run(judged, judged.champion_run_id, REPORT))]
    if judged.model is not None and judged.model.startswith(ALIAS):
        name = re.split("[@/]", judged.model.removeprefix(ALIAS))[0]
        found.append(_link("the registered model", model_page(name)))
    return found


def _run(judged: Judged, run_id: str | None, artifact: str = "") -> str | None:
    experiment_id = judged.experiment_id
    return run_page(experiment_id, run_id, artifact) if experiment_id and run_id else None


def _link(words: str, place: str | None) -> str:
    return words if place is None else f"[{words}]({place})"


def _row(links: Sequence[str]) -> str:
    told = " · ".join(link for link in links if link.startswith("["))
    return told[:1] + told[1:2].upper() + told[2:]
