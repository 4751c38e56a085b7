"""YAML 1.2 text -> plain values with the place of each, under limits that no file can talk its way around."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from yaml import CBaseLoader, MarkedYAMLError, parse
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamStartEvent,
)

from search_spaces.types.faults import MAX_LINES, Fault, SpecError, nearest, shown

MAX_BYTES = 128 * 1024
MAX_NODES = 5_000
"""Values a spec may hold, aliases written out."""
MAX_DEPTH = 20
_TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH}"

Path = tuple[str | int, ...]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass
class Document:
    """A spec's values, where each was written, and the faults found so far."""

    origin: str
    tree: Any = None
    places: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: Path) -> str:
        """Where ``path``, or the nearest thing around it that is there, was written."""
        ways = (path[:end] for end in range(len(path), -1, -1))
        return next((self.places[way] for way in ways if way in self.places), self.origin)

    def fault(self, path: Path, rule: str, received: str | None = None, suggestion: str | None = None) -> None:
        """Note one fault; ``received`` is already in words (see ``shown``)."""
        self.faults.append(Fault(self.place(path), dotted(path), rule, received, suggestion))

    def put(self, path: Path, value: Any, place: str) -> None:
        """Replace what is at ``path``, whose surroundings exist, and forget where its old inside was written."""
        around = self.tree
        for part in path[:-1]:
            around = around[part]
        around[path[-1]] = value
        self.places = {old: where for old, where in self.places.items() if old[: len(path)] != path}
        self.places[path] = place

    def nearest(self, name: object, known: Iterable[str]) -> str | None:
        """The one of ``known`` that was meant; not looked for once there are more faults than are ever told."""
        return nearest(name, known) if len(self.faults) < 2 * MAX_LINES else None

    def refuse_faulty(self) -> None:
        """Raise SpecError when any fault was noted."""
        if self.faults:
            raise SpecError(sorted(dict.fromkeys(self.faults), key=lambda fault: _line(fault.place)))


def _line(place: str) -> int:
    tail = place.rpartition(":")[2]
    return int(tail) if tail.isdecimal() else 1 << 30


def dotted(path: Path) -> str:
    """``parameters.lr.values.2``."""
    return ".".join(map(str, path))


@dataclass(frozen=True)
class _Anchored:
    value: Any
    places: dict[Path, str]
    num_nodes: int


class _Composer:
    """Builds values from events: stops early unlike a loader, knows an alias's line, survives doubled keys."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._events: Iterator[Event] = parse(text, Loader=CBaseLoader)
        self._anchors: dict[str, _Anchored] = {}
        self._num_nodes = 0

    def document(self) -> None:
        events = (e for e in self._events if not isinstance(e, StreamStartEvent))
        first = next(events)
        if isinstance(first, DocumentStartEvent):
            self._document.tree = self._value(next(self._events), (), 0)
            while not isinstance(next(self._events), DocumentEndEvent):
                pass
            second = next(self._events)
            if isinstance(second, DocumentStartEvent):
                self._stop(second, "must hold one document, a second one starts here")

    def _stop(self, event: Event, rule: str, received: str | None = None) -> NoReturn:
        raise SpecError([*self._document.faults, Fault(self._place(event), "", rule, received)])

    def _place(self, event: Event) -> str:
        assert event.start_mark is not None, event  # the parser's events have one
        return f"{self._document.origin}:{event.start_mark.line + 1}"

    def _value(self, event: Event, path: Path, depth: int) -> Any:
        self._count(event, 1)
        if depth > MAX_DEPTH:
            self._stop(event, _TOO_DEEP)
        self._document.places.setdefault(path, self._place(event))
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        assert isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent), event
        if event.tag is not None:
            self._stop(event, "tags are not read", shown(str(event.tag)))
        num_nodes, num_places = self._num_nodes, len(self._document.places)
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
        else:
            value = (self._sequence if isinstance(event, SequenceStartEvent) else self._mapping)(path, depth)
        if event.anchor is not None:
            places = self._document.places  # in the order found: what lies inside came last
            inside = {
                p[len(path) :]: where for p, where in islice(reversed(places.items()), len(places) - num_places)
            }
            self._anchors[event.anchor] = _Anchored(value, inside, self._num_nodes - num_nodes)
        return value

    def _count(self, event: Event, num: int) -> None:
        self._num_nodes += num
        if self._num_nodes > MAX_NODES:
            self._stop(event, f"must hold at most {MAX_NODES} values, aliases written out")

    def _alias(self, event: AliasEvent, path: Path) -> Any:
        if event.anchor not in self._anchors:
            self._stop(event, "an alias needs an anchor before it", shown(f"*{event.anchor}"))
        known = self._anchors[event.anchor]
        self._count(event, known.num_nodes)
        self._document.places.update({path + inner: where for inner, where in known.places.items() if inner})
        return _copied(known.value)

    def _scalar(self, event: ScalarEvent) -> Any:
        try:
            return plain(event.value) if event.implicit[0] else event.value
        except ValueError:
            self._stop(event, "must be a number of a sane size", shown(event.value))

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        group: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            self._count(event, 1)
            if not isinstance(event, ScalarEvent):
                self._stop(event, "a key must be text")
            here = self._place(event)
            inner = (*path, event.value)
            if event.value in group:
                first = self._document.places[inner].rpartition(":")[2]
                fault = Fault(here, dotted(inner), f"must be given once (first on line {first})")
                self._document.faults.append(fault)
                self._value(next(self._events), (*path, f"{event.value} (again)"), depth + 1)
                continue
            self._document.places[inner] = here
            group[event.value] = self._value(next(self._events), inner, depth + 1)
        return group


_CORE = re.compile(
    r"""(?P<null> ~ | null | Null | NULL | )
      | (?P<bool> true | True | TRUE | false | False | FALSE )
      | (?P<int> [-+]? (?: 0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-fA-F_]+ | [0-9][0-9_]* ) )
      | (?P<float> [-+]? [0-9][0-9_]*(?:\.[0-9_]*)? (?: [eE][-+]?[0-9]+ )?
                 | [-+]? \.[0-9][0-9_]* (?: [eE][-+][0-9]+ )?
                 | [-+]? \.(?: inf | Inf | INF ) | \.(?: nan | NaN | NAN ) )""",
    re.VERBOSE,
)
"""The core schema (YAML 1.2.2, section 10.3.2) as ruamel.yaml has it, which writes our specs.

