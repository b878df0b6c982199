"""The driver for async programs, on asyncio or trio: tasks of one event loop may share it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

import anyio

from openteller._core.setup import Setup
from openteller._core.tokens import Tokens, fetch_token
from openteller._core.wire import Answer, Authorise, Effect, Fault, Request, Send, Sleep
from openteller.errors import TimedOut

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
        self._transport: AsyncTransport | None = None
        self._process = os.getpid()
        self._tokens = Tokens()
        self._fetching: anyio.Lock | None = None
        self._is_closed = False

    async def run(self, setup: Setup, steps: Generator[Effect, Any, T]) -> T:
        """Do what a call asks for until it ends."""
        told: Any = None
        fault: Fault | None = None
        try:
            while True:
                effect = steps.throw(fault) if fault else steps.send(told)
                told = fault = None
                try:
                    told = await self._do(setup, effect)
                except Fault as error:
                    fault = error
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def _do(self, setup: Setup, effect: Effect) -> object:
        match effect:
            case Send():
                return await self._ready().send(effect.request, effect.timeout)
            case Authorise():
                return await self._token(setup, effect)
            case Sleep():
                await self.sleep(effect.seconds)
        return None

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await anyio.sleep(seconds)

    async def _token(self, setup: Setup, effect: Authorise) -> str:
        """Give a good token. Of many tasks that need one, one asks, and the others wait for it."""
        if token := self._tokens.usable(setup.monotonic(), effect.refused):
            return token
        lock = self._fetching = self._fetching or anyio.Lock()
        ends = setup.monotonic() + effect.timeout
        with anyio.move_on_after(effect.timeout) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            raise TimedOut("fetchToken: another task was still asking for a token at the deadline")
        try:
            if token := self._tokens.usable(setup.monotonic(), effect.refused):
                return token
            left = max(ends - setup.monotonic(), 1e-3)
            return self._tokens.keep(await self.run(setup, fetch_token(setup.changed(deadline=left))))
        finally:
            lock.release()

    def _ready(self) -> AsyncTransport:
        if self._transport is None or self._process != os.getpid():
            if self._is_closed:
                raise RuntimeError("this client is closed")
            self._transport, self._process = self._connect(), os.getpid()
        return self._transport

    async def aclose(self) -> None:
        """Let go of connections. A closed client sends nothing more."""
        self._is_closed = True
        if self._transport is not None and self._process == os.getpid():
            await self._transport.aclose()
        self._transport = None
