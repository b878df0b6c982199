"""The sandbox's own operations: apps, magic accounts, the test clock. A production bank does not have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.sandbox import (
    App,
    Clock,
    Fault,
    FaultList,
    MagicValue,
    MagicValueList,
    RequestLogEntry,
    RequestLogList,
    World,
)

__all__ = ["AsyncSandbox"]


class AsyncSandbox:
    """``client.sandbox``. Scope ``sandbox``; it reaches the app's own world only."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self.faults = AsyncFaults(caller)

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


class AsyncFaults:
    """``client.sandbox.faults``: what goes wrong in the app's world because it was ordered."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        match: Mapping[str, str],
        effect: Mapping[str, object],
        times: int | None = None,
        probability: Decimal | None = None,
        expires_at: datetime | None = None,
    ) -> Fault:
        """Let something go wrong from now on.

        Args:
            match: ``{"operation_id": "createPayment"}``, ``{"path": "/pay/*"}`` with ``*`` for any text, or ``{"leg":
                "post"}``, something that bank and biller say to each other; with a leg ``biller_id`` and ``payment_id``
                narrow it down.
            effect: ``status`` or ``code``, ``delay_ms``, or ``drop``, BEFORE or AFTER anything is done.
            times: how often; without it until the fault is taken away.
            probability: how likely, above 0 and up to 1; drawn from the seed of the world.
            expires_at: until when, in bank time.

        Raises:
            InvalidRequest: members that do not go together, or too many faults.
        """
        body = {
            "match": match,
            "effect": effect,
            "times": times,
            "probability": probability,
            "expires_at": expires_at,
        }
        return await self._caller.post(catalogue.CREATE_FAULT, Fault, body=body)

    def list(self, *, after: str | None = None, limit: int | None = None) -> AsyncRows[FaultList, Fault]:
        """List the faults of the world, in the order in which they are tried."""
        return self._caller.rows(catalogue.LIST_FAULTS, FaultList, Fault, {"after": after, "limit": limit})

    async def delete(self, fault_id: str) -> Fault:
        """Take a fault away; gives it as it stood.

        Raises:
            NotFound: the world has no such fault.
        """
        return await self._caller.get(catalogue.DELETE_FAULT, Fault, identifiers={"fault_id": fault_id})
