"""Files of other tools: the shapes of the examples in their public repositories, with values of our own."""

from __future__ import annotations

from typing import Final


def katib(spec: str, template: str) -> str:
    """Return an experiment with these lines in its spec, and in the template of its trials."""
    head = (
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {namespace: kubeflow, name: tuned}\nspec:\n"
    )
    lines = [*spec.strip("\n").splitlines(), "trialTemplate:", *(f"  {line}" for line in template.splitlines())]
    return head + "".join(f"  {line}\n" for line in lines)


KATIB_OBJECTIVE: Final = """
objective: {type: minimize, goal: 0.02, objectiveMetricName: loss, additionalMetricNames: [accuracy]}
parallelTrialCount: 2
maxTrialCount: 9
maxFailedTrialCount: 2
"""
KATIB_JOB: Final = """
primaryContainerName: main
trialParameters:
  - {name: learningRate, description: of training, reference: lr}
trialSpec:
  apiVersion: batch/v1
  kind: Job
  spec:
    template:
      metadata: {annotations: {sidecar.istio.io/inject: "false"}}
      spec:
        containers:
          - name: main
            image: example/train:v1
            imagePullPolicy: Always
            command: [python3, /opt/train.py, --epochs=8, "--lr=${trialParameters.learningRate}"]
            volumeMounts: [{mountPath: /data, name: data}]
            resources: {limits: {cpu: 500m, memory: 2Gi, nvidia.com/gpu: 1}}
        volumes: [{name: data, emptyDir: {}}]
        restartPolicy: Never
"""
KATIB: Final = {
    "hyperband": katib(
        KATIB_OBJECTIVE
        + """
algorithm:
  algorithmName: hyperband
  algorithmSettings: [{name: resource_name, value: num-epochs}, {name: eta, value: "3"}, {name: r_l, value: "9"}]
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
  - {name: num-epochs, parameterType: int, feasibleSpace: {min: "9", max: "9"}}
""",
        KATIB_JOB,
    ),
    "pbt": katib(
        KATIB_OBJECTIVE
        + """
resumePolicy: FromVolume
algorithm:
  algorithmName: pbt
  algorithmSettings:
    - {name: suggestion_trial_dir, value: /var/log/checkpoints/}
    - {name: n_population, value: "8"}
    - {name: truncation_threshold, value: "0.25"}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.0002", max: "0.02", step: "0.0002"}}
""",
        KATIB_JOB,
    ),
    "laws": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: tpe}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "1", max: "4", step: "0.1", distribution: uniform}}
  - {name: m, parameterType: double, feasibleSpace: {min: "0.001", max: "1", step: "0.1", distribution: uniform}}
  - {name: b, parameterType: int, feasibleSpace: {min: "16", max: "64", distribution: logUniform}}
  - {name: c, parameterType: discrete, feasibleSpace: {list: ["1", "2.5", x]}}
  - {name: d, parameterType: double, feasibleSpace: {min: "-1", max: "1", step: "0.1", distribution: normal}}
""",
        KATIB_JOB,
    ),
    "custom collector": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: random}
metricsCollectorSpec:
  source: {fileSystemPath: {path: /katib/train.log, kind: File, format: JSON}}
  collector:
    kind: Custom
    customCollector: {args: [-m, loss], image: example/collector:latest, name: collects}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
""",
        KATIB_JOB,
    ),
    "strategies": katib(
        """
objective:
  type: maximize
  objectiveMetricName: accuracy
  metricStrategies: [{name: accuracy, value: latest}, {name: loss, value: min}]
maxTrialCount: 3
algorithm: {algorithmName: multivariate-tpe, algorithmSettings: [{name: n_startup_trials, value: "4"}]}
earlyStopping:
  algorithmName: medianstop
  algorithmSettings: [{name: min_trials_required, value: "2"}, {name: start_step, value: "3"}]
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
""",
        KATIB_JOB,
    ),
    "train job": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: random}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
""",
        """
