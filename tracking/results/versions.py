"""Versions of registered models: which one an alias means now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from search_spaces.types.faults import nearest
from tracking.store.errors import Refused, sorted_trouble
from tracking.store.open import open_mlflow, resolve, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

REGISTERED = "models:/"
LOGGED = re.compile(r"m-[0-9a-f]{32}")
"""ID of a model that was logged, registered or not."""
MOST_NAMES = 1000
"""Number of registered models among which a similar name is looked for."""


class UnknownModel(Exception):
    """Error: the registry has no such model; the message says what it has. ``instead`` is a similar one's URI."""

    def __init__(self, rule: str, instead: str | None = None) -> None:
        super().__init__(rule)
        self.instead = instead


def version_of(uri: str | None, model_uri: str) -> str:
    """Return ``models:/NAME/VERSION`` for one of ``models:/NAME@ALIAS`` and ``models:/NAME/latest``.

    A version is returned as it is, if there is one, and URIs of other forms. ``uri`` is the store's. Raises
    UnknownModel, Refused or Away.
    """
    place, path = resolve(uri), sqlite_path(resolve(uri))
    if path is not None and not path.exists():
        raise UnknownModel(f"there is no MLflow store at {place}")
    if not model_uri.startswith(REGISTERED):
        return model_uri
    store = open_mlflow(uri)
    with sorted_trouble():
        return _found(store.client, model_uri.removeprefix(REGISTERED))


def _found(client: MlflowClient, rest: str) -> str:
    name, at, alias = rest.rpartition("@")
    if not at:
        name, _, number = rest.partition("/")
        if not number and LOGGED.fullmatch(name):
            return REGISTERED + rest
    model = _registered(client, name, rest.removeprefix(name))
    if at:
        if alias not in model.aliases:
            known = ", ".join(f"@{one}" for one in sorted(model.aliases)) or "none"
            close = nearest(alias, model.aliases)
            rule = f"{name} has no alias {alias!r}, it has {known}"
            raise UnknownModel(rule, close and f"{REGISTERED}{name}@{close}")
        return f"{REGISTERED}{name}/{model.aliases[alias]}"
    versions = sorted(int(one.version) for one in client.search_model_versions(f"name = '{_quoted(name)}'"))
    if not number:
        example = next(iter(model.aliases), "champion")
        raise UnknownModel("must have an alias or a version behind its name", f"{REGISTERED}{name}@{example}")
    if number == "latest" and versions:
        return f"{REGISTERED}{name}/{versions[-1]}"
    if not number.isdigit() or int(number) not in versions:
        known = ", ".join(map(str, versions[-5:])) or "none"
        raise UnknownModel(f"{name} has no version {number!r}, it has {known}")
    return REGISTERED + rest


def _registered(client: MlflowClient, name: str, suffix: str) -> Any:
    try:
        with sorted_trouble():
            return client.get_registered_model(name)
    except Refused as error:
        names = [model.name for model in client.search_registered_models(max_results=MOST_NAMES)]
        close = nearest(name, names)
        rule = f"no model is registered as {name!r}"
        raise UnknownModel(rule, close and f"{REGISTERED}{close}{suffix}") from error


def _quoted(name: str) -> str:
    return name.replace("'", "\\'")
