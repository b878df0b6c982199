"""A partner's statements: what a day has moved, provable, in versions, and in agreement with the ledger."""

from __future__ import annotations

import csv
import io
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer

from openteller_sandbox import clock
from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port.simulated import SimulatedBiller
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import posting
from openteller_sandbox.payments import service as payments
from openteller_sandbox.settings import AnswerCheck
from openteller_sandbox.statements import service as statements

TOP_UP = "CN-MOBILE_TOPUP-01"
WITH_FEE = "SH-PROPERTY_FEE-01"
TODAY, TOMORROW = "2026-09-29", "2026-09-30"
CUT = "2026-09-30T00:00:00+08:00"
HEAD = "type,payment_id,partner_reference,amount,fee,currency,status,value_date,available_at\r\n"
IN_TRANSIT = ("clearing", "refunds", "fees")
Pay = Callable[..., dict]


@pytest.fixture
def pay(bank: Bank, partner: Partner) -> Pay:
    """Top up a magic account."""

    def paid(scenario: str = "DUE_BILL", amount: str = "50.00", by: Partner | None = None, **form: Any) -> dict:
        by = by or partner
        payment = by.pay_link(
            biller_id=by.biller(TOP_UP)["biller_id"],
            inputs=by.magic(TOP_UP, scenario),
            amount={"amount": amount, "currency": "CNY"},
            **form,
        )
        DirectPayer(bank).pay(payment["payment_id"])
        return by.payment(payment["payment_id"])

    return paid


def world(partner: Partner) -> World:
    return World(partner.app["world_id"])


def versions(partner: Partner, day: str = TODAY) -> list[dict[str, Any]]:
    return list(partner.get("/v1/statements", business_date=day).json["data"])


def latest(partner: Partner, day: str = TODAY) -> dict[str, Any]:
    return versions(partner, day)[0]


def all_rows(partner: Partner, day: str = TODAY) -> list[dict[str, Any]]:
    return list(partner.get(f"/v1/statements/{latest(partner, day)['statement_id']}/rows", limit=100).json["data"])


def told(partner: Partner, day: str = TODAY) -> list[tuple[str, str, str, str]]:
    return [
        (row["type"], row["amount"]["amount"], row["fee"]["amount"], row["status"]) for row in all_rows(partner, day)
    ]


def announced(partner: Partner) -> list[dict[str, Any]]:
    return [event["data"] for event in partner.events() if event["type"] == "statement.ready"]


def test_a_statement_is_made_when_the_day_is_over_and_told(partner: Partner, pay: Pay) -> None:
    paid = [pay(), pay(amount="100.00")]
    partner.advance(to="2026-09-29T23:59:59+08:00")
    assert partner.get("/v1/statements").json["data"] == []
    partner.advance(seconds=1)
    (statement,) = versions(partner)
    assert statement == {
        "statement_id": statement["statement_id"],
        "business_date": TODAY,
        "timezone": "Asia/Shanghai",
        "cut_at": CUT,
        "version": 1,
        "count": 2,
        "undecided": 0,
        "sum": {"amount": "150.00", "currency": "CNY"},
        "fee_sum": {"amount": "0.00", "currency": "CNY"},
        "sha256": statement["sha256"],
        "made_at": CUT,
    }
    assert partner.get(f"/v1/statements/{statement['statement_id']}").json == statement
    rows = all_rows(partner)
    assert [row["payment_id"] for row in rows] == [payment["payment_id"] for payment in paid]
    assert rows[0] == {
        "type": "PAYMENT",
        "payment_id": paid[0]["payment_id"],
        "partner_reference": paid[0]["partner_reference"],
        "amount": {"amount": "50.00", "currency": "CNY"},
        "fee": {"amount": "0.00", "currency": "CNY"},
        "status": "SUCCEEDED",
        "value_date": TODAY,
        "available_at": "2026-09-29T10:30:00+08:00",
    }
    assert announced(partner) == [
        {"statement_id": statement["statement_id"], "business_date": TODAY, "version": 1},
    ]


