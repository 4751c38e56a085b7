"""Measures the time from `paceline submit` to a trial's first epoch, in parts, on a warm local two-node cluster.

    python -m tests.benchmarks.submit_start [--times 3]

The first sweep warms the cluster and is not counted. handed over: until the command has returned, with code and
spec checked and sent. driver: until Ray calls the job running. start and data: the driver's own times for joining
Ray and reading the data. first epoch: the rest until MLflow has an epoch, with imports in the driver and in lanes.
Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import time
from contextlib import closing

from ray.job_submission import JobSubmissionClient

from tests.helpers.ray_cluster import Submitter, submitting

SPEC = """
name: start
workload: mlp
data: {name: digits}
epochs: 3
trials: 4
early_terminate: none
final: none
max_lanes: 2
cache: false
parameters: {lr: {min: 1e-3, max: 1e-1, log: true}}
"""
PARTS = ("handed over", "driver", "start", "data", "first epoch")
TIMEOUT_S = 180.0


def num_epochs(user: Submitter) -> int:
    """Return the number of epochs of all sweeps that MLflow has."""
    if not (user.path / "mlflow.db").exists():
        return 0
    with closing(sqlite3.connect(user.path / "mlflow.db")) as store:
        [there] = store.execute("select count(*) from sqlite_master where name = 'metrics'").fetchone()
        return (
            int(store.execute("select count(*) from metrics where key = 'val_loss'").fetchone()[0]) if there else 0
        )


def started(client: JobSubmissionClient, known: set[str]) -> str | None:
    """Return a job that is not ``known`` and runs or has run; None without one."""
    jobs = {str(job.submission_id): str(job.status) for job in client.list_jobs()}
    return next((name for name, status in jobs.items() if name not in known and status != "PENDING"), None)


def measure(user: Submitter, client: JobSubmissionClient) -> dict[str, float]:
    """Submit a sweep; return the seconds of each part, and of the whole."""
    known, before = {str(job.submission_id) for job in client.list_jobs()}, num_epochs(user)
    begun = time.monotonic()
    sweep_id = user.submitted()
    handed = time.monotonic() - begun
    running = 0.0
    while num_epochs(user) == before:
        if not running and started(client, known):
            running = time.monotonic() - begun
        if time.monotonic() - begun > TIMEOUT_S:
            raise RuntimeError(user.on_cluster("logs", sweep_id))
        time.sleep(0.05)
    whole = time.monotonic() - begun
    user.on_cluster("wait", sweep_id)
    noted = user.document("show", sweep_id, **user.cluster.environment)["cost"]["parts"]
    parts = [handed, max(0.0, running - handed), noted["start"], noted["data"]]
    return dict(zip((*PARTS, "in all"), (*parts, whole - sum(parts), whole), strict=True))


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with submitting(SPEC) as user:
        headers = {"Authorization": f"Bearer {user.cluster.token}"}
        client = JobSubmissionClient(user.cluster.address, headers=headers)
        found = [measure(user, client) for _ in range(1 + options.times)][1:]
    print("| part | median, s | slowest, s |\n|---|---|---|")
    for part in found[0]:
        seconds = [parts[part] for parts in found]
        print(f"| {part} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
