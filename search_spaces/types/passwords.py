"""Finds passwords in URLs, so that a spec with one is refused, and masks them wherever text is shown or stored."""

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
"""Shorter secrets are not masked: masking a few characters everywhere would garble plain text."""

# The port of "://host:5000/a@b" must not count as a password.
_LOGIN = re.compile(r"(://[^\s/:@'\"]*):(?!\d+[/?#])([^\s'\"]*)@")
_QUERY = re.compile(r"([?&](?:\w*password|passwd|pwd|\w*secret\w*|\w*token|account_key|sig)=)([^&\s'\"]+)", re.I)


def holds_password(url: str) -> bool:
    """Whether a URL in the text holds a password, before the host or as a query parameter."""
    return any(found[2] and found[2] != MASK for way in (_LOGIN, _QUERY) for found in way.finditer(url))


def masked(text: str) -> str:
    """Return the text with all passwords in URLs and all secrets of this process's environment replaced by ***."""
    text = _QUERY.sub(rf"\1{MASK}", _LOGIN.sub(rf"\1:{MASK}@", text))
    for secret in _secrets():
        text = text.replace(secret, MASK)
    return text


def without_password(url: str) -> str:
    """Return the URL without its password; the user name stays."""
    return re.sub(r"[?&]$", "", _QUERY.sub("", _LOGIN.sub(r"\1@", url)))


def _secrets() -> tuple[str, ...]:
    """Return the secrets of this process's environment, the longest first."""
    return _forms(tuple(map(os.environ.get, SECRETS)), tuple(map(os.environ.get, _URLS)))


@lru_cache(maxsize=1)
def _forms(plain: tuple[str | None, ...], urls: tuple[str | None, ...]) -> tuple[str, ...]:
    in_urls = (found[2] for url in urls if url for way in (_LOGIN, _QUERY) for found in way.finditer(url))
    secrets = [*filter(None, plain), *in_urls]
    forms = {form for secret in secrets for form in (secret, unquote(secret)) if len(form) >= _SHORTEST}
    return tuple(sorted(forms, key=len, reverse=True))
