"""Packs the files for a cluster: the user's folder and, with ``ship``, Paceline's four packages."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.doctor.machine import HOME
from search_spaces.spec.checks.space.own_paths import change_paths
from search_spaces.spec.data import PATHS
from search_spaces.spec.packages.key import is_local, path_of
from search_spaces.types.faults import Fault, SpecError
from search_spaces.types.module_path import OURS
from workloads.models.custom.hidden import installs, strangers
from workloads.registry import described

if TYPE_CHECKING:
    from cluster.targets.submission import Code
    from search_spaces.spec.sweep import Sweep

MIB: Final = 2**20
LIMIT_BYTES: Final = 100 * MIB
"""Largest working folder that Ray's job server accepts."""
IGNORE_FILE: Final = ".pacelineignore"
EXCLUDED: Final = (
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", "*.pyc", "*.egg-info", ".DS_Store",
    ".paceline", "mlruns", "mlartifacts", "mlflow.db*", "*.ckpt", "wandb", "lightning_logs",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints", ".env", ".env.*", ".netrc", "*.pem",
)  # fmt: skip
"""Patterns of files that are never sent: caches, results, environments, and files with secrets."""
BELOW: Final = "code/"
"""Folder of the package for the user's files, where some must not be found first."""
FACADE: Final = "paceline.py"
"""The module that users' code may import, too."""
UNUSED: Final = ("tests", "test", "setup", "conftest", "docs", "examples", "scripts")
"""Modules that installed packages leave behind, and that none imports."""


@dataclass(frozen=True)
class Package:
    """Files to send, by path relative to the working folder, and notes for the user on links that are not sent."""

    files: Mapping[str, bytes] = field(repr=False)
    notes: tuple[str, ...] = ()
    below: str = ""
    """Folder in the package that holds the user's files; empty where they are at its top."""


def pack(folder: Path, code: Code, modules_only: bool = False) -> Package:
    """Read the folder's files (``modules_only``: only its *.py files) and, with ``ship``, Paceline's packages.

    Leaves out ``EXCLUDED`` and the patterns of ``IGNORE_FILE``. Where one of the files would be imported in place
    of Paceline's or another's, all are below ``BELOW``. Raises SpecError with every fault: over ``LIMIT_BYTES``,
    and with ``modules_only``, which are without folders, a file that would be imported so.
    """
    patterns = _patterns(folder)
    shadows, notes = list(_shadows(folder, patterns)), list[str]()
    faults, below = (shadows, "") if modules_only else ([], BELOW if shadows else "")
    found = {
        name: path for name, path in _walk(folder, patterns, notes) if not modules_only or name.endswith(".py")
    }
    found = {name: path for name, path in found.items() if below or name.split("/")[0] not in OURS}
    faults += _too_large(folder, {name: path.stat().st_size for name, path in found.items()})
    if faults:
        raise SpecError(faults)
    files = {f"{below}{name}": path.read_bytes() for name, path in sorted(found.items())}
    return Package(files | (travelling_packages() if code == "ship" else {}), tuple(notes), below)


def travelling_packages() -> dict[str, bytes]:
    """Return the files of Paceline's four packages, as they are installed here, and ``FACADE``."""
    packages = {
        f"{package}/{name}": path.read_bytes()
        for package in OURS
        for name, path in _walk(HOME / package, EXCLUDED, [])
    }
    return {**packages, FACADE: (HOME / FACADE).read_bytes()}


def travelling_spec(sweep: Sweep, folder: Path) -> tuple[str, list[str]]:
    """Return the spec as YAML, and the paths of data and models that are not sent; those inside become relative."""
    staying: list[str] = []
    patterns, top = _patterns(folder), folder.resolve()

    def moved(text: str) -> str:
        path = Path(text)
        if path.is_relative_to(top) and not _ignored(path.relative_to(top), patterns):
            return str(path.relative_to(top))
        staying.append(text)
        return text

    paths = {key: getattr(sweep.data, key) for key in PATHS}
    found = {key: moved(text) for key, text in paths.items() if text is not None and "://" not in text}
    also = [text if "://" in text else moved(text) for text in sweep.data.also]
    data = sweep.data.model_copy(update={**found, "also": also})
    sent = sweep.model_copy(update={"data": data, "pip": _travelling_pip(sweep, folder)})
    tree = sent.to_tree()
    change_paths(tree, described(sweep.workload), lambda text: moved(text) if Path(text).is_absolute() else text)
    return sent.to_text(tree), list(dict.fromkeys(staying))


