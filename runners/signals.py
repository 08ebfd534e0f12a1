"""Signals that ask a run to stop: noted at once, heeded between two steps, so that what is under way is saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TypeVar

from scalelaw.errors import ScalelawError

T = TypeVar("T")
STOPPING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)
"""Ctrl-C, a closed terminal, and what schedulers send before they kill."""


class Interrupted(ScalelawError):  # noqa: N818 - as KeyboardInterrupt: no error
    """A signal stopped the work, and all of it but the step under way is saved; the exit code is 128 + the signal."""

    def __init__(self, signum: int, saved: str = "Nothing was under way") -> None:
        self.signum, self.exit_code = signum, 128 + signum
        super().__init__(
            f"Stopped by {signal.Signals(signum).name}. {saved}. Next: the same command goes on from there."
        )


class Stop:
    """While it is entered, the signals of `STOPPING` only set a flag; a second one during a save is harmless.

    Signals that were ignored before stay so, and threads other than the main one, which gets no signals, see no flag.
    A signal that nobody has heeded is raised again at the end.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for signum in STOPPING:
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        if self.signum is not None and not isinstance(error, Interrupted):
            signal.raise_signal(self.signum)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.signum = self.signum or signum

    def check(self) -> None:
        """Raise `Interrupted` where a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)

    def watching(self, function: Callable[[Any], T]) -> Callable[[Any], T]:
        """The function, which heeds signals before every call."""

        def watched(argument: Any) -> T:
            self.check()
            return function(argument)

        return watched
