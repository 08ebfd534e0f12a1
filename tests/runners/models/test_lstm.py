"""The recurrence against torch's own."""

from __future__ import annotations

import torch

from runners.models._layers import initialise
from runners.models.lstm import FORGET_BIAS, Recurrence
from tests.runners.models.members import LETTERS, member


def test_the_recurrence_is_the_lstm_of_torch_with_an_open_forget_gate() -> None:
    """Outputs and gradients; torch orders the gates input, forget, cell, output where ours are f, i, o, u."""
    module, D = Recurrence(member(LETTERS, "lstm").spec), 16
    initialise(module, 0)
    reference = torch.nn.LSTM(D, D, batch_first=True)
    f, i, o, u = range(4)

    def reordered(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.chunk(4)[gate] for gate in (i, f, u, o)])

    with torch.no_grad():
        module.from_input.bias.normal_()
        reference.weight_ih_l0.copy_(reordered(module.from_input.weight))
        reference.weight_hh_l0.copy_(reordered(module.from_state.weight))
        reference.bias_ih_l0.copy_(reordered(module.from_input.bias))
        reference.bias_hh_l0.zero_()
        reference.bias_hh_l0[D : 2 * D] = FORGET_BIAS
    x_BTD = torch.randn(3, 9, D)
    found, expected = module(x_BTD) - x_BTD, reference(module.norm(x_BTD))[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    found.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(reordered(module.from_state.weight.grad), reference.weight_hh_l0.grad)
    torch.testing.assert_close(reordered(module.from_input.bias.grad), reference.bias_ih_l0.grad)


def test_the_last_prediction_depends_on_the_first_token() -> None:
    model = member(LETTERS, "lstm").build()
    x_BT = torch.randint(LETTERS.outputs, (1, 6))
    changed = x_BT.clone()
    changed[0, 0] = (changed[0, 0] + 1) % LETTERS.outputs
    with torch.no_grad():
        assert not torch.allclose(model(x_BT)[0, -1], model(changed)[0, -1])
