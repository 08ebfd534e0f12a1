"""Accelerators: the shipped table, a user's own, and the arithmetic of a cluster."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.hardware import Cluster, accelerators, cluster, read_accelerators


def test_the_table_names_a_source_and_a_price_for_every_device() -> None:
    table = accelerators()
    assert len(table) >= 15
    for one in table.values():
        assert one.source, one
        assert one.price_note, one
        assert one.memory_gb >= 16, one
        assert 0.1 < one.price < 20, one
        assert {"bf16", "fp16"} & set(one.peak), one


@pytest.mark.parametrize(
    ("name", "bf16"),
    [
        *[("A100", 312e12), ("H100", 989.4e12), ("H200", 989.4e12), ("B200", 2250e12), ("MI300X", 1307.4e12)],
        *[("TPU v4", 275e12), ("tpu-v5e", 197e12), ("TPUv5p", 459e12), ("RTX 4090", 165.2e12), ("l40s", 362e12)],
    ],
)
def test_peaks_are_dense_and_names_are_found_as_people_write_them(name: str, bf16: float) -> None:
    assert cluster(name).device_flops == bf16


def test_fp8_is_twice_as_fast_and_fp32_slower() -> None:
    for one in accelerators().values():
        if "fp8" in one.peak and one.name != "Gaudi-3":
            assert one.peak["fp8"] == pytest.approx(2 * one.peak["bf16"], rel=0.03), one
        if {"fp32", "bf16"} <= set(one.peak):
            assert one.peak["fp32"] < one.peak["bf16"], one


def test_days_and_flops_are_inverse_and_money_is_hours_times_price() -> None:
    many = cluster("512xH100", mfu=0.4, price=2.5)
    assert many.flops(30) == pytest.approx(512 * 989.4e12 * 0.4 * 30 * 86_400)
    assert many.days(many.flops(30)) == pytest.approx(30)
    assert many.device_hours(many.flops(30)) == pytest.approx(512 * 30 * 24)
    assert many.money(many.device_hours(many.flops(30))) == pytest.approx(512 * 30 * 24 * 2.5)


def test_an_assumed_utilisation_says_so() -> None:
    assert "MFU 0.4 (assumed)" in cluster("H100").sentence
    assert "assumed" not in cluster("H100", mfu=0.4).sentence


def test_a_device_nobody_knows_needs_its_peak() -> None:
    with pytest.raises(UsageError, match="give its --peak"):
        cluster("4xChip")
    own = cluster("4xChip", peak=1e14)
    assert (own.accelerator.name, own.count, own.device_flops) == ("Chip", 4, 1e14)
    assert math.isnan(own.price)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"mfu": 0.0}, "share of the peak"),
        ({"mfu": 40.0}, "share of the peak"),
        ({"price": -1.0}, "price of a device must be a positive"),
        ({"peak": math.inf}, "peak of a device must be a positive"),
        ({"dtype": "fp4"}, "No peak in fp4 is known for H100-SXM. Known: fp32, tf32, fp16, bf16, fp8"),
    ],
)
def test_impossible_devices_are_refused(words: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        cluster("8xH100", **words)  # type: ignore[arg-type]


@pytest.mark.parametrize("devices", ["0xH100", "8x", "-8xH100", "1.5xH100"])
def test_counts_are_positive_and_names_are_given(devices: str) -> None:
    with pytest.raises(UsageError, match="written like 512xH100"):
        cluster(devices)


def test_a_users_own_table_goes_before_the_shipped_one(tmp_path: Path) -> None:
    toml, csv = tmp_path / "own.toml", tmp_path / "own.csv"
    toml.write_text("[MyChip]\nbf16 = 4e14\nmemory_gb = 64\nprice = 1.2\n")
    csv.write_text("name,memory_gb,bf16,price\nMyChip,64,4e14,1.2\nH100-SXM,80,9e14,2\n")
    for path in (toml, csv):
        found: Cluster = cluster("2xmychip", known=read_accelerators(path))
        assert (found.device_flops, found.price, found.accelerator.memory_gb) == (4e14, 1.2, 64)
    assert cluster("H100", known=read_accelerators(csv)).device_flops == 9e14


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name,bf16\nMyChip,fast\n", "E_NOT_POSITIVE"),
        ("name,bf16\nMyChip,-1\n", "E_NOT_POSITIVE"),
        ("name,memory_gb\nMyChip,64\n", "E_MISSING_COLUMN"),
        ("", "E_EMPTY"),
    ],
)
def test_a_table_that_says_nothing_usable_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError) as refused:
        read_accelerators(path)
    assert refused.value.code == code
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("devices", ["8xRTX-4090", "8 x RTX-4090", "8XRTX-4090", "8×RTX-4090"])
def test_a_count_is_read_however_the_times_is_written(devices: str) -> None:
    found = cluster(devices)
    assert (found.count, found.accelerator.name) == (8, "RTX-4090")


def test_a_name_that_holds_an_x_is_one_device() -> None:
    assert cluster("RTX-4090").count == 1
