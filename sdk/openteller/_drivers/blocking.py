"""The blocking driver: threads may share it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from openteller._core.setup import Setup
from openteller._core.tokens import Source, Tokens
from openteller._core.wire import Answer, Authorise, Consult, Effect, Fault, Request, Send, Sleep, Token
from openteller._drivers.forks import begin_anew_in_children
from openteller.errors import ConfigurationError, OpenTellerError, TimedOut

__all__ = ["BlockingDriver", "Transport"]

T = TypeVar("T")


class Transport(Protocol):
    """Sends a request."""

    def send(self, request: Request, timeout: float) -> Answer:
        """Give the answer, within so many seconds.

        Raises:
            Fault: there is none.
        """

    def close(self) -> None:
        """Let go of connections."""


class BlockingDriver:
    """Runs calls in the calling thread.

    The transport is made with the first request, and again in a forked child: two processes must not share a socket.
    """

    def __init__(self, connect: Callable[[], Transport]) -> None:
        self._connect = connect
        self._tokens = Tokens()
        self._is_closed = False
        self.begin()
        begin_anew_in_children(self)

    def begin(self) -> None:
        """Have no transport yet, and no thread that holds a lock."""
        self._transport: Transport | None = None
        self._connecting = threading.Lock()
        self._fetching: WeakKeyDictionary[Source, threading.Lock] = WeakKeyDictionary()

    def run(self, setup: Setup, steps: Generator[Effect, Any, T]) -> T:
        """Do what a call asks for until it ends."""
        told: Any = None
        fault: Fault | OpenTellerError | None = None
        try:
            while True:
                effect = steps.throw(fault) if fault else steps.send(told)
                told = fault = None
                try:
                    told = self._do(setup, effect)
                except (Fault, OpenTellerError) as error:
                    fault = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def complete(self, setup: Setup, steps: Generator[Effect, Any, T]) -> T:
        """Do the same: nobody cancels a thread."""
        return self.run(setup, steps)

    def _do(self, setup: Setup, effect: Effect) -> object:
        match effect:
            case Send():
                return self._ready().send(effect.request, effect.timeout)
            case Authorise():
                return self._token(setup, effect)
            case Consult():
                return effect.act()
            case Sleep():
                self.sleep(effect.seconds)
        return None

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def _token(self, setup: Setup, effect: Authorise) -> Token:
        """Give a good token. Of many threads that need one, one asks, and the others wait for it."""
        source = setup.customer or self._tokens
        if token := source.usable(setup.monotonic(), effect.refused):
            return token
        ends = setup.monotonic() + effect.timeout
        lock = self._lock_of(source)
        if not lock.acquire(timeout=effect.timeout):
            text = "fetchToken: another thread was still asking for a token at the deadline"
            raise TimedOut(text, retryable="later")
        try:
            if token := source.usable(setup.monotonic(), effect.refused):
                return token
            left = max(ends - setup.monotonic(), 1e-3)
            return source.keep(self.run(setup, source.obtain(setup.changed(deadline=left), effect.refused)))
        finally:
            lock.release()

    def _lock_of(self, source: Source) -> threading.Lock:
        with self._connecting:
            return self._fetching.setdefault(source, threading.Lock())

    def _ready(self) -> Transport:
        transport = self._transport
        if transport is not None:
            return transport
        with self._connecting:
            if self._is_closed:
                raise ConfigurationError("this client is closed: make another one, or close it later")
            if self._transport is None:
                self._transport = self._connect()
            return self._transport

    def close(self) -> None:
        """Let go of connections. A closed client sends nothing more."""
        with self._connecting:
            self._is_closed = True
            if self._transport is not None:
                self._transport.close()
            self._transport = None
