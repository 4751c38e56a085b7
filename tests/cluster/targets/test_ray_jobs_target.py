"""What a head tells of its jobs, in our words; tests/cluster/targets/test_ray_jobs.py has the real ones."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from cluster.targets.ray_jobs.target import KILL, JobsTarget, _said


@pytest.mark.parametrize(
    ("status", "code", "killed", "state"),
    [
        ("FAILED", 1, False, "failed"),
        ("FAILED", -9, False, "failed"),
        ("FAILED", -9, True, "stopped"),
        ("FAILED", 130, False, "stopped"),
        ("FAILED", 15, False, "stopped"),
        ("SUCCEEDED", 0, True, "finished"),
        ("RUNNING", None, True, "running"),
        ("STOPPED", None, False, "stopped"),
    ],
)
def test_a_driver_that_was_killed_on_request_has_stopped_whatever_it_died_of(
    monkeypatch: pytest.MonkeyPatch, status: str, code: int | None, killed: bool, state: str
) -> None:
    def job(name: str, **known: object) -> SimpleNamespace:
        facts = {"metadata": None, "start_time": 0, "message": "the end", "driver_exit_code": None, **known}
        facts["runtime_env"] = {"env_vars": {"PACELINE_CODE": "image"}} if "a2" in name else None
        return SimpleNamespace(submission_id=name, **facts)

    jobs = [
        job("paceline-abcd-a1", status="SUCCEEDED", driver_exit_code=0),
        job("paceline-abcd-a2", status=status, driver_exit_code=code),
        job(f"paceline-abcd-a{2 if killed else 1}{KILL}17", status="SUCCEEDED", driver_exit_code=0),
        job("another", status="RUNNING"),
    ]
    ray = nullcontext(SimpleNamespace(list_jobs=lambda: jobs))
    monkeypatch.setattr(JobsTarget, "client", lambda target: ray)
    target = JobsTarget("http://head:8265")
    assert [(told.id, told.attempt, told.state) for told in target.sweeps()] == [("abcd", 2, state)]
    assert (target.status("abcd").state, target.status("abcd").code) == (state, "image")
    assert target.next_attempt("abcd") == 3


def test_what_a_job_says_begins_behind_rays_own_lines() -> None:
    own = "=== t000 ===\n\nepoch 1\n"
    rays = "2026-11-30 19:06:58,838 INFO job_manager.py:581 -- Runtime env is setting up.\n"
    rays += "Running entrypoint for job x: y\n"
    assert _said(rays + own) == _said(own) == ["=== t000 ===", "", "epoch 1"] and _said(rays) == []
