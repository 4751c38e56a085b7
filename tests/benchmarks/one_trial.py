"""Runs ``sweep.yaml``, a sweep of one trial, and prints the metrics of its epochs from MLflow."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing


def main() -> None:
    """Run the sweep and print one line of JSON: ``epochs``, each with its metrics and ``seconds``."""
    command = [sys.executable, "-m", "cluster.cli", "run", "sweep.yaml", "--json", "--quiet"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    run_id = json.loads(done.stdout)["trials"][0]["run_id"]
    epochs: dict[int, dict[str, float]] = defaultdict(dict)
    with closing(sqlite3.connect("mlflow.db")) as db:
        rows = "select step, key, value from metrics where run_uuid = ? and step > 0"
        for step, key, value in db.execute(rows, (run_id,)):
            epochs[step][key] = value
        name = "select params.value from params join runs using (run_uuid) where params.key = 'rows_train'"
        [[num_rows]] = db.execute(name)
    for record in epochs.values():
        record["seconds"] = int(num_rows) / record["examples_per_s"]
    print(json.dumps({"epochs": [epochs[step] for step in sorted(epochs)]}))


if __name__ == "__main__":
    main()
