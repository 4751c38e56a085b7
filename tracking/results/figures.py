"""What an inspection found -> figures as SVG text. Nothing is computed here."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from search_spaces.types.inspection import Confusion, Importance, Layer, Overfitting
from tracking.results.svg import BLUE, FAINT, INK, ORANGE, Axes, Canvas, shade, spanned

MAX_LABELLED = 30
"""Classes up to which a confusion matrix shows names and counts."""
MAX_BARS, MAX_LAYERS, MAX_LETTERS = 30, 24, 24


def confusion(found: Confusion) -> str:
    """A row a true class, a column a predicted one; shaded by the share of the row."""
    num = len(found.classes)
    labelled = num <= MAX_LABELLED
    side = 28 if labelled else max(1.0, 700 / num)
    left = 6 + 6.2 * max(map(len, map(_cut, found.classes))) if labelled else 20
    top = left + 16
    canvas = Canvas(max(left + num * side + 60, 320), top + num * side + 10)
    canvas.text((6, 14), "true class by row, predicted class by column, test split")
    for i, row in enumerate(found.counts):
        total = max(sum(row), 1)
        for j, count in enumerate(row):
            x, y, share = left + j * side, top + i * side, count / total
            canvas.rect(x, y, side - labelled, side - labelled, shade(share))
            if labelled and count:
                canvas.text(
                    (x + side / 2, y + side / 2 + 4), str(count), 10, "middle", "#fff" if share > 0.5 else INK
                )
    for k, name in enumerate(found.classes if labelled else ()):
        canvas.text((left - 4, top + k * side + side / 2 + 4), _cut(name), 10, "end")
        x, y = left + k * side + side / 2 + 4, top - 4
        canvas.parts.append(f"<g transform='rotate(-90 {x:.1f} {y:.1f})'>")
        canvas.text((x, y), _cut(name), 10)
        canvas.parts.append("</g>")
    return canvas.svg()


def curves(found: Mapping[str, Sequence[float]], metric: str, judged: Overfitting | None) -> str:
    """Loss and metric over the epochs, training beside validation; the best epoch is marked."""
    measures = [m for m in dict.fromkeys(("loss", metric)) if f"val_{m}" in found or f"train_{m}" in found]
    canvas = Canvas(560, 46 + 230 * max(len(measures), 1))
    for k, text in enumerate(textwrap.wrap(judged.words, 84) if judged else ()):
        canvas.text((6, 14 + 13 * k), text)
    for k, measure in enumerate(measures):
        lines = {split: found[f"{split}_{measure}"] for split in ("train", "val") if f"{split}_{measure}" in found}
        num_epochs = max(map(len, lines.values()))
        values = [value for line in lines.values() for value in line]
        axes = Axes(canvas, (60, 60 + 230 * k, 470, 170), spanned([1, num_epochs]), spanned(values))
        axes.grid()
        for place, (split, line) in enumerate(lines.items()):
            ink = BLUE if split == "val" else ORANGE
            axes.curve(range(1, len(line) + 1), line, ink)
            canvas.text((66 + 100 * place, 54 + 230 * k), f"{split}_{measure}", 11, ink=ink)
        if judged is not None:
            best = judged.best_epoch
            canvas.line(axes.at(best, axes.y[0]), axes.at(best, axes.y[1]), INK, "3 3")
    return canvas.svg()


def importance(found: Sequence[Importance], metric: str) -> str:
    """A bar a column, the most important first, with the spread over the shuffles."""
    shown = found[:MAX_BARS]
    left = 16 + 6.2 * max(map(len, (_cut(column.column) for column in shown)))
    canvas = Canvas(left + 400, 50 + 18 * len(shown))
    canvas.text((6, 14), f"how much worse val_{metric} is when a column is shuffled")
    ends = [0.0, *(c.mean + c.std for c in shown), *(c.mean - c.std for c in shown)]
    axes = Axes(canvas, (left, 24, 370, 18.0 * len(shown)), spanned(ends), (0.0, len(shown)))
    axes.grid(num_y=0)
    zero = axes.at(0.0, 0.0)[0]
    for k, column in enumerate(shown):
        y = 24 + 18 * k
        end, low, high = (
            axes.at(v, 0)[0] for v in (column.mean, column.mean - column.std, column.mean + column.std)
        )
        canvas.rect(min(zero, end), y + 3, abs(end - zero), 12, BLUE)
        canvas.line((low, y + 9), (high, y + 9), INK)
        canvas.text((left - 6, y + 13), _cut(column.column), 11, "end")
    return canvas.svg()


def layers(found: Sequence[Layer]) -> str:
    """A histogram a parameter tensor, of the largest ones in the model's order; frozen ones in grey."""
    largest = sorted(found, key=lambda layer: -layer.size)[:MAX_LAYERS]
    shown = [layer for layer in found if layer in largest]
    canvas = Canvas(4 * 180 + 10, 10 + 120 * -(-len(shown) // 4))
    for k, layer in enumerate(shown):
        left, top = 10 + 180 * (k % 4), 10 + 120 * (k // 4)
        canvas.text((left, top + 11), _cut(layer.name), 11)
        canvas.text((left, top + 23), f"norm {layer.norm:.3g}, std {layer.std:.2g}", 9)
        peak, step = max(*layer.counts, 1), 160 / len(layer.counts)
        for i, count in enumerate(layer.counts):
            height = 60 * count / peak
            canvas.rect(left + i * step, top + 90 - height, step, height, BLUE if layer.trainable else FAINT)
        canvas.text((left, top + 102), f"{layer.low:.2g}", 9)
        canvas.text((left + 160, top + 102), f"{layer.high:.2g}", 9, "end")
    return canvas.svg()


def pairs(found: Sequence[tuple[float, float]]) -> str:
    """Prediction over truth; on the line both agree."""
    canvas = Canvas(440, 440)
    canvas.text((6, 14), "prediction by truth, test split")
    ends = spanned([value for pair in found for value in pair])
    axes = Axes(canvas, (60, 24, 370, 380), ends, ends)
    axes.grid()
    canvas.line(axes.at(ends[0], ends[0]), axes.at(ends[1], ends[1]), ORANGE)
    for truth, prediction in found:
        canvas.dot(*axes.at(truth, prediction), BLUE)
    return canvas.svg()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"
