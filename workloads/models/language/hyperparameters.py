"""Hyperparameters of pre-trained text encoders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from search_spaces.space.hyperparameters import hyper
from workloads.hyperparameters import PRECISION_NAMES, Training

ALL_LINEAR = "all-linear"
"""``lora_targets``: every linear layer."""
ENCODED = ("sentences", "tagged")
"""Kinds of data that an encoder reads."""
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


TUNED = ("last_layers", "full", "lora")
"""Modes in which the encoder is trained, or an adapter of it."""
OF_LAYERS = {"mode": ("last_layers", "full")}
FLASH = "flash_attention_2"
_of_lora = partial(hyper, shapes=True, when={"mode": ("lora",)})


@dataclass(frozen=True, kw_only=True)
class LanguageHyperparameters(Training):
    """Hyperparameters of a pre-trained model: which one, how a text is read, how much is trained, the training."""

    model: str = hyper(
        MODEL,
        "pre-trained text encoder, or for texts that are continued a causal model: a folder with config.json, "
        "tokenizer and model.safetensors, its name on the Hugging Face hub, or models:/NAME@ALIAS (or /VERSION) in "
        "MLflow: a champion of language, or one that mlflow.transformers has logged; none: a small one with random "
        "weights, which reads bytes",
        shapes=True,
        prepares=True,
        is_path=True,
    )
    mode: str = hyper(
        "features",
        "train a classifier on the frozen encoder's vectors, which are computed once; or also the model's last "
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
        kinds=("sentences",),
    )
    pooled_layers: int = hyper(
        1,
        "number of layers, counted from the output, whose vectors stand side by side; 0: all, and the embeddings",
        low=0,
        shapes=True,
        prepares=True,
        kinds=ENCODED,
    )
    skipped_layers: int = hyper(
        0,
        "number of layers left out at the encoder's output: those before the last often tell more of another task",
        low=0,
        shapes=True,
        prepares=True,
        kinds=ENCODED,
    )
    trained_layers: int = hyper(
        2,
        "last_layers: number of layers that are trained, counted from the output",
        low=1,
        shapes=True,
        when={"mode": ("last_layers",)},
    )
    lora_rank: int = _of_lora(8, "lora: rank of the adapters", low=1)
    lora_alpha: int = _of_lora(16, "lora: adapters are multiplied by this over the rank", low=1)
    lora_dropout: float = _of_lora(0.0, "lora: dropout rate of the adapters' inputs", low=0, high=1, high_open=True)
    lora_targets: str = _of_lora(
        ALL_LINEAR,
        "lora: linear layers that have an adapter, by their names or the ends of them, as in query,value",
    )
    encoder_lr_ratio: float = hyper(
        0.01,
        "last_layers and full: learning rate of the encoder, as a fraction of the classifier's",
        low=0,
        high=1,
        kinds=ENCODED,
        when=OF_LAYERS,
    )
    layer_lr_decay: float = hyper(
        1.0,
        "last_layers and full: factor of the learning rate from each layer to the one before it; the last one has "
        "the encoder's, the embeddings have the lowest",
        low=0,
        low_open=True,
        high=1,
        when=OF_LAYERS,
    )
    encoder_dropout: float | None = hyper(
        None,
        "last_layers and full: dropout rate within the encoder's trained layers, attention included; null: the "
        "model's own",
        low=0,
        high=1,
        high_open=True,
        nullable=True,
        shapes=True,
        when=OF_LAYERS,
    )
    precision: str = hyper(
        "auto",
        "last_layers, full and lora: precision of products, weights are float32; auto: bfloat16 on a GPU, float32 "
        "on a CPU",
        choices=PRECISION_NAMES,
        shapes=True,
        when={"mode": TUNED},
    )
    attn: str = hyper(
        "auto",
        "attention of last_layers, full and lora: PyTorch's, written out, or flash-attn's on a GPU; auto: "
        "PyTorch's where the model can have it",
        choices=("auto", "sdpa", "eager", FLASH),
        shapes=True,
        when={"mode": TUNED},
        on_gpu=(FLASH,),
    )
    dropout: float = hyper(0.0, "dropout rate of a text's vector", low=0, high=1, high_open=True, kinds=ENCODED)
    packing: bool = hyper(
        False,
        "short examples share a row of max_length tokens, and do not see each other; a mini-batch has batch_size "
        "such rows",
        shapes=True,
        prepares=True,
        kinds=("completions",),
    )
    activation_checkpointing: bool = hyper(
        False,
        "compute the activations of trained layers again in the backward pass instead of keeping them: less "
        "memory, up to twice the time, the same numbers; no effect on features",
        shapes=True,
        when={"mode": TUNED},
    )
