"""What a plain scalar of YAML 1.2 means: ``1e-4`` is a number there and ``no`` a word."""

from __future__ import annotations

import re

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
