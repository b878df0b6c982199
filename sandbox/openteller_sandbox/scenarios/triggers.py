"""Making an event happen: each type of the contract's list, on something of the caller's own.

An event is not written by itself. What it tells of is brought about, and the bank records the event as it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank, Caller, Due
from openteller_sandbox.biller_port import port
from openteller_sandbox.bills import service as bills
from openteller_sandbox.consents import service as consents
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.disputes import service as disputes
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.payments import lifecycle
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.states import Status
from openteller_sandbox.rates import service as rates
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.scenarios import driving, payer
from openteller_sandbox.statements import service as statements
from openteller_sandbox.webhooks import service as webhooks

Trigger = Callable[[Bank, Caller, Mapping[str, Any]], None]


def trigger(bank: Bank, caller: Caller, type_: str, subject: Mapping[str, Any]) -> str:
    """Make an event happen; give it as JSON.

    Args:
        bank: the bank.
        caller: whose thing it is, and who is told.
        type_: a type of the contract's list.
        subject: which thing, or that a new one is made for it.

    Raises:
        Problem: NOT_FOUND, no such type, or not the caller's; FIELD_INVALID, not a thing of this type;
            INVALID_TRANSITION, it does not stand where this could happen.
    """
    known = BY_TYPE.get(type_)
    if known is None:
        raise Problem("NOT_FOUND", f"There is no such type of event. There are: {', '.join(_near(type_))}.")
    act, member = known
    for name in subject:
        if name not in {member, "new"}:
            about = "nothing of an app's" if member == "new" else member
            raise field_invalid(f"/{name}", f"{type_} is about {about}.")
    last = events.last_id(bank.db.read(), caller.app_id, type_)
    act(bank, caller, subject)
    told = events.last(bank.db.read(), caller.app_id, type_)
    if told is None or told[0] == last:
        raise Problem("INVALID_TRANSITION", "It did not happen: see how the thing stands now.", members={"allowed": []})
    return told[1]


def _near(type_: str) -> list[str]:
    """Give the types about the same kind of thing; of an unknown kind, the kinds that there are."""
    kind = type_.partition(".")[0]
    same = [known for known in BY_TYPE if known.partition(".")[0] == kind]
    return sorted(same or {f"{known.partition('.')[0]}.*" for known in BY_TYPE})


def _payment(status: Status) -> Trigger:
    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
        payment_id = subject.get("payment_id")
        if payment_id is None:
            payment_id = _new_payment(bank, caller)
            if status is Status.CREATED:
                return
        else:
            wire = payments.get_wire(bank, bank.db.read(), caller.app_id, payment_id)
            if wire is None:
                raise Problem("NOT_FOUND")
            held = payments.held(bank.db.read(), payment_id)
            assert held is not None
            if held.payment.status is status:
                raise lifecycle.not_possible(status)
        driving.bring(bank, caller, payment_id, status)

    return act


def _new_payment(bank: Bank, caller: Caller) -> str:
    """Make an open link; the payer who follows it pays what the first biller has due."""
    request = {
        "partner_reference": f"trigger-{ids.new('run')[4:]}",
        "locale": "zh-CN",
        "expires_in": 86_400,
        "metadata": {},
    }
    with bank.db.act(caller.world.world_id) as tx:
        held = payments.create(bank, tx, caller, request, bank.now(caller.world))
    return held.payment.payment_id


def _bill_fetch(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Have a slow biller answer now."""
    world, now = caller.world, bank.now(caller.world)
    fetch_id = subject.get("bill_fetch_id")
    if fetch_id is None:
        biller, inputs = payer.slow_account(bank, now)
        question = bills.Question(caller.app_id, biller, inputs, "trigger-payer-00001")
        with bank.db.act(caller.world.world_id) as tx:
            kept = bills.keep(bank, tx, world, question, port.Later(1), now)
        fetch_id = kept.bill_fetch_id
    found = bills.find_fetch(bank.db.read(), caller.app_id, fetch_id)
    if found is None:
        raise Problem("NOT_FOUND")
    if found.status != "PROCESSING":
        detail = f"The fetch is {found.status}: only one that is PROCESSING can become ready."
        raise Problem("INVALID_TRANSITION", detail, members={"allowed": []})
    bank.due_handlers[bills.ANSWER](bank, Due(world, bills.ANSWER, fetch_id, now))


