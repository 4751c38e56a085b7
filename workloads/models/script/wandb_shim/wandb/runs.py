"""The run of a trial, with the part of W&B's interface that scripts use."""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from .artifacts import Artifact, artifact_of, new_folder
from .history import Metric, Reports, Summary, defined, flat, number
from .media import Keeper
from .messages import CommError, Error, UsageError, not_here, passed_over, termlog, termwarn
from .run_config import Config


class Settings:
    """Settings of a run, by name; most have no effect here."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def update(self, *_: Any, **given: Any) -> None:
        """Take up settings."""
        self.__dict__.update(given)


def is_first_rank() -> bool:
    """Whether this process is rank 0 of its training, or alone: others log nothing."""
    return all(os.environ.get(name, "0") in ("0", "-1", "") for name in ("RANK", "LOCAL_RANK"))


class Run:
    """One run. What it logs becomes the reports of the trial."""

    def __init__(self, config: Any = None, **given: Any) -> None:
        environment = os.environ
        self.disabled = given.get("mode") == "disabled" or not is_first_rank()
        sweep = json.loads(environment.get("PACELINE_CONFIG", "{}"))
        self.config = Config(config, sweep)
        self.summary = Summary()
        self.sweep_id = environment.get("PACELINE_SWEEP")
        self.id = given.get("id") if not self.sweep_id else environment.get("WANDB_RUN_ID")
        self.id = self.id or generate_id()
        self.name = given.get("name") or environment.get("PACELINE_TRIAL") or self.id
        in_sweep = environment.get("PACELINE_PROJECT") if self.sweep_id else None
        self.project = in_sweep or given.get("project") or "uncategorized"
        self.entity = given.get("entity") or ""
        self.notes, self.tags = given.get("notes"), tuple(given.get("tags") or ())
        self.group, self.job_type = given.get("group") or "", given.get("job_type") or ""
        self.start_time, self.resumed, self.offline = time.time(), False, True
        self.url = self.sweep_url = self.project_url = None
        self.settings = given["settings"] if isinstance(given.get("settings"), Settings) else Settings(**given)
        self._folder = environment.get("PACELINE_FOLDER") or new_folder()
        self.dir = f"{self._folder}/files"
        os.makedirs(self.dir, exist_ok=True)
        self._attach_id = self.id
        self._reports = Reports(None if self.disabled else environment.get("PACELINE_REPORTS"))
        self._keeper = Keeper(f"{self._folder}/media-files", self._keep)
        self._metrics: list[Metric] = []
        self._saved: list[tuple[str, str | None]] = []
        self._step, self._finished = 0, False

    @property
    def step(self) -> int:
        """Number of the next row."""
        return self._step

    starting_step = 0

    @property
    def path(self) -> str:
        """Return ``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def config_static(self) -> Any:
        """Values of the configuration, to be read only."""
        return Settings(**self.config.as_dict())

    def _keep(self, name: str, path: str) -> None:
        self._reports.write({"artifacts": {name: path}})

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Report values; those of one step belong together."""
        if self._finished:
            raise UsageError(
                f"Run ({self.id}) is finished. The call to `log` will be ignored. Please make sure that "
                "you are using an active run."
            )
        if not isinstance(data, Mapping):
            raise TypeError("wandb.log must be passed a dictionary")
        if any(not isinstance(key, str) for key in data):
            raise TypeError("Key values passed to `wandb.log` must be strings.")
        if step is not None and step < self._step:
            termwarn(
                f"Tried to log to step {step} that is less than the current step {self._step}. Steps must be "
                "monotonically increasing, so this data will be ignored.",
                repeat=False,
            )
            return
        self._step = self._step if step is None else int(step)
        self._report(data, counted=step is None)
        if commit or (step is None and commit is None):
            self._step += 1

    def _report(self, data: Mapping[str, Any], counted: bool) -> None:
        metrics = {}
        for name, value in flat(data):
            found = number(value)
            if found is not None:
                metrics[name] = found
            elif not self.disabled and not self._keeper.media(name, value, self._step) and _is_large(value):
                passed_over("arrays")
        for name, value in data.items():
            if not isinstance(value, list | tuple):
                self.summary.took(name, value, self._metric_of(name))
        if metrics:
            line = {"metrics": metrics, "step": self._reports.start + self._step}
            self._reports.write({**line, "counted": True} if counted else line)

    def _metric_of(self, name: str) -> Metric | None:
        exact = [metric for metric in self._metrics if metric.name == name]
        matching = [metric for metric in self._metrics if metric.matches(name)]
        return next(iter([*reversed(exact), *reversed(matching)]), None)

    def define_metric(
        self, name: str, step_metric: Any = None, *_: Any, summary: str | None = None, **more: Any
    ) -> Metric:
        """Say how a name is summarised."""
        self._metrics.append(defined(name, step_metric, summary, more.get("goal")))
        return self._metrics[-1]

    def watch(self, models: Any = None, *_: Any, **__: Any) -> list[Any]:
        """Tell once that gradients are not kept."""
        passed_over("gradients (wandb.watch)")
        return []

    def unwatch(self, models: Any = None) -> None:
        """Do nothing."""

    def save(self, glob_str: Any = None, base_path: Any = None, policy: str = "live") -> Any:
        """Keep the files that a pattern names, as they are at the end of the run unless ``policy`` is ``now``."""
        if glob_str is None:
            return True
        pattern, base = os.fspath(glob_str), None if base_path is None else os.fspath(base_path)
        if policy != "now":
            self._saved.append((pattern, base))
        return self._save(pattern, base)

    def _save(self, pattern: str, base: str | None) -> list[str]:
        import glob  # 2 ms
        import shutil  # 3 ms

        found = []
        for path in sorted(glob.glob(pattern, recursive=True)):
            if os.path.isfile(path) and not os.path.abspath(path).startswith(self.dir):
                short = os.path.relpath(path, base) if base else os.path.basename(path)
                os.makedirs(os.path.dirname(f"{self.dir}/{short}"), exist_ok=True)
                found.append(str(shutil.copyfile(path, f"{self.dir}/{short}")))
        return found

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,
        aliases: Any = None,
        tags: Any = None,
    ) -> Artifact:
        """Keep the files of an artifact, or a file or folder."""
        made = artifact_of(artifact_or_path, name, type, f"run-{self.id}")
        made.aliases = list(aliases or ["latest"]) if not isinstance(aliases, str) else [aliases]
        if not self.disabled:
            for there, path in made.copied(self._folder).items():
                self._keep(there, path)
        return made

    def log_model(self, path: Any, name: str | None = None, aliases: Any = None) -> Artifact:
        """Keep a file or folder as a model."""
        return self.log_artifact(path, name or f"run-{self.id}-model", "model", aliases)

    upsert_artifact = finish_artifact = log_artifact

    def log_code(self, *_: Any, **__: Any) -> None:
        """Do nothing: the sweep knows the code."""

    def use_artifact(self, artifact_or_name: Any, *_: Any, **__: Any) -> Artifact:
        """Return an artifact of the script's own; one of W&B's is refused."""
        if isinstance(artifact_or_name, Artifact):
            return artifact_or_name
        raise CommError(not_here(f"access to W&B's artifact {artifact_or_name!r}"))

    use_model = use_artifact

    def link_artifact(self, *_: Any, **__: Any) -> None:
        """Tell once that nothing is linked."""
        passed_over("links to a registry")

    link_model = link_artifact

    def restore(self, name: str, *_: Any, **__: Any) -> Any:
        """Raise CommError: nothing is fetched from W&B."""
        raise CommError(not_here(f"access to W&B's file {name!r}"))

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        """Write an alert to stderr."""
        termlog(f"alert: {title}: {text}" if text else f"alert: {title}")

    def mark_preempting(self) -> None:
        """Do nothing."""

    def get_url(self) -> str | None:
        """Return None: a run has no page at W&B."""
        return self.url

    def project_name(self) -> str:
        """Return the project."""
        return str(self.project)

    def display(self, *_: Any, **__: Any) -> bool:
        """Return False: there is no page to show."""
        return False

    def status(self) -> Any:
        """Return what is synced: everything."""
        return Settings(sync_items_total=0, sync_items_pending=0, sync_time=None)

    def _label(self, *_: Any, **__: Any) -> None:
        pass

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: its summary and files are kept."""
        if self._finished:
            return
        self._finished = True
        for pattern, base in self._saved:
            self._save(pattern, base)
        for folder, _folders, names in os.walk(self.dir) if not self.disabled else ():
            for name in names:
                short = os.path.relpath(f"{folder}/{name}", self.dir)
                self._keep(f"files/{short}", f"{folder}/{name}")
        if found := self.summary.numbers():
            self._reports.write({"metrics": found, "summary": True})
        self._reports.end(self._step)
        _set_current(None)

    join = finish

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: Any, *_: Any) -> bool:
        self.finish(exit_code=0 if kind is None else 1)
        return kind is None

    def __repr__(self) -> str:
        return f"<wandb.Run {self.id} of Paceline>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(not_here(f"wandb.run.{name}"))


