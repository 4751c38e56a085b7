"""Recurrent cells that compute what nn.RNN, nn.LSTM and nn.GRU do, by products that can be fused.

``vmap`` cannot batch torch's own kernels. Here the product with the inputs is computed for all steps at once, and
the loop over time holds only what depends on the step before. Weights, order of the gates and results are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.layers.layers import Dropout

Memory = tuple[Tensor, ...]
"""State of a model after the steps so far; empty before the first step."""


@dataclass(frozen=True)
class Cell:
    """The update rule of one step."""

    num_gates: int
    num_states: int
    step: Callable[[Tensor, Tensor, Memory], Memory]
    """Function of (product with the input, product with the last output, states) that returns the new states.

    The first state is the output. Products are (batch, gates x width), states (batch, width).
    """


def _rnn(of_input: Tensor, of_output: Tensor, states: Memory) -> Memory:
    """Simple recurrent cell (Elman 1990)."""
    return (torch.tanh(of_input + of_output),)


def _lstm(of_input: Tensor, of_output: Tensor, states: Memory) -> Memory:
    """LSTM (Hochreiter & Schmidhuber 1997) with the forget gate of Gers et al. 2000."""
    into, forget, new, out = (of_input + of_output).chunk(4, -1)
    memory = forget.sigmoid() * states[1] + into.sigmoid() * new.tanh()
    return out.sigmoid() * memory.tanh(), memory


def _gru(of_input: Tensor, of_output: Tensor, states: Memory) -> Memory:
    """GRU (Cho et al. 2014); the reset gate acts on the product, as in cuDNN and torch."""
    reset_x, keep_x, new_x = of_input.chunk(3, -1)
    reset_h, keep_h, new_h = of_output.chunk(3, -1)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return (torch.lerp(new, states[0], torch.sigmoid(keep_x + keep_h)),)


CELLS: Mapping[str, Cell] = {"rnn": Cell(1, 1, _rnn), "lstm": Cell(4, 2, _lstm), "gru": Cell(3, 1, _gru)}


@dataclass(frozen=True)
class CellPlan:
    """Sizes and options of a stack of recurrent layers."""

    cell: str
    width: int
    depth: int
    bidirectional: bool = False
    dropout: float = 0.0
    """Share of each layer's outputs that is dropped in training, of the last one's too."""
    bptt: int = 0
    """Number of steps that the error flows back through; 0: all."""


class Direction(nn.Module):
    """One layer in one direction of time. Its parameters are named and drawn as those of torch's cells."""

    def __init__(self, plan: CellPlan, num_inputs: int) -> None:
        super().__init__()
        self.cell, self.width, self.bptt = CELLS[plan.cell], plan.width, plan.bptt
        rows = self.cell.num_gates * plan.width
        self.weight_ih = nn.Parameter(torch.empty(rows, num_inputs))
        self.weight_hh = nn.Parameter(torch.empty(rows, plan.width))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(plan.width**-0.5), plan.width**-0.5)

    def forward(self, x: Tensor, states: Memory = (), real: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Return outputs (batch, steps, width) for ``x`` (batch, steps, inputs), and last states (batch, width).

        Where ``real`` (batch, steps) is false the states stand still.
        With ``bptt`` the gradient is cut every ``bptt`` steps, counted from the end, while states are carried on:
        the last step's error reaches exactly ``bptt`` steps (Williams & Peng 1990).
        """
        if not states:
            states = (x.new_zeros(x.shape[0], self.width),) * self.cell.num_states
        outputs = []
        inside = None if real is None else real.unsqueeze(-1).unbind(1)
        # unbind's pieces return their gradients in one tensor; slices would each fill a tensor of all steps.
        pieces = F.linear(x, self.weight_ih, self.bias_ih).unbind(1)
        for step, of_input in enumerate(pieces):
            if self.bptt and step and (len(pieces) - step) % self.bptt == 0:
                states = tuple(state.detach() for state in states)
            new = self.cell.step(of_input, F.linear(states[0], self.weight_hh, self.bias_hh), states)
            states = new if inside is None else _where(inside[step], new, states)
            outputs.append(states[0])
        return torch.stack(outputs, 1), states


def _where(inside: Tensor, new: Memory, old: Memory) -> Memory:
    return tuple(torch.where(inside, after, before) for after, before in zip(new, old, strict=True))


class Recurrence(nn.Module):
    """A stack of ``depth`` layers, each of which reads the one below; in both directions if bidirectional."""

    def __init__(self, plan: CellPlan, num_inputs: int) -> None:
        super().__init__()
        self.plan, self.width = plan, plan.width * (2 if plan.bidirectional else 1)
        sizes = [num_inputs, *[self.width] * (plan.depth - 1)]
        self.onward = nn.ModuleList(Direction(plan, size) for size in sizes)
        self.backward_ = nn.ModuleList(Direction(plan, size) for size in sizes if plan.bidirectional)
        self.dropouts = nn.ModuleList(Dropout(plan.dropout) for _ in sizes)

    def forward(self, x: Tensor, memory: Memory = (), real: Tensor | None = None) -> tuple[Tensor, Memory]:
        """Return outputs (batch, steps, width) for ``x`` (batch, steps, inputs), and the memory for a next part.

        Where ``real`` (batch, steps) is false, which is behind the end, nothing is read in either direction.
        A bidirectional stack cannot continue with a next part: its memory is empty.
        """
        num_states = CELLS[self.plan.cell].num_states
        kept: list[Tensor] = []
        for i, (layer, dropout) in enumerate(zip(self.onward, self.dropouts, strict=True)):
            y, states = layer(x, memory[i * num_states : (i + 1) * num_states], real)
            if self.plan.bidirectional:
                back, _ = self.backward_[i](x.flip(1), real=None if real is None else real.flip(1))
                y = torch.cat([y, back.flip(1)], -1)
            x = dropout(y)
            kept += states
        return x, () if self.plan.bidirectional else tuple(kept)

    def summary(self, outputs: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the last output of each direction, (batch, width); behind a sequence's end outputs stand still."""
        if not self.plan.bidirectional:
            return outputs[:, -1]
        return torch.cat([outputs[:, -1, : self.plan.width], outputs[:, 0, self.plan.width :]], -1)
