"""The structure of the four packages in numbers: rooms, arrows between them, circles, sizes.

``python -m tests.structure`` prints them for the working tree, and with revisions for these commits beside it.
Imports inside functions and under TYPE_CHECKING count like any other.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.helpers.paths import ROOT

ROADS = "docs/explanation/how-a-sweep-runs.md"
PACKAGES = ("search_spaces", "tracking", "workloads", "cluster")
ROOMS: Mapping[str, Sequence[Sequence[str]]] = {
    "search_spaces": (
        ("types",),
        ("criteria", "numerics", "space"),
        ("schedules",),
        ("samplers", "study"),
        ("spec",),
        ("race",),
        ("simulation",),
    ),
    "tracking": (("names", "pages"), ("store",), ("ui", "results"), ("writer",)),
    "workloads": (
        ("arrays", "hyperparameters", "memory_need", "report", "users_code", "users_packages"),
        ("tables",),
        ("data",),
        ("files",),
        ("layers", "tasks"),
        ("training",),
        ("contract",),
        ("models",),
        ("bridges", "registry"),
        ("legs",),
        ("champion",),
        ("baselines",),
        ("own_loop", "table_model", "transformers"),
        ("examples",),
    ),
    "cluster": (
        ("exit_codes", "explain", "guard", "interrupts", "ray_internals", "terminal"),
        ("sweep",),
        ("models", "report"),
        ("lanes",),
        ("doctor",),
        ("driver", "probe"),
        ("targets",),
        ("python",),
        ("cli",),
        ("job",),
        ("pre_stop",),
        ("leaving",),
    ),
}
"""The rooms of each package from the ground up; a room may import those of lower floors, and none of its own."""


OTHERS_INTERFACE = "wandb_shim"
"""Folder of a module that stands for another package: its imports and signatures are those of that package."""


def python_files(folder: Path) -> list[Path]:
    """Return the sources below a folder in order, without those that have another package's interface."""
    return sorted(path for path in folder.rglob("*.py") if OTHERS_INTERFACE not in path.parts)


@dataclass(frozen=True)
class Import:
    """One import of a module of ours by another: ``line`` counts from 1; ``inside`` a function or not."""

    importer: str
    imported: str
    line: int
    inside: bool


@dataclass(frozen=True)
class Tree:
    """The four packages below ``root``."""

    root: Path

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Modules by their dotted names."""
        found = {}
        for package in PACKAGES:
            for path in python_files(self.root / package):
                parts = path.relative_to(self.root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    @cached_property
    def imports(self) -> Sequence[Import]:
        """Every import of ours, relative ones left out (there are none)."""
        return [found for name, path in self.files.items() for found in self._imports(name, path)]

    def _imports(self, name: str, path: Path) -> Iterator[Import]:
        tree = ast.parse(path.read_text())
        functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        inner = {id(node) for function in functions for node in ast.walk(function)}
        for node in ast.walk(tree):
            for imported in self._targets(node):
                if imported != name:
                    yield Import(name, imported, getattr(node, "lineno", 0), id(node) in inner)

    def _targets(self, node: ast.AST) -> set[str]:
        if isinstance(node, ast.Import):
            return {alias.name for alias in node.names} & self.files.keys()
        if isinstance(node, ast.ImportFrom) and node.module:
            each = {f"{node.module}.{alias.name}" for alias in node.names} & self.files.keys()
            return each or {node.module} & self.files.keys()
        return set()

    @cached_property
    def edges(self) -> Mapping[str, set[str]]:
        """What each module imports."""
        found: dict[str, set[str]] = {name: set() for name in self.files}
        for one in self.imports:
            found[one.importer].add(one.imported)
        return found

    def circles(self) -> list[list[str]]:
        """Groups of modules that import each other, directly or around."""
        return circles(self.edges)

    def upward(self) -> list[Import]:
        """Imports within a package that do not point to a lower floor."""
        floors = {(p, r): i for p, rooms in ROOMS.items() for i, floor in enumerate(rooms) for r in floor}
        wrong = []
        for one in self.imports:
            (package, room), (other, there) = room_of(one.importer), room_of(one.imported)
            if package == other and room != there and floors[package, there] >= floors[package, room]:
                wrong.append(one)
        return wrong

    def folders(self) -> Counter[str]:
        """Files of each folder, ``__init__.py`` left out."""
        names = (path for path in self.files.values() if path.name != "__init__.py")
        return Counter(path.parent.relative_to(self.root).as_posix() for path in names)

    def roads(self) -> Mapping[str, int]:
        """Files that handle a value on its way, as ``ROADS`` names them; empty where there is no such page."""
        page = self.root / ROADS
        if not page.exists():
            return {}
        blocks = re.split(r"^\*\*(.+?)\*\* \(\d+ files\):", page.read_text(), flags=re.MULTILINE)[1:]
        pairs = zip(blocks[::2], blocks[1::2], strict=True)
        return {name: block.partition("\n\n")[0].partition(" (or ")[0].count(".py`") for name, block in pairs}

    def num_lines(self) -> int:
        """Lines of all files together."""
        return sum(len(path.read_text().splitlines()) for path in self.files.values())


def room_of(module: str) -> tuple[str, str]:
    """The package and the room of a module; a package itself is in a room without a name."""
    package, _, rest = module.partition(".")
    return package, rest.partition(".")[0]


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node: those that reach each other."""
    reach: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        waiting = list(edges[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += edges[name]
        reach[start] = seen
    groups = {frozenset([a, *(b for b in reach[a] if a in reach[b])]) for a in edges if a in reach[a]}
    return sorted(sorted(group) for group in groups)


def at(revision: str, folder: Path) -> Tree:
    """The tree of a commit, unpacked into ``folder``."""
    packed = subprocess.run(
        ["git", "archive", revision, *PACKAGES, *_page(revision)], cwd=ROOT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Tree(folder)


def _page(revision: str) -> list[str]:
    """The page of roads, where the commit has it."""
    found = subprocess.run(["git", "cat-file", "-e", f"{revision}:{ROADS}"], cwd=ROOT, capture_output=True)
    return [] if found.returncode else [ROADS]


def figures(tree: Tree) -> dict[str, str]:
    """What is counted, in the order in which it is printed."""
    found = tree.circles()
    folder, largest = tree.folders().most_common(1)[0]
    known = {(p, r) for p, rooms in ROOMS.items() for floor in rooms for r in floor}
    housed = all(room_of(name) in known or "." not in name for name in tree.files)
    return {
        "files": str(len(tree.files)),
        "lines": f"{tree.num_lines():,}",
        "folders": str(len(tree.folders())),
        "largest folder": f"{largest} ({folder})",
        "circles of modules": f"{len(found)} ({sum(map(len, found))} modules)",
        "upward imports": str(len(tree.upward())) if housed else "no rooms",
        "imports": str(len(tree.imports)),
        "imports inside functions": str(sum(one.inside for one in tree.imports)),
        "files of roads": ", ".join(map(str, tree.roads().values())) or "not told",
    }


def main(revisions: Sequence[str]) -> None:
    """One column a revision, the working tree last."""
    with tempfile.TemporaryDirectory() as folder:
        trees = [at(revision, Path(folder) / str(i)) for i, revision in enumerate(revisions)]
        columns = [figures(tree) for tree in (*trees, Tree(ROOT))]
    print(f"{'':26}" + "".join(f"{name:>28}" for name in (*revisions, "working tree")))
    for row in columns[0]:
        print(f"{row:26}" + "".join(f"{column[row]:>28}" for column in columns))


if __name__ == "__main__":
    main(sys.argv[1:])
