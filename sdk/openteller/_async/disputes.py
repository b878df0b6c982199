"""Disputes about payments, and refunds."""

from __future__ import annotations

from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.disputes import Dispute, DisputeList, Refund

__all__ = ["AsyncDisputes", "AsyncRefunds"]

Type = Literal["SERVICE_NOT_RECEIVED", "PAID_WRONG_ACCOUNT", "DUPLICATE", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED"]


class AsyncDisputes:
    """``client.disputes``. Scopes ``disputes:create`` and ``payments:read``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        payment_id: str,
        type: Type,  # noqa: A002 - the contract's name
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Dispute:
        """Say that a payment which has succeeded went wrong all the same; a clerk of the bank decides.

        Args:
            type: what the payer says, as the contract's ``DisputeType`` explains.
            description: what the clerk should know. No names, no account numbers.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            Conflict: ``DISPUTE_OPEN`` (``error.dispute_id`` is the one that is open), ``DISPUTE_NOT_POSSIBLE``.
            InvalidRequest: there is no such payment for this app.
        """
        body = {"payment_id": payment_id, "type": type, "description": description}
        return await self._caller.post(catalogue.CREATE_DISPUTE, Dispute, body=body, key=idempotency_key)

    def list(
        self,
        *,
        status: Literal["ASSIGNED", "RESOLVED", "REJECTED"] | None = None,
        payment_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[DisputeList, Dispute]:
        """List the app's own disputes, the newest first."""
        query = {"status": status, "payment_id": payment_id, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_DISPUTES, DisputeList, Dispute, query)

    async def get(self, dispute_id: str) -> Dispute:
        """Get a dispute; ``resolution`` is there once it is decided.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_DISPUTE, Dispute, identifiers={"dispute_id": dispute_id})


class AsyncRefunds:
    """``client.refunds``: money on its way back to payers. Scope ``payments:read``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get(self, refund_id: str) -> Refund:
        """Get a refund; a payment names its own in ``refunds``.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_REFUND, Refund, identifiers={"refund_id": refund_id})
