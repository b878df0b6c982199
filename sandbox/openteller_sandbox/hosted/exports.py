"""What the bank keeps of a customer, in files for the customer: everything as JSON, the payments as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.billers import service as billers
from openteller_sandbox.consents import service as consents
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.hosted import dashboard_views
from openteller_sandbox.http import json_text
from openteller_sandbox.mandates import service as mandates
from openteller_sandbox.money import Money
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service as saved_billers

_MOST = 100_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by. Names of apps are their partners' choice."""
_COLUMNS = (
    "paid_at",
    "biller",
    "account",
    "amount",
    "fees",
    "total",
    "currency",
    "status",
    "value_date",
    "receipt_number",
    "app",
    "payment_id",
)


def as_json(bank: Bank, world: World, customer: Customer) -> bytes:
    """Write all of it."""
    tx = bank.db.read()
    return json_text(
        {
            "bank": {"zh-CN": "示范银行", "en": "Demo Bank"},
            "exported_at": clock.to_wire(bank.now(world)),
            "customer": {"customer_number": customer.customer_number, "name": customer.name},
            "available": customers.available(tx, world, customer.customer_id).wire(),
            "consents": _consents(bank, world, customer),
            "extensions": _extensions(bank, world, customer),
            "account_links": _links(bank, world, customer),
            "saved_billers": _saved(bank, world, customer),
            "reminders": _reminders(bank, world, customer),
            "payments": _payments(bank, world, customer),
            "mandate_uses": _uses(bank, world, customer),
            "notices": [
                {"kind": notice.kind, "told_at": clock.to_wire(notice.told_at), **notice.facts}
                for notice in customers.notices(tx, world.world_id, customer.customer_id, _MOST)
            ],
        }
    ).encode()


def as_csv(bank: Bank, world: World, customer: Customer) -> bytes:
    """Write the payments, with a mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for record in _payments(bank, world, customer):
        cells = {
            **record,
            "biller": record["biller"]["zh-CN"],
            "amount": record["amount"]["amount"],
            "currency": record["amount"]["currency"],
            "fees": record["fees"]["amount"],
            "total": record["total"]["amount"],
        }
        writer.writerow([_cell(cells.get(name, "")) for name in _COLUMNS])
    return f"\ufeff{text.getvalue()}".encode()


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _consents(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    return [
        {
            "consent_id": consent.consent_id,
            "app": dashboard_views.app_name(bank, consent.app_id),
            "status": consent.status_at(bank.clock.wall()),
            "scope": consent.scope.split(),
            "authorization_details": consent.details,
            "created_at": clock.to_wire(consent.created_at),
            "expires_at": clock.to_wire(consent.expires_at),
            **({"last_used_at": clock.to_wire(consent.last_used_at)} if consent.last_used_at else {}),
        }
        for consent in oauth.consents_of_customer(bank.db.read(), world.world_id, customer.customer_id)
    ]


def _extensions(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Give what apps have asked the customer to let last longer, and the answers."""
    tx = bank.db.read()
    return [
        {
            "app": dashboard_views.app_name(bank, each.app_id),
            "consent_id": each.consent_id,
            "status": consents.standing_of_extension(bank, tx, world, each),
            "consent_expires_at": clock.to_wire(each.consent_expires_at),
            "created_at": clock.to_wire(each.created_at),
            **({"answered_at": clock.to_wire(each.answered_at)} if each.answered_at else {}),
        }
        for each in consents.extensions_of_customer(tx, world.world_id, customer.customer_id)
    ]


def _links(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Give the social accounts that are linked; what the bank keeps of one is masked."""
    return [
        {
            "account_link_id": link.account_link_id,
            "app": dashboard_views.app_name(bank, link.app_id),
            "channel": link.channel,
            "account": link.actor_masked or "",
            "confirmed_at": clock.to_wire(link.confirmed_at or 0),
        }
        for link in account_links.of_customer(bank.db.read(), world.world_id, customer.customer_id)
    ]


def _saved(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Give the accounts that apps have saved, in full."""
    tx = bank.db.read()
    return [
        {
            "app": dashboard_views.app_name(bank, saved.app_id),
            "biller": dict((biller := billers.get(tx, saved.biller_id)).name),
            "account": biller.account(saved.inputs),
        }
        for saved in saved_billers.of_customer(tx, world.world_id, customer.customer_id)
    ]


def _reminders(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Give the reminders of bills, as apps are shown them."""
    return [
        {"app": dashboard_views.app_name(bank, each.app_id), **each.record}
        for each in reminders.of_customer(bank, bank.db.read(), world.world_id, customer.customer_id)
    ]


def _uses(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Give what apps have paid under mandates."""
    return [
        {
            "app": dashboard_views.app_name(bank, use.app_id),
            "consent_id": use.consent_id,
            "payment_id": use.payment_id,
            "amount": use.amount.wire(),
            "used_at": clock.to_wire(use.used_at),
        }
        for use in mandates.uses_of_customer(bank.db.read(), world.world_id, customer.customer_id, _MOST)
    ]


def _payments(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    found = payments.of_customer(bank.db.read(), world.world_id, customer.customer_id, count=_MOST)
    return [_payment(bank, held) for held in found]


def _payment(bank: Bank, held: Held) -> dict[str, Any]:
    """Give a payment with the account in full, as its payer knows it, where the bank still has it."""
    paid, tx = held.payment, bank.db.read()
    biller = billers.get(tx, paid.biller_id or "")
    assert paid.amount is not None and paid.total is not None
    record: dict[str, Any] = {
        "payment_id": paid.payment_id,
        "app": dashboard_views.app_name(bank, held.app_id),
        "status": paid.status.value,
        "biller": dict(biller.name),
        "account": biller.account(held.choice.inputs) if held.choice.inputs else paid.account_ref_masked or "",
        "amount": paid.amount.wire(),
        "fees": Money.from_minor(sum(fee.amount.minor for fee in paid.fees), paid.amount.currency).wire(),
        "total": paid.total.wire(),
        "paid_at": clock.to_wire(paid.debit.at or paid.created_at),
        "refunds": [{"amount": refund.amount.wire()} for refund in paid.refunds],
    }
    if paid.value_date:
        record["value_date"] = paid.value_date.isoformat()
    if receipt := payments.receipt_of(tx, paid.payment_id):
        record |= {name: receipt[name] for name in ("receipt_number", "verification_code")}
    return record
