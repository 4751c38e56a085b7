"""Writes the outputs that pages show anew: ``python -m tests.docs.record [PAGE ...]``, from the repository's root.

A page is played in its order in a folder of its own. Its specs and Python files are written there, under the name
in their first line (``# mine.py``), a spec without one as sweep.yaml. Comments say what is run:

- ``<!-- record: 0:5 ... /best/3 -->`` before a block: its commands behind ``$`` are run, and of each output these
  lines are kept: a slice, ``...`` as it stands, or three lines from the first that holds "best" (``_`` is a space),
  with ``/best/`` all up to the next blank one.
  ``|`` parts the outputs of several commands; without a colon everything is kept.
- ``<!-- record: COMMAND => 0:5 -->``: this command is run in place of what the block shows, if it shows one.
- ``<!-- fails -->`` and so on: the same for commands of which one fails; elsewhere that ends the recording.
- ``<!-- prepare: COMMAND -->``: run where it stands, its output is not shown.
- ``<!-- after: tutorials/first-sweep.md -->``: the folder is the one in which that page has been played before.

Sweeps are shown under IDs that follow from the page, the same each time; commands and files may name them by these.
Look at the difference before you commit it: a machine's times change.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.generate import DOCS, pages
from tests.helpers.paths import ROOT

STEP = re.compile(
    r"<!-- (?P<kind>record|fails|prepare):? ?(?P<how>.*?) ?-->\n"
    r"|^(?P<indent> *)```(?P<fence>\w+)\n(?P<text>.*?)^(?P=indent)```$",
    re.M | re.S,
)
NAMED = re.compile(r"# ([\w-]+\.(?:py|yaml))\n")
AFTER = re.compile(r"<!-- after: (\S+) -->")
TIMEOUT_S = 1200
LOGIN = pwd.getpwuid(os.getuid()).pw_name


@dataclass
class Player:
    """Plays pages in folders of ``root``, each page once."""

    root: Path
    environment: Mapping[str, str]
    folders: dict[Path, Path] = field(default_factory=dict)
    """Folder of each page that has been played."""
    texts: dict[Path, str] = field(default_factory=dict)
    """Text of each of them, with the outputs of now."""
    ids: dict[Path, dict[str, str]] = field(default_factory=dict)
    """ID under which a sweep is shown by its own, for each folder."""

    def play(self, page: Path) -> str:
        """Returns the page's text with the outputs of now."""
        if page not in self.texts:
            self.texts[page] = self._played(page)
        return self.texts[page]

    def _played(self, page: Path) -> str:
        text = page.read_text(encoding="utf-8")
        self.folders[page] = folder = self._folder(page, text)
        parts: list[str] = []
        place: int = 0
        how: re.Match[str] | None = None
        for step in STEP.finditer(text):
            parts.append(text[place : step.start()])
            place = step.end()
            if step["kind"] == "prepare":
                self._run(folder, step["how"])
            parts.append(step[0] if step["kind"] else self._block(folder, step, how))
            if step["kind"] != "prepare":
                how = step
        return "".join([*parts, text[place:]])

    def _folder(self, page: Path, text: str) -> Path:
        if (named := AFTER.search(text)) is None:
            folder = self.root / page.stem
            folder.mkdir(exist_ok=True)
            return folder
        before = DOCS / named[1]
        if before not in self.folders:
            self.play(before)
        return self.folders[before]

    def _block(self, folder: Path, step: re.Match[str], how: re.Match[str] | None) -> str:
        if name := file_of(step["fence"], step["text"]):
            (folder / name).write_text(self._real(folder, step["text"]))
        if how is None or how["kind"] is None:
            return step[0]
        body = "".join(f"{line}\n" for line in self._shown(folder, step["text"], how))
        return f"```{step['fence']}\n{body}```"

    def _shown(self, folder: Path, text: str, how: re.Match[str]) -> Iterator[str]:
        instead, _, kept = how["how"].rpartition(" => ") if " => " in how["how"] else ("", "", how["how"])
        prompts = re.findall(r"^\$ .*", text, re.M)
        choices = kept.split("|")
        for k, command in enumerate([instead] if instead else [prompt[2:] for prompt in prompts]):
            yield from prompts[k : k + 1]
            told = self._run(folder, command, fails=how["kind"] == "fails")
            yield from chosen(told, choices[min(k, len(choices) - 1)].split())

    def _run(self, folder: Path, command: str, fails: bool = False) -> list[str]:
        print(f"{folder.name}: {command[:100]}", file=sys.stderr, flush=True)
        done = subprocess.run(
            ["bash", "-c", self._real(folder, command)],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode and not fails:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}")
        told = self._anonymous(folder, done.stdout)
        return [line.rstrip() for line in told.strip("\n").split("\n")] if told.strip() else []

    def _anonymous(self, folder: Path, told: str) -> str:
        """The output as it is shown: with the pages' IDs, and without this machine's folders and login."""
        ids = self.ids.setdefault(folder, {})
        for home in sorted((folder / ".paceline").glob("[0-9a-f]" * 4)):
            shown = hashlib.sha256(f"{folder.name} {len(ids)}".encode()).hexdigest()[:4]
            ids.setdefault(home.name, shown)
        told = told.replace(str(folder), f"/home/you/{folder.name}")
        told = re.sub(rf"(?<=  ){LOGIN}(?= )", "you".ljust(len(LOGIN)), told)
        return renamed(told, ids)

    def _real(self, folder: Path, text: str) -> str:
        return renamed(text, {shown: real for real, shown in self.ids.get(folder, {}).items()})


