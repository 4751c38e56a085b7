"""What code of users' changes in its process: taken as a value, and put back, so that it reaches no other training.

Environment, working folder, standard streams, import path, random generators and the switches of Python and torch.
What is replaced inside of imported modules is not known, and stays.
"""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import torch

from workloads.data.epoch_order import seed_cpu
from workloads.models.custom.generators import Generators
from workloads.models.custom.standard_streams import Streams


class OwnState:
    """Context in which code finds the process as it left it, and after which the process is as before.

    At first it finds the process as it is, but for the global random generators, which ``seed`` determines: torch's
    are alike on all ranks, so that the models drawn there are the same, and the others differ from rank to rank.
    Where the code's working folder is gone, entering raises RuntimeError, and leaves the process as it is.
    """

    def __init__(self, *seed: int, rank: int = 0) -> None:
        self._seed, self._rank = seed, rank
        self._own: ProcessState | None = None
        self._outer: list[ProcessState] = []

    def __enter__(self) -> None:
        outer = ProcessState.now()
        if self._own is None:
            _seed(self._seed, self._rank)
        else:
            try:
                self._own.put_back()
            except BaseException:
                outer.put_back()
                raise
        self._outer.append(outer)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._own = ProcessState.now()
        self._outer.pop().put_back()


class ProcessState(NamedTuple):
    """All that is put back; ``now`` and ``put_back`` take some 0.1 ms each."""

    settings: tuple[Any, ...]
    """Values of ``SETTINGS``, in their order."""
    folder: str | None
    generators: Generators
    streams: Streams

    @classmethod
    def now(cls) -> ProcessState:
        """Return the state of this process."""
        return cls(
            tuple(setting.read() for setting in SETTINGS),
            _folder(),
            Generators.now(),
            Streams.now(),
        )

    def put_back(self) -> None:
        """Make this the state of the process again. Raises RuntimeError where the working folder alone is gone."""
        self.streams.put_back()
        for setting, value in zip(SETTINGS, self.settings, strict=True):
            if setting.read() != value:
                setting.write(value)
        self.generators.put_back()
        torch.set_num_threads(torch.get_num_threads())  # for new threads: another one's call changed it for them
        if _folder() != self.folder:
            _enter(self.folder)


class _Part(NamedTuple):
    read: Callable[[], Any]
    write: Callable[[Any], object]


def _folder() -> str | None:
    with suppress(FileNotFoundError):
        return os.getcwd()  # noqa: PTH109 - 5 us less than a Path
    return None


def _enter(folder: str | None) -> None:
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            told = f"the working folder {folder} cannot be entered again: {error.strerror}"
            raise RuntimeError(f"{told}; change to another one before it is removed") from error


def _set_environment(variables: Mapping[str, str]) -> None:
    zone = os.environ.get("TZ")
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # Python also forgets which warnings it has decided on
    warnings.filters[:] = filters  # type: ignore[index] # a list


def _set_garbage_collection(setting: tuple[bool, tuple[int, int, int]]) -> None:
    enabled, thresholds = setting
    (gc.enable if enabled else gc.disable)()
    gc.set_threshold(*thresholds)


def _logs() -> tuple[Any, ...]:
    root = logging.getLogger()
    return list(root.handlers), root.level, root.disabled, logging.root.manager.disable


def _set_logs(logs: tuple[Any, ...]) -> None:
    root = logging.getLogger()
    root.handlers[:], level, root.disabled, disabled = logs
    root.setLevel(level)
    logging.disable(disabled)


def _cudnn() -> tuple[bool, bool, bool]:
    return torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic


def _set_cudnn(setting: tuple[bool, bool, bool]) -> None:
    cudnn: Any = torch.backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = setting


def _set_device(device: torch.device) -> None:
    # With a device torch looks at each of its calls; None is the CPU without that.
    torch.set_default_device(None if device.type == "cpu" else device)


def _attribute(owner: Any, *names: str) -> _Part:
    def write(values: tuple[Any, ...]) -> None:
        for name, value in zip(names, values, strict=True):
            setattr(owner, name, value)

    return _Part(lambda: tuple(getattr(owner, name) for name in names), write)


def _list(owner: Any, name: str) -> _Part:
    return _Part(lambda: list(getattr(owner, name)), lambda value: setattr(owner, name, list(value)))


SETTINGS = (
    _Part(lambda: dict(os.environ), _set_environment),
    _Part(_umask, os.umask),
    _Part(lambda: locale.setlocale(locale.LC_ALL), lambda name: locale.setlocale(locale.LC_ALL, name)),
    _list(sys, "path"),
    _list(sys, "argv"),
    _attribute(sys, "excepthook"),
    _attribute(threading, "excepthook"),
    _attribute(warnings, "showwarning"),
    _Part(sys.getrecursionlimit, sys.setrecursionlimit),
    _Part(sys.getswitchinterval, sys.setswitchinterval),
    _Part(lambda: list(warnings.filters), _set_filters),
    _Part(lambda: (gc.isenabled(), gc.get_threshold()), _set_garbage_collection),
    _Part(_logs, _set_logs),
    _Part(np.geterr, lambda setting: np.seterr(**setting)),
    _Part(torch.get_default_dtype, torch.set_default_dtype),
    _Part(torch.get_default_device, _set_device),
    _Part(torch.get_num_threads, torch.set_num_threads),
    _Part(torch.is_grad_enabled, torch.set_grad_enabled),
    _Part(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    _Part(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _Part(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    _Part(_cudnn, _set_cudnn),
)


def _seed(seed: tuple[int, ...], rank: int) -> None:
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    own = int(np.random.SeedSequence((*seed, rank)).generate_state(1)[0]) if rank else number
    random.seed(own)
    np.random.seed(own)
    seed_cpu(number)
    torch.cuda.manual_seed_all(number)  # counts, too, where this code is the first in its process to use a GPU
