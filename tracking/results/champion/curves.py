"""Learning curves of the champion and of its other seeds, with the epoch whose weights are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.types.inspection import Inspection
from tracking.pages.look import BLUE, GREEN, INK, ORANGE, styled
from tracking.pages.page import Section
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

SPLITS = (("training", ORANGE), ("validation", BLUE))
PLAYERS = (("train_generator_loss", "generator", BLUE), ("train_discriminator_loss", "discriminator", ORANGE))
BEHIND = 2000
"""Rank in the legend of lines that lie below the others; plotly's own is 1000."""
FEW_EPOCHS = 16
"""Up to so many epochs each has its tick."""
STANDARDISED = ("regression", "forecast")


def curves(head: Head, found: Inspection) -> Section | None:
    """Draw loss and metric over the epochs, and of a GAN the losses of both players; None without any curve."""
    measures = [m for m in dict.fromkeys(("loss", found.metric)) if _of(found, m)]
    figures = [_figure(found, measure) for measure in measures]
    if all(name in found.curves for name, _, _ in PLAYERS):
        lines = [(found.curves[name], label, ink) for name, label, ink in PLAYERS]
        figures.insert(0, _drawn(lines, "loss of both players", found.best_epoch))
    if not figures:
        return None
    return Section(
        id="champion-curves",
        heading="Learning curves of this training",
        says=_says(found, measures),
        figures=figures,
    )


def _of(found: Inspection, measure: str) -> list[tuple[Sequence[float], str, str]]:
    names, curves = (f"train_{measure}", _validation(found, measure)), found.curves
    return [
        (curves[name], label, ink) for name, (label, ink) in zip(names, SPLITS, strict=True) if curves.get(name)
    ]


def _validation(found: Inspection, measure: str) -> str:
    """Return a measure's name on the validation split: users' code may report the objective without ``val_``."""
    plain = measure == found.metric and measure in found.curves and f"val_{measure}" not in found.curves
    return measure if plain else f"val_{measure}"


def _figure(found: Inspection, measure: str) -> Figure:
    figure = _drawn(_of(found, measure), measure, found.best_epoch)
    others = [curve for of in found.seeds.values() if (curve := of.get(_validation(found, measure)))]
    for k, curve in enumerate(others):
        of_others: dict[str, Any] = {
            "legendgroup": "others",
            "showlegend": k == 0,
            "legendrank": BEHIND,
            "name": "validation, other seeds",
        }
        figure.add_scatter(
            x=list(range(1, len(curve) + 1)),
            y=list(curve),
            mode="lines",
            opacity=0.5,
            line={"color": GREEN},
            **of_others,
        )
    figure.data = [*figure.data[-len(others) :], *figure.data[: -len(others)]] if others else figure.data
    return figure


def _drawn(lines: Sequence[tuple[Sequence[float], str, str]], name: str, best_epoch: int) -> Figure:
    from plotly.graph_objects import Figure

    figure, num_epochs = Figure(), max(len(curve) for curve, _, _ in lines)
    for curve, label, ink in lines:
        mode = "lines+markers" if num_epochs <= FEW_EPOCHS else "lines"
        x = list(range(1, len(curve) + 1))
        figure.add_scatter(x=x, y=list(curve), mode=mode, name=label, line={"color": ink})
    if best_epoch:
        figure.add_vline(best_epoch, line={"color": INK, "dash": "dot", "width": 1.5})
    figure.update_layout(xaxis_title="epoch", yaxis_title=name)
    if num_epochs <= FEW_EPOCHS:
        figure.update_xaxes(dtick=1)
    return styled(figure, 320)


def _says(found: Inspection, measures: Sequence[str]) -> str:
    said = []
    if (judged := found.overfitting) is not None:
        said.append(f"{judged.words[0].upper()}{judged.words[1:]}.")
    if found.best_epoch:
        name = _validation(found, found.metric)
        curve = found.curves.get(name, ())
        value = f", {curve[found.best_epoch - 1]:.5g}" if found.best_epoch <= len(curve) else ""
        said.append(
            f"The dotted line is epoch {found.best_epoch}, whose weights are kept: its {name} is the best{value}."
        )
    if found.problem in STANDARDISED and "loss" in measures:
        said.append("The loss is that of standardised targets; other metrics are in the target's units.")
    drawn = [of for of in found.seeds.values() if any(of.get(_validation(found, measure)) for measure in measures)]
    if num := len(drawn):
        said.append("Pale lines: validation with " + (f"{num} other seeds." if num > 1 else "the other seed."))
    return " ".join(said)
