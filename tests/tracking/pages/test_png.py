"""A figure as a PNG file is that of a light page, without a request to the network."""

from __future__ import annotations

import io
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from plotly.graph_objects import Bar, Figure

from tracking.pages.look import INK, styled
from tracking.pages.png import SCALE, WIDTH_PX, write_pngs


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.skipif(find_spec("kaleido") is None, reason="kaleido is not installed")
def test_a_png_file_has_the_light_colours(tmp_path: Path) -> None:
    bar = styled(Figure(Bar(y=[1], marker={"color": INK, "line": {"width": 0}})), height_px=200)
    (path,) = write_pngs({"bar": bar}, tmp_path / "figures")
    picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    assert path.name == "bar.png" and picture.size == (SCALE * WIDTH_PX, SCALE * 200)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.getpixel((SCALE * WIDTH_PX // 2, SCALE * 100)) == (0x1F, 0x23, 0x28)
