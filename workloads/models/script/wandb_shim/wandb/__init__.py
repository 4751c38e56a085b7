"""Paceline's module ``wandb``: the part of W&B's interface that sweeps use, without an account or a network.

What a script logs becomes the reports of its trial, and lands in MLflow. The trial's hyperparameters are in
``wandb.config``, where they come before the script's own values. Anything else is refused with the way out.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .artifacts import Artifact
from .media import (
    Audio,
    CustomChart,
    Graph,
    Histogram,
    Html,
    Image,
    Molecule,
    Object3D,
    Plotly,
    Table,
    Video,
)
from .messages import (
    REAL,
    AuthenticationError,
    CommError,
    ConfigError,
    Error,
    UsageError,
    not_here,
    termerror,
    termlog,
    termwarn,
)
from .run_config import Config
from .runs import BeforeInit, Run, Settings, begun, current

__version__ = "0.31.0"
"""Version of the package whose interface this is."""

run: Run | None = None
config: Any = BeforeInit("config")
summary: Any = BeforeInit("summary")
patched: dict[str, list[Any]] = {"tensorboard": [], "keras": [], "gym": []}
EvalTable = JoinedTable = Table
box3d = Object3D


class AlertLevel:
    """Levels of an alert."""

    INFO, WARN, ERROR = "INFO", "WARN", "ERROR"


class Classes:
    """Classes of an image's mask."""

    def __init__(self, class_set: Sequence[Any]) -> None:
        self.class_set = class_set


_POSITIONS = ("entity", "project", "dir", "id", "name", "notes", "tags", "config")


def init(*positional: Any, reinit: Any = None, **given: Any) -> Run:
    """Return the trial's run; the sweep's hyperparameters come before those of ``config``."""
    given = {**dict(zip(_POSITIONS, positional, strict=False)), **given}
    config = given.pop("config", None)
    excluded, included = given.get("config_exclude_keys"), given.get("config_include_keys")
    if config is not None and (excluded or included):
        pairs = Config(config).as_dict().items()
        config = {k: v for k, v in pairs if k not in (excluded or ()) and (not included or k in included)}
    return begun(reinit, config, given)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the run, if there is one."""
    if run is not None:
        run.finish(exit_code)


join = finish


def log(data: Any, step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Report values of the run."""
    current().log(data, step, commit)


def _of_run(name: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        return getattr(current(), name)(*args, **options)

    call.__name__ = name
    return call


watch, unwatch, save, restore = map(_of_run, ("watch", "unwatch", "save", "restore"))
define_metric, alert, mark_preempting = map(_of_run, ("define_metric", "alert", "mark_preempting"))
log_artifact, use_artifact, log_model, use_model, link_model, log_code = map(
    _of_run, ("log_artifact", "use_artifact", "log_model", "use_model", "link_model", "log_code")
)


def login(*_: Any, **__: Any) -> bool:
    """Return True: no account is needed."""
    return True


def setup(settings: Any = None) -> Settings:
    """Return settings, which have no effect."""
    return Settings(settings=settings or Settings())


def require(*_: Any, **__: Any) -> None:
    """Do nothing."""


def teardown(exit_code: int | None = None) -> None:
    """End the run."""
    finish(exit_code)


def _attach(*_: Any, **__: Any) -> Run:
    return run if run is not None else init()


attach = _attach


def sweep(sweep: Any, entity: str | None = None, project: str | None = None, prior_runs: Any = None) -> str:
    """Return the sweep's ID: Paceline's sweep searches by its own file, whatever ``sweep`` says."""
    termlog("wandb.sweep: the sweep is the one of Paceline's sweep file, not the one in the script", repeat=False)
    return os.environ.get("PACELINE_SWEEP") or "paceline"


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    **_: Any,
) -> None:
    """Call ``function`` once: this process is one trial. Raises UsageError where there is none to call."""
    if function is None:
        raise UsageError("wandb.agent needs function= here: Paceline starts the program itself, once a trial")
    function()
    finish()


def controller(*_: Any, **__: Any) -> Any:
    """Raise UsageError: Paceline's driver is the controller."""
    raise UsageError(not_here("controller"))


_MODULES = ("plot", "util", "errors", "env", "keras", "data_types", "sdk", "integration", "wandb_run", "sklearn")


def __getattr__(name: str) -> Any:
    """Import a submodule, or say what to do about a name that is not here."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ("Api", "api"):
        raise CommError(not_here("access to W&B's servers (wandb.Api)"))
    raise AttributeError(not_here(f"attribute {name!r}"))


class _Missing:
    """Finder behind all others, which says of a submodule that is not here what to do about it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        if name.startswith(f"{__name__}.") and name.count(".") > __name__.count("."):
            raise ModuleNotFoundError(not_here(f"module {name}"), name=name)


sys.meta_path.append(_Missing)

__all__ = [
    "REAL",
    "AlertLevel",
    "Artifact",
    "Audio",
    "AuthenticationError",
    "Classes",
    "CommError",
    "Config",
    "ConfigError",
    "CustomChart",
    "Error",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "agent",
    "init",
    "log",
    "termerror",
    "termlog",
    "termwarn",
]