def _is_large(value: Any) -> bool:
    return hasattr(value, "shape") or hasattr(value, "__array__")


def generate_id(length: int = 8) -> str:
    """Return a random name of letters and digits, without touching the script's random generators."""
    signs = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(signs[byte % len(signs)] for byte in os.urandom(length))


def _set_current(run: Run | None) -> None:
    package = sys.modules[__package__]
    vars(package)["run"] = run
    for name in ("config", "summary"):
        vars(package)[name] = BeforeInit(name) if run is None else getattr(run, name)


def current() -> Run:
    """Return the run. Raises Error where there is none."""
    run: Run | None = vars(sys.modules[__package__]).get("run")
    if run is None:
        raise Error("You must call wandb.init() before")
    return run


class BeforeInit:
    """Stands for ``wandb.config`` and ``wandb.summary`` while there is no run."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _refuse(self, *key: Any) -> Any:
        raise Error(f"You must call wandb.init() before wandb.{self._name}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse()

    def __setattr__(self, name: str, value: Any) -> None:
        self._refuse()

    __getitem__ = __setitem__ = __iter__ = __len__ = _refuse


def begun(reinit: Any, config: Any, given: dict[str, Any]) -> Run:
    """Return the run of ``wandb.init``: the one that there is, or a new one."""
    run: Run | None = vars(sys.modules[__package__]).get("run")
    if run is not None and reinit in (True, "finish_previous"):
        run.finish()
        run = None
    if run is not None and reinit != "create_new":
        if config is not None:
            run.config.update(config, allow_val_change=given.get("allow_val_change"))
        return run
    if given.get("sync_tensorboard") or given.get("tensorboard"):
        passed_over("what is written for TensorBoard (sync_tensorboard)")
    made = Run(config, **given)
    _set_current(made)
    atexit.register(_at_exit, made, os.getpid())
    return made


def _at_exit(run: Run, process: int) -> None:
    """Finish a run that the script has left open; what it forked does not."""
    if os.getpid() == process:
        run.finish()
