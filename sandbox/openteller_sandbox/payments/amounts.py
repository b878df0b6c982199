"""Which amounts may be paid, what they cost, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.http import Problem
from openteller_sandbox.money import Money, exponent
from openteller_sandbox.payments.model import Allocation, Fee, Payment

MOST_PER_PAYMENT = Money(Decimal("50000.00"))


def check(biller: Biller, amount: Money, *, with_bill: bool = False) -> None:
    """Check an amount against what the biller takes and the bank's limit.

    Args:
        biller: who is paid.
        amount: what for, without fees.
        with_bill: the amount is that of a bill, which the biller has stated itself.

    Raises:
        Problem: AMOUNT_OUT_OF_RANGE, AMOUNT_NOT_EXACT, LIMIT_EXCEEDED.
    """
    if amount.amount != amount.amount.quantize(Decimal(1).scaleb(-exponent(amount.currency))) or amount.amount <= 0:
        raise Problem("AMOUNT_OUT_OF_RANGE", _range(biller, biller.min_amount, biller.max_amount))
    refusal = None if with_bill else biller.amount_refusal(amount)
    if refusal == "AMOUNT_OUT_OF_RANGE":
        raise Problem(refusal, _range(biller, biller.min_amount, biller.max_amount))
    if refusal:
        raise Problem(refusal, f"The biller takes {', '.join(map(str, biller.plan_amounts))} and no other amount.")
    if amount.amount > MOST_PER_PAYMENT.amount:
        raise Problem("LIMIT_EXCEEDED")


def check_currency(biller: Biller, amount: Money) -> None:
    """Check that an amount is in the biller's currency.

    Raises:
        Problem: AMOUNT_OUT_OF_RANGE.
    """
    if amount.currency != biller.min_amount.currency:
        raise Problem("AMOUNT_OUT_OF_RANGE", _range(biller, biller.min_amount, biller.max_amount))


def check_for_bill(biller: Biller, bill: FetchedBill, amount: Money) -> None:
    """Check the amount that a payer names for one bill.

    Raises:
        Problem: AMOUNT_NOT_EXACT, AMOUNT_OUT_OF_RANGE, LIMIT_EXCEEDED.
    """
    if amount != bill.due.outstanding and biller.exactness == "EXACT" and bill.due.balance is None:
        raise Problem("AMOUNT_NOT_EXACT")
    if not bill.due.min_amount.amount <= amount.amount <= bill.due.max_amount.amount:
        raise Problem("AMOUNT_OUT_OF_RANGE", _range(biller, bill.due.min_amount, bill.due.max_amount))
    check(biller, amount, with_bill=True)


def _range(biller: Biller, least: Money, most: Money) -> str:
    """Say which amounts are taken."""
    multiple = biller.facts.get("amount_multiple")
    steps = f", in steps of {multiple['amount']}" if multiple else ""
    return f"The biller takes {least} to {most} {most.currency}{steps}."


def check_selection(biller: Biller, chosen: Sequence[FetchedBill], all_bills: Sequence[FetchedBill]) -> None:
    """Check the choice of bills against the biller's rule.

    Raises:
        Problem: BILLS_NOT_PAYABLE_TOGETHER.
    """
    unpaid = [bill.bill_id for bill in all_bills if bill.payable]
    wanted = [bill.bill_id for bill in chosen]
    allowed = {
        "ONE": len(wanted) == 1,
        "MANY": True,
        "ALL": set(wanted) == set(unpaid),
        "OLDEST_FIRST": set(wanted) == set(unpaid[: len(wanted)]),
    }
    if not allowed[biller.selection]:
        raise Problem("BILLS_NOT_PAYABLE_TOGETHER", f"The biller's selection is {biller.selection}.")


def owed_minor(chosen: Sequence[FetchedBill]) -> int | None:
    """Give what bills add up to in minor units, or None for a prepaid meter."""
    owed = outstanding(chosen)
    return None if owed is None else owed.minor


def outstanding(chosen: Sequence[FetchedBill]) -> Money | None:
    """Give what bills add up to, or None for a prepaid meter, whose payer names the amount."""
    if any(bill.due.balance is not None for bill in chosen):
        return None
    total = chosen[0].due.outstanding
    for bill in chosen[1:]:
        total = total + bill.due.outstanding
    return total


def fees(biller: Biller, amount: Money, now: int) -> list[Fee]:
    """Give the fees that the payer bears."""
    fee = biller.payer_fee(amount, biller.value_date(now))
    return [Fee("PAYER_FEE", fee)] if fee.amount else []


def show(payment: Payment, biller: Biller, parts: Mapping[str | None, Money], now: int) -> None:
    """Put amounts into a payment: what goes to which bill (None: to no bill), the fees beside it, and the sum."""
    amounts = list(parts.values())
    amount = amounts[0]
    for part in amounts[1:]:
        amount = amount + part
    payment.allocations = [Allocation(part, payment.posting.status, bill_id) for bill_id, part in parts.items()]
    payment.amount = amount
    payment.fees = fees(biller, amount, now)
    payment.total = amount
    for fee in payment.fees:
        payment.total = payment.total + fee.amount
