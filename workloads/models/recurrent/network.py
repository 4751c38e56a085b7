"""A model of sequences: it reads an example as steps, encodes them, and predicts from the encoding."""

from __future__ import annotations

from torch import Tensor, nn

from search_spaces.types.problems import Problem
from workloads.models.recurrent.cells import Memory


class Steps(nn.Module):
    """Reads numbers as steps: an image's rows, a table's columns, a series' values."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, steps, inputs); a row of an image, with all its channels, is one step."""
        if x.dim() == 4:
            return x.transpose(1, 2).flatten(2)
        return x.unsqueeze(-1) if x.dim() == 2 else x

    @staticmethod
    def num_inputs(example: tuple[int, ...]) -> int:
        """Return the number of inputs of one step, for an example of this shape."""
        return {1: 1, 2: example[-1], 3: example[0] * example[-1]}[len(example)]


class Characters(nn.Module):
    """Reads the codes of characters as learned vectors."""

    def __init__(self, num_characters: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(num_characters, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors (batch, steps, width) for codes (batch, steps)."""
        vectors: Tensor = self.table(x.long())
        return vectors


class SequenceModel(nn.Module):
    """Reader, encoder and a linear head: on every step of a text, else on the summary of the sequence."""

    def __init__(self, reader: nn.Module, encoder: nn.Module, head: nn.Linear, problem: Problem) -> None:
        super().__init__()
        self.reader, self.encoder, self.head = reader, encoder, head
        self.each_step = problem == "language"
        self.relative = False
        """Whether outputs are changes from the last step's value, its first input; only for forecasts."""

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (batch, outputs) for ``x`` (batch, *example); for a text (batch, steps, outputs)."""
        outputs, _ = self.encoder(self.reader(x))
        if not self.each_step:
            outputs = self.encoder.summary(outputs)  # type: ignore[operator]
        found: Tensor = self.head(outputs)
        return found + x[:, -1, :1] if self.relative else found

    def go_on(self, x: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Return the outputs for the next steps ``x`` of a text, and the memory after them."""
        outputs, memory = self.encoder(self.reader(x), memory)
        return self.head(outputs), memory