def _rate_sheet(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Tell once more of a sheet that holds: sheets come with the seed, and none is made up."""
    rates.tell_again(bank, caller.world, caller.app_id, subject.get("rate_sheet_id"), bank.now(caller.world))


def _import(type_: str) -> Trigger:
    """Tell once more what the last import has changed: what all worlds share is changed for none of them."""

    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:  # noqa: ARG001 - as every trigger
        announcements.tell_again(bank, caller.world, caller.app_id, type_, bank.now(caller.world))

    return act


def _open_dispute(type_: str) -> Trigger:
    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
        payment_id = subject.get("payment_id")
        if payment_id is None:
            payment_id = _new_payment(bank, caller)
            driving.bring(bank, caller, payment_id, Status.SUCCEEDED)
        _dispute(bank, caller, payment_id, type_)

    return act


def _dispute(bank: Bank, caller: Caller, payment_id: str, type_: str) -> str:
    if payments.get_wire(bank, bank.db.read(), caller.app_id, payment_id) is None:
        raise Problem("NOT_FOUND")
    request = {"payment_id": payment_id, "type": type_}
    try:
        with bank.db.act(caller.world.world_id) as tx:
            dispute_id, _ = disputes.create(bank, tx, caller, request, bank.now(caller.world))
    except Problem as problem:
        detail = f"Opening a dispute would be refused: {problem.code}."
        raise Problem("INVALID_TRANSITION", detail, members={"allowed": []}) from problem
    return dispute_id


def _decide(type_: str) -> Trigger:
    """Have the clerk decide now. What comes out is the clerk's, and the biller's; a new dispute is of a type that comes
    out as asked for.
    """

    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
        dispute_id = subject.get("dispute_id")
        if dispute_id is None:
            payment_id = _new_payment(bank, caller)
            driving.bring(bank, caller, payment_id, Status.SUCCEEDED)
            dispute_id = _dispute(bank, caller, payment_id, type_)
        elif disputes.find_wire(bank.db.read(), caller, dispute_id) is None:
            raise Problem("NOT_FOUND")
        now = bank.now(caller.world)
        bank.due_handlers[disputes.DECIDE](bank, Due(caller.world, disputes.DECIDE, dispute_id, now))

    return act


def _webhook_endpoint(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Tell of an endpoint what its test tells, and keep it in the log as every event."""
    endpoint_id = subject.get("webhook_endpoint_id")
    if endpoint_id is None:
        raise field_invalid("/new", "Name an endpoint: none is made up.")
    now = bank.now(caller.world)
    webhooks.prepare_test(bank, caller.app_id, endpoint_id, now)
    data = {"webhook_endpoint_id": endpoint_id, "version": 1}
    with bank.db.act(caller.world.world_id) as tx:
        events.record(bank, tx, caller.world, caller.app_id, webhooks.TEST_EVENT, data, now)


def _statement(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Tell once more of a statement; or pay something new, and make the day's statement before the day is over."""
    now = bank.now(caller.world)
    statement_id = subject.get("statement_id")
    if statement_id is None:
        driving.bring(bank, caller, _new_payment(bank, caller), Status.SUCCEEDED)
        day = clock.bank_date(now).isoformat()
        bank.due_handlers[payments.CLOSE_DAY](bank, Due(caller.world, payments.CLOSE_DAY, day, now))
    elif not statements.tell_again(bank, caller, statement_id, now):
        raise Problem("NOT_FOUND")


def _account_link(status: str) -> Trigger:
    """Bring a link of the app's to a status, with the first demo customer and the account that it was started for."""

    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
        account_link_id = subject.get("account_link_id") or _new_account_link(bank, caller)
        if account_links.find_wire(bank.db.read(), caller.app_id, account_link_id) is None:
            raise Problem("NOT_FOUND")
        account_links.bring(bank, caller.world, account_link_id, CUSTOMERS[0].customer_id, status)

    return act


def _new_account_link(bank: Bank, caller: Caller) -> str:
    """Start a link for somebody new."""
    request = {
        "channel": "weibo",
        "actor_ref": f"trigger-{ids.new('run')[4:]}",
        "actor_label": "@演练用户",
        "locale": "zh-CN",
    }
    with bank.db.act(caller.world.world_id) as tx:
        return account_links.start(bank, tx, caller, request, bank.now(caller.world))[0]


def _consent(happen: Callable[[Bank, str], bool]) -> Trigger:
    """Have a customer do something with what the app was allowed."""

    def act(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
        happen(bank, _own_consent(bank, caller, subject))

    return act


def _own_consent(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> str:
    consent_id = subject.get("consent_id")
    if consent_id is None:
        played = oauth.play_consent(
            bank,
            caller,
            customer_number=CUSTOMERS[0].customer_number,
            scopes=("bills:read",),
            details="[]",
            jkt=None,
            ago_ms=0,
        )
        consent_id = str(played["consent_id"])
    consent = oauth.find_consent(bank, consent_id)
    if consent is None or consent.app_id != caller.app_id:
        raise Problem("NOT_FOUND")
    return consent_id


def _bill_issued(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Look at a saved account now, at whatever time of the day."""
    saved_biller_id = subject.get("saved_biller_id")
    if saved_biller_id is None:
        _new_reminder(bank, caller)
    else:
        _look(bank, caller, saved_biller_id)


def _bill_due(bank: Bank, caller: Caller, subject: Mapping[str, Any]) -> None:
    """Let a reminder ask again now, before its due date or the time that the customer has chosen."""
    reminder_id = subject.get("reminder_id") or _new_reminder(bank, caller)
    with bank.db.act(caller.world.world_id) as tx:
        reminder = reminders.of_app(tx, caller.app_id, reminder_id)
        if reminder is None:
            raise Problem("NOT_FOUND")
        reminders.bring_back(bank, tx, caller.world, reminder, bank.now(caller.world))


def _new_reminder(bank: Bank, caller: Caller) -> str:
    """Have the first demo customer allow the app to save accounts, and save one that is not saved yet, where a bill is
    due.
    """
    customer, now = CUSTOMERS[0], bank.now(caller.world)
    scopes = ("saved-billers", "payments:read")
    played = oauth.play_consent(
        bank, caller, customer_number=customer.customer_number, scopes=scopes, details="[]", jkt=None, ago_ms=0
    )
    caller = replace(caller, consent_id=str(played["consent_id"]), customer_id=customer.customer_id)
    for biller, inputs in payer.due_accounts(bank, now):
        with bank.db.act(caller.world.world_id) as tx:
            request = {"biller_id": biller.biller_id, "inputs": inputs}
            saved, is_new = saved_billers.save(bank, tx, caller, request, now)
            reminders.watch(tx, caller.world, saved, now)
        if is_new:
            _look(bank, caller, saved.saved_biller_id)
            return reminders.of_saved(bank.db.read(), saved.saved_biller_id)[0].reminder_id
    raise Problem("INVALID_TRANSITION", "No biller is open now: try when one is.", members={"allowed": []})


def _look(bank: Bank, caller: Caller, saved_biller_id: str) -> None:
    try:
        reminders.look_now(bank, caller, saved_biller_id, bank.now(caller.world))
    except Problem as problem:
        if problem.code == "NOT_FOUND":
            raise
        detail = f"Looking at this account would be refused: {problem.code}."
        raise Problem("INVALID_TRANSITION", detail, members={"allowed": []}) from problem


BY_TYPE: dict[str, tuple[Trigger, str]] = {
    **{f"payment.{status.value}": (_payment(status), "payment_id") for status in Status},
    "bill_fetch.ready": (_bill_fetch, "bill_fetch_id"),
    "rate.changed": (_rate_sheet, "rate_sheet_id"),
    announcements.BRANCHES: (_import(announcements.BRANCHES), "new"),
    announcements.ATMS: (_import(announcements.ATMS), "new"),
    announcements.BILLERS: (_import(announcements.BILLERS), "new"),
    "refund.pending": (_payment(Status.REFUND_PENDING), "payment_id"),
    "refund.succeeded": (_payment(Status.REFUNDED), "payment_id"),
    "refund.failed": (_payment(Status.REFUND_FAILED), "payment_id"),
    "dispute.assigned": (_open_dispute("DUPLICATE"), "payment_id"),
    "dispute.resolved": (_decide("ACCOUNT_NOT_UPDATED"), "dispute_id"),
    "dispute.rejected": (_decide("DUPLICATE"), "dispute_id"),
    "statement.ready": (_statement, "statement_id"),
    **{
        f"account_link.{name}": (_account_link(status), "account_link_id")
        for status, name in account_links.EVENTS.items()
    },
    "consent.revoked": (_consent(oauth.revoke_consent), "consent_id"),
    "consent.extended": (_consent(consents.renew), "consent_id"),
    "consent.expiring": (_consent(consents.tell_expiring), "consent_id"),
    "bill.issued": (_bill_issued, "saved_biller_id"),
    "bill.due": (_bill_due, "reminder_id"),
    webhooks.TEST_EVENT: (_webhook_endpoint, "webhook_endpoint_id"),
}
"""What brings each type about, and which member names the thing."""
