"""Hyperparameters of pre-trained text encoders."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.space.hyperparameters import hyper
from workloads.hyperparameters import Training

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, kw_only=True)
class LanguageHyperparameters(Training):
    """Hyperparameters of a text encoder: which one, how a text is read, how much is trained, and the training."""

    model: str = hyper(
        MODEL,
        "pre-trained text encoder: a folder with config.json, tokenizer and model.safetensors, or its name on the "
        "Hugging Face hub; none: a small one with random weights, which reads bytes",
        shapes=True,
        prepares=True,
        is_path=True,
    )
    mode: str = hyper(
        "features",
        "train a classifier on the frozen encoder's vectors, which are computed once; or also the encoder's last "
        "layers; or all of it; or adapters of low rank beside its frozen layers",
        choices=("features", "last_layers", "full", "lora"),
        shapes=True,
        prepares=True,
    )
    max_length: int = hyper(
        128,
        "longest text in tokens, special ones included, of a pair both texts together: what is beyond is cut off",
        low=8,
        prepares=True,
        shapes=True,
    )
    pooling: str = hyper(
        "mean",
        "vector of a text: the mean over its tokens, or the first token's",
        choices=("mean", "first"),
        shapes=True,
        prepares=True,
    )
    pooled_layers: int = hyper(
        1,
        "number of layers, counted from the output, whose vectors stand side by side; 0: all, and the embeddings",
        low=0,
        shapes=True,
        prepares=True,
    )
    skipped_layers: int = hyper(
        0,
        "number of layers left out at the encoder's output: those before the last often tell more of another task",
        low=0,
        shapes=True,
        prepares=True,
    )
    trained_layers: int = hyper(
        2, "last_layers: number of layers that are trained, counted from the output", low=1, shapes=True
    )
    lora_rank: int = hyper(8, "lora: rank of the adapters", low=1, shapes=True)
    lora_alpha: int = hyper(16, "lora: adapters are multiplied by this over the rank", low=1, shapes=True)
    lora_dropout: float = hyper(
        0.0, "lora: dropout rate of the adapters' inputs", low=0, high=1, high_open=True, shapes=True
    )
    encoder_lr_ratio: float = hyper(
        0.01,
        "last_layers and full: learning rate of the encoder, as a fraction of the classifier's",
        low=0,
        high=1,
    )
    dropout: float = hyper(0.0, "dropout rate of a text's vector", low=0, high=1, high_open=True)
    activation_checkpointing: bool = hyper(
        False,
        "compute the activations of trained layers again in the backward pass instead of keeping them: less "
        "memory, about a third more time, the same numbers; no effect on features",
        shapes=True,
    )
