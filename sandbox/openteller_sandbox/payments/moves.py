"""What every move of a payment needs: its ledger lines, its bills, and what the biller knows it by."""

from __future__ import annotations

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.db import Tx
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money
from openteller_sandbox.payments.model import ExceptionNote, Held, Payment
from openteller_sandbox.payments.states import Posting


def book(tx: Tx, world: World, payment: Payment, reason: str, lines: dict[str, int], now: int) -> None:
    """Book an entry of a payment; lines: what each account gains, in minor units."""
    ledger.book(tx, world, reason=reason, subject=payment.payment_id, lines=lines, now=now)


def note(payment: Payment, type_: str, now: int, amount: Money) -> None:
    """Note in a payment that something was put right."""
    payment.exceptions.append(ExceptionNote(type_, now, amount))


def set_posting(payment: Payment, posting: Posting, now: int) -> None:
    """Say how far the biller's side is, of the payment and of each of its parts."""
    payment.posting.status, payment.posting.at = posting.value, now
    for allocation in payment.allocations:
        allocation.posting = posting.value


def count(bank: Bank, tx: Tx, world: World, held: Held, *, taken_back: bool = False) -> None:
    """Count what a payment has paid of its bills, or no longer has."""
    paid = {part.bill_id: part.amount for part in held.payment.allocations}
    for bill in chosen(tx, held):
        amount = paid[bill.bill_id]
        bills.count_paid(bank, tx, world, bill, Money(-amount.amount, amount.currency) if taken_back else amount)


def chosen(tx: Tx, held: Held) -> list[FetchedBill]:
    """Give the bills that a payment pays."""
    found = (bills.find_bill(tx, held.app_id, bill_id) for bill_id in held.choice.bill_ids)
    return [bill for bill in found if bill is not None]


def at_biller(tx: Tx, held: Held) -> port.Posting:
    """Give what the biller is sent, or asked about; an old payment has lost all numbers by then."""
    payment = held.payment
    amounts: dict[str, Money] = {}
    for part in payment.allocations:
        number = held.choice.bill_numbers.get(part.bill_id or "", "")
        amounts[number] = amounts[number] + part.amount if number in amounts else part.amount
    return port.Posting(
        posting_id=payment.payment_id,
        biller=billers.get(tx, biller_id(payment)),
        inputs=held.choice.inputs,
        amounts=amounts,
    )


def biller_id(payment: Payment) -> str:
    """Give the biller of a payment that has one."""
    assert payment.biller_id
    return payment.biller_id


def amount(payment: Payment) -> Money:
    """Give the amount of a payment that was confirmed, without fees."""
    assert payment.amount
    return payment.amount


def total(payment: Payment) -> Money:
    """Give the sum that was debited, with fees."""
    assert payment.total
    return payment.total
