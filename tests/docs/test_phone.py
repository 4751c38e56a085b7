"""Every page of the site on a phone: nothing moves the page sideways, nothing is cut off."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.site import build

WIDTH = 390
"""CSS pixels: the width of a common phone, held upright."""
CHROMIUM = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=120000")
MEASURE = """<!doctype html><body><script>
const scrolls = x => x && (/auto|scroll/.test(getComputedStyle(x).overflowX) || scrolls(x.parentElement))
const measured = async page => {
  const frame = document.createElement('iframe')
  frame.style.cssText = 'width:WIDTHpx; height:844px; border:0'
  frame.src = page
  document.body.append(frame)
  await new Promise(loaded => frame.onload = loaded)
  await new Promise(wrapped => setTimeout(wrapped, 100))  // the site's script makes tables scroll
  const root = frame.contentDocument.documentElement
  const wide = x => x.getBoundingClientRect().right > WIDTH + 1 && !scrolls(x)
  const cut = [...root.querySelectorAll('article *')].filter(wide).map(x => x.outerHTML.slice(0, 80))
  const found = {page, viewport: root.clientWidth, width: root.scrollWidth, cut}
  frame.remove()
  return found
}
(async () => {
  const all = []
  for (const page of PAGES) all.push(await measured(page))
  document.body.textContent = JSON.stringify(all)
})()
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_no_page_is_wider_than_a_phone(tmp_path: Path) -> None:
    site = build(tmp_path)
    pages = sorted(str(page.relative_to(site)) for page in site.rglob("*.html"))
    measure = site / "measure.html"
    measure.write_text(MEASURE.replace("PAGES", json.dumps(pages)).replace("WIDTH", str(WIDTH)))
    # Pages may look into each other's frames only where files count as one origin.
    command = ["chromium", *CHROMIUM, "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run(
        [*command, "--dump-dom", measure.as_uri()], capture_output=True, text=True, timeout=120
    ).stdout
    body = re.search(r"<body>(.*)</body>", shown, re.S)
    assert body, shown[:1000]
    found = json.loads(html.unescape(body[1]))
    assert [each["page"] for each in found] == pages
    assert {each["viewport"] for each in found} == {WIDTH}
    assert [each for each in found if each["width"] > WIDTH or each["cut"]] == []