def _travelling_pip(sweep: Sweep, folder: Path) -> tuple[str, ...]:
    """Return the spec's packages, local files relative to ``folder``, where they are sent from."""
    top = folder.resolve()
    paths = {text: path_of(text) for text in sweep.pip if is_local(text)}
    moved = {
        text: f"./{path.relative_to(top).as_posix()}{text.removeprefix(str(path))}"
        for text, path in paths.items()
        if path.is_relative_to(top)
    }
    return tuple(moved.get(text, text) for text in sweep.pip)


def unsent_packages(sweep: Sweep, folder: Path, modules_only: bool) -> Iterator[Fault]:
    """Yield a fault for each local file of ``pip`` that is not sent with the other files of ``folder``."""
    patterns, top = _patterns(folder), folder.resolve()
    for number, text in enumerate(sweep.pip):
        if not is_local(text):
            continue
        path, place = path_of(text), f"pip.{number}"
        if modules_only:
            yield Fault(sweep.name, place, "does not travel to pods: put it where pip finds it there", text)
        elif not path.is_relative_to(top) or _ignored(path.relative_to(top), patterns):
            yield Fault(sweep.name, place, f"does not travel: it must be in {top}, and none that is left out", text)


def _patterns(folder: Path) -> tuple[str, ...]:
    """Return ``EXCLUDED`` and the patterns of the folder's ``IGNORE_FILE``, one per line, ``#`` for comments."""
    own = folder / IGNORE_FILE
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
    return (*EXCLUDED, *(line.strip().strip("/") for line in lines if line.strip() and line.strip()[0] != "#"))


def _ignored(path: Path, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches the relative path, one of its parent folders' paths, or one of its parts."""
    heads = [str(Path(*path.parts[: n + 1])) for n in range(len(path.parts))]
    return any(fnmatch.fnmatch(text, pattern) for text in (*path.parts, *heads) for pattern in patterns)


def _walk(folder: Path, patterns: tuple[str, ...], notes: list[str]) -> Iterator[tuple[str, Path]]:
    for at, folders, names in os.walk(folder, onerror=_raised):
        here = Path(at).relative_to(folder)
        kept = sorted(name for name in folders if not _ignored(here / name, patterns))
        links = [name for name in kept if (Path(at) / name).is_symlink()]
        notes += [f"{here / name} is a link to a folder and does not travel" for name in links]
        folders[:] = [name for name in kept if name not in links]
        for name in sorted(names):
            path = Path(at) / name
            if not _ignored(here / name, patterns) and path.is_file():
                yield (here / name).as_posix(), path


def _raised(error: OSError) -> None:
    """Raise the error: ``os.walk`` would leave out a folder that cannot be read."""
    raise error


def _shadows(folder: Path, patterns: tuple[str, ...]) -> Iterator[Fault]:
    """Yield a fault for each module in the folder with the name of a package of Paceline's, or of another one.

    On a cluster the package comes before Python's own modules: Ray puts it on PYTHONPATH. A project's own source
    may come before an installed copy of it.
    """
    for name in OURS:
        for path in (folder / name, folder / f"{name}.py"):
            there = path.is_dir() if path.suffix == "" else path.is_file()
            if there and path.resolve() != (HOME / name).resolve():
                rule = f"would be imported in place of Paceline's package {name!r}: rename it, or submit elsewhere"
                yield Fault(str(path), "", rule)
    for path, whose in strangers(folder):
        if path.stem in (*OURS, *UNUSED) or _ignored(path.relative_to(folder), patterns):
            continue
        if not installs(path.stem, folder):
            rule = f"would be imported there by all in place of {path.stem}, {whose}: rename it, or name it in"
            yield Fault(str(path), "", f"{rule} {folder / IGNORE_FILE}")


def _too_large(folder: Path, sizes: Mapping[str, int]) -> Iterator[Fault]:
    total = sum(sizes.values())
    if total <= LIMIT_BYTES:
        return
    largest: Counter[str] = Counter()
    for name, size in sizes.items():
        largest["/".join(name.split("/")[:2])] += size
    told = ", ".join(f"{name} {size / MIB:.1f} MiB" for name, size in largest.most_common(5))
    rule = (
        f"holds {total / MIB:.1f} MiB, and at most {LIMIT_BYTES / MIB:.0f} MiB travel; the largest: {told}. "
        f"Name what the sweep does not need in {folder / IGNORE_FILE}, and keep data where the cluster sees it"
    )
    yield Fault(str(folder), "", rule)
