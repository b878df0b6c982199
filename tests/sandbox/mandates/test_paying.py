"""Paying under a mandate: what is compared, what is counted, and what the customer learns."""

from __future__ import annotations

import pytest
from tests.conftest import Partner
from tests.linked import POWER, TOPUP, limit, link_customer, mandate, yuan

from openteller_sandbox.bank import Bank
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.mandates import service as mandates

RICH = CUSTOMERS[0].customer_id


def test_a_top_up_is_paid_under_a_mandate(partner: Partner, bank: Bank) -> None:
    user = link_customer(partner, mandate(partner))
    answer = user.pay(user.save())
    assert answer.status_code == 201, answer.text
    paid = answer.json
    assert (paid["status"], paid["consent_id"]) == ("authorised", user.consent_id)
    assert [entry["actor"] for entry in paid["history"]] == ["PARTNER", "BANK", "BANK"]
    payment = partner.payment(paid["payment_id"])
    assert (payment["status"], payment["money_at"]) == ("succeeded", "BILLER")
    assert partner.get(f"/v1/payments/{paid['payment_id']}/receipt").status_code == 200
    (notice,) = customers.notices(bank.db.read(), partner.app["world_id"], RICH)
    assert notice.kind == mandates.MANDATE_USED
    assert notice.facts["payment_id"] == paid["payment_id"]


def test_a_bill_of_a_saved_account_is_paid(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner))
    saved = user.save(POWER)
    fetched = user.post(f"/v1/saved-billers/{saved}/bill-fetches", key=None)
    assert fetched.status_code == 201, fetched.text
    (bill,) = fetched.json["bills"]
    answer = user.pay(saved, bill["outstanding"]["amount"], bill_ids=[bill["bill_id"]])
    assert answer.status_code == 201, answer.text
    assert partner.get(f"/v1/bills/{bill['bill_id']}").json["status"] == "PAID"


@pytest.mark.both_engines
def test_limits_of_a_period_count_what_was_paid_in_it(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner, periodic_limits=[limit("DAY", 120), limit("MONTH", 200)]))
    saved = user.save()
    assert [user.pay(saved).status_code for _ in range(2)] == [201, 201]
    refused = user.pay(saved)
    assert (refused.status_code, refused.json["code"], refused.json["limit"]) == (403, "MANDATE_EXCEEDED", "DAY")
    assert refused.json["resets_at"] == "2026-09-30T00:00:00+08:00"
    partner.advance(to="2026-09-30T09:00:00+08:00")
    assert [user.pay(saved).status_code for _ in range(2)] == [201, 201]
    partner.advance(to="2026-10-01T09:00:00+08:00")
    assert user.pay(saved).status_code == 201
    assert yuan(50) == user.pay(saved).json["amount"]
    assert TOPUP


def test_a_one_off_is_spent_once(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner, maximum_uses=1))
    saved = user.save()
    assert user.pay(saved).status_code == 201
    assert user.pay(saved).json["limit"] == "MAXIMUM_USES"
