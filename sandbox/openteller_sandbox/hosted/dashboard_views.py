"""What a customer's own pages show, as plain values for the templates."""

from __future__ import annotations

import json
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.account_links.service import Link
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.billers import service as billers
from openteller_sandbox.consents import service as consents
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.hosted import views
from openteller_sandbox.hosted.texts import Translate, channel_name, translator
from openteller_sandbox.mandates import service as mandates
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import Consent
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Status
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.reminders.model import Reminder
from openteller_sandbox.saved_billers import service as saved_billers

PAGE = 20
NOTICES = 20


def overview(bank: Bank, world: World, customer: Customer, before: str, locale: str) -> dict[str, Any]:
    """Show all that a customer has in a world; before: from behind which payment on."""
    tx, t = bank.db.read(), translator(locale)
    given = oauth.consents_of_customer(tx, world.world_id, customer.customer_id)
    links = account_links.of_customer(tx, world.world_id, customer.customer_id)
    permissions = [_permission(bank, consent, links, t) for consent in given]
    found = payments.of_customer(tx, world.world_id, customer.customer_id, before=before, count=PAGE + 1)
    return {
        "customer": customer,
        "available": customers.available(tx, world, customer.customer_id),
        "links": [_link(bank, link, t) for link in links],
        "permissions": [each for each in permissions if each["status"] == "ACTIVE"],
        "ended": [each for each in permissions if each["status"] != "ACTIVE"],
        "asked": _asked(bank, world, customer),
        "reminders": _reminders(bank, world, customer, locale),
        "saved": _saved(bank, world, customer, locale),
        "notices": _notices(bank, world, customer, locale),
        "payments": [_line(bank, held) for held in found[:PAGE]],
        "by_mandate": {use.payment_id for use in mandates.uses_of_customer(tx, world.world_id, customer.customer_id)},
        "older": found[PAGE - 1].payment.payment_id if len(found) > PAGE else None,
        "is_first": not before,
    }


def payment(bank: Bank, held: Held, locale: str) -> dict[str, Any]:
    """Show a payment to whoever has paid it, with its receipt where there is one."""
    t, paid = translator(locale), held.payment
    heading, explanation = views.standing(paid.status, paid.status_reason)
    receipt = views.receipt_of_payer(bank, held, locale) or {}
    return {
        **_line(bank, held),
        "heading": t(heading),
        "explanation": t(explanation) if explanation else None,
        "amount": paid.amount,
        "fees": paid.fees,
        "receipt": None,
        "print": None,
        "refund": paid.refunds[-1].amount if paid.refunds else None,
        **receipt,
    }


def app_name(bank: Bank, app_id: str) -> str:
    """Give the name that an app shows to people."""
    app = partners.find(bank.db.read(), app_id)
    return app.name if app else app_id


def _link(bank: Bank, link: Link, t: Translate) -> dict[str, Any]:
    return {
        "account_link_id": link.account_link_id,
        "channel": channel_name(link.channel, t),
        "actor": link.actor_masked,
        "app_name": app_name(bank, link.app_id),
        "since": _minute(link.confirmed_at or 0),
    }


def _saved(bank: Bank, world: World, customer: Customer, locale: str) -> list[dict[str, Any]]:
    tx = bank.db.read()
    return [
        {
            "saved_biller_id": saved.saved_biller_id,
            "biller_name": billers.get(tx, saved.biller_id).name[locale],
            "account": json.loads(saved.wire)["account_ref_masked"],
            "app_name": app_name(bank, saved.app_id),
        }
        for saved in saved_billers.of_customer(tx, world.world_id, customer.customer_id)
    ]


