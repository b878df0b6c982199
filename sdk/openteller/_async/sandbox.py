"""The sandbox's own operations: apps, magic accounts, the test clock. A production bank does not have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.bill_payment import Payment
from openteller.models.events import Event
from openteller.models.sandbox import (
    App,
    Clock,
    Deed,
    DeedList,
    Fault,
    FaultList,
    MagicValue,
    MagicValueList,
    ReplayReport,
    RequestLogEntry,
    RequestLogList,
    SandboxConsent,
    Scenario,
    ScenarioList,
    ScenarioRun,
    World,
    WorldState,
)

__all__ = ["AsyncSandbox"]


class AsyncSandbox:
    """``client.sandbox``. Scope ``sandbox``; it reaches the app's own world only."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller
        self.faults = AsyncFaults(caller)
        self.scenarios = AsyncScenarios(caller)
        self.worlds = AsyncWorlds(caller)

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

    async def create_consent(
        self,
        *,
        authorization_details: Sequence[Mapping[str, object]],
        customer_number: Literal["62000001", "62000002", "62000003", "62000004"] | None = None,
        scopes: Sequence[str] | None = None,
        cooling: bool | None = None,
        dpop_jkt: str | None = None,
        lasts_seconds: int | None = None,
    ) -> SandboxConsent:
        """Have a demo customer allow the app something, as on the bank's page; give the customer's token.

        Args:
            authorization_details: mandates, as the contract's ``MandateInput``, or none.
            customer_number: which demo customer; the one with plenty of money unless told.
            scopes: what is allowed, as far as the app holds it; saved billers, bills and payments unless told.
            cooling: whether it is allowed just now, so that mandates come into force in 24 hours of bank time.
            dpop_jkt: thumbprint of the key that the token shall be bound to.
            lasts_seconds: for how long, in wall time; 180 days unless told.

        Raises:
            InvalidRequest: the bank's page would not show such a mandate.
        """
        body = {
            "customer_number": customer_number,
            "scopes": scopes,
            "authorization_details": authorization_details,
            "cooling": cooling,
            "dpop_jkt": dpop_jkt,
            "lasts_seconds": lasts_seconds,
        }
        return await self._caller.post(catalogue.CREATE_SANDBOX_CONSENT, SandboxConsent, body=body)

    def magic_values(self, *, biller_id: str) -> AsyncRows[MagicValueList, MagicValue]:
        """List the account numbers of a biller that choose what happens; the page also names demo customers."""
        return self._caller.rows(catalogue.LIST_MAGIC_VALUES, MagicValueList, MagicValue, {"biller_id": biller_id})

    async def clock(self) -> Clock:
        """Get the bank time of the app's world."""
        return await self._caller.get(catalogue.GET_CLOCK, Clock)

    async def advance_clock(self, *, seconds: int | None = None, to: datetime | str | None = None) -> Clock:
        """Move bank time on, by seconds or to an instant; what falls due on the way is done before this returns.

        Raises:
            InvalidRequest: ``CLOCK_BACKWARD``: bank time does not go back, nor far ahead in one step.
        """
        return await self._caller.post(catalogue.ADVANCE_CLOCK, Clock, body={"seconds": seconds, "to": to})

    async def transition(
        self,
        payment_id: str,
        *,
        to: Literal[
            "created",
            "authorising",
            "authorised",
            "processing",
            "unknown",
            "succeeded",
            "refund_pending",
            "refund_failed",
            "refunded",
            "failed",
            "cancelled",
            "expired",
        ],
    ) -> Payment:
        """Bring a payment to a status that may follow its own, as life would: payer, biller and clock are made to act.

        Raises:
            NotFound: the app has no such payment.
            Conflict: ``INVALID_TRANSITION``.
        """
        return await self._caller.post(
            catalogue.TRANSITION_PAYMENT, Payment, identifiers={"payment_id": payment_id}, body={"to": to}
        )

    async def trigger(
        self,
        type: str,  # noqa: A002 - the contract's name
        *,
        payment_id: str | None = None,
        bill_fetch_id: str | None = None,
        rate_sheet_id: str | None = None,
        dispute_id: str | None = None,
        statement_id: str | None = None,
        webhook_endpoint_id: str | None = None,
        account_link_id: str | None = None,
        consent_id: str | None = None,
        saved_biller_id: str | None = None,
        reminder_id: str | None = None,
        new: Literal[True] | None = None,
    ) -> Event:
        """Make an event happen, on what is named or on something new.

        Args:
            type: of the event, such as ``payment.succeeded``.
            new: make something for it.

        Raises:
            NotFound: no such type, or not the app's.
            InvalidRequest: events of this type are about something else.
            Conflict: ``INVALID_TRANSITION``, it does not stand where this could happen.
        """
        body = {
            "payment_id": payment_id,
            "bill_fetch_id": bill_fetch_id,
            "rate_sheet_id": rate_sheet_id,
            "dispute_id": dispute_id,
            "statement_id": statement_id,
            "webhook_endpoint_id": webhook_endpoint_id,
            "account_link_id": account_link_id,
            "consent_id": consent_id,
            "saved_biller_id": saved_biller_id,
            "reminder_id": reminder_id,
            "new": new,
        }
        return await self._caller.post(catalogue.TRIGGER_EVENT, Event, identifiers={"type": type}, body=body)

    async def reset(self) -> World:
        """Forget what the app's world has made, and set its clock back."""
        return await self._caller.post(catalogue.RESET_WORLD, World)

    def requests(
        self, *, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[RequestLogList, RequestLogEntry]:
        """List the world's last requests, the newest first, without what they carried."""
        query = {"after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_REQUESTS, RequestLogList, RequestLogEntry, query)


class AsyncWorlds:
    """``client.sandbox.worlds``: the app's world."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get(self, world_id: str) -> WorldState:
        """Get the app's world: its seed, clock, apps and books; ``current`` names it, too.

        Raises:
            NotFound: it is another app's.
        """
        return await self._caller.get(catalogue.GET_WORLD, WorldState, identifiers={"world_id": world_id})

    def log(self, world_id: str, *, after: str | None = None, limit: int | None = None) -> AsyncRows[DeedList, Deed]:
        """List what was done in the app's world, the oldest first.

        Raises:
            NotFound: it is another app's.
        """
        query = {"after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_WORLD_LOG, DeedList, Deed, query, identifiers={"world_id": world_id})

    async def replay(self, world_id: str) -> ReplayReport:
        """Play the app's world again from its seed and its log, and compare how the two stand; nothing changes.

        Raises:
            NotFound: it is another app's.
            Conflict: ``WORLD_LOG_INCOMPLETE``, more was done in it than its log keeps.
        """
        return await self._caller.post(catalogue.REPLAY_WORLD, ReplayReport, identifiers={"world_id": world_id})


class AsyncScenarios:
    """``client.sandbox.scenarios``: incidents that can be played in the app's world."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(self) -> AsyncRows[ScenarioList, Scenario]:
        """List what can be played: what it needs, what happens, and what a partner does rightly about it."""
        return self._caller.rows(catalogue.LIST_SCENARIOS, ScenarioList, Scenario, {})

    async def run(self, name: str) -> ScenarioRun:
        """Play a scenario; gives what happened, and the payments that it made. The clock of the world moves.

        Raises:
            NotFound: there is no such scenario.
            Conflict: ``NO_SCENARIO_ACCOUNT``.
        """
        return await self._caller.post(catalogue.RUN_SCENARIO, ScenarioRun, identifiers={"name": name})


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
        expires_at: datetime | str | None = None,
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
