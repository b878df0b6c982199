"""Faults that an app orders for its own world of the sandbox."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.sandbox import Fault, FaultList

__all__ = ["AsyncFaults"]


class AsyncFaults:
    """``client.sandbox.faults``. Scope ``sandbox``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        operation_id: str | None = None,
        path: str | None = None,
        leg: Literal["query", "post", "query_posting", "reverse", "reconcile"] | None = None,
        biller_id: str | None = None,
        payment_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
        delay_ms: int | None = None,
        drop: Literal["BEFORE", "AFTER"] | None = None,
        times: int | None = None,
        probability: Decimal | str | None = None,
        expires_at: datetime | None = None,
    ) -> Fault:
        """Let something go wrong from now on.

        Args:
            operation_id: an operation of the contract, such as ``createPayment``.
            path: instead of it, a path in which ``*`` stands for any text; pages too.
            leg: instead of both, something that bank and biller say to each other.
            biller_id: only the leg to this biller.
            payment_id: only the leg for this payment.
            status, code: what is answered instead.
            delay_ms: how much later the answer comes; of a leg in bank time.
            drop: the answer is lost, before or after anything was done.
            times: how often; without it until the fault is taken away.
            probability: how likely, drawn from the seed of the world.
            expires_at: until when, in bank time.

        Raises:
            InvalidRequest: members that do not go together, or too many faults.
        """
        match = {
            "operation_id": operation_id,
            "path": path,
            "leg": leg,
            "biller_id": biller_id,
            "payment_id": payment_id,
        }
        effect = {"status": status, "code": code, "delay_ms": delay_ms, "drop": drop}
        body = {
            "match": {name: value for name, value in match.items() if value is not None},
            "effect": {name: value for name, value in effect.items() if value is not None},
            "times": times,
            "probability": None if probability is None else str(probability),
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
