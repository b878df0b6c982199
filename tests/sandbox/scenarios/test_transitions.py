"""Payments are brought from one status to the next as life would bring them, and no other way."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from tests.conftest import Partner

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.states import TRANSITIONS, Status
from openteller_sandbox.scenarios.driving import WAYS
from openteller_sandbox.scenarios.triggers import BY_TYPE

CONTRACT = contracts.load()
EVENT_TYPES = CONTRACT.at("/components/schemas/EventType/x-extensible-enum")


@pytest.fixture(autouse=True)
def _books(bank: Bank, partner: Partner) -> Iterator[None]:
    """Whatever was brought about: entries balance, and histories and events are those of the state table."""
    yield
    assert ledger.is_balanced(bank.db.read())
    assert sum(ledger.balances(bank.db.read(), World(partner.app["world_id"])).values()) == 0
    events = partner.events()
    for payment in partner.get("/v1/payments", limit=100).json["data"]:
        moves = [Status(entry["status"]) for entry in payment["history"]]
        assert all(to in TRANSITIONS[since] for since, to in pairwise(moves))
        own = [event for event in events if event["data"].get("payment_id") == payment["payment_id"]]
        told = [event for event in own if event["type"].startswith("payment.")]
        assert [event["type"] for event in told] == [f"payment.{status}" for status in moves]


def bring(partner: Partner, payment_id: str, to: str) -> tuple[int, dict]:
    answer = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": to}, key=None)
    return answer.status_code, dict(answer.json)


PATHS = {
    Status.CREATED: [],
    Status.AUTHORISING: ["authorising"],
    Status.AUTHORISED: ["authorising", "authorised"],
    Status.PROCESSING: ["authorising", "authorised", "processing"],
    Status.UNKNOWN: ["authorising", "authorised", "processing", "unknown"],
    Status.SUCCEEDED: ["authorising", "authorised", "processing", "succeeded"],
    Status.REFUND_FAILED: ["authorising", "authorised", "processing", "refund_pending", "refund_failed"],
    Status.REFUND_PENDING: ["authorising", "authorised", "processing", "refund_pending"],
}


def test_every_move_of_the_table_can_be_brought_about() -> None:
    assert set(WAYS) == {(since, to) for since, following in TRANSITIONS.items() for to in following}


@pytest.mark.parametrize(("since", "to"), WAYS, ids=str)
def test_every_move_that_can_be_brought_about_is(partner: Partner, since: Status, to: Status) -> None:
    payment_id = partner.pay_link(category_code="ELECTRICITY", expires_in=3600)["payment_id"]
    for status in [*PATHS[since], to.value]:
        assert bring(partner, payment_id, status)[0] == 200, status
    read = partner.payment(payment_id)
    assert [entry["status"] for entry in read["history"]][-2:] == [since.value, to.value]


@pytest.mark.parametrize("since", Status, ids=str)
def test_a_move_that_the_table_does_not_have_is_refused(partner: Partner, since: Status) -> None:
    payment_id = partner.pay_link(category_code="ELECTRICITY")["payment_id"]
    trigger = partner.post(f"/sandbox/v1/events/payment.{since.value}:trigger", {"payment_id": payment_id}, key=None)
    assert trigger.status_code == (409 if since is Status.CREATED else 200)
    for to in Status:
        if to not in TRANSITIONS[since]:
            status, problem = bring(partner, payment_id, to.value)
            assert (status, problem["code"]) == (409, "INVALID_TRANSITION")
            assert set(problem["allowed"]) == {each.value for each in TRANSITIONS[since]}
    assert partner.payment(payment_id)["status"] == since.value


@pytest.mark.parametrize("code", ["SH-ELECTRICITY-01", "CN-MOBILE_TOPUP-01", "CD-GAS-01"])
def test_links_of_every_kind_are_paid(partner: Partner, code: str) -> None:
    payment_id = partner.pay_link(biller_id=partner.biller(code)["biller_id"])["payment_id"]
    for status in PATHS[Status.SUCCEEDED]:
        assert bring(partner, payment_id, status)[0] == 200
    read = partner.payment(payment_id)
    assert (read["money_at"], read["biller_id"]) == ("BILLER", partner.biller(code)["biller_id"])


def test_a_payment_that_was_brought_to_authorised_goes_on_by_itself_an_hour_later(partner: Partner) -> None:
    payment_id = partner.pay_link(category_code="WATER")["payment_id"]
    bring(partner, payment_id, "authorising")
    bring(partner, payment_id, "authorised")
    partner.advance(seconds=3500)
    assert partner.payment(payment_id)["status"] == "authorised"
    partner.advance(seconds=101)
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_a_payment_left_at_processing_or_unknown_is_decided_by_the_bank(partner: Partner) -> None:
    payment_id = partner.pay_link(category_code="GAS")["payment_id"]
    for status in PATHS[Status.UNKNOWN]:
        bring(partner, payment_id, status)
    partner.advance(seconds=3600)
    assert partner.payment(payment_id)["status"] == "succeeded"


def test_nobody_elses_payment_is_moved(partner: Partner, new_partner: object) -> None:
    other = new_partner()  # type: ignore[operator]
    payment_id = other.pay_link()["payment_id"]
    assert bring(partner, payment_id, "authorising")[0] == 404
    assert other.payment(payment_id)["status"] == "created"


def test_every_type_of_the_contract_has_something_that_makes_it_happen() -> None:
    assert BY_TYPE.keys() == set(EVENT_TYPES)


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_every_type_happens(partner: Partner, type_: str) -> None:
    subject: dict[str, object] = {"new": True}
    if type_ == "webhook_endpoint.test":
        made = partner.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/"})
        subject = {"webhook_endpoint_id": made.json["webhook_endpoint_id"]}
    answer = partner.post(f"/sandbox/v1/events/{type_}:trigger", subject, key=None)
    assert (answer.status_code, answer.json["type"]) == (200, type_), answer.text
    assert answer.json in partner.events()


def test_an_unknown_type_is_refused_with_the_list_of_types(partner: Partner) -> None:
    answer = partner.post("/sandbox/v1/events/payment.paid:trigger", {"new": True}, key=None)
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    assert "payment.succeeded" in answer.json["detail"]


@pytest.mark.parametrize(
    ("type_", "member"),
    [("rate.changed", {"payment_id": "pay_00000000"}), ("payment.failed", {"rate_sheet_id": "rsh_00000000"})],
)
def test_an_event_about_something_else_is_refused(partner: Partner, type_: str, member: dict[str, str]) -> None:
    answer = partner.post(f"/sandbox/v1/events/{type_}:trigger", member, key=None)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/{next(iter(member))}"]


@pytest.mark.parametrize(
    ("type_", "member"),
    [
        ("rate.changed", {"rate_sheet_id": "rsh_zzzzzzzz"}),
        ("payment.failed", {"payment_id": "pay_zzzzzzzz"}),
        ("bill_fetch.ready", {"bill_fetch_id": "bft_zzzzzzzz"}),
    ],
)
def test_what_is_not_the_callers_is_not_found(partner: Partner, type_: str, member: dict[str, str]) -> None:
    assert partner.post(f"/sandbox/v1/events/{type_}:trigger", member, key=None).status_code == 404


def test_a_fetch_that_is_ready_cannot_become_it(partner: Partner) -> None:
    fetched = partner.fetch().json["bill_fetch_id"]
    answer = partner.post("/sandbox/v1/events/bill_fetch.ready:trigger", {"bill_fetch_id": fetched}, key=None)
    assert (answer.status_code, answer.json["code"]) == (409, "INVALID_TRANSITION")
    slow = partner.fetch(scenario="SLOW").json["bill_fetch_id"]
    answer = partner.post("/sandbox/v1/events/bill_fetch.ready:trigger", {"bill_fetch_id": slow}, key=None)
    assert answer.json["data"]["bill_fetch_id"] == slow


def test_a_trigger_says_where_a_magic_account_leads_instead(partner: Partner) -> None:
    fetched = partner.fetch(scenario="POSTING_REJECTED").json["bills"][0]["bill_id"]
    payment_id = partner.pay_link(bill_ids=[fetched])["payment_id"]
    for status in PATHS[Status.PROCESSING]:
        bring(partner, payment_id, status)
    assert bring(partner, payment_id, "succeeded")[0] == 200, "the biller is driven, whatever the account says"
