"""What a run takes: seconds on the wall and on the device, and memory."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch


class Clock:
    """Seconds spent on a run: `wall_s` on the wall's clock and `device_s` of computing.

    On a CPU the latter is processor time of the process; on CUDA, the device's time between the first and the last
    operation of each piece of work, as its own events measure it.
    """

    def __init__(self, device: str, wall_s: float = 0.0, device_s: float = 0.0) -> None:
        self.cuda = device == "cuda"
        self._wall_before, self._wall_began = wall_s, time.perf_counter()
        self._device_before, self._device_began = device_s, time.process_time()
        self._events: list[torch.cuda.Event] = []
        reset_peak_memory(device)

    @property
    def wall_s(self) -> float:
        """So far, earlier attempts included."""
        return self._wall_before + time.perf_counter() - self._wall_began

    @property
    def device_s(self) -> float:
        """So far, earlier attempts included; on CUDA it waits for the device."""
        if not self.cuda:
            return self._device_before + time.process_time() - self._device_began
        for start, end in zip(self._events[::2], self._events[1::2], strict=True):
            end.synchronize()
            self._device_before += start.elapsed_time(end) / 1e3
        self._events.clear()
        return self._device_before

    def __enter__(self) -> None:
        self._mark()

    def __exit__(self, *error: object) -> None:
        self._mark()

    def _mark(self) -> None:
        if self.cuda:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._events.append(event)


def reset_peak_memory(device: str) -> None:
    """Forget what an earlier run of this process took, where the system can."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: str) -> int:
    """Most bytes held at once: by tensors on CUDA, else resident memory of the process, the interpreter included."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    with suppress(OSError, StopIteration), open("/proc/self/status") as status:
        return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def accelerators() -> str:
    """The names of the CUDA devices torch sees, with its version of CUDA; empty where there is none."""
    if not torch.cuda.is_available():
        return ""
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{', '.join(names)}; CUDA {torch.version.cuda}"
