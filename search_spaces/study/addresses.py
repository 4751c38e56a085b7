"""Tells addresses of shared stores that can never work, and how they are spelt right. Opens none of them."""

from __future__ import annotations

import difflib
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from search_spaces.types.passwords import masked

STUDY: Final = "postgresql+psycopg://USER@HOST/DATABASE"
CHECKPOINTS: Final = "s3://BUCKET/PREFIX, another of fsspec's URIs, or a folder"
PATTERNS: Final = ("USER", "HOST", "DATABASE", "DB", "BUCKET")
"""Words of our examples that stand for something."""
INSTALLED_BY: Final = {"s3fs": "'paceline[s3]'", "psycopg": "'paceline[postgres]'"}
DATABASES: Final = ("PGDATABASE", "PGSERVICE")
"""Variables by which PostgreSQL's library finds a database that an address does not name."""
_PARTS: Final = re.compile(
    r"[\w+]+://(?:(?P<user>[^:/]*)(?::[^@]*)?@)?(?P<host>[^/?]*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?"
)
"""An address as SQLAlchemy divides it: a password may hold any sign but @."""
ONLY_READ: Final = ("http", "https", "data", "github", "git")
"""Protocols of fsspec's by which nothing can be written."""


def without_secret(address: str) -> str:
    """Return the address with its password masked, however it is misspelt."""
    return masked(re.sub(r"(:/*[^:@/]*):[^@]*@", r"\1:***@", address))


def study_fault(url: str) -> str | None:
    """Return why a study can never be kept at ``url``; None where it can, or may at another time."""
    rest = re.sub(r"^[a-z0-9+]+:/*", "", url)
    if re.match(r"sqlite\b", url):
        return "must be left out: without it the study is a file in the sweep's home"
    if re.search(r"\s", without_secret(url)):
        return f"must be an address without blanks, {STUDY}"
    if not re.match(r"postgres(ql)?(\+psycopg)?://", url):
        spelt = f": write 'postgresql+psycopg://{rest}'" if re.match(r"postgres", url) else ""
        return f"must be {STUDY}{spelt}"
    parts = _PARTS.match(url)
    named = parts.groupdict("") if parts else {}
    if pattern := sorted(word for word in PATTERNS if word in named.values()):
        return f"is a pattern: put something in the place of {' and '.join(pattern)}"
    elsewhere = re.search(r"\b(dbname|service)=", named.get("query", "")) or any(map(os.environ.get, DATABASES))
    if not named.get("database", "").strip("/") and not elsewhere:
        return f"names no database: it is {STUDY}"
    return _lacks("psycopg")


def checkpoints_fault(uri: str) -> str | None:
    """Return why checkpoints can never be kept at ``uri``; None where they can, or may at another time."""
    if odd := misspelt(uri):
        return odd
    if "://" not in uri and not uri.startswith("file:"):
        return _folder_fault(Path(uri).expanduser())
    scheme, _, rest = uri.partition(":")
    if scheme == "file":
        path = "/" + rest.lstrip("/")
        return _folder_fault(Path(path)) if uri == f"file://{path}" else f"must be a folder: write {path!r}"
    return _remote_fault(scheme, rest.lstrip("/"))


def misspelt(uri: str) -> str | None:
    """Return how a bucket is spelt right whose address would be the path of a folder as it is; None for others."""
    odd = re.match(r"(s3a?|gs|gcs|az|abfss?)(:/?|//)(?!/)", uri, re.IGNORECASE) if "://" not in uri else None
    return odd and f"must have a colon and two slashes: write '{odd[1].lower()}://{uri[odd.end() :]}'"


def _remote_fault(scheme: str, rest: str) -> str | None:
    from fsspec.registry import known_implementations  # 50 ms

    if scheme not in known_implementations:
        close = difflib.get_close_matches(scheme.lower(), known_implementations, n=1, cutoff=0.5)
        return f"must be {CHECKPOINTS}" + (f": did you mean {close[0]}://{rest}?" if close else "")
    if scheme in ONLY_READ:
        return f"cannot be written to: it must be {CHECKPOINTS}"
    if not rest or re.search(r"\s", rest.partition("/")[0]):
        return f"must name a bucket, without blanks: {CHECKPOINTS}"
    if rest.partition("/")[0] in PATTERNS:
        return f"is a pattern: put something in the place of {rest.partition('/')[0]}"
    return _lacks(known_implementations[scheme]["class"].partition(".")[0])


def _folder_fault(path: Path) -> str | None:
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    return None if there.is_dir() else f"must be a folder, and {there} is a file"


def _lacks(package: str) -> str | None:
    if find_spec(package) is not None:
        return None
    return f"needs {package}: pip install {INSTALLED_BY.get(package, package)}"
