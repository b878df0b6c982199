"""Creating payments and reading them; what moves them is in ``lifecycle``, what the payer does in ``authorisation``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.biller_port import service as biller_books
from openteller_sandbox.biller_port.port import Posting
from openteller_sandbox.clock import DAY, SECOND
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem, idempotency, json_text
from openteller_sandbox.money import Money
from openteller_sandbox.payments import (
    authorisation,
    choosing,
    lifecycle,
    mandated,
    moves,
    posting,
    receipt_keys,
    receipts,
    reconciliation,
    records,
    returning,
    store,
)
from openteller_sandbox.payments.model import Held, HistoryEntry, Payment
from openteller_sandbox.payments.states import CAN_SUCCEED, CANCELLABLE, Status

CONTEXT_MS = 30 * DAY


def create(
    bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any], now: int, *, part: Money | None = None
) -> Held:
    """Make a payment link in one of the four forms that the contract describes.

    part: how much of its one bill is paid, where that is not the whole.

    Raises:
        Problem: DUPLICATE_REFERENCE, RETURN_URL_NOT_REGISTERED, and what is wrong with biller, inputs, amount or bills.
    """
    choosing.check_reference(tx, caller, request["partner_reference"])
    choosing.check_return_url(tx, caller, request.get("return_url"))
    choosing.check_hints(tx, request)
    payment = Payment(
        payment_id=ids.new("pay"),
        status=Status.CREATED,
        partner_reference=request["partner_reference"],
        category_code=request.get("category_code"),
        adcode=request.get("adcode"),
        metadata=request["metadata"],
        locale=request["locale"],
        return_url=request.get("return_url"),
        consent_id=caller.consent_id or None,
        created_at=now,
        updated_at=now,
        history=[HistoryEntry(Status.CREATED.value, now, "PARTNER")],
    )
    choice = choosing.choose(tx, caller, payment, request, now, part)
    held = Held(
        payment=payment,
        world_id=caller.world.world_id,
        app_id=caller.app_id,
        partner_id=caller.partner_id,
        link_code=ids.link_code(),
        code4=ids.digits(4),
        expires_at=now + request["expires_in"] * SECOND,
        choice=choice,
    )
    records.insert(bank, tx, held)
    if context := request.get("context"):
        tx.run(store.INSERT_CONTEXT, payment_id=payment.payment_id, world_id=held.world_id, context=json_text(context))
        due.schedule(tx, caller.world, now + CONTEXT_MS, lifecycle.FORGET_CONTEXT, payment.payment_id)
    due.schedule(tx, caller.world, held.expires_at, lifecycle.EXPIRE, payment.payment_id)
    lifecycle.tell(bank, tx, caller.world, held, now)
    return held


def cancel(bank: Bank, tx: Tx, caller: Caller, payment_id: str, now: int) -> Held:
    """Cancel a payment link of the caller while no money has moved.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION.
    """
    held = own(tx, caller, payment_id)
    if held is None:
        raise Problem("NOT_FOUND")
    if held.payment.status not in CANCELLABLE:
        raise lifecycle.not_possible(held.payment.status)
    lifecycle.close_attempts(held.payment)
    held.payment.status_reason = "CANCELLED_BY_PARTNER"
    lifecycle.move(bank, tx, caller.world, held, Status.CANCELLED, "PARTNER", now)
    return held


def get_wire(bank: Bank, tx: Tx, app_id: str, payment_id: str) -> str | None:
    """Give an app's payment with its link, as JSON."""
    row = tx.one(store.FIND, payment_id=payment_id, app_id=app_id)
    return records.joined(bank, row) if row else None


def page(
    bank: Bank,
    tx: Tx,
    caller: Caller,
    *,
    before: int | None,
    status: str | None,
    partner_reference: str | None,
    count: int,
) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of an app's payments, newest first; for a customer, of those that the customer has paid."""
    rows = tx.all(
        store.PAGE,
        app_id=caller.app_id,
        customer_id=caller.customer_id,
        before=2**62 if before is None else before,
        status=status or "",
        partner_reference=partner_reference or "",
        count=count,
    )
    return [(row["seq"], records.joined(bank, row)) for row in rows]


def receipt_wire(tx: Tx, caller: Caller, payment_id: str) -> str:
    """Give the masked receipt of the caller's payment.

    Raises:
        Problem: NOT_FOUND, RECEIPT_NOT_READY, RECEIPT_NOT_AVAILABLE.
    """
    held = own(tx, caller, payment_id)
    if held is None:
        raise Problem("NOT_FOUND")
    row = tx.one(store.FIND_RECEIPT, payment_id=payment_id)
    if row is not None:
        return str(row["wire"])
    status = held.payment.status
    if status in CAN_SUCCEED:
        raise Problem("RECEIPT_NOT_READY")
    raise Problem("RECEIPT_NOT_AVAILABLE", f"The payment is {status}, and the biller has not posted it.")


