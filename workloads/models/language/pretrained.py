"""Loads pre-trained text encoders and their tokenizers by Hugging Face's libraries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from search_spaces.types.error_text import first_line
from workloads.arrays import Infeasible
from workloads.models.language.fit import kind_fault, weights_fault
from workloads.models.language.folder import INSTALL, NONE, check_folder, folder_of
from workloads.models.language.hyperparameters import FLASH
from workloads.models.language.labelled.first_pieces import of_first_pieces
from workloads.models.language.options import attention, set_dropout

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
    "vocab_size": 258,
}
"""Configuration of the encoder ``none``: a BERT of bytes."""
WORDS = "words"
"""``pooling`` of labelled words: a vector of each word, that of its first piece, in place of one of the text."""


class Encoder(nn.Module):
    """Computes a vector (batch, features) of each text, from codes of its tokens (batch, tokens).

    A code is 0 behind a text's end, else 1 + 2 * token + whether the token is of a pair's second text, of labelled
    words whether it is a word's first piece; their vectors are (batch, words, features).
    """

    keeps_weights = True
    """``initialise`` leaves these weights as they are."""

    def __init__(self, net: Any, pad: int, pooling: str) -> None:
        super().__init__()
        self.net = net
        self.pad, self.pooling = pad, pooling
        self.pooled_layers = 1
        """Number of layers, from the output, whose vectors stand side by side."""
        takes = "token_type_ids" in signature(net.forward).parameters
        self.typed = takes and getattr(net.config, "type_vocab_size", 0) > 1

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors of ``codes``, which do not depend on the padding or on the other rows."""
        codes = codes[:, : max(1, int((codes != 0).sum(1).max()))]
        there = codes > 0
        tokens, second = (codes - 1).div(2, rounding_mode="floor"), (codes - 1) % 2
        typed = self.typed and self.pooling != WORDS
        types = {"token_type_ids": torch.where(there, second, 0)} if typed else {}
        ids = torch.where(there, tokens, self.pad)
        states = self._states(input_ids=ids, attention_mask=there.long(), **types)
        if self.pooling == WORDS:
            return of_first_pieces(states, there & (second == 1))
        if self.pooling == "first":
            return states[:, 0]
        weights = there.to(states.dtype).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)

    @property
    def num_features(self) -> int:
        """Length of a text's vector."""
        return int(self.net.config.hidden_size) * self.pooled_layers

    def _states(self, **inputs: Tensor) -> Tensor:
        """Return the tokens' vectors (batch, tokens, features): those of the pooled layers side by side."""
        if self.pooled_layers == 1:
            last: Tensor = self.net(**inputs).last_hidden_state
            return last
        found = self.net(**inputs, output_hidden_states=True)
        return torch.cat([*found.hidden_states[-self.pooled_layers : -1], found.last_hidden_state], -1)

    def layers(self) -> nn.ModuleList:
        """Return the network's layers from the input to the output. Raises Infeasible where they share weights."""
        num_layers = self.net.config.num_hidden_layers
        for module in self.net.modules():
            if isinstance(module, nn.ModuleList) and len(module) == num_layers:
                return module
        raise Infeasible(
            "last_layers, skipped_layers, layer_lr_decay and activation_checkpointing need layers with weights of "
            "their own"
        )

    def facts(self) -> Tensor:
        """Return all that the vectors depend on beside weights and codes, as bytes: part of the cache's key."""
        return facts_of(self.net.config, self.pad, self.pooling, self.pooled_layers)


def facts_of(config: Any, *others: object) -> Tensor:
    """Return a network's configuration and ``others`` as bytes, without what only says where it comes from."""
    told = {key: str(value) for key, value in config.to_dict().items()}
    for key in ("_name_or_path", "transformers_version"):
        told.pop(key, None)
    return torch.tensor(list(json.dumps([told, *others], sort_keys=True).encode()), dtype=torch.uint8)


@dataclass(frozen=True)
class Tokens:
    """A tokenizer, and the largest number of tokens of a text."""

    tokenizer: Any
    max_length: int

    def coded(self, rows: Sequence[tuple[str, ...]]) -> list[list[int]]:
        """Return the codes of each row of one text or a pair, as ``Encoder`` takes them."""
        if not rows:
            return []
        texts = [list(column) for column in zip(*rows, strict=True)]
        found = self.tokenizer(
            *texts, truncation=True, max_length=self.max_length, padding=False, return_attention_mask=False
        )
        second = found.get("token_type_ids") or [[0] * len(ids) for ids in found["input_ids"]]
        return [
            [1 + 2 * token + min(kind, 1) for token, kind in zip(*row, strict=True)]
            for row in zip(found["input_ids"], second, strict=True)
        ]


