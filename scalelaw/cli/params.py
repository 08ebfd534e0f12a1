"""`scalelaw params`: what a parametrization makes of a width and a depth, and which of them N and D ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from runners.realising import Realised

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Models by size: their tensors' rules, and the one nearest to N."
)


@app.callback()
def params() -> None:
    """Models by size: their tensors' rules, and the one nearest to N."""


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


@app.command("size")
def size(
    n_params: Annotated[float, typer.Option(parser=options.number, metavar="N", help="Parameters wanted.")],
    n_tokens: Annotated[float, typer.Option(parser=options.number, metavar="D", help="Tokens wanted.")],
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A sweep's file whose [base] says all else.  [default: a family by size]"),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="What to train on, which sets the vocabulary; a name of `scalelaw corpora list`.")
    ] = None,
    convention: Annotated[str, typer.Option(help="How N is counted: all, non_embedding or kaplan.")] = "all",
    lr_law: Annotated[
        Path | None, typer.Option("--lr-law", metavar="LAW", help="A saved fit that says the learning rate.")
    ] = None,
    batch_law: Annotated[
        Path | None, typer.Option("--batch-law", metavar="LAW", help="A saved fit that says the tokens in a step.")
    ] = None,
    sweep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a file that `scalelaw sweep run` accepts.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over another file.")] = False,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Find the model nearest to N parameters: width, depth, heads, batch, steps, learning rate, FLOP and memory.

    Counts are exact formulas and nothing is built, so any size will do.

    scalelaw params size --n-params 7B --n-tokens 140B

    scalelaw params size --n-params 1M --n-tokens 20M --template data/python/sweep.toml --sweep run.toml
    """
    from scalelaw.cli._sweep_file import realise_points, realised_rows, write_sweep_file

    points = [(n_params, n_tokens)]
    if sweep:
        (found,) = write_sweep_file(
            points,
            template,
            sweep,
            name=sweep.stem,
            convention=convention,
            force=force,
            corpus=corpus,
            lr_law=lr_law,
            batch_law=batch_law,
        )
    else:
        (found,) = realise_points(
            points, template, convention=convention, corpus=corpus, lr_law=lr_law, batch_law=batch_law
        )
    (row,) = realised_rows([found])
    if format is options.Format.json:
        output.write_json({**row, "memory": _memory(found), "spec": found.spec.as_dict(), "notes": found.notes})
    elif format is options.Format.csv:
        output.write_csv([row])
    else:
        typer.echo(output.aligned(_size_rows(found), ["", "realised", ""]))
        for note in found.notes:
            typer.echo(f"note: {note}")
    if sweep:
        output.note(f"{sweep}: next, scalelaw sweep plan {sweep}")


def _memory(found: Realised) -> dict[str, float | bool] | None:
    """Bytes by what holds them."""
    from dataclasses import asdict

    return asdict(found.memory) | {"total": found.memory.total} if found.memory else None


def _size_rows(found: Realised) -> list[list[str]]:
    from runners.parametrizations import PARAMETRIZATIONS, Role
    from scalelaw.cli._sweep_file import memory_shown

    spec, counts = found.spec, found.counts
    heads = f", {found.heads} heads of {spec.head_dim}" if found.heads else ""
    rate = PARAMETRIZATIONS[spec.parametrization].rule(Role.hidden, spec.width, spec.scale).lr * spec.lr
    passes = f"{spec.micro_batch or spec.batch_size} x {spec.context} in a pass"
    others = {"N, all": counts.n_params, "N without embeddings": counts.n_params_non_embedding}
    others.pop({"all": "N, all", "non_embedding": "N without embeddings"}.get(found.convention, ""), None)
    rows = [
        ["model", spec.model, f"width {spec.width}, depth {spec.depth}{heads}"],
        ["N", f"{found.n_params:,}", f"{100 * found.error:+.2f} % of the wanted; counts {found.convention}"],
        *([name, f"{number:,}", "parameters"] for name, number in others.items()),
        ["D", f"{found.n_tokens:,}", f"tokens, {found.n_tokens / found.n_params:.4g} to a parameter"],
        ["batch", f"{spec.tokens_per_step:,}", f"tokens: {spec.batch_size:,} x {spec.context:,}"],
        ["steps", f"{spec.steps:,}", ""],
        ["compute", f"{found.flops:.4g}", "FLOP of matrix products, exact"],
        ["6 N D", f"{found.flops_6nd:.4g}", f"FLOP, N counts {found.convention}"],
        ["learning rate", f"{spec.lr:g}", f"at base width {spec.base_width}, depth {spec.base_depth}"],
        ["of hidden matrices", f"{rate:.4g}", f"by {spec.parametrization} at this size"],
    ]
    if found.memory:
        names = {"parameters": f"in {spec.precision}", "optimizer": spec.optimizer, "activations": passes}
        rows.append(["memory", memory_shown(found.memory.total), "± 25 %, on one device, by formula"])
        rows += [
            [f"  {name}", memory_shown(getattr(found.memory, name)), names.get(name, "")]
            for name in ("parameters", "gradients", "optimizer", "activations", "validation")
        ]
    return rows


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
