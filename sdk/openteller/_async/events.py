"""Events: what has happened, in order, for an app that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.errors import ConfigurationError
from openteller.models.events import Event, EventList

__all__ = ["AsyncEvents"]


class AsyncEvents:
    """``client.events``. Scope ``payments:read``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        after: str | None = None,
        type: str | None = None,  # noqa: A002 - the contract's name
        limit: int | None = None,
    ) -> AsyncRows[EventList, Event]:
        """List events, the oldest first.

        Args:
            after: the ``event_id`` of the last event that you have handled.
            type: such as ``payment.succeeded``; see ``models.EventType``.
        """
        query = {"after": after, "type": type, "limit": limit}
        return self._caller.rows(catalogue.LIST_EVENTS, EventList, Event, query)

    def follow(
        self,
        *,
        after: str | None = None,
        type: str | None = None,  # noqa: A002 - the contract's name
        interval: float = 2.0,
    ) -> AsyncIterator[Event]:
        """Give every event from a point on, and wait for more, without end.

        Keep the ``event_id`` of each event once you have handled it, and pass the last one as ``after`` when you begin
        again: none is lost, and at most the one that you were handling comes twice.

        Args:
            interval: seconds between two looks when there is nothing new.

        Raises:
            ConfigurationError: the interval is no number above 0.
            OpenTellerError: a look has failed. Ask the same iterator again, and it goes on where it was.
        """
        if not interval > 0:
            raise ConfigurationError("interval is a number of seconds above 0")

        def look(after: str | None) -> AsyncIterator[Event]:
            return aiter(self.list(after=after, type=type, limit=100))

        async def wait() -> None:
            await self._caller.sleep(interval)

        return AsyncFollower(look, wait, after)


class AsyncFollower:
    """Events without end: reads to the last one, waits, and reads on from there."""

    def __init__(
        self, look: Callable[[str | None], AsyncIterator[Event]], wait: Callable[[], Awaitable[None]], after: str | None
    ) -> None:
        self._look = look
        self._wait = wait
        self._after = after
        self._events = look(after)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            try:
                event = await anext(self._events)
            except StopAsyncIteration:
                await self._wait()
                self._events = self._look(self._after)
            else:
                self._after = event.event_id
                return event
