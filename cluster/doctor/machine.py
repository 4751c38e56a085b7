"""Checks of a machine and its installation, each with its remedy."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from cluster.ray_internals.job_config import job_config
from cluster.ray_internals.private_ray import forget_token, private_ray
from search_spaces.types.driver_errors import NoRay
from search_spaces.types.module_path import OURS
from workloads.models.custom.hidden import strangers

HOME = Path(__file__).resolve().parents[2]
GIB = 2**30
MIN_DISK_GIB, MIN_MEMORY_GIB, MIN_SHM_GIB = 2.0, 2.0, 0.5

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Result of one check: ``found`` says what was found, ``remedy`` what to do, empty when nothing is wrong."""

    name: str
    state: State
    found: str
    remedy: str = ""


def judged(name: str, good: bool, found: str, remedy: str, otherwise: State = "wrong") -> Check:
    """Return a check with state ``ok`` if ``good``, else with state ``otherwise`` and its remedy."""
    return Check(name=name, state="ok" if good else otherwise, found=found, remedy="" if good else remedy)


def versions() -> Iterator[Check]:
    """Check the versions of Python and of every required package against the ranges that Paceline declares."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    python, required = _declared()
    have = platform.python_version()
    yield judged("python", have in SpecifierSet(python), have, f"use a Python {python}")
    for text in required:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = str(requirement.specifier)
        remedy = f'pip install "{requirement.name}{wanted}"'
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Check(name=requirement.name, state="wrong", found="not installed", remedy=remedy)
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        yield judged(requirement.name, fits, version if fits else f"{version}, not {wanted}", remedy)


def _declared() -> tuple[str, list[str]]:
    """Return ``requires-python`` and the dependencies, from the source tree or else the installed package."""
    source = HOME / "pyproject.toml"
    if source.is_file():
        project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
        return project["requires-python"], project["dependencies"]
    installed = metadata.metadata("paceline")
    return installed["Requires-Python"], metadata.requires("paceline") or []


def packages() -> Iterator[Check]:
    """Check that Paceline's four packages come from this installation, here and in workers of this folder."""
    for name in OURS:
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        ours = origin == HOME / name / "__init__.py"
        remedy = f"remove or rename what provides {name!r} there, or put {HOME} first on PYTHONPATH"
        yield judged(f"package {name}", ours, str(origin or "not importable"), remedy)
    for name in OURS:
        folder = Path.cwd() / name
        if folder.is_dir() and folder.resolve() != HOME / name:
            remedy = (
                f"rename it, or run paceline in another folder: workers might import it for Paceline's {name!r}"
            )
            yield Check(name=f"folder {name}", state="wrong", found=f"{folder} shadows a package", remedy=remedy)
    if others := [path.name for path, _ in strangers(Path.cwd()) if path.stem not in OURS]:
        found = f"{', '.join(others)}: others of these names come before them"
        remedy = "rename what a function of yours is to import"
        yield Check(name="modules here", state="warning", found=found, remedy=remedy)


def machine() -> Iterator[Check]:
    """Check cores, free memory, free disk in this folder and the size of shared memory."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield judged("cores", cores >= 2, str(cores), "one core runs one worker: sweeps work, but slowly", "warning")
    free = psutil.virtual_memory().available / GIB
    short = "close other programs, or set max_concurrent: 1 (a worker takes up to 1.2 GiB, the driver 1 GiB)"
    yield judged("memory", free >= MIN_MEMORY_GIB, f"{free:.1f} GiB free", short, "warning")
    disk = shutil.disk_usage(Path.cwd()).free / GIB
    yield judged("disk", disk >= MIN_DISK_GIB, f"{disk:.1f} GiB free here", "free some, or work in another folder")
    shm = Path("/dev/shm")
    if shm.is_dir():
        size = shutil.disk_usage(shm).total / GIB
        more = "Ray falls back to slow files: start the container with --shm-size=2g"
        yield judged("/dev/shm", size >= MIN_SHM_GIB, f"{size:.1f} GiB", more, "warning")


def threads() -> Iterator[Check]:
    """Check that OMP_NUM_THREADS is 1 or unset: lanes with several threads each compete for the same cores."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    remedy = "unset OMP_NUM_THREADS or set it to 1: with more threads than cores training is many times slower"
    yield judged("OMP_NUM_THREADS", value in ("", "1"), value or "not set: one thread a worker", remedy, "warning")


def torch_and_gpu() -> Iterator[Check]:
    """Check that torch and torchvision can be imported together and that torch sees the machine's GPU, if any."""
    try:
        import torch
        import torchvision  # noqa: F401 - to see whether it can be imported
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "pip install --force-reinstall torch torchvision (both from the same index)"
        yield Check(name="torch loads", state="wrong", found=f"{type(error).__name__}: {error}", remedy=remedy)
        return
    yield Check(name="torch loads", state="ok", found=f"{torch.__version__} with torchvision")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    driver = shutil.which("nvidia-smi") is not None
    found = ", ".join(names) or (
        "nvidia-smi is here, but torch sees no GPU" if driver else "none: trains on the CPU"
    )
    yield judged("gpu", bool(names) or not driver, found, "install a torch built for this CUDA driver", "warning")


def ray_imports() -> Iterator[Check]:
    """Check that Ray and Ray Tune can be imported."""
    try:
        import ray
        import ray.tune
    except (ImportError, OSError) as error:
        remedy = 'pip install "ray[default,tune,train]"'
        yield Check(name="ray loads", state="wrong", found=f"{type(error).__name__}: {error}", remedy=remedy)
        return
    yield Check(name="ray loads", state="ok", found=f"{ray.__version__} with tune")


def ray_starts() -> Iterator[Check]:
    """Check that a local Ray starts and that its workers import Paceline's packages from this installation."""
    import ray

    def homes() -> list[str]:
        return [str(importlib.import_module(name).__file__) for name in OURS]

    remedy = "free memory or disk, and end old Rays with `ray stop`"
    try:
        with private_ray() as folder:
            remedy = f"look at {folder}/session_latest/logs; {remedy}"
            quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            ray.init(
                address="local",
                num_cpus=1,
                include_dashboard=False,
                job_config=job_config(),
                _temp_dir=str(folder),
                **quiet,
            )
        found = ray.get(ray.remote(homes).remote(), timeout=60)
    except NoRay as error:
        yield Check(name="ray starts", state="wrong", found=str(error), remedy="set RAY_TMPDIR")
        return
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError, ImportError) as error:
        yield Check(name="ray starts", state="wrong", found=f"{type(error).__name__}: {error}", remedy=remedy)
        return
    finally:
        ray.shutdown()
        forget_token()
    ours = [str(HOME / name / "__init__.py") for name in OURS]
    strangers = ", ".join(path for path, own in zip(found, ours, strict=True) if path != own)
    yield judged(
        "ray starts", not strangers, strangers or "and its workers load Paceline", "see the packages above"
    )
