"""Finds modules of a user's folder that are not the ones imported: others of the same name come before them."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from workloads.models.custom.source.imported_names import imported_names


def hidden(module: str, folder: Path) -> tuple[str, ...]:
    """Return a sentence for each file of ``folder`` that ``module``, or what it imports, does not get by its name.

    Python's own modules, installed ones and Paceline's come before those of the folder, and so do those that this
    process has imported from another folder.
    """
    return tuple(_hidden(module, folder))


def _hidden(module: str, folder: Path) -> Iterator[str]:
    asked, seen, told = [(module, "the spec")], set[Path](), set[str]()
    while asked:
        name, where = asked.pop()
        top = name.partition(".")[0]
        if top in told or not (own := _files(folder, top)):
            continue
        if other := _stranger(top, own[0]):
            told.add(top)
            shown = own[0].relative_to(folder)
            way_out = "install it anew, `pip install -e .`" if installs(top, folder) else "rename the latter"
            yield f"{where} names {top}, which is {other} and not {shown} of this folder: {way_out}"
            continue
        for path in _files(folder, name):
            if path not in seen:
                seen.add(path)
                asked += _imports(path, folder)


def strangers(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each module and package of the folder that another one comes before, and whose that is."""
    for path in sorted(folder.iterdir()):
        if (path.suffix == ".py" and path.stem.isidentifier()) or (path / "__init__.py").is_file():
            own = path if path.suffix == ".py" else path / "__init__.py"
            if other := _stranger(path.stem, own):
                yield path, other


def installs(name: str, folder: Path) -> bool:
    """Whether the installed module ``name`` is of the project whose source the folder holds, of any version."""
    own = _project(folder)
    return any(
        file.parts[0] in (name, f"{name}.py")
        for distribution in metadata.distributions()
        if _same(distribution.name, own) or _source(distribution) == folder.resolve().as_uri()
        for file in distribution.files or ()
    )


def _project(folder: Path) -> object:
    """Return the name of the folder's project; None where it has none, or its file cannot be read."""
    try:
        about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        return about.get("project", {}).get("name") or about.get("tool", {}).get("poetry", {}).get("name")
    except (OSError, ValueError, AttributeError):
        return None


def _source(distribution: metadata.Distribution) -> object:
    """Return the address of the folder that pip has installed it from; None for any other source."""
    try:
        return json.loads(distribution.read_text("direct_url.json") or "{}").get("url")
    except (OSError, ValueError, AttributeError):
        return None


def _same(one: str | None, other: object) -> bool:
    """Whether two names of projects are the same one, by the rule of PyPI."""
    return (
        isinstance(other, str) and re.sub(r"[-_.]+", "-", f"{one}").lower() == re.sub(r"[-_.]+", "-", other).lower()
    )


def _stranger(name: str, own: Path) -> str | None:
    """Return whose the module is that ``import name`` finds in place of the file ``own``; None if that is found."""
    if name in sys.stdlib_module_names:
        return "Python's own"
    try:
        found = find_spec(name)
    except (ImportError, ValueError):
        return None
    origin = found and found.origin
    if not origin or Path(origin).resolve() == own.resolve() or _is_copy(Path(origin), own):
        return None
    return f"an installed one ({origin})"


def _is_copy(found: Path, own: Path) -> bool:
    """Whether the found module holds the folder's own code, as where the folder's project is installed."""
    inside = list(own.parent.rglob("*.py")) if own.name == "__init__.py" else [own]
    copies = [found.parent / path.relative_to(own.parent) for path in inside]
    return all(
        copy.is_file() and copy.read_bytes() == path.read_bytes() for copy, path in zip(copies, inside, strict=True)
    )


def used_modules(module: str, folder: Path) -> tuple[list[Path], set[str]]:
    """Return the files of ``folder`` that importing ``module`` runs, and the first names of the other modules.

    What is imported inside of functions counts, too.
    """
    asked, files, others = [module], list[Path](), set[str]()
    while asked:
        name = asked.pop()
        own = _files(folder, name)
        others |= set() if own else {name.partition(".")[0]}
        for path in own:
            if path not in files:
                files.append(path)
                asked += [imported for imported, _ in _imports(path, folder)]
    return sorted(files), {name for name in others if name not in sys.stdlib_module_names}


def _files(folder: Path, name: str) -> list[Path]:
    """Return the files of the folder that an import of the dotted ``name`` would run."""
    parts = name.split(".")
    places = [folder.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    tried = (path for place in places for path in (place / "__init__.py", place.with_name(f"{place.name}.py")))
    return [path for path in tried if path.is_file()]


def _imports(path: Path, folder: Path) -> Sequence[tuple[str, str]]:
    """Return the dotted names that a file imports, each with the file's name and the line."""
    found = path.stat()
    return _imported(path, path.relative_to(folder), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _imported(path: Path, shown: Path, changed_ns: int, size: int) -> Sequence[tuple[str, str]]:
    return tuple((name, f"{shown}:{line}") for name, line in imported_names(path, shown.parent.parts))
