"""What a dispute leads to, for each type and account, with the ledger lines of each decision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port.port import Ground, PostingAnswer, PostingState, Reversal
from openteller_sandbox.biller_port.simulated import SimulatedBiller
from openteller_sandbox.customers import service as customers
from openteller_sandbox.ledger import service as ledger

RICH_ID = "cst_demo00000001"
TOP_UP = "CN-MOBILE_TOPUP-01"
DAY = 24 * 3600 + 60
Pay = Callable[..., dict]


@pytest.fixture
def pay(bank: Bank, partner: Partner) -> Pay:
    """Top up a magic account."""

    def paid(scenario: str, amount: str = "50.00") -> dict:
        payment = partner.pay_link(
            biller_id=partner.biller(TOP_UP)["biller_id"],
            inputs=partner.magic(TOP_UP, scenario),
            amount={"amount": amount, "currency": "CNY"},
        )
        DirectPayer(bank).pay(payment["payment_id"])
        return partner.payment(payment["payment_id"])

    return paid


def dispute(partner: Partner, payment: dict, type_: str, after: int = DAY) -> dict:
    """Open a dispute and let the clerk decide."""
    answer = partner.post("/v1/disputes", {"payment_id": payment["payment_id"], "type": type_})
    assert answer.status_code == 201, answer.text
    assert answer.json["status"] == "ASSIGNED"
    partner.advance(seconds=after)
    return dict(partner.get(answer.headers["Location"]).json)


def reasons(bank: Bank, partner: Partner, payment: dict) -> list[str]:
    lines = ledger.lines_of(bank.db.read(), World(partner.app["world_id"]), payment["payment_id"])
    return list(dict.fromkeys(reason for reason, _, _ in lines))


def balances(bank: Bank, partner: Partner) -> dict[str, int]:
    found = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    return {name: amount for name, amount in found.items() if amount}


def available(bank: Bank, partner: Partner) -> int:
    return customers.available(bank.db.read(), World(partner.app["world_id"]), RICH_ID).minor


def test_what_was_really_posted_twice_is_got_back_from_the_biller(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment = pay("POSTED_TWICE")
    decided = dispute(partner, payment, "DUPLICATE")
    assert (decided["status"], decided["resolution"]["outcome"]) == ("RESOLVED", "RECOVERED_FROM_BILLER")
    assert decided["resolution"]["amount"] == payment["amount"]
    assert reasons(bank, partner, payment) == ["authorise", "send", "post", "post twice", "recover"]
    after = partner.payment(payment["payment_id"])
    assert (after["status"], [one["type"] for one in after["exceptions"]]) == (
        "succeeded",
        ["DOUBLE_POSTING", "RECOVERED"],
    )
    assert "suspense" not in balances(bank, partner)
    assert available(bank, partner) == 1_000_000_00 - 50_00


@pytest.mark.abuse("returns", "has the same surplus recovered twice")
def test_a_second_dispute_finds_what_was_recovered_and_recovers_nothing_more(
    bank: Bank, partner: Partner, pay: Pay
) -> None:
    payment = pay("POSTED_TWICE")
    dispute(partner, payment, "DUPLICATE")
    again = dispute(partner, payment, "DUPLICATE")
    assert again["resolution"]["outcome"] == "RECOVERED_FROM_BILLER"
    assert balances(bank, partner)[f"biller:{payment['biller_id']}"] == 50_00


@pytest.mark.abuse("returns", "disputes both of two payments as duplicates of one another")
def test_the_same_sum_paid_twice_to_one_account_is_refunded_once(bank: Bank, partner: Partner, pay: Pay) -> None:
    pay("DUE_BILL")
    second = pay("DUE_BILL")
    decided = dispute(partner, second, "DUPLICATE")
    assert (decided["status"], decided["resolution"]["outcome"]) == ("RESOLVED", "REFUNDED")
    payment = partner.payment(second["payment_id"])
    assert (payment["status"], payment["status_reason"], payment["posting"]["status"]) == (
        "refunded",
        "DISPUTE_RESOLVED",
        "REVERSED",
    )
    refund = partner.get(f"/v1/refunds/{decided['resolution']['refund_id']}").json
    assert (refund["status"], refund["method"], refund["dispute_id"]) == (
        "SUCCEEDED",
        "ACCOUNT",
        decided["dispute_id"],
    )
    assert reasons(bank, partner, payment) == ["authorise", "send", "post", "reverse", "give back", "return"]
    assert available(bank, partner) == 1_000_000_00 - 50_00


@pytest.mark.abuse("returns", "calls a single payment a duplicate")
def test_one_payment_is_no_duplicate(partner: Partner, pay: Pay) -> None:
    pay("DUE_BILL", "100.00")
    decided = dispute(partner, pay("DUE_BILL"), "DUPLICATE")
    assert (decided["status"], decided["resolution"]["outcome"]) == ("REJECTED", "NOT_A_DUPLICATE")
    assert "refund_id" not in decided["resolution"]


@pytest.mark.parametrize("type_", ["SERVICE_NOT_RECEIVED", "PAID_WRONG_ACCOUNT", "WRONG_AMOUNT"])
@pytest.mark.parametrize(
    ("scenario", "status", "outcome"),
    [("DUE_BILL", "REJECTED", "REFUSED_BY_BILLER"), ("DISPUTE_UPHELD", "RESOLVED", "REFUNDED")],
)
def test_the_account_chooses_whether_the_biller_gives_it_back(
    bank: Bank, partner: Partner, pay: Pay, type_: str, scenario: str, status: str, outcome: str
) -> None:
    payment = pay(scenario)
    decided = dispute(partner, payment, type_)
    assert (decided["status"], decided["resolution"]["outcome"]) == (status, outcome)
    assert available(bank, partner) == 1_000_000_00 - (50_00 if status == "REJECTED" else 0)
    assert ledger.is_balanced(bank.db.read())


def test_a_biller_that_has_the_payment_brings_its_books_up_to_date(partner: Partner, pay: Pay) -> None:
    decided = dispute(partner, pay("DUE_BILL"), "ACCOUNT_NOT_UPDATED")
    assert (decided["status"], decided["resolution"]["outcome"]) == ("RESOLVED", "UPDATED_BY_BILLER")


def test_what_the_biller_does_not_find_is_refunded_in_full(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("DUE_BILL")
    monkeypatch.setattr(SimulatedBiller, "query_posting", lambda *_: PostingAnswer(PostingState.NOT_FOUND))
    decided = dispute(partner, payment, "ACCOUNT_NOT_UPDATED")
    assert decided["resolution"]["outcome"] == "REFUNDED"
    after = partner.payment(payment["payment_id"])
    assert (after["status"], after["posting"]["status"], [one["type"] for one in after["exceptions"]]) == (
        "refunded",
        "REJECTED",
        ["NOT_AT_BILLER"],
    )
    assert available(bank, partner) == 1_000_000_00


def test_a_biller_that_does_not_answer_is_asked_again_and_nothing_is_guessed(
    partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("DISPUTE_UPHELD")
    with monkeypatch.context() as silent:
        silent.setattr(SimulatedBiller, "reverse", lambda *_: Reversal.NO_ANSWER)
        assert dispute(partner, payment, "WRONG_AMOUNT")["status"] == "ASSIGNED"
    partner.advance(seconds=3600)
    (found,) = partner.get("/v1/disputes", payment_id=payment["payment_id"]).json["data"]
    assert found["resolution"]["outcome"] == "REFUNDED"


@pytest.mark.abuse("returns", "waits for a crash to be refunded twice")
def test_the_clerk_dying_after_the_biller_gave_it_back_refunds_once(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("DISPUTE_UPHELD")
    real = SimulatedBiller.reverse
    asked = []

    def dies(self: SimulatedBiller, world: World, posting: object, now: int, ground: Ground) -> Reversal:
        asked.append(real(self, world, posting, now, ground))  # type: ignore[arg-type]
        if len(asked) == 1:
            raise RuntimeError("gone")
        return asked[-1]

    monkeypatch.setattr(SimulatedBiller, "reverse", dies)
    decided = dispute(partner, payment, "WRONG_AMOUNT", DAY + 300)
    assert asked == [Reversal.REVERSED, Reversal.REVERSED]
    assert decided["resolution"]["outcome"] == "REFUNDED"
    assert available(bank, partner) == 1_000_000_00


@pytest.mark.abuse("returns", "gets a refund on top of a reversal")
def test_a_payment_that_the_biller_took_back_meanwhile_needs_no_decision(partner: Partner, pay: Pay) -> None:
    decided = dispute(partner, pay("REVERSED"), "SERVICE_NOT_RECEIVED")
    assert (decided["status"], decided["resolution"]["outcome"]) == ("RESOLVED", "ALREADY_RETURNED")


@pytest.mark.parametrize("scenario", ["POSTING_REJECTED", "TIMEOUT_SUCCEEDED"])
def test_only_a_payment_that_has_succeeded_can_be_disputed(partner: Partner, pay: Pay, scenario: str) -> None:
    payment = pay(scenario)
    answer = partner.post("/v1/disputes", {"payment_id": payment["payment_id"], "type": "DUPLICATE"})
    assert (answer.status_code, answer.json["code"]) == (409, "DISPUTE_NOT_POSSIBLE")
    assert payment["status"] in answer.json["detail"]
    assert partner.get("/v1/disputes").json["data"] == []


@pytest.mark.abuse("returns", "disputes a payment again and again")
def test_one_dispute_of_a_payment_is_open_at_a_time_and_there_are_three_at_most(partner: Partner, pay: Pay) -> None:
    payment = pay("DUE_BILL")
    body = {"payment_id": payment["payment_id"], "type": "WRONG_AMOUNT"}
    for _ in range(3):
        first = partner.post("/v1/disputes", body)
        again = partner.post("/v1/disputes", body)
        assert (first.status_code, again.status_code, again.json["code"]) == (201, 409, "DISPUTE_OPEN")
        assert again.json["dispute_id"] == first.json["dispute_id"]
        partner.advance(seconds=DAY)
    fourth = partner.post("/v1/disputes", body)
    assert (fourth.json["code"], fourth.json["detail"]) == ("DISPUTE_NOT_POSSIBLE", "It has been disputed three times.")


@pytest.mark.abuse("returns", "disputes a payment of long ago")
def test_ninety_days_later_it_is_too_late(partner: Partner, pay: Pay) -> None:
    payment = pay("DUE_BILL")
    body = {"payment_id": payment["payment_id"], "type": "WRONG_AMOUNT"}
    partner.advance(seconds=90 * 86_400 + 60)
    assert partner.post("/v1/disputes", body).json["detail"] == "It was posted more than 90 days ago."


@pytest.mark.abuse("returns", "disputes another app's payment, or reads what came of it")
def test_another_app_can_neither_dispute_a_payment_nor_see_what_came_of_it(
    partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    payment = pay("DISPUTE_UPHELD")
    stranger = new_partner(headers=partner.headers, join="world")
    body = {"payment_id": payment["payment_id"], "type": "WRONG_AMOUNT"}
    assert stranger.post("/v1/disputes", body).json["errors"][0]["pointer"] == "/payment_id"
    decided = dispute(partner, payment, "WRONG_AMOUNT")
    assert stranger.get(f"/v1/disputes/{decided['dispute_id']}").status_code == 404
    assert stranger.get(f"/v1/refunds/{decided['resolution']['refund_id']}").status_code == 404
    assert stranger.get("/v1/disputes").json["data"] == []


def test_each_step_is_an_event_with_the_version_of_its_record(partner: Partner, pay: Pay) -> None:
    payment = pay("DISPUTE_UPHELD")
    decided = dispute(partner, payment, "WRONG_AMOUNT")
    told = [(one["type"], one["data"]["version"]) for one in partner.events() if "dispute_id" in one["data"]]
    assert told == [("dispute.assigned", 1), ("dispute.resolved", 2)]
    assert decided["version"] == 2
    refunds = [(one["type"], one["data"]["status"]) for one in partner.events() if "refund_id" in one["data"]]
    assert refunds == [("refund.pending", "PENDING"), ("refund.succeeded", "SUCCEEDED")]


def test_a_repeated_key_gives_the_same_dispute(partner: Partner, pay: Pay) -> None:
    body = {"payment_id": pay("DUE_BILL")["payment_id"], "type": "WRONG_AMOUNT"}
    first = partner.post("/v1/disputes", body, key="dispute-1")
    assert partner.post("/v1/disputes", body, key="dispute-1").data == first.data
    assert len(partner.get("/v1/disputes").json["data"]) == 1


def test_a_refund_to_a_closed_account_waits_in_suspense_and_is_paid_out_by_hand(
    bank: Bank, partner: Partner, pay: Pay
) -> None:
    payment = pay("ACCOUNT_CLOSED")
    assert payment["status"] == "refund_pending"
    partner.advance(seconds=60)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["money_at"], payment["status_reason"]) == (
        "refund_failed",
        "BANK",
        "RETURN_FAILED",
    )
    assert balances(bank, partner)["suspense"] == 50_00
    partner.advance(to="2026-09-30T10:01:00+08:00")
    payment = partner.payment(payment["payment_id"])
    (refund,) = payment["refunds"]
    assert (payment["status"], payment["debit"]["status"], refund["status"]) == ("refunded", "RETURNED", "SUCCEEDED")
    assert partner.get(f"/v1/refunds/{refund['refund_id']}").json["method"] == "MANUAL"
    assert reasons(bank, partner, payment) == ["authorise", "send", "give back", "keep aside", "pay out"]
    after = balances(bank, partner)
    assert (after["payouts"], "suspense" in after) == (50_00, False)
    types = [one["type"] for one in partner.events() if one["type"].startswith("refund.")]
    assert types == ["refund.pending", "refund.failed", "refund.succeeded"]


def test_a_reset_forgets_disputes_and_refunds(partner: Partner, pay: Pay) -> None:
    decided = dispute(partner, pay("DISPUTE_UPHELD"), "WRONG_AMOUNT")
    partner.post("/sandbox/v1/reset", key=None)
    assert partner.get("/v1/disputes").json["data"] == []
    assert partner.get(f"/v1/refunds/{decided['resolution']['refund_id']}").status_code == 404
