"""Example data for a new spec: a registered data set, or a small file written beside the spec."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.types.problems import DataKind, Problem

NUM_CHARACTERS = 40_000
NUM_YEARS = 60
NUM_REVIEWS = 600
SUMMANDS = 25
"""Numbers that are added to each other, from 0."""
_SAID = {
    "good": ("fine", "warm", "clever", "moving", "fresh", "a joy", "never slow", "full of life", "not at all dull"),
    "bad": (
        "dull",
        "cold",
        "clumsy",
        "slow",
        "stale",
        "a pain",
        "never fresh",
        "full of holes",
        "not at all clever",
    ),
}
NUM_NAMED = 300
_NAMES = {
    "PER": ("PER", tuple(f"{a} {b}" for a in ("Ann", "Paris", "Sydney", "Dan") for b in ("Smith", "Jones", "May"))),
    "LOC": ("LOC", ("Paris", "New York", "Sydney", "Cape Town", "Lima")),
    "DAY": ("", ("Monday", "Friday", "Sunday")),
}
_FRAMES = (
    "PER lives in LOC .",
    "On DAY PER left LOC for LOC .",
    "LOC is far from LOC , said PER .",
    "PER met PER on DAY .",
    "May it rain in LOC on DAY ?",
)
_BEGUN = ("the", "this", "that", "his first", "her last", "their long")
_THINGS = ("film", "story", "play", "book", "cast", "music", "ending")
_WAS = ("is", "was", "seems", "felt", "turned out to be")


@dataclass(frozen=True)
class ExampleData:
    """The ``data`` key of a template, and the file that it names, if any."""

    title: str
    spec: Mapping[str, Any]
    file: str | None = None
    what: str = ""
    """Description of the file for the user."""
    content: Callable[[], str] = str


def _text() -> str:
    """Return the beginning of Python's documentation, which is part of every Python installation."""
    from pydoc_data.topics import topics  # 0.7 MB

    return "\n".join(topics.values())[:NUM_CHARACTERS]


def _series() -> str:
    """Return a synthetic monthly series as CSV, with trend, yearly season and noise; equal on every machine."""
    draw = random.Random(0)
    lines = ["month,sales"]
    for month in range(12 * NUM_YEARS):
        level = 100 + 0.2 * month + 20 * math.sin(2 * math.pi * month / 12) + draw.gauss(0, 3)
        lines.append(f"{1960 + month // 12}-{1 + month % 12:02d}-01,{level:.1f}")
    return "\n".join(lines) + "\n"


def _reviews() -> str:
    """Return made-up reviews of one sentence as CSV, good and bad ones; equal on every machine."""
    draw = random.Random(0)
    lines = {"review,label": None}  # no review is there twice
    while len(lines) <= NUM_REVIEWS:
        label = ("bad", "good")[len(lines) % 2]
        said = " and ".join(draw.sample(_SAID[label], 2))
        lines[f"{draw.choice(_BEGUN)} {draw.choice(_THINGS)} {draw.choice(_WAS)} {said},{label}"] = None
    return "\n".join(lines) + "\n"


def _names() -> str:
    """Return made-up sentences in CoNLL columns, with names of people and of places; equal on every machine."""
    draw = random.Random(0)
    sentences: dict[str, None] = {}  # none is there twice
    while len(sentences) < NUM_NAMED:
        words: list[str] = []
        for part in draw.choice(_FRAMES).split():
            kind, names = _NAMES.get(part, ("", (part,)))
            for k, word in enumerate(draw.choice(names).split()):
                words.append(f"{word} {'BI'[k > 0]}-{kind}" if kind else f"{word} O")
        sentences["\n".join(words)] = None
    return "\n\n".join(sentences) + "\n"


def _sums() -> str:
    """Return questions for sums of two numbers and their answers as CSV; equal on every machine."""
    pairs = [(a, b) for a in range(SUMMANDS) for b in range(SUMMANDS)]
    random.Random(0).shuffle(pairs)
    return "\n".join(["question,answer", *(f"{a} + {b} =, {a + b}" for a, b in pairs)]) + "\n"


def example_data(kind: DataKind, problem: Problem) -> ExampleData:
    """Return example data of ``kind`` for ``problem``."""
    if kind == "text":
        what = "the beginning of Python's own documentation"
        return ExampleData("text", {"text": "example.txt"}, "example.txt", what, _text)
    if kind == "sentences":
        spec = {"csv": "reviews.csv", "target": "label", "text": "review"}
        return ExampleData("reviews", spec, "reviews.csv", "made-up reviews", _reviews)
    if kind == "tagged":
        return ExampleData("names", {"conll": "names.conll"}, "names.conll", "made-up sentences with names", _names)
    if kind == "completions":
        spec = {"csv": "sums.csv", "prompt": "question", "completion": "answer"}
        return ExampleData("sums", spec, "sums.csv", "sums of two numbers", _sums)
    if kind == "series":
        spec = {"series": "example.csv", "time": "month", "value": "sales"}
        return ExampleData("series", spec, "example.csv", "a made-up monthly series", _series)
    name = "digits" if kind == "image" else "diabetes" if problem == "regression" else "wine"
    return ExampleData(name, {"name": name})
