"""Paying a bill under a mandate, and what to do where the mandate does not reach."""

from __future__ import annotations

from dataclasses import dataclass

from openteller import Money, OpenTeller, errors
from openteller.models import Bill

__all__ = ["Result", "pay"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        text: the name of what to tell; ``amount`` and ``at`` are for it.
        link_url: where the customer decides, instead.
    """

    text: str = ""
    amount: Money | None = None
    at: str = ""
    link_url: str | None = None


def pay(bank: OpenTeller, mine: OpenTeller, saved_biller_id: str) -> Result:
    """Pay the oldest bill of a saved account.

    Args:
        bank: a client of the app.
        mine: one that calls with what the customer has allowed.
        saved_biller_id: which account.

    Raises:
        ConsentRequired: the customer does not allow it any more.
        OpenTellerError: the bank or the biller refuses.
    """
    fetch = mine.saved_billers.fetch(saved_biller_id)
    if not fetch.bills:
        return Result("nothing_due")
    bill = fetch.bills[0]
    if bill.outstanding is None:  # the biller does not say how much
        return Result(link_url=_link(bank, bill))
    try:
        # A bill is paid once: pressed twice, the second payment has a number that is taken.
        payment = mine.mandate_payments.create(
            partner_reference=f"butler-{bill.bill_id}",
            saved_biller_id=saved_biller_id,
            bill_ids=[bill.bill_id],
            amount=bill.outstanding,
        )
    except errors.MandateExceeded:
        return Result(link_url=_link(bank, bill))
    except errors.PermissionDenied as error:
        if error.code != "MANDATE_NOT_IN_FORCE" or error.resets_at is None:
            raise
        return Result("cooling", at=f"{error.resets_at:%Y-%m-%d %H:%M}")
    return Result("paid", amount=payment.total)


def _link(bank: OpenTeller, bill: Bill) -> str:
    """Give where the customer can pay a bill that is beyond the mandate, on the bank's page."""
    return bank.payments.create(partner_reference=f"link-{bill.bill_id}", bill_ids=[bill.bill_id]).payment_link.url
