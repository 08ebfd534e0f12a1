"""What a plan can be asked on a command line, and how the words become a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalelaw.cli import _options as options

if TYPE_CHECKING:
    from scalelaw.fitting import Fit
    from scalelaw.hardware import Cluster

ASK, DEVICES, SERVE = "What is asked", "Devices", "Serving"


def _option(*names: str, metavar: str, help: str, panel: str, number: bool = True) -> Any:
    parser: dict[str, Any] = {"parser": options.number} if number else {}
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=panel, **parser)


Number = float | None
TargetLoss = Annotated[
    Number, _option("--target-loss", metavar="L", help="The least FLOP for this loss, nats/token.", panel=ASK)
]
NParams = Annotated[Number, _option("--n-params", metavar="N", help="The size is given: how many tokens?", panel=ASK)]
NTokens = Annotated[Number, _option("--n-tokens", metavar="D", help="The tokens are given: which size?", panel=ASK)]
UniqueTokens = Annotated[
    Number, _option("--unique-tokens", metavar="U", help="There are only so many distinct tokens.", panel=ASK)
]
Epochs = Annotated[
    Number,
    _option(
        "--epochs",
        metavar="X",
        help="Passes over them, at most.  [default: 1, or as the law says if it knows repeats]",
        panel=ASK,
    ),
]
At = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="NAME=VALUE", help="Any other input of the law.", rich_help_panel=ASK),
]
Gpus = Annotated[
    str | None, _option("--gpus", metavar="512xH100", help="Devices; see --accelerators.", panel=DEVICES, number=False)
]
Days = Annotated[Number, _option("--days", metavar="X", help="How long they train: the budget.", panel=DEVICES)]
Mfu = Annotated[
    Number,
    _option(
        "--mfu", metavar="X", help="Share of their peak that 6 N D reaches.  [default: 0.4, and says so]", panel=DEVICES
    ),
]
Dtype = Annotated[
    str, typer.Option("--dtype", help="Of matrix products: fp32, tf32, fp16, bf16 or fp8.", rich_help_panel=DEVICES)
]
Peak = Annotated[
    Number, _option("--peak", metavar="FLOP/s", help="Dense peak of a device, instead of the table's.", panel=DEVICES)
]
Price = Annotated[
    Number, _option("--price", metavar="USD", help="Of an hour of a device, instead of the table's.", panel=DEVICES)
]
AcceleratorFile = Annotated[
    Path | None,
    typer.Option(
        "--accelerator-file",
        metavar="FILE",
        help="Your own devices, CSV or TOML: name, memory_gb, price, and peaks by dtype.",
        rich_help_panel=DEVICES,
    ),
]
StepTimes = Annotated[
    Path | None,
    typer.Option(
        "--step-times",
        metavar="RUNS",
        help="Your own timed runs: days become tokens by their step times instead of peak and MFU.",
        rich_help_panel=DEVICES,
    ),
]
Efficiency = Annotated[
    float,
    typer.Option(
        min=0.001, max=1.0, help="With --step-times: the speed that is left when devices join.", rich_help_panel=DEVICES
    ),
]
Serve = Annotated[
    Number,
    _option("--serve", metavar="TOKENS", help="Tokens to be served, paid for too: 2 N FLOP each.", panel=SERVE),
]
ServeGpu = Annotated[
    str | None,
    _option("--serve-gpu", metavar="L40S", help="What serves.  [default: what trains]", panel=SERVE, number=False),
]
ServeMfu = Annotated[
    Number, _option("--serve-mfu", metavar="X", help="Its utilisation.  [default: the training's]", panel=SERVE)
]
ServePrice = Annotated[
    Number, _option("--serve-price", metavar="USD", help="Of an hour of it.  [default: the table's]", panel=SERVE)
]


def question(
    fitted: Fit | None,
    *,
    flops: float | None = None,
    times: float | None = None,
    target_loss: float | None = None,
    n_params: float | None = None,
    n_tokens: float | None = None,
    unique_tokens: float | None = None,
    epochs: float | None = None,
    at: list[str] | None = None,
    gpus: str | None = None,
    days: float | None = None,
    mfu: float | None = None,
    dtype: str = "bf16",
    peak: float | None = None,
    price: float | None = None,
    accelerator_file: Path | None = None,
    step_times: Path | None = None,
    efficiency: float = 1.0,
    serve: float | None = None,
    serve_gpu: str | None = None,
    serve_mfu: float | None = None,
    serve_price: float | None = None,
) -> dict[str, Any]:
    """The keyword arguments of `scalelaw.planning.plan` that the options of a command line ask for.

    `fitted` is None for a published law, behind which there are no runs.

    Raises:
        UsageError: for options that exclude each other or name nothing known.
    """
    from scalelaw.cli.predict import _named
    from scalelaw.planning import fit_step_time, read_step_log

    device = {"--mfu": mfu, "--peak": peak, "--price": price, "--accelerator-file": accelerator_file}
    if gpus is None:
        _refuse_idle({**device, "--dtype": None if dtype == "bf16" else dtype}, "--gpus 512xH100")
    serving = {"--serve-gpu": serve_gpu, "--serve-mfu": serve_mfu, "--serve-price": serve_price}
    if serve is None:
        _refuse_idle(serving, "--serve TOKENS")
    cluster = cluster_of(gpus, mfu, dtype, peak, price, accelerator_file)
    weight, convention = 1.0, "all" if fitted is None else fitted.runs.conventions.params
    if any(value is not None for value in serving.values()):
        weight = serving_weight(cluster, serve_gpu, serve_mfu, serve_price, dtype, accelerator_file)
    return {
        "flops": budget_of(fitted, flops, times),
        "loss": target_loss,
        "n_params": n_params,
        "n_tokens": n_tokens,
        "served_tokens": serve,
        "serving_weight": weight,
        "unique_tokens": unique_tokens,
        "epochs": epochs,
        "days": days,
        "cluster": cluster,
        "steps": None if step_times is None else fit_step_time(read_step_log(step_times, convention)),
        "efficiency": efficiency,
        "held": _named(at or []),
    }


def budget_of(fitted: Fit | None, flops: float | None, times: float | None) -> float | None:
    """The budget in FLOP from --flops or --times, the latter in largest runs; None where neither is given.

    Raises:
        UsageError: where both are given, no positive number of times, or times of no runs.
    """
    from scalelaw.errors import UsageError

    if flops is not None and times is not None:
        raise UsageError("Give the budget as --flops FLOP or as --times X (of the largest run's 6 N D), one of them.")
    if times is None:
        return flops
    if fitted is None:
        raise UsageError("--times counts in runs, and a published law has none. Next: --flops FLOP.")
    if not times > 0:
        raise UsageError(f"--times is a positive number of largest runs; found {times:g}. Next: --times 10.")
    return times * float((6.0 * fitted.runs.n_params * fitted.runs.n_tokens).max())


def _refuse_idle(given: Mapping[str, object], needed: str) -> None:
    """Raise `UsageError` for options that say nothing without another."""
    idle = [name for name, value in given.items() if value is not None]
    if idle:
        from scalelaw.errors import UsageError

        raise UsageError(f"Without {needed.split()[0]} nothing follows from {' and '.join(idle)}. Next: {needed}.")


def cluster_of(
    gpus: str | None,
    mfu: float | None,
    dtype: str,
    peak: float | None,
    price: float | None,
    accelerator_file: Path | None,
) -> Cluster | None:
    """The devices, of the user's own table where there is one; None where none are named."""
    from scalelaw.hardware import cluster, read_accelerators

    if gpus is None:
        return None
    known = None if accelerator_file is None else read_accelerators(accelerator_file)
    return cluster(gpus, mfu=mfu, dtype=dtype, peak=peak, price=price, known=known)


def serving_weight(
    cluster: Cluster | None,
    gpu: str | None,
    mfu: float | None,
    price: float | None,
    dtype: str,
    accelerator_file: Path | None,
) -> float:
    """What a FLOP of serving costs in FLOPs of training: the ratio of price over peak x MFU."""
    from dataclasses import replace

    from scalelaw.errors import UsageError

    if cluster is None:
        raise UsageError("A price of serving is compared with one of training. Next: --gpus 512xH100.")
    serving = cluster_of(gpu, None, dtype, None, None, accelerator_file) or cluster
    serving = replace(
        serving, count=1, mfu=cluster.mfu if mfu is None else mfu, price=serving.price if price is None else price
    )
    training = replace(cluster, count=1)
    weight = serving.price / serving.flops_per_second / (training.price / training.flops_per_second)
    if weight != weight:
        raise UsageError("The price of serving or of training is not known. Next: --price and --serve-price.")
    return weight
