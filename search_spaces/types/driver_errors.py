"""Errors of a driver that may not, or cannot, write its sweep's study."""

from __future__ import annotations

from pathlib import Path


class SweepError(Exception):
    """Error: a sweep cannot begin, go on, or be found; the message says what to do."""


class Unable(SweepError):
    """Error: a sweep cannot run here, or as it is; nothing of it was trained."""


class BrokeOff(SweepError):
    """Error: a sweep that had begun cannot go on."""


class Busy(Exception):
    """Error: another process drives this sweep."""


class Fenced(Exception):
    """Error: a later attempt drives this sweep. It repeats what this attempt has not written."""


class Gone(Exception):
    """Error: the sweep's folder, or its journal, was removed while its driver ran."""


class Damaged(Exception):
    """Error: bytes in the middle of the file at ``path`` have changed, and there is nothing to mend them with.

    ``line`` is the first lost line, counted from 1, and ``byte`` the place of the first bad byte's line.
    """

    def __init__(self, path: Path, line: int, byte: int) -> None:
        super().__init__(path, line, byte)
        self.path, self.line, self.byte = path, line, byte

    def __str__(self) -> str:
        return (
            f"{self.path}: line {self.line} (byte {self.byte}) cannot be read, nor is it in {self.path.name}.copy; "
            f"the files were left as they are: `paceline repair {self.path.parent.name}` takes what is missing "
            "from the spool, MLflow and the checkpoints"
        )


class Unreadable(Exception):
    """Error: a file that we keep has changed, and there is nothing to mend it with; the message has the way out."""


class Unwritable(Exception):
    """Error: a write to the study failed and could not be taken back; the message has the path and the way out."""


class NoSpace(Exception):
    """Error: a disk that the sweep writes to has no room left."""


class NoRay(Exception):
    """Error: this machine's Ray did not start, though it was tried again."""


class LostRay(Exception):
    """Error: a server of this machine's Ray ended while the sweep ran."""


class NoData(Exception):
    """Error: the process that reads the data died."""


class StudyAway(Exception):
    """Error: the study's database at ``url`` cannot be reached or used.

    ``said`` is the database's message, ``remedy`` what to do.
    """

    def __init__(self, url: str, said: str, remedy: str) -> None:
        super().__init__(url, said, remedy)
        self.url, self.said, self.remedy = url, said, remedy

    def __str__(self) -> str:
        return f"the study in {self.url}: {self.said}; {self.remedy}"


CANNOT_GO_ON = (Fenced, Gone, Damaged, Unreadable, Unwritable, NoSpace, NoRay, LostRay, NoData, StudyAway)
"""Errors with which a driver ends, told in a sentence."""
