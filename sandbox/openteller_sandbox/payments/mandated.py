"""A payment that a customer's mandate makes instead of the customer's own confirmation on the page.

The way of the money is that of every payment: the same quote, limits on payers, ledger lines, states and sending. That
the mandate allows it is for ``mandates`` to say, in the same act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.bills import service as bills
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.money import Money
from openteller_sandbox.payments import amounts, authorisation, choosing, lifecycle, posting, records, velocity
from openteller_sandbox.payments.authorisation import Quote
from openteller_sandbox.payments.model import Attempt, Choice, Held, HistoryEntry, Payment
from openteller_sandbox.payments.states import Status
from openteller_sandbox.payments.velocity import Paying


@dataclass(frozen=True, slots=True)
class Order:
    """A payment that is worked out and not written yet."""

    held: Held = field(repr=False)
    quoted: Quote = field(repr=False)
    customer: Customer = field(repr=False)

    @property
    def payment_id(self) -> str:
        """The payment's identifier, once it is made."""
        return self.held.payment.payment_id

    @property
    def biller_id(self) -> str:
        """Who is paid."""
        return self.quoted.biller.biller_id

    @property
    def total(self) -> Money:
        """What leaves the customer's account, with fees."""
        assert self.quoted.total
        return self.quoted.total


def prepare(
    bank: Bank,
    caller: Caller,
    request: Mapping[str, Any],
    *,
    biller_id: str,
    inputs: Mapping[str, str],
    consent_id: str,
    now: int,
) -> Order:
    """Work out a payment to an account of the caller's customer.

    Raises:
        Problem: DUPLICATE_REFERENCE, and what is wrong with the biller, the bills or the amount.
    """
    tx = bank.db.read()
    choosing.check_reference(tx, caller, request["partner_reference"])
    payment = Payment(
        payment_id=ids.new("pay"),
        status=Status.CREATED,
        partner_reference=request["partner_reference"],
        consent_id=consent_id,
        metadata=request["metadata"],
        created_at=now,
        updated_at=now,
        history=[HistoryEntry(Status.CREATED.value, now, "PARTNER")],
    )
    choice = _choose(tx, caller, payment, request, biller_id, inputs, now)
    held = Held(
        payment=payment,
        world_id=caller.world.world_id,
        app_id=caller.app_id,
        partner_id=caller.partner_id,
        link_code=ids.link_code(),
        code4=ids.digits(4),
        expires_at=now,
        choice=choice,
    )
    return Order(held, authorisation.quote(tx, held, choice, now), customers.by_id(caller.customer_id))


def _choose(
    tx: Tx,
    caller: Caller,
    payment: Payment,
    request: Mapping[str, Any],
    biller_id: str,
    inputs: Mapping[str, str],
    now: int,
) -> Choice:
    amount: Money = request["amount"]
    biller = bills.payable_biller(tx, biller_id, now, hours=True)
    payment.biller_id, payment.category_code = biller.biller_id, biller.category_code
    amounts.check_currency(biller, amount)
    if "bill_ids" not in request:
        if biller.fetch_mode == "FETCH":
            raise field_invalid("/bill_ids", "This biller has bills: fetch them and name them.", "FIELD_MISSING")
        return choosing.direct(payment, biller, inputs, amount, now)
    choice = choosing.of_bills(tx, caller, payment, request["bill_ids"], now)
    if not all(bills.is_of(tx, caller.world, bill_id, biller, inputs) for bill_id in choice.bill_ids):
        raise field_invalid("/bill_ids/0", "A bill of another account than the saved one.")
    if len(choice.bill_ids) > 1 and choice.owed_minor != amount.minor:
        raise Problem("BILL_CHANGED", "The amount is not what the bills come to.")
    choice.amount_minor = amount.minor
    return choice


def ask(bank: Bank, world: World, order: Order, now: int) -> None:
    """Ask the biller once more; no act is open.

    Raises:
        Problem: BILL_CHANGED, BILL_ALREADY_PAID, ACCOUNT_NOT_PAYABLE, BILLER_QUERY_FAILED; PAYER_NOT_COMPLETED, the
            account number has its payer lack the money.
    """
    choice = order.held.choice
    authorisation.ask_again(bank, world, order.quoted, choice, now)
    behaviour = bills.port_of(bank).behaviour(order.quoted.biller, choice.inputs)
    if behaviour is port.Behaviour.INSUFFICIENT_FUNDS:
        raise Problem("PAYER_NOT_COMPLETED")


def pay(bank: Bank, tx: Tx, caller: Caller, order: Order, now: int) -> Held:
    """Make the payment and hold the money; give it as it stands then.

    Raises:
        Problem: DUPLICATE_REFERENCE, BILL_CHANGED, BILL_ALREADY_PAID; LIMIT_EXCEEDED, a limit on payers;
            PAYER_NOT_COMPLETED, the money is not there.
    """
    held, world, choice = order.held, caller.world, order.held.choice
    choosing.check_reference(tx, caller, held.payment.partner_reference)
    limits = bank.settings.payment_limits
    digest = bills.account_digest(world, order.quoted.biller, choice.inputs)
    paying = Paying(order.customer, digest, order.total, clock.bank_date(now))
    if velocity.reached(limits, tx, world, paying):
        raise Problem("LIMIT_EXCEEDED")
    records.insert(bank, tx, held)
    lifecycle.tell(bank, tx, world, held, now)
    attempt = Attempt(ids.new("att"), "STARTED", now)
    held.payment.attempts.append(attempt)
    lifecycle.move(bank, tx, world, held, Status.AUTHORISING, "BANK", now)
    is_held = posting.authorise(
        bank,
        tx,
        world,
        held,
        attempt=attempt,
        customer=order.customer,
        biller=order.quoted.biller,
        choice=choice,
        parts=order.quoted.parts,
        chosen=order.quoted.chosen,
        total=order.total,
        now=now,
        actor="BANK",
    )
    if not is_held:
        raise Problem("PAYER_NOT_COMPLETED")
    velocity.count(limits, tx, world, paying)
    return held
