"""Tokens in the memory of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from openteller._core.store import Kept
from openteller._drivers.forks import begin_anew_in_children

__all__ = ["MemoryTokenStore"]


@dataclass(slots=True)
class _Row:
    kept: Kept
    ends: float | None
    claimed_until: float = 0.0


class MemoryTokenStore:
    """Keeps tokens in the memory of this process, for its threads and tasks; they end with it.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._versions = 0
        self.begin()
        begin_anew_in_children(self)

    def begin(self) -> None:
        """Have a lock that nobody holds; a forked child calls it."""
        self._lock = threading.Lock()

    def load(self, name: str) -> Kept | None:
        """Give what is kept under a name; None where nothing is."""
        with self._lock:
            row = self._row(name)
            return row.kept if row else None

    def swap(self, name: str, content: bytes | None, *, version: int, seconds: float | None = None) -> bool:
        """Keep something in the place of what has this version; False where that is not there any more."""
        with self._lock:
            row = self._row(name)
            if (row.kept.version if row else 0) != version:
                return False
            self._rows.pop(name, None)
            if content is not None:
                self._forget_old()
                self._versions += 1
                self._rows[name] = _Row(Kept(self._versions, content), seconds and self._clock() + seconds)
            return True

    def claim(self, name: str, *, version: int, seconds: float) -> bool:
        """Claim the right to replace what has this version; False where somebody else's claim holds."""
        with self._lock:
            row = self._row(name)
            if row is None or row.kept.version != version or row.claimed_until > self._clock():
                return False
            row.claimed_until = self._clock() + seconds
            return True

    def release(self, name: str, *, version: int) -> None:
        """Give up a claim."""
        with self._lock:
            row = self._row(name)
            if row is not None and row.kept.version == version:
                row.claimed_until = 0.0

    def _row(self, name: str) -> _Row | None:
        row = self._rows.get(name)
        return row if row and (row.ends is None or row.ends > self._clock()) else None

    def _forget_old(self) -> None:
        now = self._clock()
        for name in [name for name, row in self._rows.items() if row.ends is not None and row.ends <= now]:
            del self._rows[name]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