def tokens_of(model: str, max_length: int) -> Tokens:
    """Return the tokenizer of ``model``: of an encoder, or a folder with that of a champion.

    Names of special tokens, such as ``[SEP]`` and ``</s>``, that stand in a text are text as all others.
    """
    if model == NONE:
        return Tokens(_small_tokenizer(), max_length)
    auto = transformers_library().AutoTokenizer
    try:
        made = auto.from_pretrained(folder_of(model), local_files_only=True, split_special_tokens=True)
        return Tokens(made, max_length)
    except Exception as error:  # of files, formats and configurations: the libraries raise anything
        raise Infeasible(
            f"parameters.model: {model!r}: its tokenizer cannot be loaded: {first_line(error)}"
        ) from error


def encoder_of(hp: LanguageHyperparameters) -> Encoder:
    """Return the encoder in float32. Raises Infeasible where its weights cannot be loaded or do not fit."""
    net = _small(hp) if hp.model == NONE else _loaded_encoder(hp)
    pad = net.config.pad_token_id
    if getattr(net, "pooler", None) is not None:
        net.pooler = None
    encoder = Encoder(net, pad or 0, hp.pooling).eval()
    if hp.skipped_layers:
        del encoder.layers()[-hp.skipped_layers :]
        net.config.num_hidden_layers -= hp.skipped_layers
    encoder.pooled_layers = hp.pooled_layers or net.config.num_hidden_layers + 1
    return encoder


def _loaded_encoder(hp: LanguageHyperparameters) -> Any:
    return loaded(hp, "AutoModel", check_folder(hp.model, hp.max_length))


def loaded(hp: LanguageHyperparameters, auto: str, config: Mapping[str, Any]) -> Any:
    """Return the network of a folder with this ``config.json``, by transformers' class ``auto``.

    Raises Infeasible where its weights cannot be read, or do not fit.
    """
    unread = torch.get_default_device().type == "meta"  # an outline without weights is wanted
    asked = None if unread and attention(hp) == FLASH else attention(hp)  # the GPUs may be on other machines
    try:
        net, told = getattr(transformers_library(), auto).from_pretrained(
            folder_of(hp.model),
            config=_config(hp),
            attn_implementation=asked,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            device_map="meta" if unread else None,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:  # of files, formats and configurations: the libraries raise anything
        if asked and "attn_implementation" in str(error):
            raise Infeasible(f"parameters.attn: {hp.model!r} cannot have {asked}: give auto or eager") from error
        raise Infeasible(
            f"parameters.model: {hp.model!r} cannot be loaded: {' '.join(str(error).split())} (fetch its files "
            "again where they are damaged)"
        ) from error
    if fault := kind_fault(config, type(net.base_model).__name__):
        raise Infeasible(f"parameters.model: {hp.model!r}: {fault}")
    if fault := weights_fault(net, told):
        raise Infeasible(
            f"parameters.model: {hp.model!r}: its weights do not fit its config.json: {fault}: take both from one "
            "place"
        )
    return net


def _config(hp: LanguageHyperparameters) -> Any:
    config = _config_of(hp.model)
    set_dropout(config, hp)
    return config


def _config_of(model: str) -> Any:
    return transformers_library().AutoConfig.from_pretrained(folder_of(model), local_files_only=True)


def width(model: str) -> int:
    """Return the size of an encoder's hidden states."""
    return int(SMALL["hidden_size"] if model == NONE else _config_of(model).hidden_size)


def transformers_library() -> Any:
    """Return Hugging Face's library, which tells errors alone. Raises Infeasible where it is not installed."""
    try:
        import transformers
    except ImportError as error:
        raise Infeasible(f"workload language needs Hugging Face's libraries: {INSTALL}") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _small(hp: LanguageHyperparameters) -> Any:
    found = transformers_library()
    config = found.BertConfig(**SMALL, attn_implementation=attention(hp))
    set_dropout(config, hp)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return found.BertModel(config, add_pooling_layer=False)


def _small_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"[PAD]": 0, "[CLS]": 1, **{byte: place for place, byte in enumerate(alphabet, 2)}}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A [CLS]:1 $B:1", special_tokens=[("[CLS]", 1)]
    )
    fast = transformers_library().PreTrainedTokenizerFast
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "eos_token": "[CLS]"}
    return fast(tokenizer_object=made, **special, split_special_tokens=True)


def reference(model: str) -> str:
    """Return a name by which another process finds the same model: a folder's whole path, or a name on the hub."""
    local = Path(model).expanduser()
    return str(local.resolve()) if local.is_absolute() else model
