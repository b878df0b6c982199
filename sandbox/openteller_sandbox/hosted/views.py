"""What each step of the page shows, as plain values for the templates. Before sign-in there is no amount, no name and
no account here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller, money
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.customers import service as customers
from openteller_sandbox.hosted.flow import Step, offered_bills, payer_chooses_amount
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.hosted.texts import Translate
from openteller_sandbox.money import Money
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import authorisation
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Status
from openteller_sandbox.receipts import service as receipts

_MOST_BILLERS = 50


def landing(bank: Bank, held: Held, locale: str) -> dict[str, Any]:
    """Show who is paid and who asks, and nothing more."""
    tx = bank.db.read()
    app = partners.find(tx, held.app_id)
    biller = billers.get(tx, held.payment.biller_id) if held.payment.biller_id else None
    return {
        "app_name": app.name if app else "",
        "biller_name": biller.name[locale] if biller else None,
        "code4": held.code4,
    }


def of_step(bank: Bank, held: Held, session: Session, step: Step, now: int) -> dict[str, Any]:
    """Show a step."""
    makers: dict[Step, Callable[[], dict[str, Any]]] = {
        Step.PLACE: lambda: _place(bank, held, session),
        Step.BILLER: lambda: _billers(bank, session),
        Step.ACCOUNT: lambda: _account(bank, session),
        Step.BILLS: lambda: _bills(bank, session),
        Step.AMOUNT: lambda: _amount(bank, held, session),
        Step.CONFIRM: lambda: _confirm(bank, held, session, now),
        Step.SIGN_IN: lambda: {"customers": customers.CUSTOMERS},
    }
    values = makers[step]() if step in makers else {}
    if session.choice.biller_id:
        values["account_label"] = _label(_biller(bank, session), session.choice.inputs, session.locale)
    return values


def standing(status: Status, reason: str | None) -> tuple[str, str | None]:
    """Name the texts that tell the payer where a confirmed payment stands: heading, and explanation if any."""
    match status, reason:
        case Status.REFUND_PENDING, ("BILLER_REVERSED" | "DISPUTE_RESOLVED"):
            return "reversed", None
        case Status.REFUND_PENDING, "NOT_SENT":
            return "not_sent", None
    return _STANDING[status]


_STANDING: dict[Status, tuple[str, str | None]] = {
    Status.AUTHORISED: ("authorised", None),
    Status.PROCESSING: ("processing", None),
    Status.UNKNOWN: ("unknown", "unknown_help"),
    Status.SUCCEEDED: ("done", "done_help"),
    Status.REFUND_PENDING: ("refund_pending", None),
    Status.REFUND_FAILED: ("refund_failed", "refund_failed_help"),
    Status.REFUNDED: ("refunded", "refunded_help"),
}


_MARKS = {Status.SUCCEEDED: "✓", Status.REFUNDED: "↩\ufe0e", Status.REFUND_FAILED: "!"}
"""What stands over the result; ``…`` where it is on its way. The selector keeps the arrow from being a picture."""


def result(bank: Bank, held: Held, session: Session | None, t: Translate) -> dict[str, Any]:
    """Show what became of a payment; only the payer sees more than that the link has been used."""
    payment = held.payment
    if not is_payer(held, session):
        return {"mine": False}
    heading, explanation = standing(payment.status, payment.status_reason)
    locale = session.locale if session else "zh-CN"
    biller = billers.get(bank.db.read(), payment.biller_id or "")
    return {
        "mine": True,
        "good": payment.status is Status.SUCCEEDED,
        "moving": payment.status in {Status.AUTHORISED, Status.PROCESSING, Status.UNKNOWN, Status.REFUND_PENDING},
        "mark": _MARKS.get(payment.status, "…"),
        "heading": t(heading),
        "explanation": t(explanation) if explanation else None,
        "biller_name": biller.name[locale],
        "account": payment.account_ref_masked,
        "account_label": _label(biller, held.choice.inputs, locale),
        "amount": payment.amount,
        "fees": payment.fees,
        "total": payment.total,
        "refund": payment.refunds[-1].amount if payment.refunds else None,
        "has_receipt": payment.receipt_id is not None,
        "return_url": payment.return_url,
        "world_id": held.world_id,
    }


def is_payer(held: Held, session: Session | None) -> bool:
    """Tell whether a session is of the customer who has paid, signed in."""
    return session is not None and session.customer_id is not None and session.customer_id == held.customer_id


def receipt(bank: Bank, held: Held, session: Session, locale: str) -> dict[str, Any] | None:
    """Show the receipt to the payer, with the whole account number and name; None where there is none, or it is not
    theirs.
    """
    return receipt_of_payer(bank, held, locale) if is_payer(held, session) else None


def receipt_of_payer(bank: Bank, held: Held, locale: str) -> dict[str, Any] | None:
    """Show the receipt of a payment to whoever has paid it; None where there is none."""
    found = payments.receipt_of(bank.db.read(), held.payment.payment_id)
    if found is None:
        return None
    biller = billers.get(bank.db.read(), held.payment.biller_id or "")
    return {
        "receipt": found,
        "biller_name": biller.name[locale],
        "account": biller.account(held.choice.inputs) if held.choice.inputs else held.payment.account_ref_masked,
        "account_label": _label(biller, held.choice.inputs, locale),
        "payer": customers.by_id(held.customer_id or "").name,
        "paid_at": second(clock.parse(found["paid_at"])),
        "refund": held.payment.refunds[-1].amount if held.payment.status is not Status.SUCCEEDED else None,
        "refunded": held.payment.status is Status.REFUNDED,
        "print": receipts.print_state(bank, held).name,
    }


def mandate(bank: Bank, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Show a mandate with its billers as customers know them."""
    return {**detail, "billers": [billers.get(bank.db.read(), biller_id) for biller_id in detail["billers"]]}


