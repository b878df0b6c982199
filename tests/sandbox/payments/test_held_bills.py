"""A bill that somebody is paying stays until it is decided, however long that takes."""

from __future__ import annotations

import pytest
from tests.conftest import Partner

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import moves, records

pytestmark = pytest.mark.both_engines
KEPT_S = 24 * 3600


def hold(partner: Partner, seconds_before_purge: int) -> tuple[str, str]:
    """Fetch a bill and let a payer's money be held for it, a while before the bill would be purged."""
    bill_id = partner.fetch().json["bills"][0]["bill_id"]
    partner.advance(seconds=KEPT_S - seconds_before_purge)
    payment_id = str(partner.pay_link(bill_ids=[bill_id])["payment_id"])
    for status in ("authorising", "authorised"):
        moved = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": status}, key=None)
        assert moved.status_code == 200, moved.text
    return bill_id, payment_id


def test_a_bill_whose_money_is_held_over_its_purge_is_paid_and_owed_no_more(bank: Bank, partner: Partner) -> None:
    bill_id, payment_id = hold(partner, 1440)
    held = records.get(bank.db.read(), payment_id)
    assert held
    number = next(iter(moves.at_biller(bank.db.read(), held).amounts))
    assert number, "the biller knows which bill"
    partner.advance(seconds=3700)
    assert partner.payment(payment_id)["status"] == "succeeded"
    assert partner.get(f"/v1/bills/{bill_id}").json["status"] == "PAID"
    assert partner.fetch().json["status"] == "NO_BILL"


def test_a_bill_that_is_free_again_is_purged_a_day_later(partner: Partner) -> None:
    bill_id, payment_id = hold(partner, 1440)
    partner.advance(seconds=1500)
    assert partner.get(f"/v1/bills/{bill_id}").status_code == 200
    for status in ("processing", "refund_pending", "refunded"):
        moved = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": status}, key=None)
        assert moved.status_code == 200, moved.text
    partner.advance(seconds=KEPT_S)
    assert partner.get(f"/v1/bills/{bill_id}").status_code == 404
    assert partner.fetch().json["status"] == "READY"


def test_the_numbers_of_a_payments_bills_are_forgotten_with_its_account(bank: Bank, partner: Partner) -> None:
    _, payment_id = hold(partner, 1440)
    partner.advance(seconds=3700)
    partner.advance(seconds=KEPT_S)
    held = records.get(bank.db.read(), payment_id)
    assert held
    assert (held.choice.inputs, held.choice.bill_numbers) == ({}, {})
    posting = moves.at_biller(bank.db.read(), held)
    assert posting.amounts == {"": held.payment.amount}
    assert sum(ledger.balances(bank.db.read(), World(partner.app["world_id"])).values()) == 0
