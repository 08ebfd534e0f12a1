"""What a run takes is measured, not guessed."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from runners.metering import Clock, peak_memory, reset_peak_memory


def test_device_time_on_a_cpu_is_processor_time() -> None:
    """Sleeping takes time on the wall only; what earlier attempts took is added."""
    clock = Clock("cpu", wall_s=100.0, device_s=50.0)
    with clock:
        time.sleep(0.2)
    assert 100.2 <= clock.wall_s < 105
    assert 50.0 <= clock.device_s < 50.15


def test_device_time_on_cuda_is_the_sum_of_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of work lies between two events; each pair is counted once."""
    made = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            made.append(self)
            self.at_ms = 250.0 * len(made) ** 2

        def synchronize(self) -> None:
            pass

        def elapsed_time(self, end: Event) -> float:
            return end.at_ms - self.at_ms

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    clock = Clock("cuda", device_s=1.0)
    for _ in range(2):
        with clock:
            pass
    assert clock.device_s == pytest.approx(1.0 + 0.25 * ((4 - 1) + (16 - 9)))
    assert clock.device_s == pytest.approx(3.5)


def test_the_peak_of_memory_is_that_of_this_run() -> None:
    """What an earlier run of the process took is forgotten where the system can forget it."""
    big = np.ones(2**24)  # 128 MiB, touched
    high = peak_memory("cpu")
    assert high > big.nbytes
    del big
    reset_peak_memory("cpu")
    low = peak_memory("cpu")
    assert low <= high
    if low == high:
        pytest.skip("this system cannot reset the peak")
    assert high - low > 2**26
