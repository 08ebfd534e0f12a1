"""The rules of a spec's tensors as a table: what a parametrization says of this width and depth, in numbers.

A multiple is that of the base shape: `lr` is a tensor's peak rate and `lr_multiple` times the spec's, `std` is
`std_multiple` times the same tensor's at the base width, and so on. The decay is the coupled one that AdamW and SGD
take, which multiply it by the rate. `output` multiplies what a tensor's product gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from runners.corpora import CORPORA
from runners.models import FAMILIES
from runners.models._layers import Ruled
from runners.optimizers import parameter_groups
from runners.parametrizations import PARAMETRIZATIONS, Role, Rule
from runners.parametrizations.base import GAINS_AND_BIASES, initial_std
from runners.spec import TrainSpec

Row = dict[str, Any]
LABELS = ("tensor", "shape", "role")


def tensor_rows(spec: TrainSpec) -> list[Row]:
    """A row for each tensor of the model, with its name, shape and role; tensors of no size are built.

    A decay and an epsilon are those of the optimizer's own groups, so the table is what trains.
    """
    source, family = CORPORA[spec.corpus], FAMILIES[spec.model]
    family.check(spec, source)
    with torch.device("meta"):
        model = family.build(spec, source)
    group_of = {id(p): group for group in parameter_groups(model, spec) for p in group["params"]}
    rows = []
    for path, module in model.named_modules():
        for name, rule in module.rules.items() if isinstance(module, Ruled) else ():
            tensor = module.get_parameter(name)
            role, group = rule.role, group_of[id(tensor)]
            rows.append(
                {
                    "tensor": f"{path}.{name}",
                    "shape": " x ".join(map(str, tensor.shape)),
                    "role": str(role),
                    "mean": 1.0 if role is Role.norm else 0.0,
                    "std": 0.0 if role in GAINS_AND_BIASES else rule.std,
                    "std_multiple": 1.0 if role in GAINS_AND_BIASES else rule.std / _base_std(tensor, rule, spec),
                    "lr": group["lr"],
                    "lr_multiple": rule.lr,
                    "decay": group["weight_decay"],
                    "decay_multiple": rule.decay,
                    "epsilon": group.get("eps"),
                    "epsilon_multiple": rule.epsilon if spec.optimizer == "adamw" else None,
                    "output": rule.output,
                }
            )
    return rows


def _base_std(tensor: Tensor, rule: Rule, spec: TrainSpec) -> float:
    """The tensor's deviation at the base shape, where all parametrizations agree."""
    fan_in = tensor.numel() / tensor.shape[0]
    wide = rule.role in (Role.hidden, Role.readout)
    return initial_std(rule.role or Role.hidden, fan_in / spec.scale.m if wide else fan_in, spec.scale)


def branch(spec: TrainSpec) -> float:
    """What multiplies a residual branch."""
    return PARAMETRIZATIONS[spec.parametrization].branch(spec.scale)


def by_block(rows: list[Row]) -> list[Row]:
    """Tensors of one name and one rule in all blocks as one row, `*` in place of the block's number."""
    merged: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        named = row | {"tensor": re.sub(r"\.\d+(?=\.)", ".*", row["tensor"])}
        merged.setdefault(tuple(named.values()), named)
    return list(merged.values())


def by_role(rows: list[Row]) -> list[Row]:
    """One row for each role, None where its tensors differ, as hidden matrices of different fan-in do in `std`."""
    roles: dict[str, list[Row]] = {}
    for row in rows:
        roles.setdefault(row["role"], []).append(row)
    return [{"role": role, **_common(found)} for role, found in roles.items()]


def _common(rows: list[Row]) -> Mapping[str, Any]:
    """The numbers that all rows agree on; None for the rest."""
    numbers = [key for key in rows[0] if key not in LABELS]
    return {key: rows[0][key] if len({row[key] for row in rows}) == 1 else None for key in numbers}
