"""Valid specs."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.sweep import Sweep, parse_sweep
from tests.helpers.spec_catalogue import CATALOGUE

HEAD = "workload: mlp\ndata: {name: digits}\n"


def parsed(text: str, *overrides: str, base: Path = Path("/")) -> Sweep:
    return parse_sweep(text, "sweep.yaml", base, overrides, catalogue=CATALOGUE)


FULL = """\
name: all keys
description: "Every key: once"
workload: mlp
data: {csv: table.csv, target: label, split: {train: 0.6, val: 0.2, test: 0.2, seed: 3}}
method: bayes
metric: {name: val_loss, target: 0.1}
parameters:
  model:
    parameters:
      width: {min: 32, max: 512, step: 32}
      depth: {min: 1, max: 8, log: true}
  lr: {distribution: log_uniform, min: -9.2, max: -2.3}
  optimizer: {values: [sgd, adam], probabilities: [0.25, 0.75]}
  momentum: {distribution: normal, mu: 0.8, sigma: 0.1, min: 0.0, max: 0.99, when: {optimizer: sgd}}
  batch_norm: {value: false}
  batch_size: 32
start_from: [{lr: 0.01}, {optimizer: sgd, momentum: 0.5}]
early_terminate: {type: asha, min_iter: 2, eta: 4}
run_cap: 33
epochs: 27
seed: 7
max_concurrent: 2
cohort: 4
timeout: 1h30m
max_failures: 1
resources: {cpus: 2, gpus: 0.5}
final: {top: 1, seeds: 3}
tracking: {uri: "http://localhost:5000", experiment: exp}
"""
