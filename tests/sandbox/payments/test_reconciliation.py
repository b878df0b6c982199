"""The day's reconciliation with the billers: what is decided, what is booked, and that nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pytest
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer

from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port.port import Listed, Posting, PostingAnswer, PostingState, Reversal, Turn
from openteller_sandbox.biller_port.simulated import SimulatedBiller
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.customers import service as customers
from openteller_sandbox.due import service as due
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money
from openteller_sandbox.payments import moves, records, returning
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.reconciliation import Difference, Report

RICH_ID = "cst_demo00000001"
TOP_UP = "CN-MOBILE_TOPUP-01"
DAY = date(2026, 9, 29)
AFTER = "2026-09-30T02:00:01+08:00"
Pay = Callable[..., dict]


@pytest.fixture
def pay(bank: Bank, partner: Partner) -> Pay:
    """Top up a magic account."""

    def paid(scenario: str) -> dict:
        payment = partner.pay_link(
            biller_id=partner.biller(TOP_UP)["biller_id"],
            inputs=partner.magic(TOP_UP, scenario),
            amount={"amount": "50.00", "currency": "CNY"},
        )
        DirectPayer(bank).pay(payment["payment_id"])
        return partner.payment(payment["payment_id"])

    return paid


def world(partner: Partner) -> World:
    return World(partner.app["world_id"])


def reports(bank: Bank, partner: Partner, day: date = DAY) -> list[Report]:
    return payments.reconciliations(bank.db.read(), world(partner), day)


def reasons(bank: Bank, partner: Partner, subject: str) -> list[str]:
    lines = ledger.lines_of(bank.db.read(), world(partner), subject)
    return list(dict.fromkeys(reason for reason, _, _ in lines))


def balances(bank: Bank, partner: Partner) -> dict[str, int]:
    found = ledger.balances(bank.db.read(), world(partner))
    return {name: amount for name, amount in found.items() if amount}


def types(payment: dict) -> list[str]:
    return [exception["type"] for exception in payment["exceptions"]]


def test_what_agrees_is_matched_and_the_report_is_kept(bank: Bank, partner: Partner, pay: Pay) -> None:
    paid = [pay("DUE_BILL"), pay("DUE_BILL"), pay("POSTING_REJECTED")]
    assert reports(bank, partner) == []
    partner.advance(to=AFTER)
    assert reports(bank, partner) == [Report(paid[0]["biller_id"], "CLOSED", 2, 100_00, [])]


def test_what_no_query_could_tell_is_decided_by_the_list_which_has_it(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment_id = pay("UNANSWERED_POSTED")["payment_id"]
    partner.advance(seconds=1900)
    waiting = partner.payment(payment_id)
    assert (waiting["status"], waiting["resolution"]) == (
        "unknown",
        {"method": "RECONCILIATION", "expected_by": "2026-09-30T02:00:00+08:00"},
    )
    partner.advance(to=AFTER)
    payment = partner.payment(payment_id)
    assert (payment["status"], types(payment), "resolution" in payment) == ("succeeded", ["FOUND_AT_BILLER"], False)
    assert reasons(bank, partner, payment_id) == ["authorise", "send", "post"]
    (report,) = reports(bank, partner)
    assert report.differences == [Difference(payment_id, "LONG", 50_00, "SUCCEEDED")]


def test_what_no_query_could_tell_is_refunded_where_the_list_lacks_it(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment_id = pay("UNANSWERED_NOT_POSTED")["payment_id"]
    partner.advance(to="2026-09-30T01:59:59+08:00")
    assert partner.payment(payment_id)["status"] == "unknown"
    partner.advance(seconds=60)
    payment = partner.payment(payment_id)
    assert (payment["status"], payment["status_reason"]) == ("refunded", "NOT_POSTED")
    assert reasons(bank, partner, payment_id) == ["authorise", "send", "give back", "return"]
    (report,) = reports(bank, partner)
    assert report.differences == [Difference(payment_id, "UNDECIDED", 50_00, "NOT_POSTED")]


def test_what_only_we_have_is_asked_for_once_more_and_given_back(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment_id = pay("LOST_BY_BILLER")["payment_id"]
    partner.advance(to="2026-09-30T02:01:00+08:00")
    payment = partner.payment(payment_id)
    assert (payment["status"], payment["posting"]["status"], types(payment)) == (
        "refunded",
        "REJECTED",
        ["NOT_AT_BILLER"],
    )
    assert reasons(bank, partner, payment_id) == ["authorise", "send", "post", "reverse", "give back", "return"]
    assert customers.available(bank.db.read(), world(partner), RICH_ID).minor == 1_000_000_00
    (report,) = reports(bank, partner)
    assert report.differences == [Difference(payment_id, "SHORT", 50_00, "RETURNED")]


@pytest.mark.parametrize("state", [PostingState.POSTED, PostingState.NO_ANSWER])
def test_where_the_biller_contradicts_its_list_or_is_silent_nothing_moves_and_it_is_compared_again(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch, state: PostingState
) -> None:
    payment_id = pay("LOST_BY_BILLER")["payment_id"]
    with monkeypatch.context() as other:
        other.setattr(SimulatedBiller, "query_posting", lambda *_: PostingAnswer(state))
        partner.advance(to="2026-09-30T12:00:00+08:00")
    assert partner.payment(payment_id)["status"] == "succeeded"
    (report,) = reports(bank, partner)
    assert (report.status, report.differences[0].outcome) == ("OPEN", "OPEN")
    partner.advance(to="2026-10-01T12:00:00+08:00")
    assert partner.payment(payment_id)["status"] == "refunded"
    assert reports(bank, partner)[0].status == "CLOSED"


def test_a_double_posting_is_got_back_and_suspense_is_even_again(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment = pay("POSTED_TWICE")
    assert balances(bank, partner)["suspense"] == -50_00
    partner.advance(to=AFTER)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], types(payment)) == ("succeeded", ["DOUBLE_POSTING", "RECOVERED"])
    assert reasons(bank, partner, payment["payment_id"]) == ["authorise", "send", "post", "post twice", "recover"]
    assert "suspense" not in balances(bank, partner)
    assert reports(bank, partner)[0].differences == [Difference(payment["payment_id"], "DOUBLE", 50_00, "RECOVERED")]


def test_a_double_posting_that_only_the_list_shows_is_noted_and_got_back(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("DUE_BILL")
    real = SimulatedBiller.reconcile

    def twice(self: SimulatedBiller, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed]:
        return [Listed(each.posting_id, each.amount, each.reference, 2) for each in real(self, world, biller, day, now)]

    monkeypatch.setattr(SimulatedBiller, "reconcile", twice)
    monkeypatch.setattr(SimulatedBiller, "reverse", lambda *_: Reversal.REVERSED)
    partner.advance(to=AFTER)
    assert types(partner.payment(payment["payment_id"])) == ["DOUBLE_POSTING", "RECOVERED"]
    assert "suspense" not in balances(bank, partner)


def test_a_late_posting_is_got_back_on_the_day_of_the_posting(bank: Bank, partner: Partner, pay: Pay) -> None:
    payment = pay("TIMEOUT_LATE")
    partner.advance(seconds=3 * 3600)
    assert types(partner.payment(payment["payment_id"])) == ["LATE_POSTING"]
    partner.advance(to=AFTER)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["posting"]["status"], types(payment)) == (
        "refunded",
        "REVERSED",
        ["LATE_POSTING", "RECOVERED"],
    )
    after = balances(bank, partner)
    assert ("suspense" in after, f"biller:{payment['biller_id']}" in after) == (False, False)


def test_a_late_posting_after_midnight_is_in_the_next_days_list(bank: Bank, partner: Partner, pay: Pay) -> None:
    partner.advance(to="2026-09-29T22:30:00+08:00")
    payment = pay("TIMEOUT_LATE")
    partner.advance(to="2026-09-30T12:00:00+08:00")
    assert types(partner.payment(payment["payment_id"])) == ["LATE_POSTING"]
    partner.advance(to="2026-10-01T02:00:01+08:00")
    assert types(partner.payment(payment["payment_id"])) == ["LATE_POSTING", "RECOVERED"]
    (report,) = reports(bank, partner, date(2026, 9, 30))
    assert report.differences == [Difference(payment["payment_id"], "LONG", 50_00, "RECOVERED")]


@pytest.mark.parametrize("asked", ["which then does not know it", "and is not answered"])
def test_a_posting_that_comes_when_its_money_has_gone_back_is_not_posted(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """The bank has asked the biller about it, and has acted on the answer, or on the list of the day."""
    underway: list[tuple[SimulatedBiller, World, Posting, int]] = []
    arrive, nothing = SimulatedBiller.post, PostingAnswer(PostingState.NO_ANSWER)
    monkeypatch.setattr(SimulatedBiller, "post", lambda *question: underway.append(question) or nothing)
    if asked == "and is not answered":
        monkeypatch.setattr(SimulatedBiller, "query_posting", lambda *_: nothing)
    payment = pay("DUE_BILL")
    partner.advance(to=AFTER)
    arrive(*underway.pop())
    monkeypatch.undo()
    at = bank.now(world(partner))
    biller, posting = billers.get(bank.db.read(), payment["biller_id"]), at_biller(bank, payment)
    assert bills.port_of(bank).reconcile(world(partner), biller, DAY, at) == []
    assert bills.port_of(bank).query_posting(world(partner), posting, at).state in {
        PostingState.NOT_FOUND,
        PostingState.REJECTED,
    }
    partner.advance(to="2026-10-03T03:00:00+08:00")
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], types(payment)) == ("refunded", [])
    assert f"biller:{payment['biller_id']}" not in balances(bank, partner)


def at_biller(bank: Bank, payment: dict) -> Posting:
    held = records.get(bank.db.read(), payment["payment_id"])
    assert held is not None
    return moves.at_biller(bank.db.read(), held)


def test_what_was_posted_late_and_got_back_is_not_posted_late_again(bank: Bank, partner: Partner, pay: Pay) -> None:
    """The biller may be told so twice: the bank has not heard its answer, or it was long on its way."""
    payment = pay("TIMEOUT_LATE")
    partner.advance(to=AFTER)
    before, at = partner.payment(payment["payment_id"]), bank.now(world(partner))
    assert types(before) == ["LATE_POSTING", "RECOVERED"]
    returning.posted_late(bank, Due(world(partner), returning.POSTED_LATE, payment["payment_id"], at))
    bills.port_of(bank).play(world(partner), payment["payment_id"], Turn.POST_LATE, at)
    assert partner.payment(payment["payment_id"]) == before
    biller = billers.get(bank.db.read(), payment["biller_id"])
    for day in (DAY, date(2026, 9, 30)):
        assert bills.port_of(bank).reconcile(world(partner), biller, day, at) == []


def test_what_we_never_sent_is_booked_to_suspense_once_for_a_person(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay("DUE_BILL")
    real = SimulatedBiller.reconcile
    stray = Listed("their-number-1", Money.from_minor(7_00), "x")

    def more(self: SimulatedBiller, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed]:
        return [*real(self, world, biller, day, now), stray]

    monkeypatch.setattr(SimulatedBiller, "reconcile", more)
    partner.advance(to=AFTER)
    due.schedule(bank.db.read(), world(partner), bank.now(world(partner)), "reconciliation.run", DAY.isoformat())
    partner.advance(seconds=86_400)
    assert balances(bank, partner)["suspense"] == -7_00
    assert reasons(bank, partner, "their-number-1") == ["not ours"]


def test_another_amount_at_the_biller_is_left_open(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("DUE_BILL")
    entry = Listed(payment["payment_id"], Money.from_minor(49_99), "x")
    monkeypatch.setattr(SimulatedBiller, "reconcile", lambda *_: [entry])
    partner.advance(to=AFTER)
    assert reports(bank, partner)[0].differences == [Difference(payment["payment_id"], "LONG", 49_99, "OPEN")]
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


def test_without_a_list_the_day_waits_and_says_until_when(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = pay("UNANSWERED_POSTED")["payment_id"]
    with monkeypatch.context() as down:
        down.setattr(SimulatedBiller, "reconcile", lambda *_: None)
        partner.advance(to="2026-09-30T12:00:00+08:00")
    assert reports(bank, partner)[0].status == "UNAVAILABLE"
    assert partner.payment(payment_id)["resolution"]["expected_by"] == "2026-10-01T02:00:00+08:00"
    partner.advance(to="2026-10-01T02:00:01+08:00")
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_dying_between_the_biller_giving_back_and_our_booking_books_it_once_at_the_next_run(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay("POSTED_TWICE")
    real = SimulatedBiller.reverse
    deaths = iter([True])

    def dies(self: SimulatedBiller, *arguments: object) -> Reversal:
        answer = real(self, *arguments)  # type: ignore[arg-type]
        if next(deaths, False):
            raise RuntimeError("gone")
        return answer

    monkeypatch.setattr(SimulatedBiller, "reverse", dies)
    partner.advance(to="2026-09-30T02:05:00+08:00")
    assert types(partner.payment(payment["payment_id"])) == ["DOUBLE_POSTING", "RECOVERED"]
    assert balances(bank, partner)[f"biller:{payment['biller_id']}"] == 50_00


@pytest.mark.parametrize("left", [0, 1])
def test_what_went_back_with_a_double_posting_is_got_back_once(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """A biller that has taken all back has nothing too much; one that still lists the other is asked for it."""
    payment = pay("POSTED_TWICE")
    for status in ("refund_pending", "refunded"):
        partner.post(f"/sandbox/v1/payments/{payment['payment_id']}:transition", {"to": status}, key=None)
    listed = [Listed(payment["payment_id"], Money.from_minor(50_00), "R", 1)] * left
    monkeypatch.setattr(SimulatedBiller, "reconcile", lambda *_: listed)
    partner.advance(to="2026-10-02T12:00:00+08:00")
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], types(payment)) == ("refunded", ["DOUBLE_POSTING", "BILLER_REVERSED", "RECOVERED"])
    assert {"suspense", f"biller:{payment['biller_id']}"}.isdisjoint(balances(bank, partner))
    assert reports(bank, partner)[0].status == "CLOSED"


def test_a_payment_a_minute_before_midnight_is_of_that_day(bank: Bank, partner: Partner, pay: Pay) -> None:
    partner.advance(to="2026-09-29T23:59:30+08:00")
    late = pay("UNANSWERED_POSTED")["payment_id"]
    partner.advance(seconds=60)
    early = pay("UNANSWERED_POSTED")["payment_id"]
    partner.advance(to=AFTER)
    assert [partner.payment(each)["status"] for each in (late, early)] == ["succeeded", "unknown"]
    partner.advance(to="2026-10-01T02:00:01+08:00")
    assert partner.payment(early)["status"] == "succeeded"


def test_a_quiet_world_has_nothing_to_reconcile(bank: Bank, partner: Partner) -> None:
    before, _ = due.waiting(bank.db.read(), world(partner))
    partner.pay_link()
    partner.advance(seconds=3 * 86_400)
    assert reports(bank, partner) == []
    assert due.waiting(bank.db.read(), world(partner))[0] <= before + 1
