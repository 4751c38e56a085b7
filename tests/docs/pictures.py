"""Makes the pictures of docs/pictures anew, from a real sweep: ``make pictures``.

The terminal's are SVG, drawn by rich from a recorded sweep; pages are taken by a headless Chromium.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

from cluster.cli.commands.run import AFTER_DEMO, DEMO
from cluster.cli.commands.shared import load, reading
from cluster.driver.driver import drive
from cluster.python.showing import title
from cluster.report.written import write
from cluster.sweep.document import document
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading, snapshot, troubles
from cluster.terminal import closing_summary, views
from cluster.terminal.closing_summary import Ending
from cluster.terminal.records import Snapshot
from tests.helpers.paths import ROOT
from tracking.ui.server import charts_url, leaderboard_url, serve

PICTURES = ROOT / "docs" / "pictures"
SIZE = (110, 28)
"""Columns and rows of the terminal."""
WINDOW, SHOWN = (1860, 820), (1390, 820)
"""Pixels of the browser's window, and of it without MLflow's assistant, which opens in its right quarter."""
REPORT = (1180, 1340)
"""Pixels of the browser's window for the champion's report."""
TRIALS = 40
REPORTS = {
    "report-verdict": (1200, "light", "verdict", 1150),
    "report-hyperparameters": (1200, "dark", "parallel", 1400),
    "report-phone": (390, "light", "verdict", 1500),
}
"""Pictures of the report: width in pixels, theme, the section at the top, and height."""
NUM_COLOURS = 256
"""Of a picture in the documentation, the rare ones among them: thin lines keep their colour."""


@dataclass
class Recorder:
    """Watches a sweep and keeps every picture of it."""

    snapshots: list[Snapshot] = field(default_factory=list)
    url: str = ""

    def progress(self, snapshot: Snapshot) -> None:
        """Kept."""
        self.snapshots.append(snapshot)

    def message(self, text: str) -> None:
        """Told, for whoever makes the pictures."""
        print(text, file=sys.stderr)

    def link(self, url: str) -> None:
        """Kept."""
        self.url = url

    def busiest(self) -> Snapshot:
        """A moment of the search two thirds through, with trials in many states."""

        def interest(one: Snapshot) -> tuple[int, int]:
            return len({row.state for row in one.rows}), -abs(3 * len(one.rows) - 2 * one.num_planned)

        return max((one for one in self.snapshots if one.phase == "search"), key=interest)


def main() -> int:
    """A sweep in a folder of its own, then its pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        home = SweepHome.create(load(str(DEMO), (f"trials={TRIALS}", "epochs=27")))
        recorder = Recorder()
        with home.driven():
            drive(home, recorder)
        terminal(home, recorder)
        browser(reading(home), Path(folder))
        report(reading(home), Path(folder))
        champion(Path(folder))
        os.chdir(ROOT)
    return 0


def terminal(home: SweepHome, recorder: Recorder) -> None:
    """The live view and the summary."""
    read = reading(home)
    about = title(home, read.sweep)
    draw(
        "live",
        f"paceline run {home.sweep().workload}.yaml",
        views.picture(recorder.busiest(), about, recorder.url, SIZE),
    )
    ending = Ending(
        title=about,
        document=document(read),
        snapshot=snapshot(read),
        troubles=troubles(read),
        next=AFTER_DEMO,
    )
    draw("summary", "paceline show", lambda console: closing_summary.show(ending, console))


def draw(name: str, typed: str, content: Sequence[Text] | Callable[[Console], None]) -> None:
    """Writes a terminal's picture; its fonts are the reader's own, so that it loads nothing."""
    console = Console(record=True, file=io.StringIO(), width=SIZE[0], force_terminal=True, color_system="truecolor")
    if callable(content):
        content(console)
    else:
        console.print(*content, sep="\n")
    svg = console.export_svg(title=typed)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S).replace("Fira Code, monospace", "monospace")
    (PICTURES / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


def browser(read: Reading, folder: Path) -> None:
    """MLflow's leaderboard and charts, as the links open them."""
    server = serve(f"sqlite:///{folder}/mlflow.db", 0, folder / "server.log")
    experiment = str(read.facts.tracking["experiment_id"])
    links = {
        "mlflow-leaderboard": leaderboard_url(server.url, experiment, read.home.id),
        "mlflow-charts": charts_url(server.url, experiment, read.home.id),
    }
    try:
        for name, url in links.items():
            shoot(url, folder / f"{name}.png", folder)
            keep(folder / f"{name}.png", SHOWN)
    finally:
        server.stop()


def champion(folder: Path) -> None:
    """The top of the champion's report."""
    [page] = folder.glob("**/verdict/report.html")
    shoot(page.as_uri(), folder / "champion-report.png", folder, REPORT)
    keep(folder / "champion-report.png", REPORT)


def report(read: Reading, folder: Path) -> None:
    """The sweep's report, in a frame: a window cannot be as narrow as a phone."""
    write(read, folder / "report.html")
    for name, (width, theme, section, height) in REPORTS.items():
        page, size = f"report.html?theme={theme}#{section}", f"width:{width}px; height:{height}px; border:0"
        frame = f"<iframe src='{page}' style='{size}'>"
        (folder / "frame.html").write_text(f"<!doctype html><body style='margin:0'>{frame}</iframe>")
        shoot((folder / "frame.html").as_uri(), folder / f"{name}.png", folder, (max(600, width), height))
        keep(folder / f"{name}.png", (width, height))


def keep(file: Path, size: tuple[int, int]) -> None:
    """The left upper part of a picture in the documentation, with few colours."""
    picture = Image.open(file).convert("RGB").crop((0, 0, *size))
    picture.quantize(NUM_COLOURS, Image.Quantize.MAXCOVERAGE).save(PICTURES / file.name, optimize=True)


def shoot(url: str, file: Path, folder: Path, window: tuple[int, int] = WINDOW) -> None:
    """One picture of a page, when it has had the time to load."""
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={window[0]},{window[1]}"]
    command += ["--virtual-time-budget=60000", f"--screenshot={file}", url]
    subprocess.run(command, check=True, capture_output=True, timeout=180)


if __name__ == "__main__":
    sys.exit(main())