def refund_wire(tx: Tx, caller: Caller, refund_id: str) -> str | None:
    """Give the caller's refund, as JSON."""
    row = tx.one(store.FIND_REFUND, refund_id=refund_id, app_id=caller.app_id)
    return row["wire"] if row and own(tx, caller, row["payment_id"]) else None


def own(tx: Tx, caller: Caller, payment_id: str) -> Held | None:
    """Give a payment of the caller: of the app; where it calls for a customer, what that customer has paid, or what was
    made under the same consent.
    """
    held = records.find(tx, caller.app_id, payment_id)
    if held is None or not caller.customer_id:
        return held
    is_customers = held.customer_id == caller.customer_id or held.payment.consent_id == caller.consent_id
    return held if is_customers else None


def get(tx: Tx, payment_id: str) -> Held | None:
    """Give a payment to other features, whoever's it is."""
    return records.get(tx, payment_id)


def begin_dispute(tx: Tx, payment_id: str, dispute_id: str) -> str | None:
    """Note that a payment is disputed; give the dispute that is open already, and note nothing, where there is one."""
    if tx.run(store.OPEN_DISPUTE, p=payment_id, d=dispute_id) == 1:
        return None
    row = tx.one(store.DISPUTE_OF, payment_id=payment_id)
    return row["open_dispute"] if row else None


def is_disputed(tx: Tx, payment_id: str) -> bool:
    """Tell whether a dispute of a payment is open."""
    row = tx.one(store.DISPUTE_OF, payment_id=payment_id)
    return row is not None and row["open_dispute"] is not None


def end_dispute(tx: Tx, payment_id: str) -> None:
    """Note that a payment is disputed no more."""
    tx.run(store.CLOSE_DISPUTE, p=payment_id)


def posting_of(bank: Bank, held: Held) -> Posting:
    """Give what the biller knows a payment by."""
    return moves.at_biller(bank.db.read(), held)


has_surplus = returning.has_surplus
ask_for_surplus = returning.ask_for_surplus
recover = returning.recover
take_back = returning.take_back
never_posted = returning.never_posted


def reset(tx: Tx, world_id: str) -> int:
    """Delete every payment of a world; give how many there were."""
    row = tx.one(store.COUNT, world_id=world_id)
    assert row is not None
    for statement in store.RESET:
        tx.run(statement, world_id=world_id)
    biller_books.reset(tx, world_id)
    idempotency.reset(tx, world_id)
    return int(row["count"])


def held(tx: Tx, payment_id: str) -> Held | None:
    """Give a payment to the bank itself."""
    return records.get(tx, payment_id)


def give_up(bank: Bank, world: World, payment_id: str, attempt_id: str, now: int) -> None:
    """Let the payer leave the page.

    Raises:
        Problem: LINK_EXPIRED, LINK_USED.
    """
    authorisation.give_up(bank, world, payment_id, attempt_id, now)


def by_link(tx: Tx, link_code: str) -> Held | None:
    """Give the payment of a link to the bank's page."""
    return records.by_code(tx, link_code)


def of_customer(tx: Tx, world_id: str, customer_id: str, *, before: str = "", count: int) -> list[Held]:
    """Give what a customer has confirmed over all apps of a world, newest first, from behind a payment on."""
    return records.of_customer(tx, world_id, customer_id, before=before, count=count)


def world_of(bank: Bank, held: Held) -> World:
    """Give the world of a payment as its clock stands."""
    return records.world(bank.db.read(), held.world_id)


def facts(tx: Tx, payment_id: str) -> tuple[str, dict[str, Any]]:
    """Give the partner of a payment of which the ledger tells, and its record."""
    row = tx.one(store.BY_ID, payment_id=payment_id)
    assert row is not None
    return row["partner_id"], json.loads(row["wire"])


def send(bank: Bank, world: World, payment_id: str, now: int) -> None:
    """Send a payment that was authorised to its biller; one that was sent is left alone."""
    posting.send(bank, Due(world, posting.SEND, payment_id, now))


check_return_url = choosing.check_return_url
Order = mandated.Order
order_under_mandate = mandated.prepare
ask_about = mandated.ask
pay_order = mandated.pay
receipt_of = receipts.find
receipt_by_numbers = receipts.by_numbers
receipt_by_compact = receipts.by_compact
plain_receipt_number = receipts.plain
ensure_receipt_key = receipt_keys.ensure
rotate_receipt_key = receipt_keys.rotate
public_receipt_keys = receipt_keys.public

CLOSE_DAY = lifecycle.CLOSE_DAY
close_day = lifecycle.close_day
reconciliations = reconciliation.reports

DUE_HANDLERS = lifecycle.DUE_HANDLERS | posting.DUE_HANDLERS | returning.DUE_HANDLERS | reconciliation.DUE_HANDLERS
