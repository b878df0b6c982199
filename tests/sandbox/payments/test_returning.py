"""Money that was held and not sent, and money that could not be put back at once: each move has its ledger lines."""

from __future__ import annotations

import pytest
from tests.conftest import Partner

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.scenarios.payer import RICH

pytestmark = pytest.mark.both_engines

POWER = "SH-ELECTRICITY-01"
WHOLE = 1_000_000_00


def brought(partner: Partner, *statuses: str, scenario: str = "DUE_BILL") -> dict:
    """Make a link to a bill of a magic account and bring it from status to status."""
    bill = partner.fetch(POWER, scenario).json["bills"][0]["bill_id"]
    payment_id = partner.pay_link(bill_ids=[bill])["payment_id"]
    for status in statuses:
        answer = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": status}, key=None)
        assert answer.status_code == 200, answer.text
    return partner.payment(payment_id)


def booked(bank: Bank, partner: Partner, payment: dict) -> list[tuple[str, str]]:
    """Give (reason, account) of a payment's ledger lines, but for customers' names of accounts."""
    lines = ledger.lines_of(bank.db.read(), World(partner.app["world_id"]), payment["payment_id"])
    return [(reason, account.partition(":")[0]) for reason, account, _ in lines]


def suspense(bank: Bank, partner: Partner) -> int:
    return ledger.balances(bank.db.read(), World(partner.app["world_id"])).get(ledger.SUSPENSE, 0)


def available(bank: Bank, partner: Partner) -> int:
    return customers.available(bank.db.read(), World(partner.app["world_id"]), RICH.customer_id).minor


def test_what_was_held_and_is_not_sent_is_released_and_the_bill_can_be_paid_again(bank: Bank, partner: Partner) -> None:
    payment = brought(partner, "authorising", "authorised", "refund_pending")
    triple = payment["debit"]["status"], payment["posting"]["status"], payment["money_at"]
    assert (payment["status_reason"], *triple) == ("NOT_SENT", "HELD", "NOT_SENT", "BANK")
    partner.advance(seconds=31)
    payment = partner.payment(payment["payment_id"])
    triple = payment["debit"]["status"], payment["posting"]["status"], payment["money_at"]
    assert (payment["status"], *triple) == ("refunded", "RELEASED", "NOT_SENT", "RETURNED")
    assert booked(bank, partner, payment) == [
        ("authorise", "customer"),
        ("authorise", "holds"),
        ("release", "holds"),
        ("release", "customer"),
    ]
    assert available(bank, partner) == WHOLE
    again = brought(partner, "authorising", "authorised", "processing", "succeeded")
    assert again["allocations"][0]["amount"] == payment["allocations"][0]["amount"]


def test_a_hold_is_released_on_an_account_that_takes_no_money(bank: Bank, partner: Partner) -> None:
    payment = brought(partner, "authorising", "authorised", "refund_pending", scenario="ACCOUNT_CLOSED")
    partner.advance(seconds=31)
    assert partner.payment(payment["payment_id"])["status"] == "refunded"
    assert (available(bank, partner), suspense(bank, partner)) == (WHOLE, 0)


def test_a_payment_whose_biller_has_closed_before_it_was_sent_is_not_sent(bank: Bank, partner: Partner) -> None:
    partner.advance(to="2026-09-29T22:40:00+08:00")
    payment = brought(partner, "authorising", "authorised")  # goes on by itself an hour later
    partner.advance(to="2026-09-29T23:50:00+08:00")
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["status_reason"]) == ("refunded", "NOT_SENT")
    assert available(bank, partner) == WHOLE


def test_an_account_that_takes_money_again_is_tried_before_a_clerk_pays_out(bank: Bank, partner: Partner) -> None:
    payment = brought(partner, "authorising", "authorised", "processing", "refund_pending", "refund_failed")
    total = suspense(bank, partner)
    assert total > 0
    partner.advance(to="2026-09-30T10:00:01+08:00")
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["status_reason"]) == ("refund_pending", "NOT_POSTED")
    assert suspense(bank, partner) == 0
    partner.advance(seconds=31)
    payment = partner.payment(payment["payment_id"])
    (refund,) = payment["refunds"]
    assert (payment["status"], refund["status"]) == ("refunded", "SUCCEEDED")
    assert partner.get(f"/v1/refunds/{refund['refund_id']}").json["method"] == "ACCOUNT"
    reasons = list(dict.fromkeys(reason for reason, _ in booked(bank, partner, payment)))
    assert reasons == ["authorise", "send", "give back", "keep aside", "try again", "return"]
    assert available(bank, partner) == WHOLE
    told = [event["type"] for event in partner.events() if event["type"].startswith("refund.")]
    assert told == ["refund.pending", "refund.failed", "refund.pending", "refund.succeeded"]


def test_an_account_that_fails_twice_is_not_tried_for_ever(bank: Bank, partner: Partner) -> None:
    payment = brought(partner, "authorising", "authorised", "processing", "refund_pending", "refund_failed")
    for status in ("refund_pending", "refund_failed"):
        answer = partner.post(f"/sandbox/v1/payments/{payment['payment_id']}:transition", {"to": status}, key=None)
        assert answer.status_code == 200, answer.text
    partner.advance(to="2026-09-30T10:00:01+08:00")
    payment = partner.payment(payment["payment_id"])
    assert payment["status"] == "refunded"
    assert [one["type"] for one in payment["exceptions"]] == ["RETURN_FAILED", "RETURN_FAILED"]
    assert partner.get(f"/v1/refunds/{payment['refunds'][0]['refund_id']}").json["method"] == "MANUAL"
    assert suspense(bank, partner) == 0