primaryContainerName: node
trialParameters: [{name: learningRate, reference: lr}]
trialSpec:
  apiVersion: trainer.kubeflow.org/v1alpha1
  kind: TrainJob
  spec:
    runtimeRef: {name: torch-distributed}
    trainer:
      numNodes: 2
      numProcPerNode: 1
      image: example/train:v1
      command: [python3, /opt/train.py, --epochs=1, "--lr=${trialParameters.learningRate}"]
      resourcesPerNode: {requests: {cpu: 2}}
""",
    ),
    "mpi job": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: random}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
  - {name: num-steps, parameterType: int, feasibleSpace: {min: "20", max: "100", step: "20"}}
""",
        """
primaryPodLabels: {mpi-job-role: launcher}
primaryContainerName: launcher
successCondition: status.conditions.#(type=="Succeeded")
failureCondition: status.conditions.#(type=="Failed")
trialParameters: [{name: learningRate, reference: lr}, {name: numberSteps, reference: num-steps}]
trialSpec:
  apiVersion: kubeflow.org/v1
  kind: MPIJob
  spec:
    slotsPerWorker: 1
    cleanPodPolicy: Running
    mpiReplicaSpecs:
      Launcher:
        replicas: 1
        template:
          spec:
            containers:
              - name: launcher
                image: example/horovod
                command: [mpirun]
                args:
                  - -np
                  - "2"
                  - python
                  - /opt/train.py
                  - --lr
                  - ${trialParameters.learningRate}
                  - --num-steps
                  - ${trialParameters.numberSteps}
                resources: {limits: {cpu: 500m}}
      Worker:
        replicas: 2
        template: {spec: {containers: [{name: worker, image: example/horovod}]}}
""",
    ),
    "workflow": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: random}
parameters:
  - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
""",
        """
retain: true
primaryContainerName: main
trialParameters: [{name: learningRate, reference: lr}]
trialSpec:
  apiVersion: argoproj.io/v1alpha1
  kind: Workflow
  spec:
    serviceAccountName: argo
    entrypoint: flow
    templates:
      - name: flow
        steps: [[{name: data, template: gen}], [{name: train, template: main}]]
      - name: main
        container: {name: main, image: example/train, command: [python3, train.py]}
""",
    ),
    "architectures": katib(
        KATIB_OBJECTIVE
        + """
algorithm: {algorithmName: darts, algorithmSettings: [{name: num_epochs, value: "1"}]}
nasConfig: {graphConfig: {numLayers: 1}, operations: [{operationType: max_pooling}]}
""",
        KATIB_JOB,
    ),
}

DETERMINED: Final = {
    "nested lists": """
name: representations
entrypoint: model_def:NetTrial
records_per_epoch: 12000
resources: {slots_per_trial: 4}
min_checkpoint_period: {epochs: 1}
profiling: {begin_on_batch: 0, enabled: true}
data: {dataset_name: pictures, num_workers: 2, eval: {crop: 20}}
hyperparameters:
  mode: alone
  check: false
  classifier:
    rates: [0.4, 0.2]
    clipping: {enabled: true, alpha: 20}
    momentum: 0.9
  rate: {base: 0.2, warmup: 10}
searcher: {name: single, metric: validation_loss, smaller_is_better: true, max_length: {epochs: 12}}
""",
    "adaptive": """
description: finetuned
hyperparameters:
  lr: {type: double, minval: 1e-5, maxval: 1e-4}
  ids:
    - 21
  clip: {type: double, minval: 0.1, maxval: 0.5}
  masks: false
bind_mounts: [{host_path: /tmp, container_path: /data, read_only: false}]
min_validation_period: {batches: 50}
searcher:
  name: adaptive_asha
  metric: mAP
  smaller_is_better: false
  max_length: {batches: 320}
  max_trials: 10
  mode: aggressive
  max_rungs: 4
  max_concurrent_trials: 3
resources: {slots_per_trial: 2, shm_size: 2000000000}
entrypoint: model_def:NetTrial
""",
    "launcher": """
