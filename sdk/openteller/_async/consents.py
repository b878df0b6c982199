"""What customers have allowed the app, their saved accounts at billers, and payments within a mandate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller._core.encoding import money
from openteller.models.bill_payment import BillFetch, Payment
from openteller.models.consents import (
    Consent,
    ConsentExtension,
    ConsentList,
    ConsentUsage,
    SavedBiller,
    SavedBillerList,
)
from openteller.money import Money

__all__ = ["AsyncConsents", "AsyncMandatePayments", "AsyncSavedBillers"]


class AsyncConsents:
    """``client.consents``. Scope ``consents``, with a token of the app itself."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        status: Literal["ACTIVE", "CONSUMED", "REVOKED", "EXPIRED"] | None = None,
        customer: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[ConsentList, Consent]:
        """List what customers have allowed the app, the newest first; also what has ended.

        Args:
            customer: only of this customer, by the name that the bank gives your partner.
        """
        query = {"status": status, "customer": customer, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_CONSENTS, ConsentList, Consent, query)

    async def get(self, consent_id: str) -> Consent:
        """Get a consent, as it stands now.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_CONSENT, Consent, identifiers={"consent_id": consent_id})

    async def revoke(self, consent_id: str) -> Consent:
        """End a consent, and with it every token that came of it. One that has ended stays as it is.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.post(catalogue.REVOKE_CONSENT, Consent, identifiers={"consent_id": consent_id})

    async def extend(
        self,
        consent_id: str,
        *,
        consent_expires_at: datetime | str,
        return_url: str | None = None,
        locale: Literal["zh-CN", "en"] | None = None,
        idempotency_key: str | None = None,
    ) -> ConsentExtension:
        """Ask the customer to let a consent last longer. Nothing changes before the customer has agreed, on the page at
        ``approval_url``; the event ``consent.extended`` tells of that.

        Args:
            consent_expires_at: until when, an aware datetime in wall time: later than now, and at most 12 months away.
            return_url: where the browser goes afterwards; one that the app has registered.
            locale: in which language the page begins.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            NotFound: there is none for this app.
            Conflict: ``CONSENT_NOT_ACTIVE``, it has ended: ask for a new one with ``client.authorization.start``.
            InvalidRequest: ``EXTENSION_OUT_OF_RANGE``, ``RETURN_URL_NOT_REGISTERED``.
        """
        body = {"consent_expires_at": consent_expires_at, "return_url": return_url, "locale": locale}
        return await self._caller.post(
            catalogue.CREATE_CONSENT_EXTENSION,
            ConsentExtension,
            body=body,
            key=idempotency_key,
            identifiers={"consent_id": consent_id},
        )

    async def get_extension(self, consent_id: str, extension_id: str) -> ConsentExtension:
        """Get an extension, as it stands now.

        Raises:
            NotFound: there is none for this consent.
        """
        identifiers = {"consent_id": consent_id, "extension_id": extension_id}
        return await self._caller.get(catalogue.GET_CONSENT_EXTENSION, ConsentExtension, identifiers=identifiers)

    async def usage(self, consent_id: str) -> ConsentUsage:
        """Get what was used of a consent's mandates, and what is left of each limit.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_CONSENT_USAGE, ConsentUsage, identifiers={"consent_id": consent_id})


class AsyncSavedBillers:
    """``client.saved_billers``. Scope ``saved-billers``, with a customer's token."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(self, *, biller_id: str, inputs: Mapping[str, str], label: str | None = None) -> SavedBiller:
        """Save an account of the customer's at a biller; one that was saved before is given as it was saved.

        Args:
            inputs: the biller's input fields by name. Sent in the body, shown nowhere, and never told again.
            label: what the customer calls it.

        Raises:
            InvalidRequest: an input does not fit the biller's format.
            Conflict: ``SAVED_BILLERS_EXCEEDED``, or the biller takes no payments.
        """
        body = {"biller_id": biller_id, "inputs": inputs, "label": label}
        return await self._caller.post(catalogue.CREATE_SAVED_BILLER, SavedBiller, body=body)

    def list(self, *, after: str | None = None, limit: int | None = None) -> AsyncRows[SavedBillerList, SavedBiller]:
        """List what the app has saved for the customer, the newest first."""
        query = {"after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_SAVED_BILLERS, SavedBillerList, SavedBiller, query)

    async def get(self, saved_biller_id: str) -> SavedBiller:
        """Get a saved biller.

        Raises:
            NotFound: there is none for this customer and app.
        """
        identifiers = {"saved_biller_id": saved_biller_id}
        return await self._caller.get(catalogue.GET_SAVED_BILLER, SavedBiller, identifiers=identifiers)

    async def delete(self, saved_biller_id: str) -> None:
        """Have the bank forget a saved biller.

        Raises:
            NotFound: there is none for this customer and app.
        """
        await self._caller.send(catalogue.DELETE_SAVED_BILLER, identifiers={"saved_biller_id": saved_biller_id})

    async def fetch(self, saved_biller_id: str) -> BillFetch:
        """Ask the biller what is due on a saved account.

        A biller that is slow leaves the fetch ``PROCESSING``; ``client.bills.get_fetch`` or the event
        ``bill_fetch.ready`` tells the rest.

        Raises:
            NotFound: there is none for this customer and app.
            InvalidRequest: ``ACCOUNT_NOT_PAYABLE``, or the biller shows no bills.
            BankFailure: the biller is down or in maintenance.
        """
        identifiers = {"saved_biller_id": saved_biller_id}
        return await self._caller.post(catalogue.CREATE_SAVED_BILLER_FETCH, BillFetch, identifiers=identifiers)


class AsyncMandatePayments:
    """``client.mandate_payments``. Scope ``saved-billers``, with the token of a customer who has given a mandate."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        partner_reference: str,
        saved_biller_id: str,
        amount: Money,
        bill_ids: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Payment:
        """Pay a saved account within the customer's mandate; what becomes of the payment its events tell.

        Args:
            partner_reference: your own number for the payment, unique for ever.
            amount: without fees, which count for the mandate, too.
            bill_ids: bills of a fetch of this account, where the biller has bills.
            metadata: your own notes. No personal data.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            ConsentRequired: ``CONSENT_REQUIRED`` (no mandate names the biller), ``CONSENT_EXPIRED``.
            MandateExceeded: ``error.limit`` is the bound, ``error.resets_at`` when a period is over.
            PermissionDenied: ``MANDATE_NOT_IN_FORCE``, until ``error.resets_at``.
            Conflict: ``BILL_ALREADY_PAID``, ``BILL_CHANGED``, ``DUPLICATE_REFERENCE``; ``PAYER_NOT_COMPLETED``, the
                customer has to look after something at the bank.
            InvalidRequest: the amount, the bills or the saved biller are not right; ``LIMIT_EXCEEDED``.
        """
        body = {
            "partner_reference": partner_reference,
            "saved_biller_id": saved_biller_id,
            "amount": money("amount", amount),
            "bill_ids": bill_ids,
            "metadata": metadata,
        }
        return await self._caller.post(catalogue.CREATE_MANDATE_PAYMENT, Payment, body=body, key=idempotency_key)
