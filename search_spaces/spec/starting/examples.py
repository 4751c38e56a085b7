"""The specs that are shipped as examples, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from search_spaces.types.faults import nearest

EXAMPLE: Final = "example:"
"""Begins the name of an example in place of a file: ``example:gan``."""
_FOLDER: Final = Path(__file__).parents[2] / "examples"


def example_names() -> list[str]:
    """Return the names of the examples in order."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def example_file(name: str) -> Path:
    """Return the file of ``example:NAME``. Raises LookupError with the names that there are."""
    short = name.removeprefix(EXAMPLE)
    if short in example_names():
        return _FOLDER / f"{short}.yaml"
    close = nearest(short, example_names())
    hint = f"did you mean {EXAMPLE}{close}?" if close else f"there are {', '.join(example_names())}"
    raise LookupError(f"there is no example {short!r}; {hint}")


def example_data_files(name: str) -> list[Path]:
    """Return the files of data that ``example:NAME`` names, which stand beside it."""
    text = example_file(name).read_text(encoding="utf-8")
    return [file for file in sorted(_FOLDER.iterdir()) if file.suffix not in ("", ".yaml") and file.name in text]
