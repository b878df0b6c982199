"""Events: what has happened, in order, for an app that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
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

    async def follow(
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
        """
        while True:
            async for event in self.list(after=after, type=type, limit=100):
                yield event
                after = event.event_id
            await self._caller.sleep(interval)
