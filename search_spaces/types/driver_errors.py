"""Who may write a sweep's study, and what stands in the way of a driver that would."""

from __future__ import annotations


class Busy(Exception):
    """Another process drives this sweep."""


class Fenced(Exception):
    """A later attempt drives this sweep; what this one has not written is for that one to do again."""


class StudyAway(Exception):
    """The study's database cannot be reached or used."""

    def __init__(self, url: str, said: str, remedy: str) -> None:
        super().__init__(url, said, remedy)
        self.url, self.said, self.remedy = url, said, remedy

    def __str__(self) -> str:
        return f"the study in {self.url}: {self.said}; {self.remedy}"
