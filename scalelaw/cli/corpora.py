"""`scalelaw corpora`: what models can be trained on, and packing text of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options
from scalelaw.cli import _output as output

if TYPE_CHECKING:
    from runners.corpora import Source

TRAINING_TOKENS, VALIDATION_TOKENS = 2**28, 2**22

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, describe and pack what models train on.")


@app.command("list")
def list_(format: options.OutputFormat = options.Format.table) -> None:
    """List the corpora; those that take an argument show how it is written.

    scalelaw corpora show 'files:book.txt|bpe=1024'
    """
    from runners.corpora import CORPORA, Template

    rows = [
        {
            "corpus": kind.usage if isinstance(kind, Template) else kind.name,
            "what": _first_line(type(kind).__module__),
        }
        for kind in CORPORA
    ]
    if format is options.Format.json:
        output.write_json({"corpora": rows})
    elif format is options.Format.csv:
        output.write_csv(rows)
    else:
        for row in rows:
            typer.echo(f"{row['corpus']}\n    {row['what']}")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="CORPUS", help="A name of `scalelaw corpora list`.")],
    context: Annotated[int, typer.Option(min=1, help="Tokens in a window, where the least loss depends on it.")] = 64,
    format: options.OutputFormat = options.Format.table,
) -> None:
    """Show a corpus: source, licence, version, sizes, hash, and what is known or measured of it.

    `overlap` is the share of the validation text's windows of 64 tokens that stand verbatim in the training text;
    it reads at most 4M tokens of the one and 268M of the other.

    scalelaw corpora show python
    """
    from runners.corpora import CORPORA

    facts = _facts(CORPORA[name], context)
    if format is options.Format.json:
        output.write_json(facts)
    elif format is options.Format.csv:
        output.write_csv([facts])
    else:
        typer.echo(output.aligned([[key, _cell(value)] for key, value in facts.items()], ["fact", name]))


@app.command("pack")
def pack(
    inputs: Annotated[list[Path], typer.Argument(metavar="PATH", help="Text files, each a document, or folders.")],
    out: Annotated[Path, typer.Option(help="The folder to write; it must not hold a corpus yet.")],
    suffix: Annotated[str, typer.Option(help="Of folders, the files that end in this alone.")] = "",
    bpe: Annotated[
        int | None, typer.Option(min=257, help="Train a BPE of so many tokens on the training split.")
    ] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="A tokenizer.json to use instead.")] = None,
    shard_tokens: Annotated[
        float | None,
        typer.Option(parser=options.number, metavar="N", help="Most tokens in a shard.  [default: 134M]"),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where the text is from, for the record.")] = None,
    licence: Annotated[str, typer.Option(help="Its licence, for the record.")] = "not stated",
    quiet: options.Quiet = False,
) -> None:
    """Write text as token shards that `shards:FOLDER` trains on without reading them whole.

    scalelaw corpora pack text/ --suffix .txt --bpe 4096 --out packed
    """
    from runners.corpora._packing import SHARD_TOKENS
    from runners.corpora._packing import pack as write
    from runners.corpora.files import Files

    def documents() -> Iterator[bytes]:
        for path in inputs:
            yield from Files("pack", path, suffix).contents()

    description = write(
        documents,
        out,
        source=source or "files of " + ", ".join(map(str, inputs)),
        licence=licence,
        bpe=bpe,
        tokenizer=tokenizer,
        shard_tokens=int(shard_tokens or SHARD_TOKENS),
    )
    for split, sizes in description["splits"].items():
        output.note(f"{split}: {sizes['documents']:,} documents, {sizes['tokens']:,} tokens", quiet)
    typer.echo(f"shards:{out}")


def _facts(source: Source, context: int) -> dict[str, Any]:
    from runners.corpora._overlap import beginning, overlap
    from runners.corpora._text import TextCorpus
    from runners.corpora.shards import ShardCorpus

    found = {"kind": source.kind, "outputs": source.outputs, "loss": source.loss, **source.facts()}
    floor = source.entropy(context)
    if floor is not None:
        found[f"least_loss_at_context_{context}" if source.kind == "tokens" else "least_loss"] = floor
    if isinstance(source, TextCorpus | ShardCorpus):
        training = beginning(source.parts("train"), TRAINING_TOKENS)
        found["overlap"] = overlap(training, beginning(source.parts("validation"), VALIDATION_TOKENS))
    return found


def _cell(value: object) -> str:
    if isinstance(value, float):
        return output.shown(value)
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else output.clean(str(value))


def _first_line(module: str) -> str:
    import sys

    return (sys.modules[module].__doc__ or "").splitlines()[0].rstrip(".")