name: irises
data: {train_url: "http://example.org/train.csv"}
environment: {image: {cpu: example/cpu, gpu: example/gpu}, environment_variables: {cpu: [A=1], gpu: [A=2]}}
hyperparameters:
  rate: {type: log, minval: -5.0, maxval: 1.0, base: 10.0}
  size: {type: int, minval: 4, maxval: 32}
searcher: {name: random, metric: val_acc, smaller_is_better: false, max_length: {batches: 64}, max_trials: 5}
entrypoint: python3 -m determined.launch.horovod --autohorovod --trial model_def:IrisTrial
""",
    "launched program": """
name: launched
hyperparameters:
  widths:
    - {type: int, minval: 8, maxval: 64}
    - {type: categorical, vals: [16, 32]}
  layers: {type: const, val: [1, 2]}
  optimizer:
    type: {type: categorical, vals: [sgd, adam]}
    lr: {type: log, base: 10, minval: -4, maxval: -1}
searcher:
  name: async_halving
  metric: loss
  smaller_is_better: true
  divisor: 4
  num_rungs: 3
  time_metric: epochs
  max_time: 9
  max_trials: 5
resources: {slots_per_trial: 2, priority: 40, resource_pool: large}
max_restarts: 2
reproducibility: {experiment_seed: 7}
workspace: mine
project: ours
entrypoint: python3 -m determined.launch.torch_distributed --nnodes 1 -- python3 train.py --data "my data" --fast
""",
    "shell": """
name: in a shell
hyperparameters: {lr: {type: double, minval: 0.1, maxval: 0.9, count: 3}}
searcher: {name: grid, metric: loss, max_length: {records: 900}}
entrypoint: >-
  pip install thing && cd src && python train.py --out $HOME/x | tee log
""",
}

LUDWIG: Final = {
    "optuna": """
input_features: [{name: acid, type: number}, {name: sugar, type: number, encoder: {type: dense}}]
output_features: [{name: quality, type: number, loss: {type: huber}}]
combiner: {type: concat, num_fc_layers: 2, output_size: 64, dropout: 0.1}
trainer: {epochs: 15, batch_size: 128, learning_rate: 0.001, early_stop: 5, optimizer: {type: adam}}
preprocessing: {split: {type: random}}
hyperopt:
  executor:
    type: optuna
    num_samples: 20
    sampler: auto
    pruner: median
    study_name: wine
    storage: null
    time_budget_s: 1800
    kubernetes_namespace: here
  parameters:
    trainer.learning_rate: {space: loguniform, lower: 0.00001, upper: 0.1}
    trainer.batch_size: {space: int, lower: 32, upper: 256}
    combiner.num_fc_layers: {space: int, lower: 1, upper: 4, steps: 4}
    combiner.output_size: {space: choice, categories: [32, 64]}
    acid.encoder.odd: {space: uniform, lower: 0, upper: 1}
  output_feature: quality
  metric: root_mean_squared_error
  goal: minimize
  split: validation
""",
    "ray": """
input_features:
  - {name: title, type: text, encoder: parallel_cnn}
  - {name: kind, type: category, preprocessing: {missing_value_strategy: fill_with_const}}
output_features: [{name: label, type: category}]
training: {batch_size: 64, epochs: 4, learning_rate: 0.02, optimizer: {type: adam}, decay: true}
hyperopt:
  goal: maximize
  metric: accuracy
  split: test
  search_alg: {type: hyperopt, random_state_seed: 4}
  executor:
    type: ray
    num_samples: 4
    cpu_resources_per_trial: 2
    gpu_resources_per_trial: 1
    max_concurrent_trials: auto
    scheduler: {type: async_hyperband, max_t: 30, time_attr: iteration, grace_period: 5, reduction_factor: 2}
  parameters:
    training.learning_rate: {space: qloguniform, lower: 0.001, upper: 0.1, q: 0.001}
    combiner.num_steps: {space: grid_search, values: [3, 4]}
    training.dropout: {space: odd_law, lower: 0, upper: 1}
""",
}
FILES: Final = {
    f"{tool}: {name}": text
    for tool, files in (("Katib", KATIB), ("Determined", DETERMINED), ("Ludwig", LUDWIG))
    for name, text in files.items()
}