def _reminders(bank: Bank, world: World, customer: Customer, locale: str) -> list[dict[str, Any]]:
    """Write down what waits for an answer, or is being paid."""
    tx, now = bank.db.read(), bank.now(world)
    asking = [
        each
        for each in reminders.of_customer(bank, tx, world.world_id, customer.customer_id)
        if each.status in reminders.ASKING
    ]
    return [
        {
            "reminder_id": each.reminder_id,
            "biller_name": billers.get(tx, each.biller_id).name[locale],
            "label": each.record.get("label"),
            "account": each.record["account_ref_masked"],
            "amount": each.outstanding,
            "due": each.due_on.isoformat(),
            "status": each.status.value,
            "again": _minute(each.remind_at) if each.remind_at else None,
            "days": reminders.days(each, now),
            "link": _open_link(bank, each),
            "app_name": app_name(bank, each.app_id),
        }
        for each in asking
    ]


def _open_link(bank: Bank, reminder: Reminder) -> str | None:
    """Give where the customer can go on paying."""
    held = payments.held(bank.db.read(), reminder.payment_id) if reminder.payment_id else None
    is_open = held is not None and held.payment.status in {Status.CREATED, Status.AUTHORISING}
    return f"/pay/{held.link_code}" if held and is_open else None


def _notices(bank: Bank, world: World, customer: Customer, locale: str) -> list[dict[str, str]]:
    """Write down what the customer was told last."""
    tx, t, written = bank.db.read(), translator(locale), []
    for notice in customers.notices(tx, world.world_id, customer.customer_id, NOTICES):
        if notice.kind == mandates.MANDATE_USED:
            text = t("told.MANDATE_USED").format(
                app=app_name(bank, notice.facts["app_id"]),
                account=notice.facts["account_ref_masked"],
                biller=billers.get(tx, notice.facts["biller_id"]).name[locale],
                amount=views.wire_yuan(notice.facts["amount"]),
            )
            written.append({"when": _minute(notice.told_at), "text": text})
    return written


def _permission(bank: Bank, consent: Consent, links: list[Link], t: Translate) -> dict[str, Any]:
    """Show a consent; links: of the customer, one of which it may have been given under."""
    under = next((link for link in links if link.consent_id == consent.consent_id), None)
    return {
        "consent_id": consent.consent_id,
        "app_name": app_name(bank, consent.app_id),
        "asked_from": f"{channel_name(under.channel, t)} {under.actor_masked}" if under else None,
        "status": consent.status_at(bank.clock.wall()),
        "scopes": consent.scope.split(),
        "mandates": [views.mandate(bank, detail) for detail in consent.details],
        "since": _day(consent.created_at),
        "until": _day(consent.expires_at),
        "ends_in_days": _days_left(bank, consent),
        "last_used": _minute(consent.last_used_at) if consent.last_used_at else None,
    }


def _days_left(bank: Bank, consent: Consent) -> int | None:
    """Give in how many days a consent ends, the last one begun counted whole; None where that is not soon."""
    left = consent.expires_at - bank.clock.wall()
    return -(-left // clock.DAY) if 0 < left <= oauth.CONSENT_NOTICE_MS else None


def _asked(bank: Bank, world: World, customer: Customer) -> list[dict[str, Any]]:
    """Show what waits for the customer's answer."""
    tx = bank.db.read()
    return [
        {
            "path": each.path,
            "app_name": app_name(bank, each.app_id),
            "until": _day(each.consent_expires_at),
        }
        for each in consents.extensions_of_customer(tx, world.world_id, customer.customer_id)
        if consents.standing_of_extension(bank, tx, world, each) == "AWAITING"
    ]


def _line(bank: Bank, held: Held) -> dict[str, Any]:
    paid = held.payment
    heading, _ = views.standing(paid.status, paid.status_reason)
    return {
        "payment_id": paid.payment_id,
        "biller": billers.get(bank.db.read(), paid.biller_id or ""),
        "account": paid.account_ref_masked,
        "total": paid.total,
        "standing": heading,
        "good": paid.receipt_id is not None,
        "app_name": app_name(bank, held.app_id),
        "when": _minute(paid.debit.at or paid.created_at),
        "has_receipt": paid.receipt_id is not None,
    }


def _day(instant: int) -> str:
    return clock.bank_date(instant).isoformat()


def _minute(instant: int) -> str:
    return f"{clock.to_datetime(instant):%Y-%m-%d %H:%M}"
