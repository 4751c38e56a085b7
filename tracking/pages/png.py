"""Draws figures as PNG files, as a light page shows them. Needs the extra ``png`` and a Chrome or Chromium."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tracking.pages.look import HEIGHT_PX

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

STYLE: Final = Path(__file__).parent / "page.css"
WIDTH_PX, SCALE = 1000, 2
"""Width of a figure as on a page, and pixels of the file for each of it."""


class NoPng(Exception):
    """Error: no PNG file can be drawn here. Its text says why, and what to install."""


def write_pngs(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Write each figure to ``NAME.png`` in ``folder``, which is made; return the paths.

    Takes about 2 s, and 0.5 s a figure. Raises NoPng, and OSError where the folder cannot be written.
    """
    try:
        from choreographer.errors import ChromeNotFoundError
        from kaleido import Kaleido  # 300 ms
    except ImportError as error:
        raise NoPng("PNG files are drawn by kaleido: pip install 'paceline[png]'") from error

    async def draw() -> dict[str, bytes]:
        async with Kaleido(mathjax=False) as browser:  # MathJax would be fetched from the network
            return {name: await browser.calc_fig(_light(one), opts=_size(one)) for name, one in figures.items()}

    try:
        drawn = asyncio.run(draw())
    except ChromeNotFoundError as error:
        raise NoPng(
            "PNG files are drawn by a browser: install Chrome or Chromium, or kaleido_get_chrome"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in drawn.items():
        (folder / f"{name}.png").write_bytes(content)
    return [folder / f"{name}.png" for name in drawn]


def _light(figure: Figure) -> dict[str, Any]:
    """Return a figure with the colours of a light page for the names of its CSS variables."""
    root = STYLE.read_text(encoding="utf-8").partition("}")[0]
    colours = dict(re.findall(r"(--[a-z]+): (#[0-9a-f]+)", root))
    text = re.sub(r"var\((--[a-z]+)\)", lambda found: colours[found[1]], figure.to_json())
    drawn: dict[str, Any] = json.loads(text)
    drawn["layout"] |= {"paper_bgcolor": colours["--paper"]}
    return drawn


def _size(figure: Figure) -> dict[str, Any]:
    return {"format": "png", "width": WIDTH_PX, "height": figure.layout.height or HEIGHT_PX, "scale": SCALE}
