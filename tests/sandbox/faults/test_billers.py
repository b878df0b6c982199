"""Faults on the way to a biller: it is slow, fails, or says nothing, and the books are right whatever it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer
from tests.sandbox.faults.test_requests import order

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import store as books
from openteller_sandbox.ledger import service as ledger

Pay = Callable[[], str]


@pytest.fixture
def pay(bank: Bank, partner: Partner) -> Pay:
    """Pay a bill; give the payment."""

    def pay_a_bill() -> str:
        bill = partner.fetch().json["bills"][0]
        payment_id = str(partner.pay_link(bill_ids=[bill["bill_id"]])["payment_id"])
        DirectPayer(bank).pay(payment_id)
        return payment_id

    return pay_a_bill


@pytest.fixture(autouse=True)
def _books(bank: Bank, partner: Partner) -> Iterator[None]:
    yield
    assert ledger.is_balanced(bank.db.read())
    assert sum(ledger.balances(bank.db.read(), World(partner.app["world_id"])).values()) == 0


def posted(bank: Bank, partner: Partner, payment_id: str) -> str | None:
    row = bank.db.read().one(books.FIND, w=partner.app["world_id"], p=payment_id)
    return row["state"] if row else None


def test_a_slow_biller_is_202_and_answers_when_it_said(partner: Partner) -> None:
    order(partner, {"leg": "query"}, {"delay_ms": 5000})
    fetched = partner.fetch()
    assert (fetched.status_code, fetched.json["status"]) == (202, "PROCESSING")
    partner.advance(seconds=5)
    assert partner.get(fetched.headers["Location"]).json["status"] == "READY"


@pytest.mark.parametrize("effect", [{"status": 500}, {"drop": "BEFORE"}, {"drop": "AFTER"}])
def test_a_biller_that_fails_or_says_nothing_is_a_failed_query(partner: Partner, effect: dict[str, object]) -> None:
    order(partner, {"leg": "query"}, effect, times=1)
    assert partner.fetch().json["code"] == "BILLER_QUERY_FAILED"
    assert partner.fetch().status_code == 201


def test_only_the_named_biller_is_struck(partner: Partner) -> None:
    order(partner, {"leg": "query", "biller_id": partner.biller("BJ-TUITION-01")["biller_id"]}, {"status": 500})
    assert partner.fetch().status_code == 201
    assert partner.fetch("BJ-TUITION-01").status_code == 502


def test_a_posting_that_is_rejected_is_refunded(partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"status": 500})
    payment_id = pay()
    assert partner.payment(payment_id)["status"] == "refund_pending"
    partner.advance(seconds=60)
    assert partner.payment(payment_id)["status"] == "refunded"


def test_a_late_answer_to_a_posting_leaves_it_processing_until_it_comes(partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"delay_ms": 20_000})
    payment_id = pay()
    assert partner.payment(payment_id)["status"] == "processing"
    partner.advance(seconds=19)
    assert partner.payment(payment_id)["status"] == "processing"
    partner.advance(seconds=2)
    assert partner.payment(payment_id)["history"][-1] == {
        "status": "succeeded",
        "at": "2026-09-29T10:30:20+08:00",
        "actor": "BILLER",
    }


def test_an_answer_that_comes_after_the_first_status_query_is_not_waited_for(partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"delay_ms": 600_000})
    payment_id = pay()
    partner.advance(seconds=61)
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_a_biller_that_posted_and_did_not_say_so_is_found_out(bank: Bank, partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"drop": "AFTER"})
    payment_id = pay()
    assert (partner.payment(payment_id)["status"], posted(bank, partner, payment_id)) == ("unknown", "POSTED")
    partner.advance(seconds=61)
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_a_biller_that_never_got_it_is_found_out_and_the_money_goes_back(
    bank: Bank, partner: Partner, pay: Pay
) -> None:
    order(partner, {"leg": "post"}, {"drop": "BEFORE"})
    payment_id = pay()
    assert (partner.payment(payment_id)["status"], posted(bank, partner, payment_id)) == ("unknown", None)
    partner.advance(seconds=120)
    assert partner.payment(payment_id)["status"] == "refunded"


def test_silence_to_every_query_lasts_until_the_two_reconcile(partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"drop": "AFTER"})
    order(partner, {"leg": "query_posting"}, {"drop": "BEFORE"})
    payment_id = pay()
    partner.advance(seconds=3600)
    read = partner.payment(payment_id)
    assert (read["status"], read["resolution"]["method"]) == ("unknown", "RECONCILIATION")
    assert read["resolution"]["expected_by"] == "2026-09-30T02:00:00+08:00"
    partner.advance(to="2026-09-30T02:00:01+08:00")
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_a_reconciliation_that_fails_is_made_again_a_day_later(partner: Partner, pay: Pay) -> None:
    order(partner, {"leg": "post"}, {"drop": "BEFORE"})
    order(partner, {"leg": "query_posting"}, {"status": 500})
    order(partner, {"leg": "reconcile"}, {"drop": "BEFORE"}, times=1)
    payment_id = pay()
    partner.advance(to="2026-09-30T12:00:00+08:00")
    assert partner.payment(payment_id)["status"] == "unknown"
    partner.advance(to="2026-10-01T12:00:00+08:00")
    assert partner.payment(payment_id)["status"] == "refunded"


@pytest.mark.parametrize(
    ("effect", "heard_at"),
    [({"delay_ms": 7_200_000}, "2026-09-29T13:30:00+08:00"), ({"drop": "AFTER"}, "2026-09-30T02:00:00+08:00")],
)
def test_a_reversal_is_heard_of_late(bank: Bank, partner: Partner, effect: dict[str, object], heard_at: str) -> None:
    order(partner, {"leg": "reverse"}, effect)
    bill = partner.fetch(scenario="REVERSED").json["bills"][0]
    payment_id = partner.pay_link(bill_ids=[bill["bill_id"]])["payment_id"]
    DirectPayer(bank).pay(payment_id)
    partner.advance(seconds=4000)
    assert partner.payment(payment_id)["status"] == "succeeded"
    partner.advance(seconds=86_400)
    moves = {entry["status"]: entry["at"] for entry in partner.payment(payment_id)["history"]}
    assert moves["refund_pending"] == heard_at


def test_a_fault_for_one_payment_leaves_the_others_alone(partner: Partner, pay: Pay, bank: Bank) -> None:
    first = partner.pay_link(bill_ids=[partner.fetch().json["bills"][0]["bill_id"]])["payment_id"]
    several = partner.fetch(scenario="SEVERAL_BILLS").json["bills"]
    second = partner.pay_link(bill_ids=[several[0]["bill_id"]])["payment_id"]
    order(partner, {"leg": "post", "payment_id": first}, {"drop": "AFTER"})
    for payment_id in (second, first):
        DirectPayer(bank).pay(payment_id)
    assert [partner.payment(each)["status"] for each in (first, second)] == ["unknown", "succeeded"]
