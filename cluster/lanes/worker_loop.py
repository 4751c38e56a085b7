"""Loop of the workers of a lane: together they train leg after leg, and the first of them reports.

Imports no Ray Tune, which would cost every worker a second.
"""

from __future__ import annotations

import secrets
import time
import traceback
from dataclasses import replace
from typing import Any

from cluster.lanes.leg_in_process import LegInProcess
from cluster.lanes.mailbox import Mailbox
from cluster.ray_internals import spare_workers
from cluster.sweep.messages import Report, Shared
from search_spaces.types.failure import FailureReason, ScriptFailed
from search_spaces.types.module_path import users_folder
from workloads.legs.ray_train import Warned, device, here, hush, order_spares, shard
from workloads.registry import is_users, workload

IDLE_S = 30.0
"""Seconds without a leg after which a worker group ends: another lane's group may wait for its resources."""


class RankFailed(RuntimeError):
    """Error: what a worker trains has raised. The message is the whole traceback, which Ray Train leaves behind."""


def work(config: dict[str, Any]) -> None:
    """Train legs in each process of a worker group. Only the first process takes orders and reports."""
    try:
        _work(config)
    except BaseException:  # noqa: BLE001 - raised again, with its traceback
        raise RankFailed(traceback.format_exc().strip()) from None


def _work(config: dict[str, Any]) -> None:
    mailbox: Mailbox = config["wires"]
    shared: Shared = config["shared"]
    hush()  # it would write its account of an end, as of a group that gets another size, into the trial's log
    group = here(config["strategy"], _divides_work(shared))
    shared = replace(shared, setting={**shared.setting, "device": device()})
    leg_in_process, token = LegInProcess(shared, shard, group, Warned()), secrets.token_hex(8)
    if group.first:
        mailbox.put("news", "hello", token, group.size)
    spare = config["spare"]
    while True:
        order = _next(mailbox, token) if group.first else {}
        leg = group.agree(order["leg"] if order else None)
        if leg is None:
            return
        done = False
        while not done:
            report = _portion(leg_in_process, order or {"leg": leg})
            done = report.done
            if spare is not None:
                order_spares(spare_workers.order, *spare)
                spare = None
            if group.first:
                mailbox.put("news", "report", token, report.to_result())


def _portion(leg_in_process: LegInProcess, order: dict[str, Any]) -> Report:
    """Train until the next report. A script that fails does so on all workers, and leaves nothing in them."""
    begun = time.monotonic()
    try:
        return leg_in_process.step(order)
    except ScriptFailed as error:
        leg_in_process.forget()
        reason = replace(FailureReason.told("raised", str(error)), output=error.output)
        return Report(failure=reason, done=True, seconds=time.monotonic() - begun)


def _divides_work(shared: Shared) -> bool:
    """Whether the workload's code communicates by itself, in the group that is there."""
    name = shared.setting["workload"]
    if not is_users(name):
        return False
    from workloads.models.custom.ranks.present_group import keep_group  # 1,200 ms: torch

    keep_group()
    if shared.folder:
        users_folder(shared.folder, shared.packages)
    return workload(name).divides_work


def _next(mailbox: Mailbox, token: str) -> dict[str, Any]:
    """Return the next order for this worker group; empty to end it: on request, or after ``IDLE_S`` without one."""
    while True:
        letter = mailbox.get("orders", IDLE_S)
        if letter is None:
            return {}
        addressee, order = letter
        if addressee == token:
            return dict(order or {})


def fell(mailbox: Mailbox, reason: FailureReason) -> None:
    """Tell the lane why a worker died."""
    mailbox.put("news", "fell", "", reason)
