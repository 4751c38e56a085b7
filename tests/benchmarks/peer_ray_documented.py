"""Peer: Ray Tune with OptunaSearch and MLflowLoggerCallback, as in Ray's guides to Optuna and to MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.digits import digits, mlflow_uri, peer_options, tell, train

SPACE = {
    "lr": tune.loguniform(1e-4, 1e-1),
    "weight_decay": tune.loguniform(1e-6, 1e-2),
    "dropout": tune.uniform(0.0, 0.5),
    "momentum": tune.uniform(0.8, 0.99),
    "batch_size": tune.choice([32, 64, 128]),
}


def objective(config: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(1)
    for metrics, _ in train(config, 0, digits()):
        tune.report(metrics)


def main() -> None:
    options = peer_options()
    ray.init(address="local", num_cpus=options.lanes, include_dashboard=False, log_to_driver=False)
    search = OptunaSearch(metric="val_accuracy", mode="max", seed=options.seed)
    tuner = tune.Tuner(
        objective,
        param_space=SPACE,
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=options.trials,
            max_concurrent_trials=options.lanes,
        ),
        run_config=tune.RunConfig(
            name="digits",
            storage_path=str(Path.cwd() / "ray_results"),
            callbacks=[
                MLflowLoggerCallback(tracking_uri=mlflow_uri(), experiment_name="digits", save_artifact=True)
            ],
        ),
    )
    results = tuner.fit()
    best = results.get_best_result("val_accuracy", "max", scope="all")
    assert best.config and best.metrics_dataframe is not None and not results.errors
    tell(float(best.metrics_dataframe["val_accuracy"].max()), best.config, len(results))


if __name__ == "__main__":
    main()
