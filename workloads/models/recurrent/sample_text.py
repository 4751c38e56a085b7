"""Samples a text from a language model, one character after the other, by its probabilities."""

from __future__ import annotations

from zlib import crc32

import torch
from torch import Tensor, nn

from workloads.models.recurrent.cells import Memory
from workloads.models.recurrent.network import SequenceModel
from workloads.training.batches import ResidentData

NUM_CHARACTERS = 200
MARK = "\n--- from here on the model ---\n"


def sample(data: ResidentData, model: nn.Module) -> str:
    """Return the first window of the validation part, and how the model continues it (in evaluation mode).

    The draws follow from the window: with the same ones for all, continuations of several windows soon agree.
    """
    assert isinstance(model, SequenceModel)
    codes = data.x_val[:1]
    shown = spelled(codes[0], data.shape.vocabulary)
    return shown + MARK + spelled(written(model, codes, crc32(shown.encode())), data.shape.vocabulary) + "\n"


@torch.no_grad()
def written(model: SequenceModel, codes: Tensor, seed: int) -> Tensor:
    """Return NUM_CHARACTERS sampled codes after ``codes`` (1, steps); never 0, which is an unknown character."""
    generator = torch.Generator().manual_seed(seed)
    memory: Memory = ()
    new: list[Tensor] = []
    for _ in range(NUM_CHARACTERS):
        logits, memory = model.go_on(codes, memory)
        chances = logits[0, -1, 1:].double().softmax(-1).cpu()
        drawn = 1 + torch.multinomial(chances, 1, generator=generator)
        codes = drawn.to(codes).unsqueeze(0)
        new.append(drawn)
    return torch.cat(new)


def spelled(codes: Tensor, vocabulary: str) -> str:
    """Return codes as text; code 0, a character that is not in the vocabulary, becomes U+FFFD."""
    return "".join(("\ufffd" + vocabulary)[int(code)] for code in codes)
