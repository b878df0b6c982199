"""An account that cannot be paid takes the same way through the bank, whatever the reason is.

Time itself is not measured: it would be noise. What takes time is: the SQL that runs, and what the biller is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.biller_port import simulated
from openteller_sandbox.db import Statement
from openteller_sandbox.receipts.store import receipt_guesses

pytestmark = pytest.mark.on_sqlite

REFUSALS = ("UNKNOWN_ACCOUNT", "BLOCKED_ACCOUNT", "WRONG_REGION")
FETCHING = ("SH-ELECTRICITY-01", "BJ-BROADBAND-01", "BJ-TUITION-01", "CC-WATER-01")
"""Billers that show the amount, that a bill exists, and (two) all of it after a second field."""
VALUES = re.compile(r"'(?:[^']|'')*'|\b[0-9]+\b")


@contextmanager
def traced(bank: Bank) -> Iterator[list[str]]:
    """Note every statement that the thread's connection runs, with its values left out."""
    statements: list[str] = []
    connection = bank.db._connection()
    connection.set_trace_callback(lambda sql: statements.append(VALUES.sub("?", sql)))
    try:
        yield statements
    finally:
        connection.set_trace_callback(None)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note what the simulated biller works out: each bill, and each digest of an account."""
    work: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("_bill", "_meter", "digest", "_hash_number"):
            real = getattr(simulated, name)

            def noting(*args: object, _real: object = real, _name: str = name) -> object:
                work.append(_name)
                return _real(*args)  # type: ignore[operator]

            patch.setattr(simulated, name, noting)
        yield work


def told(answer: TestResponse) -> tuple[int, str, dict[str, str]]:
    """Give all that the caller sees, without what no two answers share."""
    body = answer.text.replace(answer.json["request_id"], "")
    headers = {name: value for name, value in answer.headers if name not in {"X-Request-Id", "RateLimit"}}
    return answer.status_code, body, headers


@pytest.mark.abuse("enumeration", "tells unknown, blocked and foreign accounts apart by the answer or its way")
@pytest.mark.parametrize("biller", FETCHING)
def test_every_refused_account_takes_the_same_way(
    biller: str, partner: Partner, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"biller_id": partner.biller(biller)["biller_id"], "end_user_ref": "user-of-the-tests-1"}
    bodies = [body | {"inputs": partner.magic(biller, scenario)} for scenario in REFUSALS]
    warming_up = bodies[0] | {"end_user_ref": "user-of-the-tests-2"}
    partner.post("/v1/bill-fetches", warming_up)  # statements are compiled when they are first run
    ways = []
    for each in bodies:
        with traced(bank) as statements, counted(monkeypatch) as work:
            answer = partner.post("/v1/bill-fetches", each)
        assert answer.json["code"] == "ACCOUNT_NOT_PAYABLE"
        assert statements
        assert work
        ways.append((told(answer), statements, work))
    assert ways[0] == ways[1] == ways[2]


@pytest.mark.abuse("enumeration", "tells known from unknown accounts by the time that an answer takes")
def test_a_refusal_costs_the_biller_what_an_answer_costs(
    partner: Partner, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the biller's answer; keeping a good one needs more, and that it was good is what it says."""
    biller = FETCHING[0]
    costs = []
    for scenario in ("DUE_BILL", *REFUSALS):
        with traced(bank) as statements, counted(monkeypatch) as work:
            partner.fetch(biller, scenario)
        costs.append(
            ([sql for sql in statements if "biller_postings" in sql], [step for step in work if step == "_bill"])
        )
    assert costs[0] == costs[1] == costs[2] == costs[3]


@pytest.mark.abuse("enumeration", "tries accounts by making payment links for them")
def test_a_payment_link_for_an_account_is_made_unseen(partner: Partner, bank: Bank) -> None:
    """Where the partner sends the account with the payment, the biller is asked when the payer stands on the page."""
    topup = "CN-MOBILE_TOPUP-01"
    form = {"biller_id": partner.biller(topup)["biller_id"], "amount": {"amount": "50.00", "currency": "CNY"}}
    inputs = [partner.magic(topup, scenario) for scenario in ("DUE_BILL", *REFUSALS)]
    partner.pay_link(**form, inputs=inputs[0])
    ways = []
    for number, each in enumerate(inputs):
        with traced(bank) as statements:
            made = partner.pay_link(**form, inputs=each, partner_reference=f"unseen-{number}")
        ways.append((statements, made["status"], made.get("status_reason")))
    assert ways[0] == ways[1] == ways[2] == ways[3]


def another(text: str) -> str:
    """Give a letter that the text does not end with."""
    return "B" if text[-1] == "A" else "A"


def test_a_receipt_that_is_not_found_takes_the_same_way_whatever_is_wrong(partner: Partner, bank: Bank) -> None:
    """Nobody learns that a number is somebody's, or how much of a QR code was right."""
    link = partner.pay_link(bill_ids=[partner.fetch().json["bills"][0]["bill_id"]])["payment_id"]
    DirectPayer(bank).pay(link)
    receipt = partner.get(f"/v1/payments/{link}/receipt").json
    number, code, compact = receipt["receipt_number"], receipt["verification_code"], receipt["signature"]["compact"]
    kinds = [
        [
            {"receipt_number": number, "verification_code": code[:-1] + another(code)},
            {"receipt_number": number[:-1] + another(number), "verification_code": code},
            {"receipt_number": "ZZZZ-ZZZZ-ZZZZ", "verification_code": "ZZZZ-ZZZZ"},
        ],
        [
            {"compact": compact[:-1] + another(compact)},
            {"compact": compact.replace("CNY1", "CNY9")},
            {"compact": "OTR1-NOTHING"},
        ],
    ]
    for bodies in kinds:
        partner.client.post("/v1/receipts:verify", json=bodies[0])
        ways = []
        for body in bodies:
            with bank.db.act() as tx:
                tx.run(Statement(receipt_guesses.delete()))
            with traced(bank) as statements:
                answer = partner.client.post("/v1/receipts:verify", json=body)
            assert answer.json["verdict"] == "NOT_GENUINE"
            assert statements
            headers = {name: value for name, value in answer.headers if name not in {"X-Request-Id", "RateLimit"}}
            ways.append((answer.text, headers, statements))
        assert ways[0] == ways[1] == ways[2]
