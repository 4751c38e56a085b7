"""Passwords in URLs: found, so that a spec with one is refused, and masked wherever a URL is shown or kept."""

from __future__ import annotations

import os
import re
from functools import lru_cache
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
    for secret in _secrets():
        text = text.replace(secret, MASK)
    return text


def without_password(url: str) -> str:
    """The URL as it may be written down: who and where, and no password."""
    return re.sub(r"[?&]$", "", _QUERY.sub("", _LOGIN.sub(r"\1@", url)))


def _secrets() -> tuple[str, ...]:
    """Of this process's environment, the longest first."""
    return _forms(tuple(map(os.environ.get, SECRETS)), tuple(map(os.environ.get, _URLS)))


@lru_cache(maxsize=1)
def _forms(plain: tuple[str | None, ...], urls: tuple[str | None, ...]) -> tuple[str, ...]:
    in_urls = (found[2] for url in urls if url for way in (_LOGIN, _QUERY) for found in way.finditer(url))
    secrets = [*filter(None, plain), *in_urls]
    forms = {form for secret in secrets for form in (secret, unquote(secret)) if len(form) >= _SHORTEST}
    return tuple(sorted(forms, key=len, reverse=True))
