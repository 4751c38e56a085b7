"""Configures a Ray of our own so that its workers do not import modules of the working folder before all others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from search_spaces.types.module_path import HOME

if TYPE_CHECKING:
    from ray.job_config import JobConfig

NO_ENV: Mapping[str, str] = MappingProxyType({})


def job_config(env: Mapping[str, str] = NO_ENV) -> JobConfig:
    """Return the configuration for ``ray.init``. Workers find the driver's modules by PYTHONPATH, as it is here.

    They start with the variables ``env``; with any, none of them is forked.

    Ray would put the driver's folder before Python's own modules on each worker's path, except where a runtime
    environment brings a folder. In Paceline's source tree, which may not be installed, Ray does so.
    """
    from ray.job_config import JobConfig
    from ray.runtime_env import RuntimeEnv

    class InFolder(RuntimeEnv):
        """Runtime environment of processes that run in their folder as they are."""

        def has_working_dir(self) -> bool:
            """Tell Ray that the folder needs no further place on the path."""
            return True

    wanted: dict[str, Any] = {"env_vars": dict(env)} if env else {}
    if os.path.realpath(os.getcwd()) != HOME:  # noqa: PTH109
        return JobConfig(runtime_env=InFolder(**wanted))
    return JobConfig(runtime_env=RuntimeEnv(**wanted)) if env else JobConfig()
