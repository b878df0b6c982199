"""What a resource needs to make calls: the setup and a driver."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from openteller._async.paging import AsyncPager, AsyncRows
from openteller._core.call import call
from openteller._core.decoding import decode
from openteller._core.operation import Operation
from openteller._core.paging import PageModel
from openteller._core.setup import Setup
from openteller._core.wire import Effect, Outcome
from openteller._drivers.concurrent import ConcurrentDriver

__all__ = ["AsyncCaller", "captured"]

T = TypeVar("T")
P = TypeVar("P", bound=PageModel)
R = TypeVar("R")

captured: ContextVar[list[Outcome] | None] = ContextVar("openteller_captured_async", default=None)
"""Where answers are put while ``client.raw`` is at work."""


class AsyncCaller:
    """Makes calls for the resources of one client."""

    def __init__(self, setup: Setup, driver: ConcurrentDriver) -> None:
        self.setup = setup
        self.driver = driver

    async def send(
        self,
        operation: Operation,
        *,
        identifiers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        key: str | None = None,
        accept: str | None = None,
    ) -> Outcome:
        """Call an operation; give the answer as it came, with the number of tries and the key.

        accept: the media type that is wanted; without it, the operation's usual one.
        """
        steps = call(self.setup, operation, identifiers=identifiers, query=query, body=body, key=key, accept=accept)
        outcome = await self.driver.run(self.setup, steps)
        if (outcomes := captured.get()) is not None:
            outcomes.append(outcome)
        return outcome

    async def get(
        self,
        operation: Operation,
        model: type[T],
        *,
        identifiers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> T:
        """Read."""
        return decode(operation.name, model, await self.send(operation, identifiers=identifiers, query=query))

    async def post(
        self,
        operation: Operation,
        model: type[T],
        *,
        identifiers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        key: str | None = None,
    ) -> T:
        """Act."""
        return decode(operation.name, model, await self.send(operation, identifiers=identifiers, body=body, key=key))

    def rows(
        self,
        operation: Operation,
        page: type[P],
        row: type[R],
        query: Mapping[str, object],
        *,
        identifiers: Mapping[str, str] | None = None,
    ) -> AsyncRows[P, R]:
        """Give a list that is fetched page by page when it is read."""

        async def fetch(parameters: Mapping[str, object]) -> P:
            return await self.get(operation, page, identifiers=identifiers, query=parameters)

        return AsyncRows(AsyncPager(fetch, query, operation.name), row)

    async def run(self, steps: Generator[Effect, Any, T], setup: Setup | None = None) -> T:
        """Do what several steps ask for until they end; setup: where it is not this client's."""
        return await self.driver.run(setup or self.setup, steps)

    async def complete(self, steps: Generator[Effect, Any, T]) -> T:
        """Do what several steps ask for to their end, also where this task is cancelled meanwhile."""
        return await self.driver.complete(self.setup, steps)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self.driver.sleep(seconds)
