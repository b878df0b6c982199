"""The sandbox's own operations: apps, magic accounts, the test clock. A production bank does not have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.faults import AsyncFaults
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.sandbox import App, Clock, MagicValue, MagicValueList, RequestLogEntry, RequestLogList, World

__all__ = ["AsyncSandbox"]


class AsyncSandbox:
    """``client.sandbox``. Scope ``sandbox``; it reaches the app's own world only."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    @cached_property
    def faults(self) -> AsyncFaults:
        """What goes wrong in the world because it was ordered."""
        return AsyncFaults(self._caller)

    async def create_app(
        self,
        *,
        name: str,
        return_urls: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        join: Literal["none", "world", "partner"] | None = None,
    ) -> App:
        """Make an app; its secret is shown this once. No credentials are needed, unless it joins the caller's world.

        Args:
            name: what payers see as the partner's name.
            return_urls: where the result page may lead back to.
            scopes: what it may do; everything unless told.
            join: ``world`` shares the caller's world, ``partner`` its partner too.
        """
        body = {"name": name, "return_urls": return_urls, "scopes": scopes, "join": join}
        return await self._caller.post(catalogue.CREATE_APP, App, body=body)

    def magic_values(self, *, biller_id: str) -> AsyncRows[MagicValueList, MagicValue]:
        """List the account numbers of a biller that choose what happens; the page also names demo customers."""
        return self._caller.rows(catalogue.LIST_MAGIC_VALUES, MagicValueList, MagicValue, {"biller_id": biller_id})

    async def clock(self) -> Clock:
        """Get the bank time of the app's world."""
        return await self._caller.get(catalogue.GET_CLOCK, Clock)

    async def advance_clock(self, *, seconds: int | None = None, to: datetime | None = None) -> Clock:
        """Move bank time on, by seconds or to an instant; what falls due on the way is done before this returns.

        Raises:
            InvalidRequest: ``CLOCK_BACKWARD``: bank time does not go back, nor far ahead in one step.
        """
        return await self._caller.post(catalogue.ADVANCE_CLOCK, Clock, body={"seconds": seconds, "to": to})

    async def reset(self) -> World:
        """Forget what the app's world has made, and set its clock back."""
        return await self._caller.post(catalogue.RESET_WORLD, World)

    def requests(
        self, *, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[RequestLogList, RequestLogEntry]:
        """List the world's last requests, the newest first, without what they carried."""
        query = {"after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_REQUESTS, RequestLogList, RequestLogEntry, query)
