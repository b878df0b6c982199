"""A customer whose saved account the bank has looked at, and the answers to what it has found."""

from __future__ import annotations

from typing import Any

from tests.conftest import Partner
from tests.linked import POWER, Linked, link_customer, mandate, yuan

TAKES_PARTS = "BJ-PROPERTY_FEE-01"
ORDINARY = "3100001019"
"""Of an account at ``POWER`` at which one bill is due when worlds begin."""


def reminded(
    partner: Partner, scenario: str = "DUE_BILL", code: str = POWER, *, most: float | None = 500, **form: Any
) -> Linked:
    """Have an account saved, under a mandate up to so much or without one, and let the bank look at it now."""
    user = link_customer(partner, *([mandate(partner, code, most=most)] if most else []), **form)
    look(user, user.save(code, scenario))
    return user


def save_ordinary(user: Linked) -> str:
    """Save an account that is no magic one: its bills stay due until they are paid. Give the saved biller."""
    body = {"biller_id": user.owner.biller(POWER)["biller_id"], "inputs": {"account_number": ORDINARY}}
    return str(user.post("/v1/saved-billers", body, key=None).json["saved_biller_id"])


def look(user: Linked, saved_biller_id: str) -> Any:
    """Have the bank look at an account now."""
    body = {"saved_biller_id": saved_biller_id}
    return user.owner.post("/sandbox/v1/events/bill.issued:trigger", body, key=None)


def reminders(user: Linked, **query: Any) -> list[dict[str, Any]]:
    """Read a customer's reminders, newest first."""
    return list(user.get("/v1/reminders", **query).json["data"])


def only(user: Linked) -> dict[str, Any]:
    """Read the one reminder that there is."""
    (reminder,) = reminders(user)
    return reminder


def answer(user: Linked, reminder: dict[str, Any], verb: str, body: Any = None, *, key: str | None = None) -> Any:
    """Answer a reminder."""
    return user.post(f"/v1/reminders/{reminder['reminder_id']}:{verb}", body, key=key)


def pay(user: Linked, reminder: dict[str, Any], reference: str, amount: float | None = None, **more: Any) -> Any:
    """Answer that it be paid, whole or a part."""
    key = more.pop("key", "new")
    body = {"partner_reference": reference, **({"amount": yuan(amount)} if amount else {}), **more}
    return answer(user, reminder, "pay", body, key=key)


def told(partner: Partner) -> list[str]:
    """Name the events of bills that the app was told, in order."""
    return [event["type"] for event in partner.events() if event["type"].startswith("bill.")]
