"""Peer: Ray Tune with OptunaSearch tuned by hand: reused actors, set concurrency, data shared, nothing logged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"

import ray
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.digits import EPOCHS, Digits, digits, peer_options, tell, train
from tests.benchmarks.peer_ray_documented import SPACE


class Perceptron(tune.Trainable):
    """Trains one epoch in each step; its actor is reused for the next trial."""

    def setup(self, config: dict[str, Any], data: Digits) -> None:  # type: ignore[override]
        import torch

        torch.set_num_threads(1)
        self._data = data
        self._epochs, self._best = train(config, 0, data), 0.0

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._epochs, self._best = train(new_config, 0, self._data), 0.0
        return True

    def step(self) -> dict[str, float]:
        metrics, _ = next(self._epochs)
        self._best = max(self._best, metrics["val_accuracy"])
        return {**metrics, "best_val_accuracy": self._best}


def main() -> None:
    options = peer_options()
    ray.init(address="local", num_cpus=options.lanes, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_parameters(Perceptron, data=digits()),
        param_space=SPACE,
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric="val_accuracy", mode="max", seed=options.seed),
            num_samples=options.trials,
            max_concurrent_trials=options.lanes,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="digits",
            storage_path=str(Path.cwd() / "ray_results"),
            stop={"training_iteration": EPOCHS},
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    results = tuner.fit()
    best = results.get_best_result("best_val_accuracy", "max")
    assert best.config and best.metrics and not results.errors
    tell(best.metrics["best_val_accuracy"], best.config, len(results))


if __name__ == "__main__":
    main()
