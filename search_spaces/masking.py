"""Passwords in URLs: found, so that a spec with one is refused, and masked wherever a URL is shown or kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"
_URLS = ("PACELINE_STUDY", "PACELINE_CHECKPOINTS", "MLFLOW_TRACKING_URI")
SECRETS = (
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "RAY_AUTH_TOKEN",
)
_SHORTEST = 6
"""A shorter secret is no secret, and to strike it out everywhere would garble plain text."""

# A port is no password: "://host:5000/a@b".
_LOGIN = re.compile(r"(://[^\s/:@'\"]*):(?!\d+[/?#])([^\s'\"]*)@")
_QUERY = re.compile(r"([?&](?:\w*password|passwd|pwd|\w*secret\w*|\w*token|account_key|sig)=)([^&\s'\"]+)", re.I)


def holds_password(url: str) -> bool:
    """Whether a URL in this text names a password, between user and host or as a parameter."""
    return any(found[2] and found[2] != MASK for way in (_LOGIN, _QUERY) for found in way.finditer(url))


def masked(text: str) -> str:
    """The text with the passwords of all URLs in it, and the secrets of this process's environment, struck out."""
    text = _QUERY.sub(rf"\1{MASK}", _LOGIN.sub(rf"\1:{MASK}@", text))
    for secret in sorted(set(_secrets()), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def without_password(url: str) -> str:
    """The URL as it may be written down: who and where, and no password."""
    return re.sub(r"[?&]$", "", _QUERY.sub("", _LOGIN.sub(r"\1@", url)))


def _secrets() -> Iterator[str]:
    for name in (*SECRETS, *_URLS):
        value = os.environ.get(name, "")
        ways = (_LOGIN, _QUERY) if name in _URLS else ()
        found = [match[2] for way in ways for match in way.finditer(value)] if ways else [value]
        yield from (form for secret in found for form in (secret, unquote(secret)) if len(form) >= _SHORTEST)
