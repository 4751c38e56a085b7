"""Examples as sequences of steps, and a model that reads them."""

from __future__ import annotations

from torch import Tensor, nn

from search_spaces.types.problems import Problem
from workloads.models.recurrent.cells import Memory


class Steps(nn.Module):
    """Numbers as steps: an image's rows, a table's columns, a series' values."""

    def forward(self, x: Tensor) -> Tensor:
        """To (batch, steps, inputs): of an image (channels, height, width) all channels of a row are one step."""
        if x.dim() == 4:
            return x.transpose(1, 2).flatten(2)
        return x.unsqueeze(-1) if x.dim() == 2 else x

    @staticmethod
    def num_inputs(example: tuple[int, ...]) -> int:
        """Inputs of one step of such an example."""
        return {1: 1, 2: example[-1], 3: example[0] * example[-1]}[len(example)]


class Characters(nn.Module):
    """Characters' codes as learned vectors."""

    def __init__(self, num_characters: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(num_characters, width)

    def forward(self, x: Tensor) -> Tensor:
        """Codes (batch, steps) to (batch, steps, width)."""
        vectors: Tensor = self.table(x.long())
        return vectors


class SequenceModel(nn.Module):
    """Reader, encoder and a linear head: on every step of a text, else on the summary of the whole."""

    def __init__(self, reader: nn.Module, encoder: nn.Module, head: nn.Linear, problem: Problem) -> None:
        super().__init__()
        self.reader, self.encoder, self.head = reader, encoder, head
        self.each_step = problem == "language"
        self.relative = False
        """Outputs are changes of the last step's only input."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, *example) to (batch, outputs), or (batch, steps, outputs) of a text."""
        outputs, _ = self.encoder(self.reader(x))
        if not self.each_step:
            outputs = self.encoder.summary(outputs)  # type: ignore[operator]
        found: Tensor = self.head(outputs)
        return found + x[:, -1] if self.relative else found

    def go_on(self, x: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The outputs of the next steps of a text, and the memory after them."""
        outputs, memory = self.encoder(self.reader(x), memory)
        return self.head(outputs), memory
