"""Cells and attention against torch's own, with the same weights; and how far an error flows back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from workloads.models.recurrent.attention import AttentionPlan, EncoderLayer, Transformer, positions
from workloads.models.recurrent.cells import CELLS, CellPlan, Direction, Recurrence

TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
INPUTS, WIDTH, STEPS = 3, 5, 11
ENCODER_WEIGHTS = [
    *("norm1.weight", "norm1.bias", "self_attn.in_proj_weight", "self_attn.in_proj_bias"),
    *("self_attn.out_proj.weight", "self_attn.out_proj.bias", "norm2.weight", "norm2.bias"),
    *("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"),
]
"""torch's names in our order."""


def pairs(own: Recurrence, theirs: nn.RNNBase) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Each parameter and torch's."""
    found = []
    for layers, suffix in ((own.onward, ""), (own.backward_, "_reverse")):
        for i, layer in enumerate(layers):
            assert isinstance(layer, Direction)
            found += [(getattr(layer, name), getattr(theirs, f"{name}_l{i}{suffix}")) for name in WEIGHTS]
    assert len(found) == len(list(own.parameters())) == len(list(theirs.parameters()))
    return found


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_agree_with_torch(cell: str, depth: int, bidirectional: bool) -> None:
    torch.manual_seed(0)
    own = Recurrence(CellPlan(cell, WIDTH, depth, bidirectional), INPUTS)
    theirs = TORCH[cell](INPUTS, WIDTH, depth, bidirectional=bidirectional, batch_first=True)
    same = pairs(own, theirs)
    for mine, other in same:
        other.data.copy_(mine.data)
    x = torch.randn(4, STEPS, INPUTS, requires_grad=True)
    weights = torch.randn(4, STEPS, own.width)
    outputs, memory = own(x)
    expected, last = theirs(x)
    assert_close(outputs, expected, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad((outputs * weights).sum(), [x, *(mine for mine, _ in same)])
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *(other for _, other in same)])
    assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    ends = last if isinstance(last, tuple) else (last,)
    summary = ends[0][-2:].transpose(0, 1).flatten(1) if bidirectional else ends[0][-1]
    assert_close(own.summary(outputs), summary, rtol=1e-5, atol=1e-5)
    if not bidirectional:
        assert_close(torch.stack(memory), torch.stack(ends, 1).flatten(0, 1), rtol=1e-5, atol=1e-5)


def test_weights_are_drawn_as_torch_draws_them() -> None:
    for cell, num_gates in (("rnn", 1), ("lstm", 4), ("gru", 3)):
        drawn = torch.cat([p.detach().flatten() for p in Recurrence(CellPlan(cell, 64, 1), 64).parameters()])
        assert len(drawn) == num_gates * 64 * (64 + 64 + 2)
        assert drawn.abs().max() <= 1 / 8
        assert drawn.std() == pytest.approx(1 / 8 / 3**0.5, rel=0.05)


@pytest.mark.parametrize("causal", [False, True])
def test_an_encoder_layer_agrees_with_torch(causal: bool) -> None:
    torch.manual_seed(0)
    own = EncoderLayer(AttentionPlan(width=8, depth=1, heads=2, causal=causal, window=STEPS))
    theirs = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs.load_state_dict(dict(zip(ENCODER_WEIGHTS, own.state_dict().values(), strict=True)))
    named = dict(theirs.named_parameters())
    x = torch.randn(4, STEPS, 8, requires_grad=True)
    mask = nn.Transformer.generate_square_subsequent_mask(STEPS) if causal else None
    found, expected = own(x), theirs(x, src_mask=mask, is_causal=causal)
    assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(found)
    gradients = torch.autograd.grad((found * weights).sum(), [x, *own.parameters()])
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *(named[name] for name in ENCODER_WEIGHTS)])
    assert_close(gradients, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("width", [1, 6, 7])
def test_every_position_is_told_apart(width: int) -> None:
    found = positions(30, width)
    assert found.shape == (30, width)
    assert torch.cdist(found, found).add(torch.eye(30)).min() > 1e-3


def encoder(cell: str) -> Recurrence | Transformer:
    torch.manual_seed(1)
    if cell == "transformer":
        return Transformer(AttentionPlan(width=8, depth=2, heads=2, causal=True, window=STEPS), INPUTS)
    return Recurrence(CellPlan(cell, WIDTH, 2), INPUTS)


@pytest.mark.parametrize("cell", [*CELLS, "transformer"])
def test_a_sequence_in_two_parts_equals_the_whole_and_later_steps_are_not_read(cell: str) -> None:
    model, x = encoder(cell), torch.randn(2, STEPS, INPUTS)
    whole, _ = model(x)
    first, memory = model(x[:, :4])
    second, _ = model(x[:, 4:], memory)
    assert_close(torch.cat([first, second], 1), whole)


def test_a_transformer_reads_its_window_and_no_more() -> None:
    model, x = encoder("transformer"), torch.randn(1, 3 * STEPS, INPUTS)
    memory: tuple[Tensor, ...] = ()
    for step in range(x.shape[1]):
        output, memory = model(x[:, step : step + 1], memory)
    assert_close(output[:, -1], model(x[:, -STEPS:])[0][:, -1])


@pytest.mark.parametrize("bptt", [1, 4, STEPS, 0])
@pytest.mark.parametrize("cell", CELLS)
def test_the_last_error_flows_back_through_bptt_steps_and_outputs_stay(cell: str, bptt: int) -> None:
    torch.manual_seed(0)
    whole, cut = (
        Recurrence(CellPlan(cell, WIDTH, 2), INPUTS),
        Recurrence(CellPlan(cell, WIDTH, 2, bptt=bptt), INPUTS),
    )
    cut.load_state_dict(whole.state_dict())
    x = torch.randn(2, STEPS, INPUTS, requires_grad=True)
    outputs, _ = cut(x)
    assert_close(outputs, whole(x)[0], rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(outputs[:, -1].sum(), x)
    reached = gradient.abs().sum((0, 2)) > 0
    assert reached.tolist() == [step >= STEPS - (bptt or STEPS) for step in range(STEPS)]
