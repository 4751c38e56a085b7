"""Every use of a private or undocumented interface of a dependency: one row each, looked at after an upgrade.

A row fails with one line that names the file of ours. The table may shrink and never grow: where one more seems
needed, a public interface or a plainer way is.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import mlflow
import mlflow.entities
import pytest
import torch
from ray.tune.experiment.trial import _TemporaryTrialState

from tests.helpers.paths import ROOT
from tests.structure import PACKAGES, python_files

MOST_ROWS = 50
"""The number of rows today: lower it with every row that goes."""

PUBLIC = ("os._exit", "sys._current_frames")
"""Documented in spite of their names."""
SPELLED = {
    "_fused_adam_": "_fused_{name}_",
    "_fused_adamw_": "_fused_{name}_",
    "SqlLatestMetric": "is_nan",
}
"""How a file has a name that it puts together, or an attribute of what it is given."""


@dataclass(frozen=True)
class Use:
    """``file`` uses ``name`` of ``module``; ``parameters`` are those that it gives, by name or place."""

    file: str
    module: str
    name: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.module}.{self.name}"


LEAN, SPARE = "cluster/ray_internals/lean_node.py", "cluster/ray_internals/spare_workers.py"
FORK, SHARE = "cluster/ray_internals/forkserver.py", "cluster/lanes/fair_share.py"
KV, STATE = "ray.experimental.internal_kv", "ray._private.state"
USES = (
    Use("cluster/ray_internals/forked_worker.py", "ray._private.workers.setup_worker", "__file__"),
    Use(FORK, "ray.actor", "ActorClassID"),
    Use(LEAN, "ray._private.node", "Node.start_api_server"),
    Use(LEAN, "ray._private.utils", "get_dashboard_dependency_error", ()),
    Use(LEAN, "ray._private.services", "get_node", ("gcs_address", "node_id")),
    Use(LEAN, "ray._private.services", "start_ray_process", ("command", "process_type")),
    Use(LEAN, "ray._private.services", "_get_gcs_client_options", ("gcs_server_address",)),
    Use(LEAN, "ray._raylet", "persist_port"),
    Use(LEAN, STATE, "GlobalState._initialize_global_state"),
    Use(
        "cluster/ray_internals/node_options.py",
        "ray._private.parameter",
        "RayParams",
        ("setup_worker_path", "node_ip_address", "include_log_monitor", "no_monitor"),
    ),
    Use("cluster/ray_internals/private_ray.py", "ray._raylet", "AuthenticationTokenLoader.reset_cache"),
    Use("cluster/ray_internals/private_ray.py", "ray._raylet", "Config.initialize"),
    Use("cluster/ray_internals/job_config.py", "ray.runtime_env", "RuntimeEnv.has_working_dir", ()),
    Use("cluster/lanes/joined_cluster.py", STATE, "state.get_max_resources_from_cluster_config", ()),
    Use("cluster/ray_internals/orphaned_groups.py", STATE, "state._connect_and_get_accessor"),
    Use(SHARE, KV, "_internal_kv_put", ("key", "value", "overwrite")),
    Use(SHARE, KV, "_internal_kv_get", ("key",)),
    Use(SHARE, KV, "_internal_kv_list", ("prefix",)),
    Use(SHARE, KV, "_internal_kv_del", ("key",)),
    Use(SPARE, KV, "_internal_kv_put", ("key", "value")),
    Use(SPARE, KV, "_internal_kv_get", ("key",)),
    Use(SPARE, STATE, "available_resources_per_node", ()),
    Use(SPARE, "ray.train.v2._internal.execution.worker_group.worker", "__file__"),
    Use(SPARE, "torch._dynamo", "__file__"),
    Use("cluster/driver/champion.py", "torch._dynamo", "__file__"),
    Use("cluster/lanes/tune.py", "ray.tune.execution.class_cache", "ENV_VARS_TO_PROPAGATE.difference_update"),
    Use("cluster/lanes/tune.py", "ray.tune.execution.class_cache", "DEFAULT_ENV_VARS.clear"),
    Use("cluster/lanes/tune.py", "ray.tune.utils.object_cache", "_ObjectCache.increase_max", ("key", "by")),
    Use(
        "cluster/lanes/tune.py",
        "ray.tune.execution.tune_controller",
        "TuneController._cleanup_cached_actors",
        ("force_all",),
    ),
    Use("cluster/lanes/tune.py", "ray.tune.experiment.trial", "_TemporaryTrialState.ray_actor"),
    Use("tracking/results/compare.py", "optuna.importance._ped_anova", "PedAnovaImportanceEvaluator"),
    Use("tracking/store/mlflow_client.py", "mlflow", "MlflowClient._tracking_client"),
    Use("tracking/store/mlflow_client.py", "mlflow.entities", "RunData._metric_objs"),
    Use("tracking/store/open.py", "mlflow", "MlflowClient._tracking_client"),
    Use("tracking/store/open.py", "mlflow.store.tracking.sqlalchemy_store", "SqlAlchemyStore._dispose_engine"),
    Use("tracking/store/sqlite.py", "mlflow.store.tracking.dbmodels.models", "SqlLatestMetric.is_nan"),
    Use("workloads/layers/layers.py", "torch.nn.modules.batchnorm", "_BatchNorm"),
    Use("workloads/training/optimizers.py", "torch", "_fused_adam_"),
    Use("workloads/training/optimizers.py", "torch", "_fused_adamw_"),
    Use("workloads/models/gan/frechet.py", "torch.utils.weak", "WeakIdKeyDictionary"),
    *(
        Use("workloads/training/fused/mlp_by_hand.py", "torch.ops.aten", f"{name}_backward")
        for name in ("threshold", "gelu", "silu", "mish", "tanh", "sigmoid", "leaky_relu", "elu")
    ),
    Use("workloads/tables/pipeline.py", "sklearn.feature_selection._univariate_selection", "f_classif"),
    Use("workloads/tables/pipeline.py", "sklearn.feature_selection._univariate_selection", "f_regression"),
)


def test_the_table_does_not_grow() -> None:
    assert len(USES) <= MOST_ROWS
    assert len(set(USES)) == len(USES)


@pytest.mark.parametrize("use", USES, ids=str)
def test_it_is_there(use: Use) -> None:
    try:
        found = _found(use)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{use} is gone: {error}", pytrace=False)
    if use.parameters:
        known = inspect.signature(found).parameters
        missing = [name for name in use.parameters if name not in known]
        assert not missing, f"{use} takes no {missing} any more, but {list(known)}"


@pytest.mark.parametrize("file", sorted({use.file for use in USES}))
def test_a_row_s_file_uses_it(file: str) -> None:
    text = (ROOT / file).read_text()
    unused = [use.name for use in USES if use.file == file and not _named(use, text)]
    assert not unused, f"{file} does without {unused}: take the rows out of the table, and lower MOST_ROWS"


def test_private_names_of_dependencies_are_in_files_of_the_table_alone() -> None:
    known = {use.file for use in USES}
    outside = {
        f"{path.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for path in python_files(ROOT / package)
        if path.relative_to(ROOT).as_posix() not in known
        for name in _private(path)
    }
    assert not outside


def _found(use: Use) -> object:
    if use.module == "torch.ops.aten":
        return getattr(torch.ops.aten, use.name)
    if use.name == "MlflowClient._tracking_client":  # attributes that are set at birth
        return mlflow.MlflowClient("sqlite://")._tracking_client
    if use.name == "RunData._metric_objs":
        return mlflow.entities.RunData()._metric_objs
    if use.name == "_TemporaryTrialState.ray_actor":
        return _TemporaryTrialState().ray_actor
    return reduce(getattr, use.name.split("."), importlib.import_module(use.module))


def _named(use: Use, text: str) -> bool:
    last = use.name.rpartition(".")[2]
    if last == "__file__":
        last = use.module.rpartition(".")[2]
    return SPELLED.get(last, last.removesuffix("_backward")) in text


def _private(path: Path) -> Iterator[str]:
    """Private parts of other packages' modules, as they are imported or reached for through a module's name."""
    tree = ast.parse(path.read_text())
    modules = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] not in PACKAGES:
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from (name for name in names if _is_private(name))
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            reached = ast.unparse(node)
            if reached.partition(".")[0] in modules and reached not in PUBLIC:
                yield reached


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
