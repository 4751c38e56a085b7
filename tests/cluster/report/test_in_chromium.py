"""The report in a real browser: light and dark, on a phone and on a wide screen, everything is drawn."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster.report.records import Records
from cluster.report.report import page
from cluster.sweep.files.champion_file import keep
from cluster.sweep.reading import Reading
from search_spaces.types.trial_names import trial_name
from tests.helpers.large_sweep import large_sweep
from tests.helpers.whole_inspection import whole_inspection
from tracking.results.champion.head import Head
from tracking.results.report import files

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 26)"
"""Colours of the paper."""
CHROMIUM = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--window-size=1700,1000",
    "--enable-logging=stderr",
)
"""Messages of the console go to stderr; the page's policy makes one of each request to another host."""
MEASURE = """<!doctype html><body><script>
const pause = () => new Promise(done => setTimeout(done, 50))
const drawn = async root => { while (root.dataset.drawn !== 'all') await pause() }
const plot = x => box(x.querySelector('svg.main-svg')) > 1e4 && x.querySelectorAll('path, rect, circle').length > 3
const rect = x => x.getBoundingClientRect()
const box = x => { const found = x?.getBoundingClientRect(); return found ? found.width * found.height : 0 }
const wide = (root, width) => [...root.querySelectorAll('body *')].filter(x => !x.closest('svg, .table, pre')
  && x.getBoundingClientRect().right > width + 1).map(x => x.outerHTML.slice(0, 80))
// Words of a figure: none is cut off at its edge, none lies over another.
const words = figure => [...figure.querySelectorAll('text')].filter(x => x.textContent.trim() && box(x))
const within = (x, figure) => ['left', 'top'].every(k => rect(x)[k] > rect(figure)[k] - 2)
  && ['right', 'bottom'].every(k => rect(x)[k] < rect(figure)[k] + 2)
const overlap = (a, b) => Math.min(rect(a).right, rect(b).right) - Math.max(rect(a).left, rect(b).left) > 3
  && Math.min(rect(a).bottom, rect(b).bottom) - Math.max(rect(a).top, rect(b).top) > 5
const lost = root => [...root.querySelectorAll('.figure')].flatMap(figure => words(figure).filter((x, k, all) =>
  !within(x, figure) || all.slice(k + 1).some(y => overlap(x, y))).map(x => `${figure.id}: ${x.textContent}`))
const wider = root => [...root.querySelectorAll('.figure')].filter(figure =>
  [...figure.querySelectorAll('svg')].some(x => rect(x).right > rect(figure).right + 1)).map(x => x.id)
const looked = (root, width) => ({
  width,
  paper: getComputedStyle(root.querySelector('body')).backgroundColor,
  ink: root.querySelector('.figure text').style.fill,
  cut: [...wide(root, width), ...wider(root)],
  lost: lost(root),
  scroll: root.scrollWidth,
  sections: [...root.querySelectorAll('section')].map(x => x.id),
  empty: [...root.querySelectorAll('section')].filter(x => box(x) < 5000).map(x => x.id),
  figures: root.querySelectorAll('.figure').length,
  drawn: [...root.querySelectorAll('.figure')].filter(plot).length,
  warning: root.querySelector('header .warning')?.textContent ?? null,
})
// Theme and widths of figures on paper, and whether the screen gets its own back.
const printed = async (page, root) => {
  const widths = () => [...root.querySelectorAll('.figure svg.main-svg')].map(x => Math.round(rect(x).width))
  const [theme, before] = [root.dataset.theme, widths()]
  page.dispatchEvent(new Event('beforeprint'))
  const found = [root.dataset.theme, ...new Set(widths())]
  page.dispatchEvent(new Event('afterprint'))
  await pause()
  return [...found, root.dataset.theme === theme && `${widths()}` === `${before}`]
}
const measured = async (width, theme) => {
  const frame = document.createElement('iframe')
  frame.style.cssText = `width:${width}px; height:900px; border:0`
  frame.src = `page.html?theme=${theme}`
  document.body.append(frame)
  await new Promise(loaded => frame.onload = loaded)
  const root = frame.contentDocument.documentElement
  await drawn(root)
  const before = looked(root, width)
  root.querySelector('#theme').click()
  while (looked(root, width).ink === before.ink) await pause()
  const after = looked(root, width)
  after.printed = await printed(frame.contentWindow, root)
  frame.remove()
  return [before, after]
}
(async () => {
  const all = []
  all.push(...await measured(390, 'dark'), ...await measured(1600, 'light'))
  document.body.textContent = JSON.stringify(all)
})()
</script></body>"""


def seen(folder: Path) -> list[dict[str, Any]]:
    """Return what a browser measures of ``page.html``; its console must stay empty."""
    (folder / "measure.html").write_text(MEASURE)
    command = ["chromium", *CHROMIUM, "--allow-file-access-from-files", "--virtual-time-budget=300000"]
    order = [*command, f"--user-data-dir={folder / 'profile'}", "--dump-dom", (folder / "measure.html").as_uri()]
    done = subprocess.run(order, capture_output=True, text=True, timeout=240)
    assert "CONSOLE" not in done.stderr, done.stderr
    body = re.search(r"<body>(.*)</body>", done.stdout, re.S)
    assert body, done.stdout[:1000]
    found: list[dict[str, Any]] = json.loads(html.unescape(body[1]))
    return found


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("trials", [40, pytest.param(2000, marks=pytest.mark.soak)])
def test_every_section_is_drawn_in_both_themes_at_both_widths(
    trials: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    records = Records(Reading.of(large_sweep(f"trials={trials}", "epochs=50")))
    assert records.verdict is not None
    champion = trial_name(records.verdict["winner"]["number"])
    keep(records.read.home, files(whole_inspection(f"{champion} seed 1"), Head()), pytest.fail)
    drawn = page(records)
    content = drawn.page.html()
    (tmp_path / "page.html").write_bytes(content)
    assert drawn.failed == {} and len(content) < 6e6
    assert not re.search(rb"<(script|img|link|iframe)[^>]+(src|href)=.http", content), "nothing is fetched"
    found = seen(tmp_path)
    sections = [section.id for section in drawn.page.sections]
    figures = sum(len(section.figures) for section in drawn.page.sections)
    assert [(one["width"], one["paper"]) for one in found] == [
        (390, DARK),
        (390, LIGHT),
        (1600, LIGHT),
        (1600, DARK),
    ]
    assert [one["printed"] for one in found if "printed" in one] == [["light", 680, True]] * 2
    for one in found:
        where = f"{one['width']} pixels, {one['paper']}"
        assert (one["sections"], one["empty"], one["warning"]) == (sections, [], None), where
        assert one["drawn"] == one["figures"] == figures > 30, where
        assert (one["cut"], one["lost"], one["scroll"]) == ([], [], one["width"]), where
