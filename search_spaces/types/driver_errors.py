"""Errors of a driver that may not, or cannot, write its sweep's study."""

from __future__ import annotations


class Busy(Exception):
    """Error: another process drives this sweep."""


class Fenced(Exception):
    """Error: a later attempt drives this sweep. It repeats what this attempt has not written."""


class StudyAway(Exception):
    """Error: the study's database at ``url`` cannot be reached or used.

    ``said`` is the database's message, ``remedy`` what to do.
    """

    def __init__(self, url: str, said: str, remedy: str) -> None:
        super().__init__(url, said, remedy)
        self.url, self.said, self.remedy = url, said, remedy

    def __str__(self) -> str:
        return f"the study in {self.url}: {self.said}; {self.remedy}"
