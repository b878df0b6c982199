"""The page on failures says where the money is booked: so it is, wherever a payment can stand."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.conftest import Partner
from tools.going_wrong import booked

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.states import LEGAL, TRANSITIONS, Debit, Posting, Status

CONFIRMED = ("authorising", "authorised")
SENT = (*CONFIRMED, "processing")
WAYS = [
    ("authorising",),
    ("cancelled",),
    ("expired",),
    ("authorising", "failed"),
    CONFIRMED,
    (*CONFIRMED, "refund_pending"),
    (*CONFIRMED, "refund_pending", "refunded"),
    SENT,
    (*SENT, "unknown"),
    (*SENT, "succeeded"),
    (*SENT, "refund_pending"),
    (*SENT, "refund_pending", "refunded"),
    (*SENT, "refund_pending", "refund_failed"),
    (*SENT, "refund_pending", "refund_failed", "refunded"),
    (*SENT, "refund_pending", "refund_failed", "refund_pending"),
    (*SENT, "succeeded", "refund_pending"),
    (*SENT, "succeeded", "refund_pending", "refund_failed"),
    (*SENT, "succeeded", "refund_pending", "refunded"),
]


def has_it(bank: Bank, partner: Partner, payment_id: str) -> set[str]:
    """Give the accounts that have the money of a payment; the customer, where its lines are all made good."""
    sums: Counter[str] = Counter()
    for _, account, amount in ledger.lines_of(bank.db.read(), World(partner.app["world_id"]), payment_id):
        sums[account.partition(":")[0]] += amount
    return {account for account, amount in sums.items() if amount > 0} or ({"customer"} if sums else {"nothing"})


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_the_money_is_where_the_page_says(bank: Bank, partner: Partner, way: tuple[str, ...]) -> None:
    payment_id = partner.pay_link(category_code="ELECTRICITY", expires_in=3600)["payment_id"]
    for status in way:
        answer = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": status}, key=None)
        assert answer.status_code == 200, answer.text
    payment = partner.payment(payment_id)
    triple = payment["status"], payment["debit"]["status"], payment["posting"]["status"]
    said = booked(Status(triple[0]), Debit(triple[1]), Posting(triple[2]))
    accounts = has_it(bank, partner, payment_id)
    assert all(account in said for account in accounts), (said, accounts)


def test_a_posting_after_the_refund_is_at_the_cost_of_suspense(bank: Bank, partner: Partner) -> None:
    payment_id = partner.post("/sandbox/v1/scenarios/late-posting-after-refund:run", key=None).json["payment_ids"][0]
    assert partner.payment(payment_id)["posting"]["status"] == "POSTED"
    assert has_it(bank, partner, payment_id) == {"biller"}
    said = booked(Status.REFUNDED, Debit.RETURNED, Posting.POSTED)
    assert "biller, at the cost of suspense" in said


def test_every_triple_has_its_place() -> None:
    assert all(booked(status, *pair) for status, pairs in LEGAL.items() for pair in pairs)
    assert {way[-1] for way in WAYS} == set(TRANSITIONS) - {"created"}
