"""Peer: Optuna's own threads, each epoch logged to MLflow: one parent run, one child a trial."""

from __future__ import annotations

from typing import Any

import mlflow
import optuna
import torch

from tests.benchmarks.digits import digits, mlflow_uri, peer_options, tell, train


def configuration(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "lr": trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "momentum": trial.suggest_float("momentum", 0.8, 0.99),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
    }


def main() -> None:
    options = peer_options()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mlflow.set_tracking_uri(mlflow_uri())
    mlflow.set_experiment("digits")
    data = digits()

    with mlflow.start_run(run_name="sweep") as parent:

        def objective(trial: optuna.Trial) -> float:
            params = configuration(trial)
            name = f"trial {trial.number}"
            with mlflow.start_run(run_name=name, nested=True, parent_run_id=parent.info.run_id):
                mlflow.log_params(params)
                best = 0.0
                for epoch, (metrics, _) in enumerate(train(params, 0, data), start=1):
                    mlflow.log_metrics(metrics, step=epoch)
                    best = max(best, metrics["val_accuracy"])
            return best

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=options.seed))
        study.optimize(objective, n_trials=options.trials, n_jobs=options.lanes)
    tell(study.best_value, study.best_params, len(study.trials))


if __name__ == "__main__":
    main()
