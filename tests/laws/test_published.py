"""Laws at their published parameters give the published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from scalelaw.errors import UsageError
from scalelaw.laws import get_law
from tests.truths import TRUTH


def predicted(label: str, natural: list[float], **inputs: float) -> float:
    """The law's value at one point."""
    law = get_law(label)
    return float(law.predict(np.array([natural]), np.array([[inputs[name] for name in law.inputs]]))[0, 0])


@pytest.mark.parametrize(
    ("n_params", "n_tokens", "expected"),
    [(6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)],
)
def test_data_constrained_gives_the_losses_of_its_authors_code(
    n_params: float, n_tokens: float, expected: float
) -> None:
    """Muennighoff et al. 2023: two allocations over 25 billion unique tokens, to the last digit."""
    A, B, E, alpha = np.exp(6.255414), np.exp(7.3049974), np.exp(0.6254804), 0.3526596
    natural = [E, A, alpha, B, alpha, 15.387756, 5.309743]
    found = predicted("data_constrained", natural, n_params=n_params, n_tokens=n_tokens, unique_tokens=25e9)
    assert found == pytest.approx(expected, rel=1e-15)


def test_data_constrained_is_chinchilla_where_nothing_repeats() -> None:
    truth = TRUTH["data_constrained"]
    surface = [truth[name] for name in ("E", "A", "alpha", "B", "beta")]
    once = predicted("data_constrained", list(truth.values()), n_params=1e8, n_tokens=1e10, unique_tokens=1e10)
    assert once == pytest.approx(predicted("chinchilla", surface, n_params=1e8, n_tokens=1e10), rel=1e-14)
    again = predicted("data_constrained", list(truth.values()), n_params=1e8, n_tokens=1e10, unique_tokens=1e9)
    assert once < again < predicted("chinchilla", surface, n_params=1e8, n_tokens=1e9)


@pytest.mark.parametrize(("bits", "share"), [(4.0, 0.776), (8.0, 0.950)])
def test_low_precision_keeps_the_published_share_of_the_parameters(bits: float, share: float) -> None:
    """Kumar et al. 2024: N_eff / N at gamma_w = 2.6745, read off the size of the n_params term."""
    natural = [0.0, 1.0, 0.5, 0.0, 0.5, 2.6745, 1e-3, 1e-3]
    inputs = {"n_params": 1e8, "n_tokens": 1e10, "activation_bits": 16.0, "kv_bits": 16.0}
    term = predicted("precision", natural, weight_bits=bits, **inputs)
    assert (1e8 * term**2) ** -1 == pytest.approx(share, abs=5e-4)


@pytest.mark.parametrize(
    ("label", "natural", "inputs", "expected"),
    [
        ("power_law(n_params)", [8.8e13**0.076, 0.076], {"n_params": 85e6}, 2.865),  # Kaplan et al. 2020, eq. 1.1
        ("learning_rate_flops", [0.3118, 0.125], {"flops": 1e20}, 9.86e-4),  # DeepSeek-AI 2024, eq. 1
        ("batch_size(flops)", [0.2920, 0.3271], {"flops": 1e20}, 1.017e6),
    ],
)
def test_simple_laws_give_their_published_values(
    label: str, natural: list[float], inputs: dict[str, float], expected: float
) -> None:
    assert predicted(label, natural, **inputs) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("x", [1e2, 1e6, 1e10])
def test_m4_satisfies_its_own_equation(x: float) -> None:
    E, beta, c, alpha, E_0 = TRUTH["m4(n_tokens)"].values()
    loss = predicted("m4(n_tokens)", [E, beta, c, alpha, E_0], n_tokens=x)
    assert (loss - E) / (E_0 - loss) ** alpha == pytest.approx(beta * x**-c, rel=1e-12)


def test_m4_falls_from_the_random_level_to_the_irreducible_loss() -> None:
    natural = list(TRUTH["m4(n_tokens)"].values())
    assert predicted("m4(n_tokens)", natural, n_tokens=1e-20) == pytest.approx(10.8, rel=1e-6)
    assert predicted("m4(n_tokens)", natural, n_tokens=1e60) == pytest.approx(1.7, rel=1e-6)


def test_k_power_is_chinchilla_at_one_and_kaplan_over_a_constant_at_beta_one() -> None:
    chinchilla = list(TRUTH["chinchilla"].values())
    at = {"n_params": 3e8, "n_tokens": 2e10}
    assert predicted("k_power", [*chinchilla, 1.0], **at) == pytest.approx(predicted("chinchilla", chinchilla, **at))
    N_c, alpha_N, D_c, alpha_D = TRUTH["kaplan"].values()
    s = alpha_N / alpha_D
    assert predicted("k_power", [0.0, N_c**s, s, D_c, 1.0, alpha_D], **at) == pytest.approx(
        predicted("kaplan", [N_c, alpha_N, D_c, alpha_D], **at)
    )


@pytest.mark.parametrize(("one", "other"), [("m1(flops)", "power_law(flops)"), ("m2(flops)", "power_constant(flops)")])
def test_one_law_under_two_names_is_one_curve(one: str, other: str) -> None:
    natural = list(TRUTH[other].values())
    assert predicted(one, natural, flops=1e20) == pytest.approx(predicted(other, natural, flops=1e20), rel=1e-13)


def test_a_broken_law_has_the_slopes_of_its_pieces() -> None:
    """Far from the breaks, and above no constant, ln L falls by c_0, then c_0 + c_1, then c_0 + c_1 + c_2."""
    natural = [0.0, 12.0, 0.1, 0.4, 1e8, 0.3, -0.2, 1e12, 0.3]

    def slope(x: float) -> float:
        low, high = (predicted("broken_power_2(n_tokens)", natural, n_tokens=x * f) for f in (0.99, 1.01))
        return float(np.log(high / low) / np.log(1.01 / 0.99))

    assert [slope(x) for x in (1e4, 1e10, 1e16)] == pytest.approx([-0.1, -0.5, -0.3], abs=1e-6)


def test_a_variable_is_any_column_and_nothing_but_a_name() -> None:
    assert get_law("power_law(epochs)").inputs == ("epochs",)
    with pytest.raises(UsageError, match="cannot be the variable"):
        get_law("power_law(a.b)")