def test_file_record_and_rows_prove_each_other(partner: Partner, pay: Pay) -> None:
    pay("REVERSED")
    pay("UNANSWERED_POSTED")
    partner.advance(to=CUT)
    statement, rows = latest(partner), all_rows(partner)
    answer = partner.get(f"/v1/statements/{statement['statement_id']}/csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="statement-2026-09-29-v1.csv"'
    assert sha256(answer.data).hexdigest() == statement["sha256"]
    digest = answer.headers["Content-Digest"].removeprefix("sha-256=:").removesuffix(":")
    assert b64decode(digest).hex() == statement["sha256"]
    lines = [
        (
            row["type"],
            row["payment_id"],
            row["partner_reference"],
            row["amount"]["amount"],
            row["fee"]["amount"],
            row["amount"]["currency"],
            row["status"],
            row["value_date"],
            row.get("available_at", ""),
        )
        for row in rows
    ]
    assert answer.text == HEAD + "".join(",".join(line) + "\r\n" for line in lines)
    assert [line[0] for line in lines] == ["PAYMENT", "PAYMENT", "REVERSAL"]
    read = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(read) == statement["count"] == 3
    assert sum(Decimal(row["amount"]) for row in read) == Decimal(statement["sum"]["amount"]) == 50


def test_each_way_of_money_is_a_row_of_the_day_on_which_it_was_booked(partner: Partner, pay: Pay) -> None:
    for scenario in (
        "REVERSED",
        "POSTING_REJECTED",
        "ACCOUNT_CLOSED",
        "INSUFFICIENT_FUNDS",
        "POSTED_TWICE",
        "TIMEOUT_LATE",
        "LOST_BY_BILLER",
    ):
        pay(scenario)
    partner.advance(to="2026-10-01T00:00:00+08:00")
    assert sorted(told(partner)) == sorted(
        [
            ("PAYMENT", "50.00", "0.00", "SUCCEEDED"),
            ("REVERSAL", "-50.00", "0.00", "RETURNED"),
            ("PAYMENT", "50.00", "0.00", "NOT_POSTED"),
            ("REFUND", "-50.00", "0.00", "RETURNED"),
            ("PAYMENT", "50.00", "0.00", "NOT_POSTED"),
            ("PAYMENT", "50.00", "0.00", "SUCCEEDED"),
            ("ADJUSTMENT", "50.00", "0.00", "POSTED_TWICE"),
            ("PAYMENT", "50.00", "0.00", "NOT_POSTED"),
            ("REFUND", "-50.00", "0.00", "RETURNED"),
            ("ADJUSTMENT", "50.00", "0.00", "POSTED_LATE"),
            ("PAYMENT", "50.00", "0.00", "SUCCEEDED"),
        ]
    )
    assert sorted(told(partner, TOMORROW)) == sorted(
        [
            ("ADJUSTMENT", "-50.00", "0.00", "PAID_OUT"),
            ("ADJUSTMENT", "-50.00", "0.00", "RECOVERED"),
            ("ADJUSTMENT", "-50.00", "0.00", "RECOVERED"),
            ("REFUND", "-50.00", "0.00", "RETURNED"),
        ]
    )
    assert {row["value_date"] for row in all_rows(partner, TOMORROW)} == {TOMORROW}
    assert len(versions(partner)) == 1, "what is booked later is a row of the later day, and no version"


def test_what_a_dispute_brings_back_is_a_refund(partner: Partner, pay: Pay) -> None:
    payment = pay("DISPUTE_UPHELD")
    body = {"payment_id": payment["payment_id"], "type": "SERVICE_NOT_RECEIVED"}
    assert partner.post("/v1/disputes", body).status_code == 201
    partner.advance(to="2026-10-01T00:00:00+08:00")
    assert told(partner) == [("PAYMENT", "50.00", "0.00", "SUCCEEDED")]
    assert told(partner, TOMORROW) == [("REFUND", "-50.00", "0.00", "RETURNED")]


def test_fees_stand_beside_and_one_that_is_kept_does_not_come_back(bank: Bank, partner: Partner) -> None:
    bill = partner.fetch(WITH_FEE, "REVERSED").json["bills"][0]
    payment = partner.pay_link(bill_ids=[bill["bill_id"]])
    DirectPayer(bank).pay(payment["payment_id"])
    paid = partner.payment(payment["payment_id"])
    amount, fee = paid["amount"]["amount"], paid["fees"][0]["amount"]["amount"]
    partner.advance(to=CUT)
    assert told(partner) == [("PAYMENT", amount, fee, "SUCCEEDED"), ("REVERSAL", f"-{amount}", "0.00", "RETURNED")]
    assert latest(partner)["fee_sum"]["amount"] == fee


@pytest.mark.parametrize(
    ("scenario", "status"), [("UNANSWERED_POSTED", "SUCCEEDED"), ("UNANSWERED_NOT_POSTED", "NOT_POSTED")]
)
def test_what_the_reconciliation_decides_makes_a_version_and_the_first_stays(
    partner: Partner, pay: Pay, scenario: str, status: str
) -> None:
    pay()
    pay(scenario)
    partner.advance(to="2026-09-30T02:59:59+08:00")
    (first,) = versions(partner)
    rows = all_rows(partner)
    assert (first["undecided"], [row["status"] for row in rows]) == (1, ["SUCCEEDED", "UNDECIDED"])
    assert "available_at" not in rows[1]
    partner.advance(seconds=1)
    second, kept = versions(partner)
    assert kept == first
    assert partner.get(f"/v1/statements/{first['statement_id']}/rows").json["data"] == rows
    assert (second["version"], second["supersedes"]) == (2, first["statement_id"])
    assert (second["undecided"], second["sum"], second["made_at"]) == (0, first["sum"], "2026-09-30T03:00:00+08:00")
    assert [row["status"] for row in all_rows(partner)] == ["SUCCEEDED", status]
    assert ("available_at" in all_rows(partner)[1]) is (status == "SUCCEEDED")
    assert [told["version"] for told in announced(partner)] == [1, 2]


def test_a_day_that_is_compared_again_and_again_without_change_makes_no_version(
    partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay()
    monkeypatch.setattr(SimulatedBiller, "reconcile", lambda *_: None)
    partner.advance(to="2026-10-03T12:00:00+08:00")
    found = partner.get("/v1/statements").json["data"]
    assert [(one["business_date"], one["version"], one["count"]) for one in found] == [
        ("2026-10-02", 1, 0),
        ("2026-10-01", 1, 0),
        ("2026-09-30", 1, 0),
        ("2026-09-29", 1, 1),
    ]


def test_a_quiet_day_has_a_statement_without_rows_from_the_first_payment_on(
    partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    idle = new_partner(headers=partner.headers, join="world")
    partner.advance(to="2026-09-30T10:00:00+08:00")
    assert partner.get("/v1/statements").json["data"] == []
    pay()
    partner.advance(to="2026-10-03T00:00:00+08:00")
    assert [one["business_date"] for one in partner.get("/v1/statements").json["data"]] == [
        "2026-10-02",
        "2026-10-01",
        "2026-09-30",
    ]
    empty = latest(partner, "2026-10-02")
    assert (empty["count"], empty["sum"]["amount"], empty["sha256"]) == (0, "0.00", sha256(HEAD.encode()).hexdigest())
    assert all_rows(partner, "2026-10-02") == []
    assert idle.get("/v1/statements").json["data"] == []


def test_a_payment_of_the_last_moment_that_was_booked_after_the_cut_makes_a_version(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process closes the day while another one is about to send what was confirmed a moment before."""
    pay()
    partner.advance(to="2026-09-29T23:59:59+08:00")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(posting, "send", lambda *_: None)
        elsewhere.setitem(bank.due_handlers, posting.SEND, lambda *_: None)
        payment_id = pay(amount="100.00")["payment_id"]
        partner.advance(to=CUT)
    assert partner.payment(payment_id)["status"] == "authorised"
    posting.send(bank, Due(world(partner), posting.SEND, payment_id, clock.parse(CUT) - 1))
    partner.advance(seconds=1)
    second, first = versions(partner)
    assert (first["count"], second["count"], second["sum"]["amount"]) == (1, 2, "150.00")


def test_a_day_whose_making_fails_is_made_a_minute_later_and_so_is_the_next(
    bank: Bank, partner: Partner, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay()

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(statements, "to_csv", fail)
        partner.advance(to=CUT)
    assert partner.get("/v1/statements").json["data"] == []
    partner.advance(to="2026-10-01T00:00:00+08:00")
    found = partner.get("/v1/statements").json["data"]
    assert [(one["business_date"], one["made_at"]) for one in found] == [
        (TOMORROW, "2026-10-01T00:00:00+08:00"),
        (TODAY, "2026-09-30T00:01:00+08:00"),
    ]


def test_a_statement_is_the_partners_over_its_apps_and_nobody_elses(
    partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    sister = new_partner(headers=partner.headers, join="partner")
    blind = new_partner(headers=partner.headers, join="partner", scopes=["payments:read"])
    neighbour = new_partner(headers=partner.headers, join="world")
    for app in (partner, sister, neighbour):
        pay(by=app)
    partner.advance(to=CUT)
    own = latest(partner)
    assert (own["count"], latest(sister), latest(neighbour)["count"]) == (2, own, 1)
    for path in ("", "/rows", "/csv"):
        answer = neighbour.get(f"/v1/statements/{own['statement_id']}{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
        assert blind.get(f"/v1/statements/{own['statement_id']}{path}").json["code"] == "INSUFFICIENT_SCOPE"
    assert announced(partner) == announced(sister)
    assert announced(neighbour)[0]["statement_id"] != own["statement_id"]
    assert announced(blind) == []


def test_rows_come_in_pages_that_repeat_none_and_leave_none_out(partner: Partner, pay: Pay) -> None:
    paid = [pay()["payment_id"] for _ in range(5)]
    partner.advance(to=CUT)
    path: str | None = f"/v1/statements/{latest(partner)['statement_id']}/rows?limit=2"
    pages = []
    while path:
        page = partner.client.get(path, headers=partner.headers).json
        pages.append([row["payment_id"] for row in page["data"]])
        path = page["links"]["next"]
    assert pages == [paid[:2], paid[2:4], paid[4:]]


def test_a_cursor_of_another_list_is_refused(partner: Partner, pay: Pay) -> None:
    for _ in range(2):
        pay()
    partner.advance(to="2026-10-01T00:00:00+08:00")
    lists = ("/v1/statements", f"/v1/statements/{latest(partner)['statement_id']}/rows")
    cursors = [partner.get(path, limit=1).json["links"]["next"].partition("after=")[2] for path in lists]
    for path, own in zip(lists, cursors, strict=True):
        assert len(partner.get(path, limit=1, after=own.partition("&")[0]).json["data"]) == 1
        for foreign in {*cursors, "AAAA", own[:-1], own.swapcase()} - {own}:
            answer = partner.get(path, after=foreign.partition("&")[0])
            assert (answer.status_code, answer.json["code"]) == (400, "REQUEST_MALFORMED")
    assert partner.get("/v1/statements", business_date=TODAY, after=cursors[0]).status_code == 400


@pytest.mark.parametrize("day", ["2026-02-30", "2026-9-29", "29.09.2026", "today", "2026-09-29T00:00:00Z", ""])
def test_a_day_that_is_none_is_refused(partner: Partner, day: str) -> None:
    answer = partner.get("/v1/statements", business_date=day)
    assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "business_date")


def test_what_the_caller_has_already_is_not_sent_again(
    partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    neighbour = new_partner(headers=partner.headers, join="world")
    pay()
    pay()
    partner.advance(to=CUT)
    statement_id = latest(partner)["statement_id"]
    tags = set()
    for path in ("", "/rows", "/rows?limit=1", "/csv"):
        url = f"/v1/statements/{statement_id}{path}"
        first = partner.client.get(url, headers=partner.headers)
        tags.add(first.headers["ETag"])
        assert first.headers["Cache-Control"] == "private, max-age=0"
        partner.advance(seconds=3600)
        assert partner.client.get(url, headers=partner.headers).data == first.data, "a strong tag is of the same bytes"
        same = partner.client.get(url, headers=partner.headers | {"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b"")
        packed = partner.client.get(url, headers=partner.headers | {"Accept-Encoding": "gzip"})
        assert (packed.data, packed.headers["ETag"]) == (first.data, first.headers["ETag"]), "its digest is of the file"
        assert "Vary" not in packed.headers
        assert neighbour.client.get(url, headers=neighbour.headers | {"If-None-Match": "*"}).status_code == 404
    assert len(tags) == 4


def test_a_reference_that_a_spreadsheet_would_take_for_a_formula_has_an_apostrophe_in_the_file(
    partner: Partner, pay: Pay
) -> None:
    pay(partner_reference="-2-3")
    partner.advance(to=CUT)
    file = partner.get(f"/v1/statements/{latest(partner)['statement_id']}/csv").data
    assert all_rows(partner)[0]["partner_reference"] == "-2-3"
    assert b",'-2-3,50.00," in file
    assert sha256(file).hexdigest() == latest(partner)["sha256"]


@given(st.text(min_size=1, max_size=20))
def test_no_cell_of_a_file_begins_like_a_formula_but_amounts_below_zero(reference: str) -> None:
    cells = statements._cells(
        {
            "type": "PAYMENT",
            "payment_id": "pay_0000",
            "partner_reference": reference,
            "amount": {"amount": "1.00", "currency": "CNY"},
            "fee": {"amount": "0.00", "currency": "CNY"},
            "status": "SUCCEEDED",
            "value_date": TODAY,
        }
    )
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert cells[2].removeprefix("'") == reference.removeprefix("'")


def test_all_days_together_are_what_billers_and_fees_have_and_what_is_on_its_way(
    bank: Bank, partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    neighbour = new_partner(headers=partner.headers, join="world")
    for scenario in ("DUE_BILL", "REVERSED", "POSTING_REJECTED", "ACCOUNT_CLOSED", "POSTED_TWICE", "TIMEOUT_LATE"):
        pay(scenario)
        pay(scenario, amount="30.00", by=neighbour)
    for moment in ("2026-09-30T00:00:00+08:00", "2026-10-01T00:00:00+08:00", "2026-10-02T00:00:00+08:00"):
        partner.advance(to=moment)
        assert of_all_days(partner, neighbour) == outside(bank, partner)


def of_all_days(*partners: Partner) -> int:
    """Give the sum of the latest versions of all days, with fees, in minor units."""
    total = Decimal(0)
    for partner in partners:
        counted: dict[str, Decimal] = {}
        for one in partner.get("/v1/statements", limit=100).json["data"]:
            total_of_day = Decimal(one["sum"]["amount"]) + Decimal(one["fee_sum"]["amount"])
            counted.setdefault(one["business_date"], total_of_day)
        total += sum(counted.values())
    return int(total * 100)


def outside(bank: Bank, partner: Partner) -> int:
    """Give what the ledger has at billers, as fees and on its way; what is kept aside for a clerk is on its way."""
    tx = bank.db.read()
    balances = ledger.balances(tx, world(partner))
    aside = sum(
        amount
        for payment in {entry.subject for entry in ledger.entries_of(tx, world(partner), date(2026, 9, 29), ("send",))}
        for reason, account, amount in ledger.lines_of(tx, world(partner), payment)
        if account == "suspense" and reason in {"keep aside", "try again", "pay out"}
    )
    return aside + sum(
        balance for account, balance in balances.items() if account in IN_TRANSIT or account.startswith("biller:")
    )


def test_a_reset_leaves_none(partner: Partner, pay: Pay) -> None:
    pay()
    partner.advance(to=CUT)
    statement_id = latest(partner)["statement_id"]
    partner.post("/sandbox/v1/reset", key=None)
    assert partner.get("/v1/statements").json["data"] == []
    assert partner.get(f"/v1/statements/{statement_id}").status_code == 404
    partner.advance(to="2026-10-01T00:00:00+08:00")
    assert partner.get("/v1/statements").json["data"] == []


def test_a_statement_is_told_of_again_where_that_is_asked_for(
    partner: Partner, new_partner: Callable[..., Partner], pay: Pay
) -> None:
    neighbour = new_partner(headers=partner.headers, join="world")
    pay()
    partner.advance(to=CUT)
    path, statement_id = "/sandbox/v1/events/statement.ready:trigger", latest(partner)["statement_id"]
    again = partner.post(path, {"statement_id": statement_id}, key=None)
    assert (again.status_code, again.json["data"]) == (200, announced(partner)[0])
    assert len(announced(partner)) == 2
    assert neighbour.post(path, {"statement_id": statement_id}, key=None).status_code == 404


def test_one_that_is_asked_for_is_made_before_the_day_is_over_and_made_again_at_its_end(
    partner: Partner, pay: Pay
) -> None:
    told_of = partner.post("/sandbox/v1/events/statement.ready:trigger", {"new": True}, key=None).json
    (early,) = versions(partner)
    assert (told_of["data"]["statement_id"], early["count"]) == (early["statement_id"], 1)
    pay()
    partner.advance(to=CUT)
    assert [(one["version"], one["count"], one["made_at"]) for one in versions(partner)] == [
        (2, 2, CUT),
        (1, 1, "2026-09-29T10:30:00+08:00"),
    ]


@pytest.mark.both_engines
def test_processes_that_close_a_day_at_once_make_one_statement(engine: str, tmp_path: Path) -> None:
    first = make_bank(tmp_path, WallClock(), engine=engine, check_answers=AnswerCheck.OFF)
    second = make_bank(
        tmp_path, WallClock(), database=first.settings.database, engine=engine, check_answers=AnswerCheck.OFF
    )
    partner = make_partner(create_app(first).test_client(use_cookies=False))
    link = partner.pay_link(
        biller_id=partner.biller(TOP_UP)["biller_id"],
        inputs=partner.magic(TOP_UP, "DUE_BILL"),
        amount={"amount": "50.00", "currency": "CNY"},
    )
    DirectPayer(first).pay(link["payment_id"])
    act = Due(world(partner), payments.CLOSE_DAY, TODAY, clock.parse(CUT))
    barrier = Barrier(4)

    def close(bank: Bank) -> None:
        barrier.wait()
        statements.make(bank, act)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(close, (first, second, first, second)))
        assert [one["version"] for one in partner.get("/v1/statements").json["data"]] == [1]
        assert len(announced(partner)) == 1
        for bank in (first, second):
            bank.db.close()


def test_it_is_told_by_webhook_to_whoever_asked_for_it(partner: Partner, pay: Pay) -> None:
    body = {"url": "http://127.0.0.1:9/", "event_types": ["statement.ready"]}
    endpoint = partner.post("/v1/webhook-endpoints", body).json["webhook_endpoint_id"]
    pay()
    partner.advance(to=CUT)
    (delivery,) = partner.get("/v1/webhook-deliveries", webhook_endpoint_id=endpoint).json["data"]
    assert delivery["event_type"] == "statement.ready"
