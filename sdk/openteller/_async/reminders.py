"""Bills of saved accounts as requests to pay, which customers answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller._core.encoding import money
from openteller.models.bill_payment import Payment
from openteller.models.reminders import Reminder, ReminderList
from openteller.money import Money

__all__ = ["AsyncReminders"]


class AsyncReminders:
    """``client.reminders``. Scope ``saved-billers``, with a customer's token."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        status: Literal["OPEN", "POSTPONED", "PAYING", "PAID", "DECLINED", "WITHDRAWN"] | None = None,
        saved_biller_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[ReminderList, Reminder]:
        """List the reminders of the accounts that the app has saved for the customer, the newest first.

        Args:
            status: only those that stand so; ``OPEN`` ones ask for an answer.
            saved_biller_id: only those of this account.
        """
        query = {"status": status, "saved_biller_id": saved_biller_id, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_REMINDERS, ReminderList, Reminder, query)

    async def get(self, reminder_id: str) -> Reminder:
        """Get a reminder, as it stands now.

        Raises:
            NotFound: there is none for this customer and app.
        """
        return await self._caller.get(catalogue.GET_REMINDER, Reminder, identifiers={"reminder_id": reminder_id})

    async def pay(
        self,
        reminder_id: str,
        *,
        partner_reference: str,
        amount: Money | None = None,
        return_url: str | None = None,
        locale: Literal["zh-CN", "en"] | None = None,
        metadata: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Payment:
        """Pay what the reminder states, or a part of it: under a mandate where one allows it. Otherwise the payment is
        ``created``, and its ``payment_link`` leads the customer to the bank's page.

        Args:
            partner_reference: your own number for the payment, unique for ever.
            amount: a part, within the reminder's ``min_amount`` and ``max_amount``; the whole without it.
            return_url: of a link: where the result page leads back to. Registered, and equal to the letter.
            locale: of a link: the language of the page.
            metadata: your own notes. No personal data.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            NotFound: there is none for this customer and app.
            Conflict: ``INVALID_TRANSITION``, it was answered already; ``BILL_CHANGED``, ``BILL_ALREADY_PAID``: get the
                reminder to see what has become of the bill; ``DUPLICATE_REFERENCE``; ``PAYER_NOT_COMPLETED``, the
                customer has to look after something at the bank.
            InvalidRequest: the amount is not right; ``BILLS_NOT_PAYABLE_TOGETHER``, an older bill comes first.
            BankFailure: the biller is down or in maintenance.
        """
        body = {
            "partner_reference": partner_reference,
            "amount": None if amount is None else money("amount", amount),
            "return_url": return_url,
            "locale": locale,
            "metadata": metadata,
        }
        identifiers = {"reminder_id": reminder_id}
        return await self._caller.post(
            catalogue.PAY_REMINDER, Payment, identifiers=identifiers, body=body, key=idempotency_key
        )

    async def postpone(
        self, reminder_id: str, *, remind_at: datetime | str | None = None, remind_on: date | str | None = None
    ) -> Reminder:
        """Let a reminder come again later; the event ``bill.due`` tells of it.

        Args:
            remind_at: at an instant, with its offset; before the due date is over, or within three days.
            remind_on: or at nine o'clock of a day.

        Raises:
            NotFound: there is none for this customer and app.
            Conflict: ``INVALID_TRANSITION``, it is closed, or being paid.
            InvalidRequest: the time is not in the future, or too late.
        """
        body = {"remind_at": remind_at, "remind_on": remind_on}
        identifiers = {"reminder_id": reminder_id}
        return await self._caller.post(catalogue.POSTPONE_REMINDER, Reminder, identifiers=identifiers, body=body)

    async def decline(self, reminder_id: str) -> Reminder:
        """Have the customer reminded of this bill no more. The biller is told nothing; one that is declined stays so.

        Raises:
            NotFound: there is none for this customer and app.
            Conflict: ``INVALID_TRANSITION``, it is closed, or being paid.
        """
        return await self._caller.post(catalogue.DECLINE_REMINDER, Reminder, identifiers={"reminder_id": reminder_id})
