"""Who trains a run: a file held by one process at a time, so that two launchers may share a store."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from scalelaw.errors import DataError, ScalelawError

HEARTBEAT_S = 10.0
STALE_S = 60.0
"""A lease of another machine is dead after so long without a heartbeat."""

PATIENCE_S = 0.1
"""`is_held` holds the lock for an instant to see whether it can, which must not look like an owner."""


class LeaseTakenError(ScalelawError):
    """Another process trains the run."""


class Lease:
    """The right to train a run, while it is entered.

    The owner holds a lock of the kernel on the file, which ends with the process however it ends, so that a dead owner
    on the same machine is replaced at once. Other machines, which may not see that lock on a shared file system, go by
    the heartbeat: the file's time, set every `HEARTBEAT_S`.

    Raises:
        LeaseTakenError: where another process is alive and holds it; on `check`, where another took it meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._token = json.dumps({"machine": machine(), "pid": os.getpid(), "since": time.time()}).encode()
        self._released = threading.Event()
        self._lost = False

    def __enter__(self) -> Lease:
        self._made = [folder for folder in self.path.parents if not folder.exists()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _lock(self.path)
        except OSError as error:
            problem, remedy = f"the run's folder cannot be written ({error.strerror})", "mend it, or name another store"
            raise DataError("E_UNWRITABLE", problem, file=self.path.parent, remedy=remedy) from None
        content, age_s = os.pread(self._file, 4096, 0), time.time() - os.fstat(self._file).st_mtime
        if _alive_elsewhere(content, age_s):
            os.close(self._file)
            raise LeaseTakenError(_taken(content, age_s))
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, self._token, 0)
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._beating.join()
        if not self._lost:
            self.path.unlink(missing_ok=True)
        os.close(self._file)
        with suppress(OSError):  # a folder that was made for the lease and holds something now stays
            for folder in self._made:
                folder.rmdir()

    def check(self) -> None:
        """Raise where another machine took this process, long silent, for dead."""
        if self._lost:
            raise LeaseTakenError(f"{self.path} was taken over while this process did not run. Nothing was lost.")

    def _beat(self) -> None:
        while not self._released.wait(HEARTBEAT_S):
            try:
                self._lost = self.path.read_bytes() != self._token
            except FileNotFoundError:
                self._lost = True
            if self._lost:
                return
            with suppress(OSError):  # a full disk or a network that is away for a while
                os.utime(self._file)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lease."""
    try:
        with open(path, "rb") as file:
            content, age_s = file.read(4096), time.time() - os.fstat(file.fileno()).st_mtime
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except FileNotFoundError:
        return False
    return _alive_elsewhere(content, age_s)


@cache
def machine() -> str:
    """The host's name and, where the kernel tells, the id of this boot: locks hold within one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


def _lock(path: Path) -> int:
    """The file, opened and locked; again where its last owner removed it in between."""
    patience = time.monotonic() + PATIENCE_S
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        except BlockingIOError:
            content, age_s = os.pread(file, 4096, 0), time.time() - os.fstat(file).st_mtime
            if time.monotonic() > patience:
                os.close(file)
                raise LeaseTakenError(_taken(content, age_s)) from None
            time.sleep(PATIENCE_S / 4)
        os.close(file)


def _alive_elsewhere(content: bytes, age_s: float) -> bool:
    return bool(content) and _owner(content).get("machine") != machine() and age_s < STALE_S


def _owner(content: bytes) -> dict[str, Any]:
    try:
        owner = json.loads(content)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _taken(content: bytes, age_s: float) -> str:
    owner = _owner(content)
    host = str(owner.get("machine", "an unknown machine")).split(" ")[0]
    return f"It is being trained by process {owner.get('pid')} on {host}, heard of {max(age_s, 0):.0f} s ago."
