"""Several server processes on one port that are one bank: begun, watched, and begun again where one has died.

The process that the operator started serves nothing and holds no connection: it forks, waits, and ends its workers
when it is ended. They listen on the port themselves (SO_REUSEPORT), so that what befalls one is nothing to the others.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger("openteller_sandbox.workers")

Work = Callable[[bool, int, Callable[[], None]], None]
"""Serves until it is told to stop. Takes whether to tell people that the bank is open; a descriptor that can be read
when the first process is gone; and what to call when it is about to listen."""

_PATIENCE_S = 10.0
_YOUNG_S = 5.0
_LONGEST_PAUSE_S = 30.0


class WorkerError(Exception):
    """A worker has died before it could serve; it has said why itself."""


def can_fork() -> bool:
    """Tell whether this system makes processes the way that workers need."""
    return hasattr(os, "fork")


def keep(count: int, work: Work) -> None:
    """Run so many workers until something is raised here, such as a KeyboardInterrupt; then end them.

    Raises:
        WorkerError: one could not begin.
    """
    crew = _Crew(work)
    try:
        beginning = [crew.begin() for _ in range(count - 1)]
        for ready in beginning:
            crew.wait_for(ready)
        crew.wait_for(crew.begin(tells=True))
        crew.watch()
    finally:
        crew.end()


class _Crew:
    """Workers by their process id, with when each began."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._began: dict[int, float] = {}
        self._deaths = 0
        # Nothing is ever written: it can be read when nobody holds the other end any more.
        self._leash, self._hand = os.pipe()

    def begin(self, *, tells: bool = False) -> int:
        """Fork a worker; give what can be read when it is ready, or dead."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(self._hand)
            os.close(reading)
            self._work_and_leave(tells, writing)
        os.close(writing)
        self._began[child] = time.monotonic()
        return reading

    def wait_for(self, ready: int) -> None:
        """Wait until a worker is about to listen.

        Raises:
            WorkerError: it has died instead.
        """
        with open(ready, "rb") as pipe:
            if not pipe.read(1):
                raise WorkerError("a worker could not begin")

    def watch(self) -> NoReturn:
        """Begin another one for each that dies; ever later, where they die young."""
        while True:
            child, status = os.wait()
            began = self._began.pop(child, None)
            if began is None:
                continue
            self._deaths = self._deaths + 1 if time.monotonic() - began < _YOUNG_S else 0
            pause = min(_LONGEST_PAUSE_S, 2.0**self._deaths - 1)
            log.error("worker %d has died (%s): another one begins in %d s", child, _told(status), pause)
            time.sleep(pause)
            os.close(self.begin())

    def end(self) -> None:
        """Ask every worker to finish, and end those that do not."""
        os.close(self._hand)
        for child in self._began:
            _send(child, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE_S
        while self._began and time.monotonic() < until:
            self._reap()
            time.sleep(0.02)
        for child in self._began:
            _send(child, signal.SIGKILL)
        self._reap()
        os.close(self._leash)

    def _reap(self) -> None:
        for child in list(self._began):
            with suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG)[0] == 0:
                    continue
            del self._began[child]

    def _work_and_leave(self, tells: bool, writing: int) -> NoReturn:
        """Work, and end without the first process's clean-up."""
        code = 1
        try:
            self._work(tells, self._leash, lambda: _tell(writing))
            code = 0
        except KeyboardInterrupt:
            code = 0
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told, and the others go on
            log.error("worker %d: %s: %s", os.getpid(), type(error).__name__, error)  # noqa: TRY400 - one line
        finally:
            logging.shutdown()
            os._exit(code)


def _tell(writing: int) -> None:
    with suppress(BrokenPipeError):  # of one that was begun again nobody waits
        os.write(writing, b"+")
    os.close(writing)


def _send(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _told(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