def renamed(text: str, ids: Mapping[str, str]) -> str:
    """``text`` with each ID in ``ids`` in place of its key; digits of a decimal are none."""
    pattern = rf"(?<![\w.])({'|'.join(ids)})(?!\w)"
    return re.sub(pattern, lambda found: ids[found[1]], text) if ids else text


def file_of(fence: str, text: str) -> str | None:
    """The file that a block is, where it is one."""
    named = NAMED.match(text)
    if fence == "yaml" and re.search(r"^(workload|program):", text, re.M):
        return named[1] if named else "sweep.yaml"
    return named[1] if named and fence == "python" else None


def chosen(lines: list[str], choices: list[str]) -> list[str]:
    """The lines that ``choices`` keep; all where there are none. LookupError where words are looked for in vain."""
    found: list[str] = []
    for choice in choices or [":"]:
        if choice == "...":
            found.append(choice)
        elif choice.startswith("/"):
            _, words, count = choice.split("/")
            wanted = words.replace("_", " ")
            first = next((k for k, line in enumerate(lines) if wanted in line), None)
            if first is None:
                raise LookupError(f"no line holds {wanted!r}:\n" + "\n".join(lines))
            blank = next((k for k, line in enumerate(lines[first:], first) if not line.strip()), len(lines))
            found += lines[first : first + int(count) if count else blank]
        else:
            start, _, stop = choice.partition(":")
            found += lines[int(start) if start else None : int(stop) if stop else None]
    while found and not found[-1]:
        found.pop()
    return found


def environment(folder: Path) -> Mapping[str, str]:
    """One in which ``paceline`` and ``python`` are this repository's."""
    folder.mkdir()
    for name, command in (("paceline", "-m cluster.cli"), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        script.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "USER": "you", "LOGNAME": "you"}


def main() -> None:
    """Rewrites the pages that are named, or all that have something to record."""
    named = [Path(name).resolve() for name in sys.argv[1:]] or pages()
    with TemporaryDirectory() as root:
        player = Player(Path(root), environment(Path(root) / "bin"))
        for page in named:
            if re.search("<!-- (record|fails)", page.read_text(encoding="utf-8")):
                page.write_text(player.play(page), encoding="utf-8")


if __name__ == "__main__":
    main()
