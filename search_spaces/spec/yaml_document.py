"""Reads YAML 1.2 as plain values with the line of each, within fixed limits of size, depth and number of values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from yaml import CBaseLoader, MarkedYAMLError, Node, SafeDumper, ScalarNode, dump, parse
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
"""Largest number of values of a spec, with aliases expanded."""
MAX_DEPTH = 20
_TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH}"

TEXTS = ("warm_start",)
"""Keys whose values are texts, whatever they look like: an ID may be ``1234`` or ``12e4``."""

Path = tuple[str | int, ...]
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass
class Document:
    """A spec's values, the place of each (``file:line``), and the faults found so far."""

    origin: str
    tree: Any = None
    places: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: Path) -> str:
        """Return the place of ``path``, or of the innermost group around it that exists."""
        ways = (path[:end] for end in range(len(path), -1, -1))
        return next((self.places[way] for way in ways if way in self.places), self.origin)

    def fault(self, path: Path, rule: str, received: str | None = None, suggestion: str | None = None) -> None:
        """Note a fault; ``received`` is text for people, as ``shown`` returns it."""
        self.faults.append(Fault(self.place(path), dotted(path), rule, received, suggestion))

    def put(self, path: Path, value: Any, place: str) -> None:
        """Set or replace the value at ``path``, whose parent exists, and drop the places of old inner values."""
        around = self.tree
        for part in path[:-1]:
            around = around[part]
        around[path[-1]] = value
        self.places = {old: where for old, where in self.places.items() if old[: len(path)] != path}
        self.places[path] = place

    def nearest(self, name: object, known: Iterable[str]) -> str | None:
        """Return the nearest of ``known`` names, or None; always None after more faults than are printed."""
        return nearest(name, known) if len(self.faults) < 2 * MAX_LINES else None

    def refuse_faulty(self) -> None:
        """Raise SpecError with the faults noted, by line, if there are any."""
        if self.faults:
            raise SpecError(sorted(dict.fromkeys(self.faults), key=lambda fault: _line(fault.place)))


def _line(place: str) -> int:
    tail = place.rpartition(":")[2]
    return int(tail) if tail.isdecimal() else 1 << 30


def dotted(path: Path) -> str:
    """Return the path as ``parameters.lr.values.2``."""
    return ".".join(map(str, path))


@dataclass(frozen=True)
class _Anchored:
    value: Any
    places: dict[Path, str]
    num_nodes: int


class _Composer:
    """Builds values from YAML events.

    Unlike a loader it stops at the limits, knows the line of an alias, and continues after a duplicate key.
    """

    def __init__(self, document: Document, text: str, within: Path) -> None:
        self._document, self._within = document, within
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
            is_text = (*self._within, *path)[:1] in {(key,) for key in TEXTS}
            value = event.value if is_text else self._scalar(event)
        else:
            value = (self._sequence if isinstance(event, SequenceStartEvent) else self._mapping)(path, depth)
        if event.anchor is not None:
            places = self._document.places  # in the order found, so that the places of this value's inside are last
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
"""The core schema (YAML 1.2.2, section 10.3.2) as ruamel.yaml implements it.

It also accepts ``_`` between digits and ``0b``, and reads ``.5e3`` (no digit before the point, no sign in the
exponent) as text.
"""
_BASES = {"0b": 2, "0o": 8, "0x": 16}


def plain(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar. Raises ValueError for a number of thousands of digits."""
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


class _Writer(SafeDumper):
    """Quotes what YAML 1.2 reads as something else than text, and what 1.1 does (PyYAML knows 1.1 alone)."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> Any:
        known = _CORE.fullmatch(value) if kind is ScalarNode and implicit[0] else None
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call] # PyYAML's
        return f"tag:yaml.org,2002:{known.lastgroup}" if known else tag

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def number(self, value: float) -> ScalarNode:
        text = repr(value).replace("inf", ".inf").replace("nan", ".nan")
        return self.represent_scalar("tag:yaml.org,2002:float", text)

    def text(self, value: str) -> ScalarNode:
        quotes = '"' if value.splitlines()[1:] or value.endswith("\n") else None
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=quotes)


_Writer.add_representer(float, _Writer.number)
_Writer.add_representer(str, _Writer.text)


def block(value: Any) -> str:
    """Return YAML of several lines that ``read_yaml`` reads as an equal value."""
    return dump(value, Dumper=_Writer, allow_unicode=True, width=1 << 20, sort_keys=False)


def flow(value: Any) -> str:
    """Return YAML of one line, without its end, that ``read_yaml`` reads as an equal value."""
    text = dump(value, Dumper=_Writer, allow_unicode=True, width=1 << 20, sort_keys=False, default_flow_style=True)
    return text.removesuffix("...\n").removesuffix("\n")  # strip() takes a text's own no-break space


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
    line = min(mark.line + 1, len(text.splitlines()))  # an unexpected end is marked one line after the last
    return Fault(f"{origin}:{line}", "", rule, received)


def read_yaml(text: str, origin: str, within: Path = ()) -> Document:
    """Read the one YAML document in ``text``, whose characters ``decoded`` has checked, as libyaml needs.

    ``within`` is the path of its value in a spec.
    Duplicate keys are noted as faults. Raises SpecError for invalid YAML and beyond the limits.
    """
    document = Document(origin)
    try:
        _Composer(document, text, within).document()
    except MarkedYAMLError as error:
        raise SpecError([*document.faults, _misspelt(error, text, origin)]) from None
    return document


def decoded(raw: bytes, origin: str) -> str:
    """Return ``raw`` as text without byte order mark. Raises SpecError if it is too long or not valid UTF-8."""
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
