"""Tries an MLflow server as a sweep will use it: reads, writes, and takes back what it wrote. Imports no mlflow."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPException
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from tracking.store.errors import Away, Denied, Refused, sorted_trouble
from tracking.store.open import open_mlflow

PROBE: Final = "paceline.check"
"""Tag of the experiment that is set and deleted again."""
DEFAULT: Final = "Default"
"""MLflow's first experiment. To create it is a write that leaves nothing behind, as it exists."""
ANSWERS: Final = ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "ENDPOINT_NOT_FOUND")
"""Error codes by which a server answers what was asked."""


class NotMlflow(Exception):
    """Error: something else than an MLflow server answers."""


class _Unsure(Exception):
    """Error: MLflow's client may get there, which has certificates of its own and follows more redirects."""


def try_server(uri: str, experiment: str | None, limit_s: float) -> str:
    """Read and write at the server ``uri``; return where it keeps artifacts, or an empty text if it does not say.

    The write is to the experiment where there is one of that name, as rights may be given by experiment. Raises
    Denied, NotMlflow, and OSError or Away where the server does not answer within ``limit_s`` seconds for each
    request, or answers with an error of its own.
    """
    server = _Server(uri, limit_s)
    try:
        location = server.location()
        server.write(experiment)
    except (Denied, _Unsure):
        _by_mlflow(uri, experiment)  # which knows further ways to log in
        return ""
    return location


def _by_mlflow(uri: str, experiment: str | None) -> None:
    """Do the same by MLflow's own client, 2 s later. Raises Denied or Away."""
    with suppress(Refused), sorted_trouble():  # refused where there is an experiment of the name already
        client = open_mlflow(uri).client
        found = client.get_experiment_by_name(experiment) if experiment else None
        if found and found.lifecycle_stage == "active":
            client.set_experiment_tag(found.experiment_id, PROBE, "1")
            client.delete_experiment_tag(found.experiment_id, PROBE)
        else:
            client.delete_experiment(client.create_experiment(DEFAULT))


@dataclass(frozen=True)
class _Server:
    """MLflow's REST interface at ``uri``, with the login that MLflow's client would take from the environment."""

    uri: str
    limit_s: float

    def location(self) -> str:
        """Return where the artifacts of the first experiment are; an empty text without one."""
        return str(self._ask("get?experiment_id=0").get("experiment", {}).get("artifact_location", ""))

    def write(self, experiment: str | None) -> None:
        """Write and take it back."""
        named = self._ask(f"get-by-name?experiment_name={quote(experiment)}") if experiment else {}
        if (found := named.get("experiment", {})).get("lifecycle_stage") == "active":
            tag = {"experiment_id": found["experiment_id"], "key": PROBE}
            self._ask("set-experiment-tag", {**tag, "value": "1"})
            self._ask("delete-experiment-tag", tag)
        elif (made := self._ask("create", {"name": DEFAULT}).get("experiment_id")) is not None:
            self._ask("delete", {"experiment_id": made})

    def _ask(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        request = self._request(path, body)
        try:
            with urllib.request.urlopen(request, timeout=self.limit_s, context=_tls(self.uri)) as answer:
                return _document(answer.read())
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise Denied.of(error.code) from error
            if error.code in (307, 308):
                raise _Unsure from error
            told = _document(error.read()) if "json" in error.headers.get("Content-Type", "") else {}
            if told.get("error_code") in ANSWERS:
                return {}
            raise Away(f"{error.code} {error.reason} {told.get('message', '')}".strip()) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLError):
                raise _Unsure from error
            raise
        except HTTPException as error:
            if isinstance(error, OSError):  # the connection was closed
                raise
            if isinstance(error, BadStatusLine):
                raise NotMlflow("answers, but not as a web server does") from error
            raise Away(f"{type(error).__name__}: {error}") from error

    def _request(self, path: str, body: dict[str, str] | None) -> urllib.request.Request:
        parts = urlsplit(self.uri)
        user = os.environ.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
        token = os.environ.get("MLFLOW_TRACKING_TOKEN")
        login = (
            f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}" if user else token and f"Bearer {token}"
        )
        base = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        return urllib.request.Request(
            f"{base}/api/2.0/mlflow/experiments/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **({"Authorization": login} if login else {})},
        )


def _document(content: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises NotMlflow for anything else, such as a page for logging in."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotMlflow("answers with a page, not as MLflow does")
    return found


def _tls(uri: str) -> ssl.SSLContext | None:
    """Return how MLflow's variables say that the server's certificate is checked; None for a plain connection."""
    if not uri.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own := os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"):
        context.load_cert_chain(own)
    return context
