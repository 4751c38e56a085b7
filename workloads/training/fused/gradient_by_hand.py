"""A cohort's gradient without autograd, where both the model's passes and the task's loss are written out.

For a small perceptron, autograd and views made anew at every step take longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from workloads.tasks.classification import Classification
from workloads.tasks.closed_form_losses import Measured, cross_entropy, squared_error
from workloads.tasks.contract import Numbers, Task
from workloads.tasks.regression import Regression
from workloads.training.fused.mlp_by_hand import Sequenced, Tensors, is_sequence

Cost = Callable[[Tensor, Tensor], tuple[Measured, Tensor]]
"""Function of (outputs (members, numbers, batch), targets) that returns metrics and the gradient at the outputs."""


@dataclass(frozen=True)
class DirectGradient:
    """Computes a cohort's metrics and gradient; ``parameters`` are views of its matrix, which changes in place.

    ``shared`` says that all members see the same mini-batches.
    """

    sequence: Sequenced
    cost: Cost
    parameters: Tensors
    buffers: Tensors
    shared: bool

    @classmethod
    def of(
        cls, model: nn.Module, cost: Cost | None, theta: Tensor, buffers: Tensors, shared: bool
    ) -> DirectGradient | None:
        """Return the gradient of ``model`` under ``cost``, at the cohort's matrix ``theta``.

        None where autograd is needed: no ``cost``, or a model whose passes are not written out.
        """
        if cost is None or not is_sequence(model):
            return None
        sequence = Sequenced.of(model)
        return cls(sequence, cost, sequence.views(theta), buffers, shared)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Measured, Tensor]:
        """Return a mini-batch's metrics, each (members,), and the gradient (members, parameters)."""
        x = x.flatten(1 if self.shared else 2)
        outputs, kept = self.sequence.forward(self.parameters, self.buffers, x, shared=self.shared)
        measured, gradient = self.cost(outputs, y)
        return measured, self.sequence.backward(self.parameters, self.buffers, kept, gradient)


def written_out(task: Task, numbers: Numbers) -> Cost | None:
    """Return the task's loss with its gradient in closed form; None where only autograd can differentiate it."""
    if type(task) is Classification and "class_weights" not in numbers:
        smoothing = numbers["label_smoothing"]
        return partial(cross_entropy, smoothing=smoothing if smoothing.any() else None)
    if type(task) is Regression:
        return squared_error
    return None
