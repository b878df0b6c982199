"""Payments: links on which a payer acts, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller._core.encoding import money
from openteller.models.bill_payment import Payment, PaymentList, Receipt
from openteller.money import Money

__all__ = ["AsyncPayments"]

Status = Literal[
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
]


class AsyncPayments:
    """``client.payments``. Only the payer moves money, on the bank's page.

    Scopes ``payments:create`` and ``payments:read``.
    """

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        partner_reference: str,
        category_code: str | None = None,
        adcode: str | None = None,
        biller_id: str | None = None,
        inputs: Mapping[str, str] | None = None,
        amount: Money | None = None,
        bill_ids: Sequence[str] | None = None,
        return_url: str | None = None,
        locale: Literal["zh-CN", "en"] | None = None,
        expires_in: int | None = None,
        metadata: Mapping[str, str] | None = None,
        context: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Payment:
        """Make a payment link; ``payment.payment_link.url`` is what the payer opens.

        Say what is to be paid in one of four ways: nothing, or a hint by ``category_code`` and ``adcode`` (an open
        link: the page asks the rest; the only kind for a public reply); ``biller_id``; ``biller_id`` with ``inputs``
        and ``amount``; ``bill_ids`` of fetched bills.

        Args:
            partner_reference: your own number for it, unique for ever.
            return_url: registered with the app, equal to the letter. Never a proof of payment.
            expires_in: seconds of bank time for which the link is good; a day unless told.
            metadata: your notes, returned as they are. No personal data.
            context: ``channel``, ``conversation_ref``, ``message_ref``, ``campaign``; HMACs, never plain identifiers.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            Conflict: ``DUPLICATE_REFERENCE`` (``error.payment_id`` is the payment that has it), ``BILL_ALREADY_PAID``.
            InvalidRequest: a field does not fit; ``error.errors`` point at it.
        """
        body = {
            "partner_reference": partner_reference,
            "category_code": category_code,
            "adcode": adcode,
            "biller_id": biller_id,
            "inputs": inputs,
            "amount": money("amount", amount),
            "bill_ids": bill_ids,
            "return_url": return_url,
            "locale": locale,
            "expires_in": expires_in,
            "metadata": metadata,
            "context": context,
        }
        return await self._caller.post(catalogue.CREATE_PAYMENT, Payment, body=body, key=idempotency_key)

    def list(
        self,
        *,
        status: Status | None = None,
        partner_reference: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[PaymentList, Payment]:
        """List the app's own payments, the newest first."""
        query = {"status": status, "partner_reference": partner_reference, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_PAYMENTS, PaymentList, Payment, query)

    async def get(self, payment_id: str) -> Payment:
        """Get a payment; ``money_at`` says where the money is, ``allowed`` what can follow.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_PAYMENT, Payment, identifiers={"payment_id": payment_id})

    async def receipt(self, payment_id: str) -> Receipt:
        """Get the receipt of a payment that the biller has posted, masked for the partner.

        Raises:
            Conflict: ``RECEIPT_NOT_READY``: there is none yet.
            NotFound: ``RECEIPT_NOT_AVAILABLE``: the payment ended without one; or the app has no such payment.
        """
        return await self._caller.get(catalogue.GET_PAYMENT_RECEIPT, Receipt, identifiers={"payment_id": payment_id})

    async def cancel(self, payment_id: str, *, idempotency_key: str | None = None) -> Payment:
        """Cancel a link on which no money has moved.

        Raises:
            Conflict: ``INVALID_TRANSITION``: it is too late.
            NotFound: there is no such payment for this app.
        """
        identifiers = {"payment_id": payment_id}
        return await self._caller.post(catalogue.CANCEL_PAYMENT, Payment, identifiers=identifiers, key=idempotency_key)
