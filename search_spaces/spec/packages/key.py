"""Reads the keys ``pip`` and ``working_dir`` of a spec, before users' code is looked for; faults are noted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from search_spaces.spec.packages.installed import PACELINE, installed
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown
from search_spaces.types.module_path import NO_PACKAGES, Packages
from search_spaces.types.passwords import holds_password, masked

PIP: Final = "pip"
WORKING_DIR: Final = "working_dir"
_LOCAL: Final = re.compile(r"\.{1,2}(?:/[^\[\]]*)?|[/~][^\[\]]*|[^\s:;=<>\[\]@]+(?:\.whl|\.tar\.gz|\.zip)")
_EXTRAS: Final = re.compile(r"(.*?)(\[[\w\s,.-]*\])?")
MAX_BYTES: Final = 2**20


def settle_packages(document: Document, base: Path | None, apart: bool) -> Packages:
    """Return what ``pip`` names; ``apart``: for a script. Entries of local files get absolute paths.

    None where the key has a fault, which is noted, or another type, which is noted with all others' types. ``base``
    is the spec's folder, None for a stored spec, whose files are not looked at.
    """
    given = document.tree.get(PIP)
    before = len(document.faults)
    if isinstance(given, str):
        given = _of_file(document, given, base)
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        return NO_PACKAGES
    found = tuple(_checked(document, number, text.strip(), base, apart) for number, text in enumerate(given))
    return NO_PACKAGES if len(document.faults) > before else Packages(found, apart)


def settle_working_dir(document: Document, base: Path | None) -> Path | None:
    """Return the folder that ``working_dir`` names, absolute; None without the key, and where it has a fault."""
    given = document.tree.get(WORKING_DIR)
    if not isinstance(given, str) or base is None:
        return None
    folder = (base / Path(given).expanduser()).resolve()
    if folder.is_dir():
        return folder
    there = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    close = nearest(folder.name, there)
    rule = f"must be a folder, from {base} on" if not folder.exists() else "must be a folder"
    document.fault((WORKING_DIR,), rule, shown(given), close and repr(str(Path(given).parent / close)))
    return None


def refuse_idle(document: Document, of_users: bool) -> None:
    """Note a fault where ``pip`` or ``working_dir`` stand beside a workload of Paceline's own."""
    for key in (PIP, WORKING_DIR):
        if not of_users and key in document.tree:
            document.fault((key,), "has no effect: it is for users' code, as in workload: mine:train, or program")


def is_local(requirement: str) -> bool:
    """Whether a requirement is a file or folder, not a name."""
    return _LOCAL.fullmatch(_EXTRAS.fullmatch(requirement)[1]) is not None  # type: ignore[index] # matches all


def path_of(requirement: str) -> Path:
    """Return the path of a local requirement, without its extras."""
    return Path(_EXTRAS.fullmatch(requirement)[1]).expanduser()  # type: ignore[index] # matches all


def _of_file(document: Document, given: str, base: Path | None) -> list[str] | None:
    """Return the requirements in a file, one a line; None, with the fault noted, where it cannot be read."""
    path = (base or Path()) / Path(given).expanduser()
    try:
        text = path.read_bytes()[:MAX_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        near = repr([given]) if _fault_of(given) is None else None
        document.fault((PIP,), f"must be a list, or a file of requirements, which cannot be read ({reason})",
                       shown(given), near)  # fmt: skip
        return None
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _checked(document: Document, number: int, text: str, base: Path | None, apart: bool) -> str:
    place: tuple[Any, ...] = (PIP, number) if isinstance(document.tree[PIP], list) else (PIP,)
    if is_local(text):
        extras = _EXTRAS.fullmatch(text)[2] or ""  # type: ignore[index] # matches all
        path = ((base or Path("/")) / path_of(text)).resolve()
        if base is not None and not path.exists():
            there = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
            close = nearest(path.name, there)
            document.fault(place, f"is not in {path.parent}", shown(text), close and repr(close))
        return f"{path}{extras}"
    if place == (PIP,) and holds_password(text):  # one in the spec itself is refused with all of its texts
        document.fault(place, "must not hold a password: put it into pip's configuration", shown(masked(text)))
    elif rule := _fault_of(text) or _replaces(text, apart):
        document.fault(place, rule, shown(text))
    return text


def _fault_of(text: str) -> str | None:
    if text.startswith("-"):
        return "must be a package: options are set as pip's variables, PIP_INDEX_URL and others, or in its pip.conf"
    if "file://" in text:  # what is installed for an address stays, whatever becomes of the file
        return "must be named by its path, as ./folder or ./file.whl, so that its content counts"
    if re.match(r"[a-z+]+://", text):
        return None
    try:
        Requirement(text)
    except InvalidRequirement as error:
        why = str(error).splitlines()[0]
        return f"must be a package as pip names it, such as name==1.2, ./folder or ./file.whl ({why})"
    return None


def _replaces(text: str, apart: bool) -> str | None:
    """Return what is wrong with a requirement that would put another version in a package's place."""
    if re.match(r"[a-z+]+://", text):
        return None
    wanted = Requirement(text)
    name = canonicalize_name(wanted.name)
    if name == PACELINE:
        return "must be left out: it is what runs the sweep"
    there = None if apart else installed().get(name)
    if there is None or (wanted.specifier.contains(there, prereleases=True) and wanted.url is None):
        return None
    return (
        f"would take the place of {name} {there}, which trains in the same process: leave it out, or have a script "
        "(program: train.py), whose processes are its own, and may have any version"
    )
