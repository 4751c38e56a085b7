"""A page is one file that draws its figures by itself and asks no one for anything."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from plotly.graph_objects import Bar, Figure, Scatter

from tracking.pages.look import INK, styled
from tracking.pages.page import Page, Section, Tile, digits, picture

NASTY = "</script><script>alert(1)</script>"

TOLD = Tile(name="baseline", value="0.98", note="of 270 rows", warns=True)


def page() -> Page:
    line = Figure(Scatter(x=[1, 2, 3], y=[0.5, None, 0.7], name=NASTY, line={"color": INK}))
    table = pd.DataFrame({NASTY: [0.123456789, float("nan")], "words": ["<b>", "x" * 99]})
    return Page(
        title=f"sweep {NASTY}",
        said=["Two sentences."],
        sections=[
            Section(id="history", heading="History", says=NASTY, figures=[styled(line)]),
            Section(id="bars", heading="Bars & more", warnings=[NASTY], figures=[styled(Figure(Bar(y=[1, 2])))]),
            Section(id="table", heading="Table", tables=[table], html=picture(b"png", "it's"), notes=[NASTY]),
            Section(id="tiles", heading="Tiles", tiles=[Tile(name=NASTY, value="0.97"), TOLD]),
        ],
    )


def test_texts_stay_texts_and_numbers_have_five_digits() -> None:
    text = page().html().decode()
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    assert "0.12346" in text and "NaN<" not in text and "x" * 99 in text
    assert "alt='it&#x27;s'" in text and "<strong>0.97</strong>" in text
    assert "<div class='tile warning'><span>baseline</span><strong>0.98</strong><span>of 270 rows</span>" in text
    assert text.count("<p class='note'>") == 1
    assert text.index("#history") < text.index("#bars") < text.index("#table") < text.index("<main>")


def test_prices_keep_all_digits_before_the_point() -> None:
    shown = [digits(value) for value in (0.0563871, -94313.2, 129334.7, 9999999.6, float("nan"))]
    assert shown == ["0.056387", "-94313", "129335", "1e+07", "nan"]


def test_equal_pages_are_equal_files_and_no_two_sections_have_one_id() -> None:
    assert page().html() == page().html()
    twice = [Section(id="a", heading="A"), Section(id="a", heading="B")]
    with pytest.raises(ValueError, match="of one id"):
        Page(title="t", sections=twice).html()
    assert b"plotly" not in Page(title="t", sections=twice[:1]).html()[:-3000], "without figures it is small"


def test_no_line_ends_within_a_number_and_long_names_may_take_several() -> None:
    tile = Tile(name="gradient boosting (HistGradientBoosting)", value="models:/sales_2@champion", note="of 0.8744")
    section = Section(id="a", heading="A", says="From 6.6e-03 on 95 % are right, 0.5 not.", tiles=[tile])
    text = Page(title="t", sections=[section]).html().decode()
    assert "From <span class='whole'>6.6e-03</span> on <span class='whole'>95 %</span> are right, 0.5 not." in text
    assert "(Hist<wbr>Gradient<wbr>Boosting)" in text and "of 0.8744<" in text
    assert "models:/<wbr>sales_<wbr>2@<wbr>champion" in text


def test_a_column_of_numbers_and_long_words_begins_at_the_left_where_a_phone_shows_it() -> None:
    machine = pd.DataFrame({"what": ["workers", "CPU"], "found": ["2", "a processor of a very long name"]})
    numbers = pd.DataFrame({"what": ["workers", "CPU"], "found": ["2", "one"]})
    sections = [Section(id="a", heading="A", tables=[machine]), Section(id="b", heading="B", tables=[numbers])]
    text = Page(title="t", sections=sections).html().decode()
    assert "class='table words-1 words-2'" in text and "class='table words-1'" in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_chromium_draws_every_figure_in_the_theme_s_colours(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(page().html())
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, f"file://{tmp_path}/page.html?theme=dark"], capture_output=True, text=True, timeout=120
    )
    assert 'data-drawn="all"' in done.stdout
    assert len(re.findall('class="figure[^"]* drawn"', done.stdout)) == 2
    assert "rgb(230, 232, 234)" in done.stdout, "ink of the dark theme"
    assert "CONSOLE" not in done.stderr
