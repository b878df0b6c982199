"""Payments between database and memory: a record is read, changed, and written where nobody else has changed it
meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import to_wire
from openteller_sandbox.db import Tx
from openteller_sandbox.http import json_text, with_tail
from openteller_sandbox.payments import states, store
from openteller_sandbox.payments.model import Choice, Held, Payment
from openteller_sandbox.payments.schemas import PaymentSchema
from openteller_sandbox.payments.states import Debit, Posting, Status
from openteller_sandbox.worlds import service as worlds

_PAYMENT = PaymentSchema()
_CHOICE = tuple(each.name for each in fields(Choice))


class Conflict(Exception):
    """Somebody else has changed the payment since it was read."""


def insert(bank: Bank, tx: Tx, held: Held) -> None:
    """Write a new payment."""
    payment = held.payment
    held.wire = _wire(bank, payment)
    tx.run(
        store.INSERT,
        payment_id=payment.payment_id,
        world_id=held.world_id,
        app_id=held.app_id,
        partner_id=held.partner_id,
        partner_reference=payment.partner_reference,
        status=payment.status.value,
        debit_status=payment.debit.status,
        posting_status=payment.posting.status,
        version=payment.version,
        link_code=held.link_code,
        code4=held.code4,
        expires_at=held.expires_at,
        customer_id=held.customer_id,
        biller_id=payment.biller_id,
        amount_minor=payment.amount.minor if payment.amount else None,
        sent_on=held.sent_on,
        open_dispute=None,
        choice=_choice(held),
        wire=held.wire,
    )


def save(bank: Bank, tx: Tx, held: Held, now: int) -> None:
    """Write a payment that was changed, with its next version.

    Raises:
        Conflict: its version in the database is not the one that was read.
        ValueError: status, debit and posting do not go together: a fault of ours.
    """
    payment = held.payment
    if (Debit(payment.debit.status), Posting(payment.posting.status)) not in states.LEGAL[payment.status]:
        raise ValueError(f"{payment.status}, {payment.debit.status}, {payment.posting.status} is no legal triple")
    seen = payment.version
    payment.version += 1
    payment.updated_at = now
    held.wire = _wire(bank, payment)
    changed = tx.run(
        store.MOVE,
        p=payment.payment_id,
        seen=seen,
        to=payment.status.value,
        debit=payment.debit.status,
        posting=payment.posting.status,
        v=payment.version,
        customer=held.customer_id,
        biller=payment.biller_id,
        minor=payment.amount.minor if payment.amount else None,
        sent=held.sent_on,
        chosen=_choice(held),
        w=held.wire,
    )
    if changed != 1:
        raise Conflict


def forget_account(tx: Tx, held: Held) -> None:
    """Delete the account number of a payment that needs it no more; its record has it masked."""
    held.choice.inputs, held.choice.bill_numbers = {}, {}
    tx.run(store.FORGET_CHOICE, p=held.payment.payment_id, chosen=_choice(held))


def find(tx: Tx, app_id: str, payment_id: str) -> Held | None:
    """Give an app's payment."""
    row = tx.one(store.FIND, payment_id=payment_id, app_id=app_id)
    return _held(row) if row else None


def get(tx: Tx, payment_id: str) -> Held | None:
    """Give a payment to the bank itself."""
    row = tx.one(store.BY_ID, payment_id=payment_id)
    return _held(row) if row else None


def by_code(tx: Tx, link_code: str) -> Held | None:
    """Give the payment of a link."""
    row = tx.one(store.BY_CODE, link_code=link_code)
    return _held(row) if row else None


def of_customer(tx: Tx, world_id: str, customer_id: str, *, before: str, count: int) -> list[Held]:
    """Give what a customer has confirmed over all apps of a world, newest first, from behind a payment on."""
    rows = tx.all(store.PAGE_OF_CUSTOMER, world_id=world_id, customer_id=customer_id, before=before, count=count)
    return [_held(row) for row in rows]


def parsed(wire: str, *members: str) -> dict[str, Any]:
    """Give some members of a record, those that it has."""
    record = json.loads(wire)
    return {name: record[name] for name in members if name in record}


def world(tx: Tx, world_id: str) -> World:
    """Give the world of a payment as its clock stands."""
    found = worlds.find(tx, world_id)
    assert found is not None
    return found


def _choice(held: Held) -> str:
    """Give the choice of a payment as JSON; its members are plain values already."""
    return json_text({name: getattr(held.choice, name) for name in _CHOICE})


def _wire(bank: Bank, payment: Payment) -> str:
    """Give the record of a payment, checked against the contract."""
    record = _PAYMENT.present(payment)
    bank.contract.check_record("Payment", record)
    return json_text(record)


def joined(bank: Bank, row: Any) -> str:
    """Join a stored record with its link."""
    computed = link(bank, row["link_code"], row["code4"], row["expires_at"], row["status"])
    return with_tail(row["wire"], {"payment_link": computed})


def link(bank: Bank, code: str, code4: str, expires_at: int, status: str) -> dict[str, str]:
    """Give the contract's ``PaymentLink``."""
    url = f"{bank.settings.public_url}/pay/{code}"
    return {
        "url": url,
        "code4": code4,
        "qr_svg_url": f"{url}/qr.svg",
        "expires_at": to_wire(expires_at),
        "status": states.LINK_STATUS.get(Status(status), "COMPLETED"),
    }


def _held(row: Any) -> Held:
    payment: Payment = _PAYMENT.load(json.loads(row["wire"]), unknown="exclude")
    return Held(
        payment=payment,
        world_id=row["world_id"],
        app_id=row["app_id"],
        partner_id=row["partner_id"],
        link_code=row["link_code"],
        code4=row["code4"],
        expires_at=row["expires_at"],
        choice=Choice(**json.loads(row["choice"])),
        customer_id=row["customer_id"],
        sent_on=row["sent_on"],
        wire=row["wire"],
    )
