"""Locks beside a database file, held by the one process that serves it, or that does what one may do at a time.

Such a lock is the kernel's (a record lock of POSIX): it ends with its process, however that ends, and no forked child
has it. So a file that is left over keeps nobody out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from openteller_sandbox.db.engine import DatabaseError

__all__ = ["held", "may_be_served", "served"]

_PATIENCE_S = 2.0
"""For a process that is ending."""
_PAUSE_S = 0.05


@contextmanager
def served(path: str) -> Iterator[None]:
    """Be the one who serves a database. Where no lock can be had, such as on a disk without any, nobody is kept out.

    Raises:
        DatabaseError: another process serves it.
    """
    advice = "end that, or give this one another --database; processes that are one bank need PostgreSQL"
    with _lock(_place(path), _PATIENCE_S, f"{path} has a server already, process {{holder}}: {advice}"):
        yield


@contextmanager
def held(path: str, name: str) -> Iterator[None]:
    """Be the one who does something to a database, as ``served``.

    Raises:
        DatabaseError: another process does.
    """
    busy = f"{path}: process {{holder}} is at {name}: wait until it is done"
    with _lock(_place(path, f".{name}"), 0.0, busy):
        yield


def may_be_served(path: str) -> bool:
    """Tell whether a process serves a database, or did until it was killed."""
    return _place(path).exists()


def _place(path: str, what: str = "") -> Path:
    return Path(f"{os.path.realpath(path)}{what}.lock")


@contextmanager
def _lock(place: Path, patience_s: float, busy: str) -> Iterator[None]:
    file = _locked(place, patience_s, busy)
    try:
        yield
    finally:
        if file is not None:
            with suppress(OSError):  # before it is free: whoever has waited for it sees that it is gone
                place.unlink()
            os.close(file)


def _locked(place: Path, patience_s: float, busy: str) -> int | None:
    """Give the open file, locked; None where there are no locks.

    Raises:
        DatabaseError: another process has it.
    """
    ends = time.monotonic() + patience_s
    while True:
        try:
            file = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        try:
            if _take(file) and _is_at(file, place):
                os.ftruncate(file, 0)
                os.write(file, str(os.getpid()).encode())
                return file
            holder = os.read(file, 20).decode("ascii", "replace")
        except OSError:
            os.close(file)
            return None
        os.close(file)
        if time.monotonic() > ends:
            raise DatabaseError(busy.replace("{holder}", holder))
        time.sleep(_PAUSE_S)


def _take(file: int) -> bool:
    """Try to lock a file.

    Raises:
        OSError: there are no locks here.
    """
    if sys.platform == "win32":
        raise OSError
    import fcntl  # noqa: PLC0415 - not everywhere

    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # which of them, the system decides
        return False
    return True


def _is_at(file: int, place: Path) -> bool:
    """Tell whether an open file is the one at a place still, and not one that its last holder has removed."""
    try:
        return os.path.samestat(os.fstat(file), place.stat())
    except FileNotFoundError:
        return False
