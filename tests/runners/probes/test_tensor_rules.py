"""The table of rules is what the optimizer trains with and the model starts from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.optimizers import build_optimizer
from runners.probes.coordinate_check import small
from runners.probes.tensor_rules import branch, by_block, by_role, tensor_rows

SPEC = replace(
    small("transformer", "completep"), width=256, base_width=64, depth=4, base_depth=2, lr=0.5, weight_decay=0.2
)


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_tensor_of_every_family_is_in_the_table_with_its_group_s_numbers(family: str) -> None:
    spec = replace(small(family), width=64, weight_decay=0.2)
    model = FAMILIES[family].build(spec, CORPORA[spec.corpus])
    groups = {id(p): group for group in build_optimizer(model, spec).param_groups for p in group["params"]}
    rows = {row["tensor"]: row for row in tensor_rows(spec)}
    assert rows.keys() == dict(model.named_parameters()).keys()
    for name, parameter in model.named_parameters():
        group, row = groups[id(parameter)], rows[name]
        assert (row["lr"], row["decay"], row["epsilon"]) == (group["lr"], group["weight_decay"], group["eps"])
        assert row["shape"] == " x ".join(map(str, parameter.shape))


def test_multiples_are_those_of_the_base_shape() -> None:
    base = {row["tensor"]: row for row in tensor_rows(replace(SPEC, width=64, depth=2))}
    for row in tensor_rows(SPEC):
        if row["tensor"] in base:
            same = base[row["tensor"]]
            for name in ("std", "lr", "decay", "epsilon"):
                assert row[name] == pytest.approx(same[name] * row[f"{name}_multiple"]), (row["tensor"], name)
                assert same[f"{name}_multiple"] == (0.0 if name == "decay" and row["role"] == "norm" else 1.0)


def test_blocks_are_told_once() -> None:
    names = [row["tensor"] for row in by_block(tensor_rows(SPEC))]
    assert names.count("blocks.*.attention.qkv.weight") == 1
    assert len(names) == len(set(names)) == 10


def test_a_role_tells_what_all_its_tensors_share() -> None:
    rows = {row["role"]: row for row in by_role(tensor_rows(SPEC))}
    assert rows.keys() == {"embedding", "hidden", "norm", "readout"}
    hidden = rows["hidden"]
    assert hidden["std"] is None
    assert (hidden["std_multiple"], hidden["lr"], hidden["decay"]) == pytest.approx((0.5, 0.5 / 4, 0.2 * 4))
    assert rows["readout"]["output"] == 1 / 4
    assert branch(SPEC) == 0.5


def test_a_model_too_large_for_any_memory_is_told_too() -> None:
    rows = tensor_rows(replace(SPEC, width=16384, depth=128))
    assert sum(1 for row in rows if row["role"] == "hidden") == 4 * 128
