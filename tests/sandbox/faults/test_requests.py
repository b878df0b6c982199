"""Faults that strike requests and pages of a world, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.faults.service import _fits
from openteller_sandbox.http.api import Api

Partners = Callable[..., Partner]


def order(partner: Partner, match: dict[str, Any], effect: dict[str, Any], **more: Any) -> str:
    answer = partner.post("/sandbox/v1/faults", {"match": match, "effect": effect, **more}, key=None)
    assert answer.status_code == 201, answer.text
    return str(answer.json["fault_id"])


def faults(partner: Partner) -> list[dict[str, Any]]:
    return list(partner.get("/sandbox/v1/faults").json["data"])


def test_a_status_is_answered_as_often_as_was_ordered_and_nothing_is_done(partner: Partner) -> None:
    order(partner, {"operation_id": "createPayment"}, {"status": 500}, times=2)
    body = {"partner_reference": "struck"}
    answers = [partner.post("/v1/payments", body, key="struck") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 201]
    assert answers[0].json["code"] == "INTERNAL_ERROR"
    assert partner.get("/v1/payments").json["meta"]["count"] == 1
    assert [(each["hits"], each["times_left"], each["active"]) for each in faults(partner)] == [(2, 0, False)]


def test_a_status_is_answered_with_a_code_of_the_operations_own_where_it_has_one(partner: Partner) -> None:
    order(partner, {"operation_id": "createBillFetch"}, {"status": 503}, times=1)
    answer = partner.fetch()
    assert (answer.status_code, answer.json["code"]) == (503, "BILLER_MAINTENANCE")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_code_that_was_named_is_answered(partner: Partner) -> None:
    order(partner, {"path": "/v1/payments/*"}, {"code": "RATE_LIMITED"}, times=1)
    payment = partner.pay_link()
    answer = partner.get(f"/v1/payments/{payment['payment_id']}")
    assert (answer.status_code, answer.json["code"]) == (429, "RATE_LIMITED")
    assert partner.get(f"/v1/payments/{payment['payment_id']}").status_code == 200


@pytest.mark.abuse("strangers", "orders faults that strike another world")
def test_another_worlds_requests_are_not_struck(partner: Partner, new_partner: Partners) -> None:
    other, beside = new_partner(), new_partner(headers=partner.headers, join="world")
    order(partner, {"operation_id": "listPayments"}, {"status": 500})
    assert [each.get("/v1/payments").status_code for each in (partner, beside, other)] == [500, 500, 200]


@pytest.mark.abuse("strangers", "takes another world's faults away")
def test_a_fault_that_was_taken_away_strikes_no_more(partner: Partner, new_partner: Partners) -> None:
    fault_id = order(partner, {"operation_id": "listPayments"}, {"status": 500})
    path = f"/sandbox/v1/faults/{fault_id}"
    assert new_partner().client.delete(path, headers=new_partner().headers).status_code == 404
    assert partner.get("/v1/payments").status_code == 500
    taken = partner.client.delete(path, headers=partner.headers)
    assert (taken.status_code, taken.json["hits"]) == (200, 1)
    assert partner.get("/v1/payments").status_code == 200
    assert partner.client.delete(path, headers=partner.headers).status_code == 404


def test_a_reset_takes_all_away(partner: Partner) -> None:
    order(partner, {"operation_id": "listPayments"}, {"status": 500})
    partner.post("/sandbox/v1/reset", key=None)
    assert faults(partner) == []
    assert partner.get("/v1/payments").status_code == 200


def test_a_fault_ends_in_bank_time(partner: Partner) -> None:
    order(partner, {"operation_id": "listPayments"}, {"status": 500}, expires_at="2026-09-29T11:30:00+08:00")
    assert partner.get("/v1/payments").status_code == 500
    partner.advance(seconds=3600)
    assert partner.get("/v1/payments").status_code == 200
    assert [each["active"] for each in faults(partner)] == [False]


def test_the_first_that_strikes_counts(partner: Partner) -> None:
    order(partner, {"path": "/v1/*"}, {"code": "RATE_LIMITED"}, times=1)
    order(partner, {"operation_id": "listPayments"}, {"status": 500}, times=1)
    assert [partner.get("/v1/payments").status_code for _ in range(3)] == [429, 500, 200]


def test_chance_is_drawn_from_the_seed_of_the_world(bank: Bank, partner: Partner, new_partner: Partners) -> None:
    """The same seed, the same strikes; about as many as was asked for."""
    from sqlalchemy import update

    from openteller_sandbox.db import Statement
    from openteller_sandbox.worlds.store import worlds

    other = new_partner()
    sequences = []
    for each in (partner, other):
        with bank.db.act() as tx:
            tx.run(Statement(update(worlds).where(worlds.c.world_id == each.app["world_id"]).values(seed=7)))
        order(each, {"operation_id": "listPayments"}, {"status": 500}, probability="0.25")
        sequences.append([each.get("/v1/payments").status_code for _ in range(80)])
    assert sequences[0] == sequences[1]
    assert 10 <= sequences[0].count(500) <= 32


def test_a_request_that_is_lost_before_it_was_done_has_done_nothing(partner: Partner) -> None:
    order(partner, {"operation_id": "createPayment"}, {"drop": "BEFORE"}, times=1)
    lost = partner.post("/v1/payments", {"partner_reference": "lost"}, key="lost")
    assert int(lost.headers["Content-Length"]) > len(lost.data)
    assert partner.get("/v1/payments").json["meta"]["count"] == 0


def test_an_answer_that_is_lost_is_given_again_for_its_key(partner: Partner) -> None:
    order(partner, {"operation_id": "createPayment"}, {"drop": "AFTER"}, times=1)
    lost = partner.post("/v1/payments", {"partner_reference": "lost"}, key="lost")
    assert int(lost.headers["Content-Length"]) > len(lost.data)
    again = partner.post("/v1/payments", {"partner_reference": "lost"}, key="lost")
    assert again.status_code == 201
    assert partner.get("/v1/payments").json["meta"]["count"] == 1


def test_a_page_fails_as_a_page(partner: Partner, payer: Callable[[str], Payer]) -> None:
    order(partner, {"path": "/pay/*"}, {"status": 503}, times=1)
    page = payer(partner.pay_link()["payment_link"]["url"])
    assert (page.answer.status_code, page.answer.mimetype) == (503, "text/html")
    assert page.open().status_code == 200


def test_a_page_is_lost(partner: Partner, payer: Callable[[str], Payer]) -> None:
    order(partner, {"path": "/pay/*"}, {"drop": "AFTER"}, times=1)
    page = payer(partner.pay_link()["payment_link"]["url"])
    assert int(page.answer.headers["Content-Length"]) > len(page.answer.data)


def test_where_nobody_else_can_wait_the_request_does(bank: Bank, flask_app: Flask) -> None:
    """A host of its own for WSGI, with one thread for each request."""
    from tests.conftest import make_partner

    waited: list[float] = []
    app = create_app(bank)
    api: Api = app.extensions["openteller"]
    api._wait = waited.append
    partner = make_partner(app.test_client(use_cookies=False))
    order(partner, {"operation_id": "listPayments"}, {"delay_ms": 1500})
    assert partner.get("/v1/payments").status_code == 200
    assert partner.client.head("/v1/payments", headers=partner.headers).status_code == 200
    assert waited == [1.5, 1.5]


@pytest.mark.parametrize(
    ("order_", "pointer"),
    [
        ({"match": {"operation_id": "createPayment", "path": "/v1/*"}, "effect": {"status": 500}}, "/match"),
        ({"match": {"biller_id": "blr_8q9gfl0klcyu"}, "effect": {"status": 500}}, "/match"),
        ({"match": {"operation_id": "makePayment"}, "effect": {"status": 500}}, "/match/operation_id"),
        ({"match": {"operation_id": "deleteFault"}, "effect": {"status": 500}}, "/match/operation_id"),
        ({"match": {"path": "/sandbox/v1/*"}, "effect": {"status": 500}}, "/match/path"),
        ({"match": {"path": "/oauth/token"}, "effect": {"delay_ms": 10}}, "/match/path"),
        ({"match": {"path": "/v1/*", "biller_id": "blr_8q9gfl0klcyu"}, "effect": {"status": 500}}, "/match/biller_id"),
        ({"match": {"path": "/v1/*"}, "effect": {"code": "NO_SUCH_CODE"}}, "/effect/code"),
        ({"match": {"path": "/v1/*"}, "effect": {"code": "NOT_FOUND", "status": 500}}, "/effect/status"),
        ({"match": {"path": "/v1/*"}, "effect": {"status": 418}}, "/effect/status"),
        ({"match": {"path": "/v1/*"}, "effect": {"delay_ms": 60_001}}, "/effect/delay_ms"),
        ({"match": {"path": "/v1/*"}, "effect": {"drop": "AFTER", "status": 500}}, "/effect"),
        ({"match": {"leg": "post"}, "effect": {"code": "NOT_FOUND"}}, "/effect/code"),
        ({"match": {"leg": "post"}, "effect": {"delay_ms": 5, "drop": "AFTER"}}, "/effect"),
        (
            {"match": {"leg": "post"}, "effect": {"drop": "AFTER"}, "expires_at": "2026-09-29T10:00:00+08:00"},
            "/expires_at",
        ),
        ({"match": {"leg": "post"}, "effect": {"drop": "AFTER"}, "probability": "0"}, "/probability"),
        ({"match": {"leg": "post"}, "effect": {"drop": "AFTER"}, "probability": 0.5}, "/probability"),
        ({"match": {"leg": "post"}, "effect": {}}, "/effect"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_where_it_does_not(
    partner: Partner, order_: dict[str, Any], pointer: str
) -> None:
    answer = partner.post("/sandbox/v1/faults", order_, key=None)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert faults(partner) == []


@given(st.lists(st.text("ab/", max_size=3), min_size=1, max_size=4), st.lists(st.text("ab/", max_size=3), max_size=4))
def test_a_star_stands_for_any_text(parts: list[str], fill: list[str]) -> None:
    pattern = "*".join(parts)
    fill = (fill + [""] * len(parts))[: len(parts) - 1]
    path = "".join(text for pair in zip(parts, [*fill, ""], strict=True) for text in pair)
    assert _fits(pattern, path)
    assert not _fits(f"{pattern}x", path)
    assert not _fits(f"x{pattern}", path)
