"""Accelerators: what they reach at best, what they hold, and about what an hour of one costs.

Peaks are dense: the figures with 2:4 sparsity that datasheets print first are twice as high and no training reaches
them. FLOP/s here count a multiplication and an addition as two, as 6 N D does.
"""

from __future__ import annotations

import csv
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from scalelaw.errors import DataError, UsageError
from scalelaw.numbers import parse_number

DTYPES = ("fp32", "tf32", "fp16", "bf16", "fp8")
HOUR, DAY = 3600.0, 86_400.0
MFU = 0.4
"""The utilisation a plan assumes, and says so, where none is given."""
MFU_RANGE = (0.3, 0.5)
"""Utilisations of large trainings that were reported: about 0.3 to 0.5 (Chowdhery et al. 2022, arXiv 2204.02311,
table 3, collects 0.21 to 0.46; Llama Team 2024, arXiv 2407.21783, section 3.3, reports 0.38 to 0.43)."""


@dataclass(frozen=True)
class Accelerator:
    """One kind of device.

    Attributes:
        memory_gb: memory of a device, 10^9 bytes.
        peak: dense peak of matrix products by dtype, FLOP/s.
        price: of an hour, in USD; NaN where nobody rents it out by itself.
        price_note: what that price is.
        source: where the peaks are from.
    """

    name: str
    memory_gb: float
    peak: Mapping[str, float]
    price: float = math.nan
    price_note: str = ""
    source: str = ""

    def peak_flops(self, dtype: str) -> float:
        """Dense FLOP/s in a dtype; `UsageError` lists those it has."""
        if dtype not in self.peak:
            raise UsageError(
                f"No peak in {dtype} is known for {self.name}. Known: {', '.join(self.peak)}. Next: --dtype or --peak."
            )
        return self.peak[dtype]


@dataclass(frozen=True)
class Cluster:
    """Devices that train together.

    Attributes:
        accelerator: which; count: how many.
        mfu: the share of the dense peak that 6 N D reaches; `assumed` says that nobody gave it.
        dtype: of the matrix products, which picks the peak; `peak` replaces it, FLOP/s of one device.
        price: of an hour of one device, in USD; NaN where unknown.
    """

    accelerator: Accelerator
    count: int
    mfu: float = MFU
    dtype: str = "bf16"
    peak: float = math.nan
    price: float = math.nan
    price_note: str = ""
    assumed: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"A cluster has at least one device; found {self.count}.")
        if not 0 < self.mfu <= 1:
            raise UsageError(
                f"The utilisation is a share of the peak above 0 and up to 1; found {self.mfu:g}. Next: --mfu {MFU:g}."
            )
        for name, value in (("peak", self.peak), ("price", self.price)):
            if math.isinf(value) or value <= 0:
                raise UsageError(
                    f"The {name} of a device must be a positive number; found {value:g}. Next: another --{name}, or "
                    "leave it out for the table's."
                )
        if math.isnan(self.peak):
            self.accelerator.peak_flops(self.dtype)

    @property
    def device_flops(self) -> float:
        """Dense peak of one device, FLOP/s."""
        return self.accelerator.peak_flops(self.dtype) if math.isnan(self.peak) else self.peak

    @property
    def flops_per_second(self) -> float:
        """What all devices do for the model, FLOP/s: count x peak x MFU."""
        return self.count * self.device_flops * self.mfu

    def flops(self, days: float) -> float:
        """FLOPs in so many days."""
        return self.flops_per_second * DAY * days

    def device_hours(self, flops: float) -> float:
        """Hours of one device, times devices, for so many FLOPs."""
        return self.count * flops / self.flops_per_second / HOUR

    def days(self, flops: float) -> float:
        """Days of the whole cluster for so many FLOPs."""
        return flops / self.flops_per_second / DAY

    def money(self, device_hours: float) -> float:
        """Their price in USD; NaN where the price is unknown."""
        return device_hours * self.price

    @property
    def sentence(self) -> str:
        """What it is, with what was assumed."""
        assumed = " (assumed)" if self.assumed else ""
        return (
            f"{self.count} x {self.accelerator.name}, {self.device_flops:.4g} FLOP/s each in {self.dtype} "
            f"(dense peak), MFU {self.mfu:g}{assumed}"
        )