def _label(biller: Biller, inputs: Mapping[str, str], locale: str) -> str | None:
    label = biller.account_label(inputs)
    return label[locale] if label else None


def _place(bank: Bank, held: Held, session: Session) -> dict[str, Any]:
    tx, locale = bank.db.read(), session.locale
    cities = billers.all_cities(tx)
    return {
        "categories": [json.loads(wire) for wire in billers.categories(tx)],
        "cities": cities if locale == "zh-CN" else sorted(cities, key=lambda city: city.name[locale]),
        "category_hint": session.category_code or held.payment.category_code,
        "adcode_hint": _city_of(session.adcode or held.payment.adcode or "", [city.adcode for city in cities]),
    }


def _city_of(adcode: str, cities: Sequence[str]) -> str:
    """Give the city that a division is or belongs to; a province gives the first of its cities, nothing the first of
    all.
    """
    for length in (6, 4, 2, 0):
        found = next((code for code in cities if code[:length] == adcode[:length]), None)
        if found:
            break
    return found or ""


def _billers(bank: Bank, session: Session) -> dict[str, Any]:
    filters = billers.Filters(category_code=session.category_code or "", adcode=session.adcode or "")
    tx = bank.db.read()
    rows = billers.page(tx, filters, count=_MOST_BILLERS)
    records = [json.loads(wire) for _, wire in rows]
    names = {(city.adcode[:2], city.name["zh-CN"]): city.name[session.locale] for city in billers.all_cities(tx)}
    return {
        "billers": [record for record in records if record["status"] == "ACTIVE"],
        "city_names": {record["biller_id"]: _city_name(names, record["region"]) for record in records},
    }


def _city_name(names: Mapping[tuple[str, str], str], region: Mapping[str, str]) -> str:
    """Give the name of a biller's city in a language; a city that the directory does not know keeps its own."""
    return names.get((region["adcode"][:2], region["city"].removesuffix("市")), region["city"])


def _biller(bank: Bank, session: Session) -> Biller:
    return billers.get(bank.db.read(), session.choice.biller_id or "")


def _account(bank: Bank, session: Session) -> dict[str, Any]:
    biller = _biller(bank, session)
    alternatives = {
        name for group in biller.facts["input_groups"] if group["rule"] == "ONE_OF" for name in group["fields"]
    }
    return {
        "biller": biller.facts,
        "alternatives": alternatives,
        "fields": [field.facts for field in biller.input_fields],
    }


def _bills(bank: Bank, session: Session) -> dict[str, Any]:
    biller = _biller(bank, session)
    offered = offered_bills(bank, session.choice)
    return {
        "biller": biller.facts,
        "bills": offered,
        "single": biller.selection == "ONE",
        "preselected": _preselected(biller, offered),
    }


def _preselected(biller: Biller, offered: Sequence[FetchedBill]) -> set[str]:
    return {bill.bill_id for bill in (offered if biller.selection == "ALL" else offered[:1])}


def _amount(bank: Bank, held: Held, session: Session) -> dict[str, Any]:
    biller = _biller(bank, session)
    bill = _single_bill(bank, held, session)
    low, high = (bill.due.min_amount, bill.due.max_amount) if bill else (biller.min_amount, biller.max_amount)
    return {
        "biller": biller.facts,
        "plans": biller.facts["plans"],
        "free": not (biller.facts["plans"] and biller.exactness == "EXACT"),
        "low": low,
        "high": high,
        "steps": None if bill else biller.facts.get("amount_multiple"),
        "balance": bill.due.balance if bill else None,
        "suggested": bill.due.outstanding if bill and bill.due.outstanding.amount else None,
    }


def _single_bill(bank: Bank, held: Held, session: Session) -> FetchedBill | None:
    chosen = session.choice.bill_ids
    return bills.find_bill(bank.db.read(), held.app_id, chosen[0]) if len(chosen) == 1 else None


def _confirm(bank: Bank, held: Held, session: Session, now: int) -> dict[str, Any]:
    tx = bank.db.read()
    quoted = authorisation.quote(tx, held, session.choice, now)
    customer = customers.by_id(session.customer_id or "")
    return {
        "biller": quoted.biller.facts,
        "account": quoted.biller.account(session.choice.inputs),
        "bills": quoted.chosen,
        "amount": quoted.amount,
        "fees": quoted.fees,
        "fee_kept": quoted.biller.keeps_payer_fee(quoted.biller.value_date(now)),
        "total": quoted.total,
        "payer": customer.name_masked,
        "available": customers.available(tx, payments.world_of(bank, held), customer.customer_id),
        "can_change": payer_chooses_amount(quoted.biller, session.choice, quoted.chosen),
    }


def yuan(amount: Money) -> str:
    """Write an amount as payers read it: ``¥1,234.50``."""
    sign = "¥" if amount.currency == "CNY" else f"{amount.currency} "
    return f"{sign}{amount.amount:,.2f}"


def wire_yuan(wire: Mapping[str, str]) -> str:
    """Write the contract's ``Money`` as payers read it."""
    return yuan(money(wire))


def second(instant: int) -> str:
    """Write an instant as payers read it, to the second in the bank's zone."""
    return clock.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S")


def wire_second(wire: str) -> str:
    """Write an instant of a record likewise."""
    return second(clock.parse(wire))


def percent(fraction: str) -> str:
    """Write a rate as people read it: 0.0310 is 3.10 %, 0.031444 is 3.1444 %."""
    text = f"{Decimal(fraction) * 100:f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}%"
