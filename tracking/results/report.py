"""Makes an inspection's report for the champion's run: tables as CSV, figures as SVG, and one HTML page of all."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape

import pandas as pd

from search_spaces.types.inspection import Inspection
from tracking.results import figures as plots

FOLDER = "verdict"
LAYER = ["name", "shape", "size", "trainable", "norm", "mean", "std", "low", "high"]
"""Columns of the table of layers."""


def files(found: Inspection, title: str, said: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the report's files by artifact path. ``report.html`` needs no network and no other file."""
    tables, figures = _tables(found), _figures(found)
    made = {f"{name}.csv": table.to_csv(index=False).encode() for name, table in tables.items()}
    made |= {f"{name}.svg": figure.encode() for name, figure in figures.items()}
    if found.pictures is not None:
        made["mistakes.png"] = found.pictures
    made["report.html"] = _page(found, (title, *said), tables, figures).encode()
    return {f"{FOLDER}/{name}": content for name, content in made.items()}


def _tables(found: Inspection) -> dict[str, pd.DataFrame]:
    tables: dict[str, pd.DataFrame] = {}
    if found.overfitting is not None:
        tables["overfitting"] = pd.DataFrame([asdict(found.overfitting)])
    if found.curves:
        tables["curves"] = pd.DataFrame({name: pd.Series(curve) for name, curve in found.curves.items()})
        tables["curves"].insert(0, "epoch", tables["curves"].index + 1)
    if found.confusion is not None:
        named = zip(found.confusion.classes, found.confusion.counts, strict=True)
        head = ["true \\ predicted", *found.confusion.classes]
        tables["confusion"] = pd.DataFrame([[name, *row] for name, row in named], columns=head)
        tables["classes"] = pd.DataFrame(map(asdict, found.classes))
    if found.mistakes:
        head = ["row", "truth", "predicted", "badness", "sure", *found.mistakes[0].example]
        rows = [[m.row, m.truth, m.predicted, m.badness, m.sure, *m.example.values()] for m in found.mistakes]
        tables["mistakes"] = pd.DataFrame(rows, columns=head)
    if found.importance:
        tables["importance"] = pd.DataFrame(map(asdict, found.importance))
    if found.layers:
        shapes = ["x".join(map(str, layer.shape)) for layer in found.layers]
        facts = pd.DataFrame({**asdict(layer), "size": layer.size} for layer in found.layers)
        tables["layers"] = facts.assign(shape=shapes)[LAYER]
    return tables


def _figures(found: Inspection) -> dict[str, str]:
    figures: dict[str, str] = {}
    if found.curves:
        figures["curves"] = plots.curves(found.curves, found.metric, found.overfitting)
    if found.confusion is not None:
        figures["confusion"] = plots.confusion(found.confusion)
    if found.pairs:
        figures["pairs"] = plots.pairs(found.pairs)
    if found.importance:
        figures["importance"] = plots.importance(found.importance, found.metric)
    if found.layers:
        figures["layers"] = plots.layers(found.layers)
    return figures


SECTIONS = {
    "curves": "Learning curves",
    "confusion": "Confusion matrix of the test split",
    "classes": "Classes of the test split",
    "pairs": "Predictions of the test split",
    "mistakes": "Worst mistakes of the validation split",
    "importance": "Permutation importance on the validation split",
    "layers": "Parameters",
}
"""Headings of the page's sections, in this order."""
DRAWN = ("curves", "confusion", "importance")
"""Sections of which the page shows the figure only; their numbers are in the CSV files."""
STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;max-width:64em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:2px 8px;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left}"
    "svg,img{max-width:100%;height:auto}"
)


def _page(
    found: Inspection, heads: Sequence[str], tables: Mapping[str, pd.DataFrame], figures: Mapping[str, str]
) -> str:
    title, *said = heads
    blocks = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(text)}</p>" for text in said)]
    if found.overfitting is not None:
        blocks.append(f"<p>{escape(found.overfitting.words)}.</p>")
    for name, heading in SECTIONS.items():
        if name not in tables and name not in figures:
            continue
        blocks.append(f"<h2>{heading}</h2>")
        if name == "layers":
            blocks.append(f"<p>{_counted(found)}</p>")
        if name == "mistakes" and found.pictures is not None:
            encoded = base64.b64encode(found.pictures).decode()
            blocks.append(f"<img alt='{heading}' src='data:image/png;base64,{encoded}'>")
        blocks.append(figures.get(name, ""))
        if name in tables and name not in DRAWN:
            blocks.append(_html(tables[name]))
    blocks += [f"<p>{escape(part)} could not be looked at: {escape(why)}</p>" for part, why in found.failed.items()]
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>"
    return "\n".join([head, f"<style>{STYLE}</style>", *filter(None, blocks), "</html>"])


def _counted(found: Inspection) -> str:
    sizes = {flag: sum(layer.size for layer in found.layers if layer.trainable is flag) for flag in (True, False)}
    return f"{sizes[True]:,} trainable and {sizes[False]:,} frozen numbers in {len(found.layers)} tensors"


def _html(table: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):
        return str(table.to_html(index=False, border=0, na_rep="", float_format="{:.4g}".format))
