"""Names that other tools, and habit, give to hyperparameters and metrics, with those that they have here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from search_spaces.types.faults import nearest
from search_spaces.types.problems import METRICS

_WORDS: Final = {
    "lr": "learning_rate init_lr initial_lr base_lr max_lr lr0 eta0 learning_rate_init eta shrinkage",
    "batch_size": "bs batch batchsize train_batch_size global_batch_size mini_batch_size minibatch_size "
    "per_device_train_batch_size per_gpu_batch_size",
    "weight_decay": "wd l2 l2_reg l2_regularization l2_penalty l2_lambda",
    "l1": "l1_reg l1_regularization l1_penalty l1_lambda",
    "dropout": "drop dropout_rate dropout_prob dropout_p p_dropout drop_rate drop_prob dropout_probability",
    "optimizer": "opt optim optimiser optimizer_name optimizer_type",
    "depth": "num_layers n_layers nlayers layers layer_count num_hidden_layers n_hidden_layers hidden_layers",
    "width": "hidden_size hidden_dim hidden_units hidden units num_units n_units nunits hidden_layer_size n_hidden "
    "num_hidden fc_size layer_size d_model hidden_channels",
    "channels": "filters num_filters n_filters num_channels n_channels out_channels",
    "kernel_size": "kernel filter_size",
    "momentum": "beta1 beta_1 adam_beta1",
    "beta1": "beta_1 adam_beta1",
    "beta2": "beta_2 adam_beta2",
    "eps": "epsilon adam_epsilon adam_eps",
    "clip_norm": "grad_clip gradient_clip max_grad_norm gradient_clip_val grad_clip_norm clipnorm max_norm",
    "label_smoothing": "smoothing label_smooth",
    "lr_schedule": "scheduler lr_scheduler lr_scheduler_type schedule learning_rate_schedule",
    "warmup_epochs": "warmup num_warmup_epochs lr_warmup_epochs",
    "lora_rank": "lora_r",
    "lora_targets": "target_modules lora_target_modules",
    "attn": "attn_implementation attention_implementation",
    "layer_lr_decay": "llrd layerwise_lr_decay layer_decay layer_wise_lr_decay",
    "max_length": "max_seq_length max_seq_len",
    "warmup_share": "warmup_ratio warmup_fraction warmup_proportion",
    "activation": "act activation_function activation_fn act_fn nonlinearity",
    "patience": "early_stopping_patience",
    "heads": "num_heads n_heads nhead n_head num_attention_heads attention_heads",
    "cell": "rnn_type rnn_cell cell_type",
    "size": "image_size img_size imgsz resolution",
    "batch_norm": "batchnorm use_batch_norm use_batchnorm use_bn bn",
    "embedding_size": "embedding_dim embed_dim emb_size emb_dim",
    "latent": "latent_dim latent_size z_dim noise_dim nz",
    "iterations_per_epoch": "max_iter n_estimators num_iterations num_boost_round num_trees n_trees "
    "num_round nrounds",
    "max_leaf_nodes": "num_leaves max_leaves leaves",
    "max_depth": "tree_depth",
    "min_samples_leaf": "min_child_samples min_data_in_leaf min_node_size",
    "l2_regularization": "reg_lambda lambda_l2 l2_leaf_reg lambda l2",
    "max_features": "colsample_bynode feature_fraction feature_fraction_bynode colsample_bytree",
    "max_bins": "max_bin border_count n_bins",
    "class_weights": "class_weight auto_class_weights",
    "loss": "loss_function criterion",
    "backbone": "base_model arch architecture model_name",
}
"""Other names of each hyperparameter; of one that has two here the earlier counts, where the workload has it."""
_KEYS: Final = {
    "epochs": "epoch num_epochs n_epochs nb_epochs max_epochs num_train_epochs training_epochs train_epochs",
    "seed": "random_seed random_state",
}
"""Keys of the sweep that other tools have among the hyperparameters, with their other names."""


def _turned(words: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, others in words.items():
        for other in others.split():
            found.setdefault(other, []).append(name)
    return found


_HYPERPARAMETERS: Final = _turned(_WORDS)
_SWEEP_KEYS: Final = {**_turned(_KEYS), **{key: [key] for key in _KEYS}}
_MEASURES: Final = {
    "acc": "accuracy",
    "f1": "f1_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
} | {
    "auc": "roc_auc",
    "top1": "accuracy",
    "balanced_acc": "balanced_accuracy",
    "fid": "frechet_distance",
    "bpc": "bits_per_character",
}


def plain(name: object) -> str:
    """Return a name without the dashes of an option, in lower case, its words joined by ``_``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name).strip().lstrip("-"))
    return re.sub(r"[-\s./]+", "_", parted).casefold()


def hyperparameter(name: object, known: Collection[str] | None) -> str | None:
    """Return the ``known`` hyperparameter (None: any) that is called ``name`` elsewhere; None where none is."""
    word = plain(name)
    if word in (_WORDS if known is None else known):
        return word
    return next((one for one in _HYPERPARAMETERS.get(word, ()) if known is None or one in known), None)


def meant(name: object, known: Collection[str]) -> str | None:
    """Return the ``known`` hyperparameter that is called ``name`` elsewhere, else the most similar one, if any."""
    return hyperparameter(name, known) or nearest(name, known)


def sweep_key(name: object) -> str | None:
    """Return the key of the sweep that ``name`` is elsewhere among the hyperparameters; None where none is."""
    return next(iter(_SWEEP_KEYS.get(plain(name), ())), None)


def as_sweep_key(key: str, value: Any) -> dict[str, Any] | None:
    """Return the key with the one number of ``value``, of a range its largest; None where there is none."""
    if isinstance(value, dict):
        given = value.get("values")
        numbers = [value.get("value"), value.get("max"), *(given if isinstance(given, list) else ())]
        value = max((one for one in numbers if type(one) is int), default=None)
    return {key: value} if type(value) is int else None


def metric(name: object, known: Iterable[str] | None = None) -> str | None:
    """Return the ``known`` metric (None: of any problem) that is called ``name`` elsewhere; None where none is."""
    able = [one for of in METRICS.values() for one in of] if known is None else list(known)
    measure = re.sub(r"^(validation|valid|val|eval|dev)_", "", plain(name))
    found = f"val_{_MEASURES.get(measure, measure)}"
    return found if found in able else None
