"""Keys and names of W&B, Determined, Katib, Ray Tune and Optuna that are refused with what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

_OWN = "is not read: a function of your own is named by 'workload: package.module:NAME'"
KEYS: Mapping[str, str] = {
    # Determined
    "searcher": "is not read: write instead what is said of each of its keys",
    "entrypoint": _OWN,
    "max_restarts": "is not read: write 'max_retries: N', the further attempts of one trial",
    "workspace": "is not read: write 'tracking: {experiment: NAME}'",
    "labels": "is not read: write them into 'description:'",
    "reproducibility": "is not read: write 'seed: N'",
    "environment": "is not read: trials run in the environment of the command, on a cluster in the job's",
    "bind_mounts": "is not read: a cluster's job mounts its folders",
    "checkpoint_storage": "is not read: write 'storage: {checkpoints: s3://BUCKET/PREFIX}'",
    "checkpoint_policy": "is not read: the best trials' checkpoints are kept, as many as 'final: {top: N}' judges",
    "min_validation_period": "is not read: every epoch is validated",
    "min_checkpoint_period": "is not read: a trial is saved wherever it may have to wait",
    "perform_initial_validation": "is not read: the first value is that of the first epoch",
    "records_per_epoch": "is not read: an epoch is one pass over the training rows",
    "scheduling_unit": "is not read: a schedule decides after epochs",
    "profiling": "is not read: each trial's seconds, memory and latency are measured anyway",
    "optimizations": "is not read: gradients are accumulated by 'micro_batch' in parameters",
    "debug": "is not read: `paceline show` and `paceline logs` show what went wrong",
    "integrations": "is not read: runs, models and files are in MLflow",
    "retention_policy": "is not read: logs stay with the sweep",
    "preemption_timeout": "is not read: write 'grace: N', the seconds in which a trial may end its epoch",
    "hooks": "is not read: MLflow has the sweep's state",
    "log_policies": "is not read: write 'max_retries: N' and 'max_failed_trials: N'",
    "slurm": "is not read: start Ray on the machines, and 'paceline submit FILE --on http://HEAD:8265'",
    "pbs": "is not read: start Ray on the machines, and 'paceline submit FILE --on http://HEAD:8265'",
    # W&B
    "job": "is not read: the code of a job is at W&B; write 'program: train.py', a copy of it beside this file",
    "image_uri": "is not read: write 'program: train.py', and the image into the target of 'paceline submit --on'",
    "imageuri": "is not read: write 'program: train.py', and the image into the target of 'paceline submit --on'",
    # Katib
    "apiVersion": "is not read: 'paceline submit FILE --on k8s:CONTEXT/NAMESPACE' makes the objects",
    "kind": "is not read: 'paceline submit FILE --on k8s:CONTEXT/NAMESPACE' makes the objects",
    "metadata": "is not read: write 'name: NAME'",
    "spec": "is not read: write instead what is said of each of its keys",
    "objective": "is not read: write 'metric: {name: val_accuracy, goal: maximize, target: 0.99}'",
    "algorithm": "is not read: write 'method: NAME'",
    "earlyStopping": "is not read: write 'early_terminate: {type: median}'",
    "maxTrialCount": "is not read: write 'trials: N'",
    "parallelTrialCount": "is not read: write 'max_concurrent: N'",
    "maxFailedTrialCount": "is not read: write 'max_failed_trials: N'",
    "trialTemplate": _OWN,
    "metricsCollectorSpec": "is not read: a function of your own reports its metrics (run.report)",
    "resumePolicy": "is not read: 'paceline resume ID' continues any sweep",
    "nasConfig": "is not available: architectures are searched by hyperparameters, such as depth",
    # Ray Tune
    "num_samples": "is not read: write 'trials: N'",
    "search_alg": "is not read: write 'method: NAME'",
    "max_concurrent_trials": "is not read: write 'max_concurrent: N'",
    "time_budget_s": "is not read: write 'timeout: N'",
    "param_space": "is not read: write 'parameters:'",
    # Optuna
    "n_trials": "is not read: write 'trials: N'",
    "n_jobs": "is not read: write 'max_concurrent: N'",
    "direction": "is not read: write 'metric: {name: NAME, goal: maximize}'",
    "sampler": "is not read: write 'method: NAME'",
    "pruner": "is not read: write 'early_terminate: {type: NAME}'",
    # inside of keys that there are here, too
    "resources.slots_per_trial": "is not read: write 'workers: N', and 'gpus: 1' for each of them",
    "resources.resource_pool": "is not read: 'paceline submit FILE --on TARGET' names the cluster",
    "resources.is_single_node": "is not read: a trial's workers are where there is room",
    "resources.weight": "is not read: write 'priority: N' beside resources",
    "resources.devices": "is not read: a cluster's pods have their devices from the template of the target",
    "resources.priority": "is not read: write 'priority: N' beside resources",
    "resources.max_slots": "is not read: write 'max_concurrent: N' beside resources",
    "resources.shm_size": "is not read: no shared memory is needed",
    "metric.mode": "is not read: write 'goal: minimize' or 'goal: maximize'",
    "metric.smaller_is_better": "is not read: write 'goal: minimize' or 'goal: maximize'",
}
"""Keys of the file, with what is said of them; those inside of a group by their path."""

PARAMETER_KEYS: Mapping[str, str] = {
    "minval": "is not read: write 'min'",
    "maxval": "is not read: write 'max'",
    "vals": "is not read: write 'values'",
    "val": "is not read: write 'value'",
    "type": "is not read: whole bounds are whole numbers, 'log: true' is a log scale, 'values' are choices",
    "base": "is not read: min and max are the values themselves, beside 'log: true'",
    "parameterType": "is not read: whole bounds are whole numbers, others any numbers, 'values' are choices",
    "feasibleSpace": "is not read: write its keys (min, max, step, values) beside the parameter's name",
    "list": "is not read: write 'values'",
    "low": "is not read: write 'min'",
    "high": "is not read: write 'max'",
    "lower": "is not read: write 'min'",
    "upper": "is not read: write 'max'",
    "choices": "is not read: write 'values'",
}
"""Keys of one parameter."""

SCHEDULE_KEYS: Mapping[str, str] = {
    "max_iter": "is not read: write 'epochs: N', the last comparison is at their last",
    "s": "is not read: the brackets follow from epochs, min_iter and eta",
    "strict": "is not read: write 'type: asha_stopping'",
    "max_t": "is not read: the last comparison is at the last of 'epochs'",
    "grace_period": "is not read: write 'min_iter'",
    "reduction_factor": "is not read: write 'eta'",
    "divisor": "is not read: write 'eta'",
    "min_resource": "is not read: write 'min_iter'",
    "max_resource": "is not read: the last comparison is at the last of 'epochs'",
    "brackets": "is not read: 'type: hyperband' has as many as fit",
    "stop_once": "is not read: write 'type: asha_stopping'",
    "algorithmName": "is not read: write 'type'",
    "algorithmSettings": "is not read: write the settings beside 'type'",
    "min_trials_required": "is not read: write 'min_trials'",
    "start_step": "is not read: write 'min_iter'",
}
"""Keys of ``early_terminate``."""

_SCHEDULES = ("hyperband", "adaptive_asha", "async_halving", "asha", "medianstop", "median", "pbt")
_NAS = "is not available: architectures are searched by hyperparameters"
METHODS: Mapping[str, str] = {
    **{
        name: f"is a schedule here: write early_terminate: {{type: {name}}}, beside any method"
        for name in _SCHEDULES
    },
    "multivariate-tpe": "is not available: write tpe, which takes each parameter by itself, or auto or cmaes",
    "bohb": "is not available: auto beside early_terminate learns from short trainings, too",
    "dehb": "is not available: write evolution, beside early_terminate: {type: hyperband}",
    "single": "is not a method: give every parameter one value, for a sweep of one trial",
    "custom": "is not available: a method is one of those here",
    "optuna": "is not a method: write tpe, Optunas default",
    "hyperopt": "is not a method: write tpe",
    "skopt": "is not a method: write gp",
    "enas": _NAS,
    "darts": _NAS,
}
"""Names of methods."""
