"""The driver for async programs, on asyncio or trio: tasks of one event loop may share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from openteller._core.setup import Setup
from openteller._core.tokens import Source, Tokens
from openteller._core.wire import Answer, Authorise, Consult, Effect, Fault, Request, Send, Sleep, Token
from openteller._drivers.forks import begin_anew_in_children
from openteller.errors import ConfigurationError, OpenTellerError, TimedOut

__all__ = ["AsyncTransport", "ConcurrentDriver"]

T = TypeVar("T")


class AsyncTransport(Protocol):
    """Sends a request."""

    async def send(self, request: Request, timeout: float) -> Answer:  # noqa: ASYNC109 - a transport counts itself
        """Give the answer, within so many seconds.

        Raises:
            Fault: there is none.
        """

    async def aclose(self) -> None:
        """Let go of connections."""


class ConcurrentDriver:
    """Runs calls in the calling task."""

    def __init__(self, connect: Callable[[], AsyncTransport]) -> None:
        self._connect = connect
        self._tokens = Tokens()
        self._is_closed = False
        self.begin()
        begin_anew_in_children(self)

    def begin(self) -> None:
        """Have no transport yet, no task that holds the lock, and no event loop."""
        self._transport: AsyncTransport | None = None
        self._fetching: WeakKeyDictionary[Source, anyio.Lock] = WeakKeyDictionary()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, setup: Setup, steps: Generator[Effect, Any, T]) -> T:
        """Do what a call asks for until it ends."""
        self._settle()
        told: Any = None
        fault: Fault | OpenTellerError | None = None
        try:
            while True:
                effect = steps.throw(fault) if fault else steps.send(told)
                told = fault = None
                try:
                    told = await self._do(setup, effect)
                except (Fault, OpenTellerError) as error:
                    fault = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def complete(self, setup: Setup, steps: Generator[Effect, Any, T]) -> T:
        """Do the same to its end, also where the task is cancelled meanwhile: what is half done would be lost."""
        with anyio.CancelScope(shield=True):
            result = await self.run(setup, steps)
        return result  # noqa: RET504 - for mypy, leaving the scope could end an exception

    def _settle(self) -> None:
        """Begin anew where asyncio runs another loop than before: connections end with theirs.

        Raises:
            ConfigurationError: both loops run.
        """
        loop = _running_loop()
        if loop is self._loop:
            return
        if self._loop is not None and not self._loop.is_closed():
            raise ConfigurationError(
                "this client is used by another event loop, which has not ended: make one for each"
            )
        self.begin()
        self._loop = loop

    async def _do(self, setup: Setup, effect: Effect) -> object:
        match effect:
            case Send():
                return await self._ready().send(effect.request, effect.timeout)
            case Authorise():
                return await self._token(setup, effect)
            case Consult():
                return await anyio.to_thread.run_sync(effect.act)
            case Sleep():
                await self.sleep(effect.seconds)
        return None

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await anyio.sleep(seconds)

    async def _token(self, setup: Setup, effect: Authorise) -> Token:
        """Give a good token. Of many tasks that need one, one asks, and the others wait for it."""
        source = setup.customer or self._tokens
        if token := source.usable(setup.monotonic(), effect.refused):
            return token
        lock = self._fetching.setdefault(source, anyio.Lock())
        ends = setup.monotonic() + effect.timeout
        with anyio.move_on_after(effect.timeout) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            text = "fetchToken: another task was still asking for a token at the deadline"
            raise TimedOut(text, retryable="later")
        try:
            if token := source.usable(setup.monotonic(), effect.refused):
                return token
            left = max(ends - setup.monotonic(), 1e-3)
            with anyio.CancelScope(shield=source.must_finish):
                obtained = await self.run(setup, source.obtain(setup.changed(deadline=left), effect.refused))
            return source.keep(obtained)
        finally:
            lock.release()

    def _ready(self) -> AsyncTransport:
        if self._transport is None:
            if self._is_closed:
                raise ConfigurationError("this client is closed: make another one, or close it later")
            self._transport = self._connect()
        return self._transport

    async def aclose(self) -> None:
        """Let go of connections. A closed client sends nothing more."""
        self._is_closed = True
        if self._transport is not None and self._loop is _running_loop():
            await self._transport.aclose()
        self._transport = None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """Give asyncio's loop; None on trio, whose connections know no loop."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
