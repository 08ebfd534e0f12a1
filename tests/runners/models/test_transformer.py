"""The transformer's own truths: its options, its read-out, what it refuses."""

from __future__ import annotations

import pytest
import torch

from runners.models.transformer import Transformer
from runners.parametrizations import PARAMETRIZATIONS
from scalelaw.counting import TransformerShape
from scalelaw.errors import UsageError
from tests.runners.models.members import LETTERS, member

V = LETTERS.outputs


def transformer(**fields: object) -> Transformer:
    model = member(LETTERS, "transformer", **fields).build()
    assert isinstance(model, Transformer)
    return model


def tokens(B: int = 2, T: int = 6) -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))


def test_counts_are_those_of_a_named_shape() -> None:
    """Worked by hand: 2 layers of width 16 with 2 heads of 8, one of keys, a gated feed-forward of 64, tied, rotary."""
    made = member(LETTERS, "transformer", activation="swiglu", kv_heads=1, qk_norm=True, tied=True, positions="rope")
    matrices = 16 * (16 + 8 + 8 + 16) + 3 * 16 * 64
    assert made.counts().n_params_non_embedding == 2 * (matrices + 2 * 16 + 2 * 8) + 16
    assert made.counts().n_params == made.counts().n_params_non_embedding + 16 * V
    assert made.counts().flops_per_token == 6 * (2 * matrices + 16 * V) + 12 * 2 * 16 * 6
    assert TransformerShape(2, 16, 64, V, 6).params_all() == member(LETTERS, "transformer").counts().n_params


def test_the_read_out_of_mup_is_divided_by_the_width_ratio() -> None:
    model, x = transformer(parametrization="mup", base_width=8), torch.randn(3, 16)
    torch.testing.assert_close(model.readout(x), x @ model.readout.get_parameter("weight").T / 2)


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS.names())
def test_a_tied_matrix_starts_and_learns_as_an_embedding_and_multiplies_as_a_read_out(parametrization: str) -> None:
    """Its rule is the embedding's; the multiplier of the product is the read-out's."""
    shape = {"parametrization": parametrization, "base_width": 4, "init_std": 0.25}
    tied, untied = transformer(tied=True, **shape), transformer(**shape)
    x = torch.randn(3, 16)
    expected = x @ tied.tokens.weight.T * untied.readout.output
    torch.testing.assert_close(tied.readout(x), expected)
    assert tied.tokens.rules == untied.tokens.rules
    assert torch.equal(tied.tokens.weight, untied.tokens.weight)
    assert not any(name.startswith("readout") for name, _ in tied.named_parameters())


def test_both_uses_of_a_tied_matrix_send_it_gradients() -> None:
    """A token that is never read learns from the read-out alone."""
    model, x_BT = transformer(tied=True), torch.zeros(1, 6, dtype=torch.long)
    model(x_BT).logsumexp(-1).sum().backward()
    assert model.tokens.weight.grad is not None
    assert model.tokens.weight.grad.any(dim=1).all()


def test_rotary_positions_have_no_table_and_tell_order() -> None:
    model, x_BT = transformer(positions="rope", depth=1), tokens(1)
    assert model.positions is None
    swapped = x_BT[:, [1, 0, 2, 3, 4, 5]]
    with torch.no_grad():
        assert not torch.allclose(model(x_BT)[:, -1], model(swapped)[:, -1])


def test_a_shorter_sequence_is_read_as_the_start_of_a_longer() -> None:
    for positions in ("learned", "rope"):
        model, x_BT = transformer(positions=positions), tokens()
        with torch.no_grad():
            torch.testing.assert_close(model(x_BT)[:, :4], model(x_BT[:, :4]))


def test_queries_start_at_zero_and_nothing_else_changes() -> None:
    plain, zero = transformer(), transformer(zero_query=True)
    for (name, a), (_, b) in zip(plain.named_parameters(), zero.named_parameters(), strict=True):
        if name.endswith("qkv.weight"):
            assert not b[:16].any()
            assert torch.equal(a[16:], b[16:])
        else:
            assert torch.equal(a, b), name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 20}, "width 20 must be a multiple of head_dim 8"),
        ({"width": 32, "kv_heads": 3}, "kv_heads 3 must divide the 4 heads of width 32"),
        ({"width": 15, "head_dim": 5, "positions": "rope"}, "even head_dim; found 5"),
        ({"base_head_dim": 4}, "base_head_dim 4 is read where attention_scale is linear only"),
        ({"zero_query": True, "qk_norm": True}, "zero_query has no meaning with qk_norm"),
        ({"tied": True, "zero_readout": True}, "A tied read-out cannot start at zero"),
    ],
)
def test_options_that_do_not_fit_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        member(LETTERS, "transformer", **fields).check()
