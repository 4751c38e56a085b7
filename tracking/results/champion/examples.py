"""Examples of the validation split: mistakes and successes with their images, texts, and what a generator makes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from search_spaces.types.inspected.examples import Picture
from search_spaces.types.inspection import Inspection
from tracking.pages.look import BLUE, FAINT, styled
from tracking.pages.page import Section, picture
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    import pandas as pd

GRID = "display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:10px;margin:.6rem 0"
BESIDE = "display:flex;flex-wrap:wrap;gap:0 16px"
PIXELS = "image-rendering:pixelated;width:100%;max-width:128px"
LETTERS = "font-size:.75rem;line-height:1.3;overflow-wrap:anywhere"
MAX_LETTERS = 400
"""Characters of a value in the table of mistakes."""
HOW = (
    "Below each image is what its prediction depends on: pixels are bright where a small change moves the output "
    "of the predicted class most (input gradients, Simonyan et al. 2014)."
)


def mistakes(head: Head, found: Inspection) -> Section | None:
    """Show the worst mistakes of the validation split, as images or rows of a table."""
    if not found.mistakes:
        return None
    tiles = found.images.get("mistakes", ())
    says = "The worst first: by loss, or by the absolute error of a number."
    return Section(
        id="champion-mistakes",
        heading="Worst mistakes of the validation split",
        says=f"{says} {_saliency(found, tiles)}".strip(),
        html=_grid(tiles),
        tables=[] if tiles else [mistakes_table(found, MAX_LETTERS)],
    )


def successes(head: Head, found: Inspection) -> Section | None:
    """Show the most confident right predictions of images of the validation split."""
    tiles = found.images.get("successes", ())
    if not tiles:
        return None
    says = f"The right predictions with the highest probability, of each class in turn. {_saliency(found, tiles)}"
    heading = "Most confident successes of the validation split"
    return Section(id="champion-successes", heading=heading, says=says.strip(), html=_grid(tiles))


def _saliency(found: Inspection, tiles: Sequence[Picture]) -> str:
    if any(tile.saliency for tile in tiles):
        return HOW
    return f"There are no saliency maps: {found.no_saliency}." if tiles and found.no_saliency else ""


def mistakes_table(found: Inspection, most: int | None = None) -> pd.DataFrame:
    """Return the mistakes, a row each, with the values of each example by column, cut to ``most`` characters."""
    import pandas as pd

    error = "absolute_error" if found.problem == "regression" else "loss"
    head = ["row", "truth", "predicted", error, "confidence", *found.mistakes[0].example]
    rows = [
        [m.row, m.truth, m.predicted, m.loss, m.confidence, *(_cut(v, most) for v in m.example.values())]
        for m in found.mistakes
    ]
    table = pd.DataFrame(rows, columns=head)
    return table.drop(columns="confidence") if table["confidence"].isna().all() else table


def _cut(text: str, most: int | None) -> str:
    return text if most is None or len(text) <= most else text[: most - 1] + "…"


def continuations(head: Head, found: Inspection) -> Section | None:
    """Show texts of the validation split, and how the champion continues them, beside the score of n-grams."""
    if not found.continuations:
        return None
    blocks = [
        f"<pre style='white-space:pre-wrap'>{escape(one.text)}<b>{escape(one.continued)}</b></pre>"
        for one in found.continuations
    ]
    what = "after a text of the validation split, drawn by its probabilities"
    if found.problem == "completion":
        what = "after a prompt of the validation split, always the likeliest token"
    says = f"Bold is what the champion writes {what}."
    return Section(
        id="champion-texts", heading="Continuations", says=f"{says} {_beside(head)}".strip(), html="".join(blocks)
    )


def _beside(head: Head) -> str:
    """Return the champion's score with those of the baselines."""
    if head.verdict is None:
        return ""
    value = head.verdict["winner"]["mean"]
    others = [f"{one['name']} {one['mean']:.5g}" for one in head.verdict["baselines"] if one["failed"] is None]
    if value is None or not others:
        return ""
    return f"Its {head.verdict['metric']} is {value:.5g}; {', '.join(others)}."


def generated(head: Head, found: Inspection) -> Section | None:
    """Show real images beside samples, and samples of some epochs."""
    if "made" not in found.images and not found.epochs:
        return None
    blocks = []
    for name, words in (
        ("real", "Real images of the validation split"),
        ("made", "Samples"),
    ):
        if tiles := found.images.get(name):
            blocks.append(f"<h3>{words}</h3>{_grid(tiles)}")
    over_time = (
        f"<div><h3>Samples after epoch {escape(epoch)}</h3>{picture(content, f'samples after epoch {epoch}')}</div>"
        for epoch, content in found.epochs.items()
    )
    blocks.append(f"<div style='{BESIDE}'>{''.join(over_time)}</div>")
    says = "Samples should be as varied as the real images. Those of all epochs are made of the same noise."
    return Section(id="champion-samples", heading="Samples", says=says, html="".join(blocks))


def coverage(head: Head, found: Inspection) -> Section | None:
    """Draw the share of each class among real images and samples."""
    from plotly.graph_objects import Figure

    if not found.coverage:
        return None
    figure, names = Figure(), [one.name for one in found.coverage]
    for name, values, ink in (
        ("real", [one.real for one in found.coverage], FAINT),
        ("samples", [one.made for one in found.coverage], BLUE),
    ):
        figure.add_bar(x=names, y=values, name=name, marker={"color": ink})
    figure.update_xaxes(title="class", type="category")
    figure.update_yaxes(title="share", tickformat=".0%")
    missed = [one.name for one in found.coverage if not one.found]
    says = "Every class is covered" if not missed else f"Hardly ever made are {', '.join(missed)}"
    says += ", as a small classifier sees them, which is trained on the training split."
    return Section(
        id="champion-coverage", heading="Classes of the samples", says=says, figures=[styled(figure, 340)]
    )


def _grid(tiles: Sequence[Picture]) -> str:
    """Return images in a grid that fits the page's width, each with its caption and saliency map."""
    return f"<div style='{GRID}'>{''.join(map(_tile, tiles))}</div>" if tiles else ""


def _tile(tile: Picture) -> str:
    words = tile.caption or "image"
    blocks = [_image(tile.png, words)]
    if tile.saliency is not None:
        blocks.append(_image(tile.saliency, f"saliency of: {words}"))
    caption = f"<figcaption style='{LETTERS}'>{escape(tile.caption)}</figcaption>" if tile.caption else ""
    return f"<figure style='margin:0'>{''.join(blocks)}{caption}</figure>"


def _image(content: bytes, words: str) -> str:
    encoded = base64.b64encode(content).decode()
    return f"<img style='{PIXELS}' alt=\"{escape(words)}\" src='data:image/png;base64,{encoded}'>"
