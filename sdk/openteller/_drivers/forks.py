"""What a forked child does with the drivers that it inherits."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["begin_anew_in_children"]


class Driver(Protocol):
    """Something with connections and locks."""

    def begin(self) -> None:
        """Forget both: two processes must not share a socket, and who held a lock is not in the child."""


_drivers: WeakSet[Driver] = WeakSet()


def begin_anew_in_children(driver: Driver) -> None:
    """Let a driver begin anew in every child that is forked while it lives."""
    _drivers.add(driver)


def _in_child() -> None:
    for driver in list(_drivers):
        driver.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