@cache
def accelerators() -> Mapping[str, Accelerator]:
    """The shipped table, by name."""
    text = (files("scalelaw") / "accelerators.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return _by_name(_accelerator(row, f"accelerators.csv, {row.get('name', '')}") for row in csv.DictReader(lines))


def read_accelerators(path: Path) -> Mapping[str, Accelerator]:
    """The user's own table, by name, which goes before the shipped one.

    CSV with the columns name, memory_gb, price and peaks by dtype (bf16, fp8, ...), in FLOP/s; or TOML with a table for
    each name: `[MyChip]`, `bf16 = 4e14`, `memory_gb = 64`, `price = 1.2`.

    Raises:
        DataError: for a file that is neither, a peak or price that is no positive number, or no peak at all.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".toml":
        try:
            rows = [{"name": name, **row} for name, row in tomllib.loads(text).items() if isinstance(row, dict)]
        except tomllib.TOMLDecodeError as error:
            raise DataError("E_TOML", f"not TOML: {error}", file=path) from None
    else:
        rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    if not rows:
        remedy = "give a CSV with the columns name, memory_gb, bf16, price, or a TOML with [name], bf16 = FLOP/s"
        raise DataError("E_EMPTY", "no accelerators are in it", file=path, remedy=remedy)
    return {**accelerators(), **_by_name(_accelerator(row, path) for row in rows)}


def _by_name(found: Iterable[Accelerator]) -> dict[str, Accelerator]:
    return {accelerator.name: accelerator for accelerator in found}


def _accelerator(row: Mapping[str, Any], file: str | Path) -> Accelerator:
    name = str(row.get("name") or "").strip()
    peak = {dtype: _positive(row[dtype], dtype, file) for dtype in DTYPES if row.get(dtype) not in (None, "")}
    if not name or not peak:
        raise DataError(
            "E_MISSING_COLUMN",
            f"an accelerator needs a name and a dense peak in FLOP/s by dtype ({', '.join(DTYPES)})",
            file=file,
            value=dict(row),
        )
    memory, price = (
        math.nan if row.get(key) in (None, "") else _positive(row[key], key, file) for key in ("memory_gb", "price")
    )
    return Accelerator(name, memory, peak, price, str(row.get("price_note") or ""), str(row.get("source") or ""))


def _positive(cell: Any, column: str, file: str | Path) -> float:
    try:
        value = parse_number(str(cell))
    except (ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise DataError("E_NOT_POSITIVE", "a positive number was expected", file=file, column=column, value=cell)
    return value


def cluster(
    devices: str,
    *,
    mfu: float | None = None,
    dtype: str = "bf16",
    peak: float | None = None,
    price: float | None = None,
    known: Mapping[str, Accelerator] | None = None,
) -> Cluster:
    """Devices that train together, from `512xH100`; a name alone is one device.

    Names are matched without case, blanks and hyphens, and a beginning will do. What the table says of peak and price
    is replaced by what is given; with a `peak` the name may be one that no table knows.

    Raises:
        UsageError: for an unknown name, listing the known ones, or a count that is no positive whole number.

    >>> eight = cluster("8xH100", mfu=0.4)
    >>> eight.accelerator.name, eight.count, f"{eight.flops(days=30):.3g}"
    ('H100-SXM', 8, '8.21e+21')
    """
    count, name = _counted(devices)
    found = _named(name, accelerators() if known is None else known)
    if found is None and peak is None:
        listed = ", ".join(accelerators() if known is None else known)
        raise UsageError(
            f"Unknown accelerator {name!r}. Known: {listed}. Next: give its --peak in FLOP/s, or an --accelerator-file."
        )
    chosen = found or Accelerator(name, math.nan, {dtype: peak or math.nan})
    return Cluster(
        accelerator=chosen,
        count=count,
        mfu=MFU if mfu is None else mfu,
        dtype=dtype,
        peak=math.nan if peak is None else peak,
        price=chosen.price if price is None else price,
        price_note=chosen.price_note if price is None else "as given",
        assumed=mfu is None,
    )


def _counted(devices: str) -> tuple[int, str]:
    """Count and name of `512xH100`."""
    many = re.fullmatch(r"([-+.,\d]+)\s*[x×*]\s*(.*)", devices.strip(), re.IGNORECASE)
    count, name = many.groups() if many else ("1", devices.strip())
    if not (count.isdecimal() and int(count) > 0 and name):
        raise UsageError(f"Devices are written like 512xH100, a whole number of them; found {devices!r}.")
    return int(count), name


def _named(name: str, table: Mapping[str, Accelerator]) -> Accelerator | None:
    """The accelerator of that name, or the first whose name begins so: the form large trainings use stands first."""
    plain = {_plain(key): accelerator for key, accelerator in table.items()}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    return next((accelerator for key, accelerator in plain.items() if wanted and key.startswith(wanted)), None)


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())