It has ``_`` between digits and ``0b``, too, and reads ``.5e3`` (no digit before, no sign behind) as a word.
"""
_BASES = {"0b": 2, "0o": 8, "0x": 16}


def plain(text: str) -> str | int | float | bool | None:
    """The value of ``text``, a scalar without quotes; ValueError for a number of thousands of digits."""
    known = _CORE.fullmatch(text)
    match known and known.lastgroup:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text.replace("_", ""), _BASES.get(text.lstrip("+-")[:2], 10))
        case "float":
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return text


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _misspelt(error: MarkedYAMLError, text: str, origin: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    assert mark is not None, error  # libyaml always says where
    problem, at = str(error.problem or error.context), text[mark.index : mark.index + 1]
    if "nesting depth" in problem:
        rule = _TOO_DEEP
    elif at == "\t":
        rule = "must be indented by spaces, not by tabs"
    else:
        begun = error.context_mark if error.context else None
        opened = (
            f" ({error.context} that begins on line {begun.line + 1})" if begun and begun.line != mark.line else ""
        )
        rule = f"must be valid YAML: {problem}{opened}"
    received = shown(at) if at.strip() else None
    line = min(mark.line + 1, len(text.splitlines()))  # what is missing at the end is missed a line behind it
    return Fault(f"{origin}:{line}", "", rule, received)


def read_yaml(text: str, origin: str) -> Document:
    """The one document in ``text``, as ``decoded`` gives it: libyaml takes all of its characters.

    Doubled keys are noted as faults; what cannot be read raises SpecError.
    """
    document = Document(origin)
    try:
        _Composer(document, text).document()
    except MarkedYAMLError as error:
        raise SpecError([*document.faults, _misspelt(error, text, origin)]) from None
    return document


def decoded(raw: bytes, origin: str) -> str:
    """``raw`` as UTF-8 text without byte order mark; SpecError for what is too long or no such text."""
    if len(raw) > MAX_BYTES:
        raise SpecError([Fault(origin, "", f"must be at most {MAX_BYTES // 1024} KiB long", f"{len(raw)} bytes")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        rule = "must be UTF-8 text"
        raise SpecError([Fault(f"{origin}:{line}", "", rule, f"byte 0x{raw[error.start]:02x}")]) from None
    if odd := _CONTROL.search(text):
        place = f"{origin}:{text.count(chr(10), 0, odd.start()) + 1}"
        raise SpecError([Fault(place, "", "must be UTF-8 text", f"control character {ord(odd[0])}")])
    return text
