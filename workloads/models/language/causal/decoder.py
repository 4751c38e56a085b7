"""A pre-trained causal model that says of each row how well it predicts the tokens that count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workloads.arrays import Infeasible
from workloads.models.language.causal.codes import Read
from workloads.models.language.folder import NONE, check_folder
from workloads.models.language.options import attention, set_dropout
from workloads.models.language.pretrained import SMALL, facts_of, loaded, transformers_library

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters

LOGITS_AT_ONCE = 4096
"""Tokens whose logits are in memory at once where no gradient is needed: each has one for every token there is."""


class Decoder(nn.Module):
    """Computes ``tasks.next_tokens.SUMS`` (batch, 5) of rows of numbers (batch, 1 + tokens), as ``codes`` has them.

    A row's sums do not depend on its padding, on other rows, or on other examples in it.
    """

    keeps_weights = True
    """``initialise`` leaves these weights as they are."""

    def __init__(self, net: Any, packs: bool = False) -> None:
        super().__init__()
        self.net, self.packs = net, packs

    def forward(self, x: Tensor) -> Tensor:
        """Return the sums of each row; logits are computed of the tokens that count alone."""
        longest = max(2, int((x != 0).sum(1).max()))
        read = Read.of(x[:, :longest])
        counts = read.counts[:, 1:]
        states = self._states(read)[:, :-1][counts]
        labels = read.tokens[:, 1:][counts]
        size = max(1, len(labels)) if torch.is_grad_enabled() else LOGITS_AT_ONCE
        told = torch.cat(
            [self._told(*part) for part in zip(torch.split(states, size), torch.split(labels, size), strict=True)]
        )
        of_row = counts.nonzero()[:, 0]
        sums = told.new_zeros(len(x), told.shape[1]).index_add(0, of_row, told)
        number, characters = counts.sum(1, keepdim=True), x[:, :1] - 1
        return torch.cat([sums, number.to(sums), characters.to(sums)], 1)

    def _states(self, read: Read) -> Tensor:
        """Return the last layer's outputs; what is behind a row's end is not seen by what is before it."""
        places = {"position_ids": read.positions()} if self.packs else {}  # that begin anew: examples apart
        states: Tensor = self.net.base_model(input_ids=read.tokens, use_cache=False, **places).last_hidden_state
        return states

    def _told(self, states: Tensor, labels: Tensor) -> Tensor:
        """Return nats, hits and the nats of a uniform distribution of each token, (tokens, 3)."""
        logits = self.net.get_output_embeddings()(states)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        if cap := getattr(self.net.config, "final_logit_softcapping", None):
            logits = cap * torch.tanh(logits / cap)
        whole = logits.logsumexp(-1)
        nats = whole - logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        top, predicted = logits.detach().max(-1)
        hits = ((predicted == labels) & (top == top)).to(nats.dtype)
        return torch.stack([nats, hits, whole - logits.mean(-1)], 1)

    def facts(self) -> Tensor:
        """Return all that the sums depend on beside weights and rows, as bytes."""
        return facts_of(self.net.config)

    def layers(self) -> nn.ModuleList:
        """Return the network's layers from the input to the output."""
        num_layers = self.net.config.num_hidden_layers
        for module in self.net.modules():
            if isinstance(module, nn.ModuleList) and len(module) == num_layers:
                return module
        raise Infeasible("last_layers needs layers that have each its own weights")


def decoder_of(hp: LanguageHyperparameters) -> Decoder:
    """Return the causal model in float32. Raises Infeasible where its weights cannot be loaded or do not fit."""
    if hp.model == NONE:
        net = _small(hp)
    else:
        net = loaded(hp, "AutoModelForCausalLM", check_folder(hp.model, hp.max_length, decoder=True))
    return Decoder(net, hp.packing).eval()


def _small(hp: LanguageHyperparameters) -> Any:
    """Return a GPT-2 of bytes with random weights."""
    found = transformers_library()
    sizes = {key: value for key, value in SMALL.items() if key != "intermediate_size"}
    ends = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    dropout = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    config = found.GPT2Config(**sizes, **ends, **dropout, attn_implementation=attention(hp))
    set_dropout(config, hp)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return found.GPT2LMHeadModel(config)
