"""Exhibits: small files that illustrate a model's output, made by its workload for the member's MLflow run."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import torch
from torch import nn

from search_spaces.race.legs import Exhibit
from search_spaces.types.trial_names import trial_name
from workloads.files.artifacts import MAX_REPORT_BYTES, MIB
from workloads.legs.member import TrainingMember
from workloads.training.setup import Setup

MAX_BYTES = 2**19
"""Limit on a member's exhibits of one epoch together, as they travel with its report."""
FAILURE = "exhibit_failed.txt"


@torch.no_grad()
def exhibits(setup: Setup, model: nn.Module, epoch: int, key: str) -> list[Exhibit]:
    """Return the exhibits of member ``key`` after ``epoch``; ``model`` is in evaluation mode.

    An error in the workload's code does not stop training: its traceback becomes the exhibit. A file beyond
    ``MAX_BYTES`` is replaced by a text that says so.
    """
    assert setup.workload.exhibit is not None
    try:
        files = _bounded(setup.workload.exhibit(setup, model, epoch))
    except Exception:  # noqa: BLE001 - the user gets the whole traceback in the exhibit's place
        files = {FAILURE: traceback.format_exc().encode()}
    return [Exhibit(key=key, path=path, content=base64.b64encode(c).decode()) for path, c in files.items()]


def logged_by(members: Sequence[TrainingMember], messages: list[str]) -> list[Exhibit]:
    """Return the files that the members' code, a user's, has logged; ``messages`` get what was left out."""
    found: list[Exhibit] = []
    room = MAX_REPORT_BYTES
    for a in members:
        if (take := getattr(a.loop, "artifacts", None)) is None:
            continue
        logged = take()
        messages += logged.told
        for path, content in logged.files.items():
            if len(content) > room:
                limit = f"those of all trials that train together may have {MAX_REPORT_BYTES // MIB} MiB an epoch"
                messages.append(f"{trial_name(a.member.trial)}: artifact {path} is left out: {limit}")
                continue
            room -= len(content)
            found.append(Exhibit(key=a.member.key, path=path, content=base64.b64encode(content).decode()))
    return found


def _bounded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    room = MAX_BYTES
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise ValueError(f"an exhibit's path must lead into the run's artifacts: {path!r}")
        if len(content) > room:
            note = f"{len(content)} bytes were left out: an epoch's exhibits may have {MAX_BYTES} together\n"
            kept[f"{path}.left_out.txt"] = note.encode()
            continue
        kept[path] = content
        room -= len(content)
    return kept
