"""Pictures as plain SVG text: shows in MLflow's UI and in any browser, needs no script and no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

FONT = "font-family='system-ui, sans-serif'"
INK, FAINT, BLUE, ORANGE = "#222", "#ccc", "#2a6fb0", "#d9822b"


@dataclass
class Canvas:
    """A picture of ``width`` x ``height`` pixels, drawn piece by piece."""

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def text(
        self, at: tuple[float, float], text: str, size: float = 11, anchor: str = "start", ink: str = INK
    ) -> None:
        """A line of text whose baseline begins, has its middle or ends at the place."""
        place = f"x='{at[0]:.1f}' y='{at[1]:.1f}' font-size='{size:g}' text-anchor='{anchor}' fill='{ink}'"
        self.parts.append(f"<text {place}>{escape(text)}</text>")

    def rect(self, x: float, y: float, width: float, height: float, ink: str) -> None:
        """A filled rectangle."""
        size = f"width='{max(width, 0):.1f}' height='{max(height, 0):.1f}'"
        self.parts.append(f"<rect x='{x:.1f}' y='{y:.1f}' {size} fill='{ink}'/>")

    def line(self, start: tuple[float, float], end: tuple[float, float], ink: str = FAINT, dash: str = "") -> None:
        """A thin line."""
        dashed = f" stroke-dasharray='{dash}'" if dash else ""
        ends = f"x1='{start[0]:.1f}' y1='{start[1]:.1f}' x2='{end[0]:.1f}' y2='{end[1]:.1f}'"
        self.parts.append(f"<line {ends} stroke='{ink}'{dashed}/>")

    def path(self, points: Sequence[tuple[float, float]], ink: str) -> None:
        """A line through the points."""
        shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f"<polyline points='{shown}' fill='none' stroke='{ink}' stroke-width='1.5'/>")

    def dot(self, x: float, y: float, ink: str, radius: float = 2) -> None:
        """A small disc, half transparent."""
        self.parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius:g}' fill='{ink}' fill-opacity='0.5'/>")

    def svg(self) -> str:
        """The whole file."""
        box = f"viewBox='0 0 {self.width:g} {self.height:g}' width='{self.width:g}' height='{self.height:g}'"
        head = f"<svg xmlns='http://www.w3.org/2000/svg' {box} {FONT}>"
        return "\n".join(
            [head, f"<rect width='{self.width:g}' height='{self.height:g}' fill='#fff'/>", *self.parts, "</svg>"]
        )


@dataclass(frozen=True)
class Axes:
    """A rectangle of a canvas (left, top, width, height) for values of two ranges."""

    canvas: Canvas
    box: tuple[float, float, float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point stands."""
        left, top, width, height = self.box
        return left + width * _share(x, self.x), top + height * (1 - _share(y, self.y))

    def grid(self, num_x: int = 6, num_y: int = 5) -> None:
        """Lines and numbers at round values; none beside an axis of 0."""
        left, top, width, height = self.box
        for value in round_values(*self.y, num_y) if num_y else ():
            y = self.at(self.x[0], value)[1]
            self.canvas.line((left, y), (left + width, y))
            self.canvas.text((left - 4, y + 4), f"{value:g}", 10, "end")
        for value in round_values(*self.x, num_x):
            x = self.at(value, self.y[0])[0]
            self.canvas.line((x, top + height), (x, top + height + 3), INK)
            self.canvas.text((x, top + height + 14), f"{value:g}", 10, "middle")

    def curve(self, xs: Sequence[float], ys: Sequence[float], ink: str) -> None:
        """A line through finite points."""
        self.canvas.path([self.at(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)], ink)


def spanned(values: Sequence[float]) -> tuple[float, float]:
    """From the smallest finite value to the largest, never of no width."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def round_values(low: float, high: float, count: int) -> list[float]:
    """About ``count`` multiples of 1, 2 or 5 times a power of ten that lie in the range."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]


def shade(share: float, ink: tuple[int, int, int] = (42, 111, 176)) -> str:
    """White for 0, ``ink`` for 1."""
    share = min(max(share, 0.0), 1.0)
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in ink)


def _share(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])
