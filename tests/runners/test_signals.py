"""Signals are noted at once and heeded between steps."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from runners.signals import STOPPING, Interrupted, Stop


@pytest.mark.parametrize("signum", STOPPING)
def test_a_signal_is_heeded_where_it_is_asked_for(signum: int) -> None:
    def work() -> None:
        with Stop() as stop:
            stop.check()
            os.kill(os.getpid(), signum)
            os.kill(os.getpid(), signal.SIGTERM)  # a second one changes nothing
            stop.check()

    with pytest.raises(Interrupted) as caught:
        work()
    assert caught.value.signum == signum
    assert caught.value.exit_code == 128 + signum
    assert signal.Signals(signum).name in str(caught.value)


def test_a_watched_function_heeds_signals_before_every_call() -> None:
    calls: list[int] = []

    def work() -> None:
        with Stop() as stop:
            watched = stop.watching(calls.append)
            watched(1)
            os.kill(os.getpid(), signal.SIGUSR1)
            watched(2)

    with pytest.raises(Interrupted):
        work()
    assert calls == [1]


def test_a_signal_nobody_heeded_is_raised_again_outside() -> None:
    """So that a sweep stops whose run ended just as the signal came."""
    with Stop() as outer:
        with Stop():
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted):
            outer.check()
        outer.signum = None


def test_handlers_are_put_back_and_ignored_signals_stay_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {signum: signal.getsignal(signum) for signum in STOPPING}
    ours = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGUSR2)
            stop.check()
    finally:
        signal.signal(signal.SIGUSR2, ours)
    assert {signum: signal.getsignal(signum) for signum in STOPPING} == before


def test_a_thread_leaves_signals_to_the_main_one() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with Stop() as stop:
            stop.check()
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
