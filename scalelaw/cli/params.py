"""`scalelaw params`: what a parametrization makes of a width and a depth."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a parametrization makes of a model's size.")


@app.callback()
def params() -> None:
    """What a parametrization makes of a model's size."""


@app.command("show")
def show(
    parametrization: Annotated[str, typer.Option(help="mup, completep, ntk, mean_field or standard.")] = "mup",
    width: Annotated[int, typer.Option(min=1, help="Of the model.")] = 512,
    base_width: Annotated[int, typer.Option(min=1, help="Where all parametrizations coincide; m = width / this.")] = 64,
    depth: Annotated[int, typer.Option(min=1, help="Of the model.")] = 2,
    base_depth: Annotated[int, typer.Option(min=1, help="Likewise; l = depth / this.")] = 2,
    model: Annotated[str, typer.Option(help="A model family, such as transformer or mlp.")] = "transformer",
    optimizer: Annotated[str, typer.Option(help="adamw or sgd.")] = "adamw",
    lr: Annotated[float, typer.Option(help="Base learning rate.")] = 2.0**-6,
    weight_decay: Annotated[float, typer.Option(help="Base weight decay.")] = 0.1,
    epsilon: Annotated[float, typer.Option(help="Adam's base epsilon.")] = 1e-8,
    init_std: Annotated[float, typer.Option(help="Initial standard deviation of embeddings.")] = 1.0,
    tensors: Annotated[bool, typer.Option("--tensors", help="A row for each tensor, not for each role.")] = False,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Print each tensor's initial deviation, learning rate, decay, epsilon and multipliers, to compare with your code.

    Behind a number stands its multiple of the base shape's. The decay is the one handed to AdamW or SGD, which multiply
    it by the learning rate. JSON holds roles and tensors.

    scalelaw params show --parametrization completep --depth 24 --tensors
    """
    from dataclasses import replace

    from scalelaw.errors import MissingExtraError

    try:
        from runners.probes.coordinate_check import small
        from runners.probes.tensor_rules import branch, by_block, by_role, tensor_rows
    except ImportError:
        raise MissingExtraError("A table of tensors", "train") from None

    shape = {"width": width, "base_width": base_width, "depth": depth, "base_depth": base_depth}
    asked = {"lr": lr, "weight_decay": weight_decay, "epsilon": epsilon, "init_std": init_std}
    spec = replace(small(model, parametrization, optimizer), **(shape | asked))  # type: ignore[arg-type]
    rows = tensor_rows(spec)
    scale = {"m": spec.scale.m, "l": spec.scale.l, "branch": branch(spec)}
    if format is options.Format.json:
        about = {"parametrization": parametrization, "model": model, "optimizer": optimizer, **shape, **asked, **scale}
        output.write_json({**about, "roles": by_role(rows), "tensors": rows})
    elif format is options.Format.csv:
        output.write_csv(rows if tensors else by_role(rows))
    else:
        typer.echo(_table(by_block(rows) if tensors else by_role(rows)))
        typer.echo(
            f"\n{parametrization}, {model}, {optimizer}: m = {spec.scale.m:g}, l = {spec.scale.l:g}, "
            f"residual branches x {scale['branch']:g}"
        )


def _table(rows: list[dict[str, Any]]) -> str:
    """Numbers with their multiples, in the order a model is set up; what a role's tensors disagree on is `varies`."""
    names = [name for name in ("tensor", "shape", "role") if name in rows[0]]
    pairs = [name for name in ("std", "lr", "decay", "epsilon") if rows[0][f"{name}_multiple"] is not None]
    cells = []
    for row in rows:
        numbers = [_start(row) if name == "std" else _cell(row, name) for name in pairs]
        cells.append([*(row[name] for name in names), *numbers, f"x {row['output']:g}"])
    return output.aligned(cells, [*names, *pairs, "output"])


def _start(row: dict[str, Any]) -> str:
    """Gains start at 1 and biases at 0."""
    return f"all {row['mean']:g}" if row["role"] in ("norm", "bias") else _cell(row, "std")


def _cell(row: dict[str, Any], name: str) -> str:
    value = "varies" if row[name] is None else output.shown(row[name])
    return f"{value} (x {row[f'{name}_multiple']:.4g})"
