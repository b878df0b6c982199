"""Payments that no customer has allowed: past a mandate's bounds, before and after its days, to other billers, with
other people's tokens and saved accounts, again and again, and many at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.conftest import Unharmed
from tests.conftest import Partner, make_partner
from tests.linked import LONG_AGO, POWER, TOPUP, Linked, limit, link_customer, mandate, yuan
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.mandates import service as mandates

AT_ONCE = 12
ROUNDS = 10
"""For each engine."""
RICH, POOR = CUSTOMERS[0], CUSTOMERS[1]
WATER = "SH-WATER-01"


@pytest.fixture(scope="module")
def owner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False))


def refused(answer: TestResponse, status: int, code: str, limit_met: str | None = None) -> dict[str, Any]:
    body = dict(answer.json or {})
    assert (answer.status_code, body.get("code"), body.get("limit")) == (status, code, limit_met), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return body


def spent(bank: Bank, partner: Partner) -> int:
    """Tell what has left the rich customer's account, in fen."""
    balances = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    assert sum(balances.values()) == 0
    return RICH.opening_fen - balances[f"customer:{RICH.customer_id}"]


def uses(bank: Bank, partner: Partner) -> list[mandates.Use]:
    return mandates.uses_of_customer(bank.db.read(), partner.app["world_id"], RICH.customer_id)


# Bounds.


@pytest.mark.abuse("mandates", "pays more at once than the customer allows, or a fen more")
@pytest.mark.parametrize("most", [49.99, 0.01])
def test_more_than_one_payment_may_be_is_refused(most: float, owner: Partner, unharmed: Unharmed) -> None:
    user = link_customer(owner, mandate(owner, most=most))
    saved = user.save()
    with unharmed():
        refused(user.pay(saved), 403, "MANDATE_EXCEEDED", "MAXIMUM_INDIVIDUAL_AMOUNT")


@pytest.mark.abuse("mandates", "splits what a period does not allow into small payments")
@pytest.mark.parametrize("alignment", ["CALENDAR", "CONSENT"])
@pytest.mark.parametrize("period_type", ["DAY", "WEEK", "MONTH", "YEAR"])
def test_small_payments_do_not_come_to_more_than_a_period_allows(
    period_type: str, alignment: str, partner: Partner, bank: Bank
) -> None:
    user = link_customer(partner, mandate(partner, periodic_limits=[limit(period_type, 149.99, alignment)]))
    saved = user.save()
    assert [user.pay(saved).status_code for _ in range(2)] == [201, 201]
    for _ in range(2):
        refused(user.pay(saved), 403, "MANDATE_EXCEEDED", period_type)
    assert spent(bank, partner) == 100_00


@pytest.mark.abuse("mandates", "has the money of one payment back, and takes it again")
def test_what_came_back_still_counts(partner: Partner, bank: Bank) -> None:
    user = link_customer(partner, mandate(partner, periodic_limits=[limit("YEAR", 60)]))
    rejected = user.save(scenario="POSTING_REJECTED")
    assert user.pay(rejected).status_code == 201
    partner.advance(seconds=3600)
    assert spent(bank, partner) == 0
    refused(user.pay(user.save()), 403, "MANDATE_EXCEEDED", "YEAR")


@pytest.mark.abuse("mandates", "hides a fee on top of what the customer allows")
def test_fees_count_for_the_bounds(owner: Partner) -> None:
    code = next(
        biller["biller_code"]
        for biller in owner.get("/v1/billers", limit=100).json["data"]
        if any(fee["type"] == "PAYER_FEE" for fee in biller["fees"])
        and biller["fetch_mode"] == "FETCH"
        and biller["status"] == "ACTIVE"
        and not any(field["sensitivity"] == "HIGH" for field in biller["input_fields"])
    )
    free = link_customer(owner, mandate(owner, code, most=50_000))
    saved = free.save(code)
    bill = free.post(f"/v1/saved-billers/{saved}/bill-fetches").json["bills"][0]
    tight = link_customer(owner, mandate(owner, code, most=float(bill["outstanding"]["amount"])))
    answer = tight.pay(saved, bill["outstanding"]["amount"], bill_ids=[bill["bill_id"]])
    refused(answer, 403, "MANDATE_EXCEEDED", "MAXIMUM_INDIVIDUAL_AMOUNT")


# Days.


@pytest.mark.abuse("mandates", "pays in the first 24 hours after the customer was talked into it")
def test_the_first_24_hours_are_waited_for_in_bank_time(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner), cooling=True)
    saved = user.save()
    told = refused(user.pay(saved), 403, "MANDATE_NOT_IN_FORCE", "COOLING")
    assert told["resets_at"] == "2026-09-30T10:30:00+08:00"
    partner.advance(to="2026-09-30T10:29:59+08:00")
    refused(user.pay(saved), 403, "MANDATE_NOT_IN_FORCE", "COOLING")
    partner.advance(seconds=1)
    assert user.pay(saved).status_code == 201


@pytest.mark.abuse("mandates", "pays before the first day, or after the last")
def test_days_outside_are_refused_and_the_last_day_is_whole(partner: Partner) -> None:
    days = {"valid_from": "2026-10-02", "valid_to": "2026-10-03"}
    user = link_customer(partner, mandate(partner, **days))
    saved = user.save()
    told = refused(user.pay(saved), 403, "MANDATE_NOT_IN_FORCE", "VALID_FROM")
    assert told["resets_at"] == "2026-10-02T00:00:00+08:00"
    partner.advance(to="2026-10-03T23:00:00+08:00")
    assert user.pay(saved).status_code == 201
    partner.advance(to="2026-10-04T00:00:00+08:00")
    refused(user.pay(saved), 403, "CONSENT_EXPIRED")


@pytest.mark.abuse("mandates", "asks for a mandate that begins or ends too late, begins after its end, or has ended")
@pytest.mark.parametrize(
    "days",
    [
        {"valid_to": (date(2026, 9, 29) + timedelta(days=367)).isoformat()},
        {"valid_from": (date(2026, 9, 29) + timedelta(days=367)).isoformat(), "valid_to": "2027-10-02"},
        {"valid_from": "9999-01-01", "valid_to": "9999-12-31"},
        {"valid_from": "2026-10-02", "valid_to": "2026-10-01"},
        {"valid_from": LONG_AGO, "valid_to": "2026-09-28"},
    ],
)
def test_a_mandate_of_wrong_days_is_not_given(days: dict[str, str], owner: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        body = {"authorization_details": [mandate(owner, **days)]}
        answer = owner.post("/sandbox/v1/consents", body, key=None)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["pointer"] == "/authorization_details/0"


# Others' billers, accounts and tokens.


@pytest.mark.abuse("mandates", "pays a biller that the customer has not named")
def test_a_biller_that_is_not_named_is_not_paid(owner: Partner, unharmed: Unharmed) -> None:
    user = link_customer(owner, mandate(owner, POWER))
    saved = user.save(TOPUP)
    with unharmed():
        refused(user.pay(saved), 403, "CONSENT_REQUIRED")


@pytest.mark.abuse("mandates", "pays without a mandate, with a token for something else")
def test_a_consent_without_a_mandate_pays_nothing(owner: Partner, unharmed: Unharmed) -> None:
    user = link_customer(owner)
    saved = user.save()
    with unharmed():
        refused(user.pay(saved), 403, "CONSENT_REQUIRED")
        app = Linked(owner.client, owner.app, owner.headers, owner)
        refused(app.pay(saved), 403, "INSUFFICIENT_SCOPE")


@pytest.mark.abuse("mandates", "pays an account that another customer, or another app, has saved")
def test_anothers_saved_account_is_as_one_that_is_not_there(owner: Partner, flask_app: Flask, bank: Bank) -> None:
    theirs = link_customer(owner, mandate(owner), customer_number=POOR.customer_number)
    neighbour = make_partner(flask_app.test_client(use_cookies=False), owner.headers, join="world")
    others = [theirs.save(), link_customer(neighbour, mandate(neighbour)).save(), "svb_zzzzzzzzzzzzzzzzzzzz"]
    user = link_customer(owner, mandate(owner))
    answers = [user.pay(other) for other in others]
    for answer in answers:
        assert [fault["pointer"] for fault in refused(answer, 422, "FIELD_INVALID")["errors"]] == ["/saved_biller_id"]
    bodies = [{**answer.json, "request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    for other in others:
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/bill-fetches")):
            answer = user.client.open(f"/v1/saved-billers/{other}{path}", method=method, headers=user.headers)
            refused(answer, 404, "NOT_FOUND")
    assert not user.get("/v1/saved-billers").json["data"] or others[0] not in user.get("/v1/saved-billers").text


@pytest.mark.abuse("mandates", "pays another account's bill with the mandate")
def test_a_bill_of_another_account_is_not_paid(owner: Partner) -> None:
    user = link_customer(owner, mandate(owner))
    other = owner.fetch(POWER, "SEVERAL_BILLS").json["bills"][0]
    answer = user.pay(user.save(POWER), other["outstanding"]["amount"], bill_ids=[other["bill_id"]])
    assert [fault["pointer"] for fault in refused(answer, 422, "FIELD_INVALID")["errors"]] == ["/bill_ids/0"]


@pytest.mark.abuse("mandates", "reads or ends what a customer has allowed another app")
def test_anothers_consent_is_as_one_that_is_not_there(owner: Partner, flask_app: Flask) -> None:
    user = link_customer(owner, mandate(owner))
    for join in ("world", "partner"):
        stranger = make_partner(flask_app.test_client(use_cookies=False), owner.headers, join=join)
        refused(stranger.get(f"/v1/consents/{user.consent_id}"), 404, "NOT_FOUND")
        refused(stranger.post(f"/v1/consents/{user.consent_id}:revoke", key=None), 404, "NOT_FOUND")
        assert user.consent_id not in stranger.get("/v1/consents", limit=100).text
    assert owner.get(f"/v1/consents/{user.consent_id}").json["status"] == "ACTIVE"


@pytest.mark.abuse("mandates", "knows one customer by one name at two partners")
def test_two_partners_know_a_customer_by_different_names(owner: Partner, flask_app: Flask) -> None:
    other = make_partner(flask_app.test_client(use_cookies=False), owner.headers, join="world")
    names = {app.get(f"/v1/consents/{link_customer(app).consent_id}").json["customer"] for app in (owner, owner, other)}
    assert len(names) == 2


@pytest.mark.abuse("mandates", "goes on paying after the consent has ended")
def test_a_consent_that_has_ended_pays_nothing_from_the_next_request_on(partner: Partner, unharmed: Unharmed) -> None:
    user = link_customer(partner, mandate(partner))
    saved = user.save()
    assert user.pay(saved).status_code == 201
    assert partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None).json["status"] == "REVOKED"
    (event,) = [each for each in partner.events() if each["type"] == "consent.revoked"]
    assert event["data"] == {"consent_id": user.consent_id, "status": "REVOKED", "version": 2}
    with unharmed():
        refused(user.pay(saved), 401, "TOKEN_INVALID")
        assert partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None).json["version"] == 2


@pytest.mark.abuse("mandates", "keeps a customer's account numbers with the bank after the consent has ended")
def test_saved_accounts_are_forgotten_with_the_last_consent_that_allows_them(partner: Partner, bank: Bank) -> None:
    first, second = link_customer(partner), link_customer(partner)
    other = link_customer(partner, customer_number=POOR.customer_number)
    saved, kept = first.save(), other.save()

    def known() -> set[str]:
        rows = bank.db.read().all(Statement(metadata.tables["saved_billers"].select()))
        return {row["saved_biller_id"] for row in rows} & {saved, kept}

    for user, left in ((first, {saved, kept}), (second, {kept}), (other, set())):
        partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None)
        assert known() == left


@pytest.mark.abuse("mandates", "pays a bill in another currency, as if it were the same number of yuan")
def test_another_currency_than_the_billers_is_refused(owner: Partner) -> None:
    user = link_customer(owner, mandate(owner, "BJ-PROPERTY_FEE-01"))
    saved = user.save("BJ-PROPERTY_FEE-01")
    (bill,) = user.post(f"/v1/saved-billers/{saved}/bill-fetches").json["bills"]
    dollars = {"bill_ids": [bill["bill_id"]], "amount": {"amount": "50.00", "currency": "USD"}}
    body = {"partner_reference": "in-dollars", "saved_biller_id": saved, **dollars}
    refused(user.post("/v1/mandate-payments", body), 422, "AMOUNT_OUT_OF_RANGE")


@pytest.mark.abuse("mandates", "saves a number that only the page of the bank may ask for")
def test_what_only_the_page_asks_for_is_not_saved(owner: Partner, unharmed: Unharmed) -> None:
    page_only = next(
        biller
        for biller in owner.get("/v1/billers", limit=100, category_code="TRAFFIC_FINE").json["data"]
        if any(field["sensitivity"] == "HIGH" for field in biller["input_fields"])
    )
    inputs = {field["name"]: field["example"] for field in page_only["input_fields"]}
    user = link_customer(owner)
    assert user.get("/v1/saved-billers").status_code == 200  # notes that the consent was used
    with unharmed():
        body = {"biller_id": page_only["biller_id"], "inputs": inputs}
        assert user.post("/v1/saved-billers", body, key=None).status_code == 422


# Again, and at once.


@pytest.mark.abuse("mandates", "sends a payment again, with its key or without")
def test_a_payment_that_comes_again_is_made_once(partner: Partner, bank: Bank) -> None:
    user = link_customer(partner, mandate(partner))
    saved = user.save()
    form = {"key": "once", "partner_reference": "once"}
    first = user.pay(saved, **form)
    assert user.pay(saved, **form).data == first.data
    refused(user.pay(saved, partner_reference="once"), 409, "DUPLICATE_REFERENCE")
    refused(user.pay(saved, 51, **form), 422, "IDEMPOTENCY_MISMATCH")
    assert (len(uses(bank, partner)), spent(bank, partner)) == (1, 50_00)


@pytest.fixture(scope="module")
def hands() -> Iterator[ThreadPoolExecutor]:
    """The same threads for all rounds: each has a connection of its own to the database."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


def pay_at_once(
    hands: ThreadPoolExecutor, flask_app: Flask, user: Linked, saved: str, **form: Any
) -> list[TestResponse]:
    """Pay from twelve threads that begin together."""
    together = Barrier(AT_ONCE)

    def one(_: int) -> TestResponse:
        caller = Linked(flask_app.test_client(use_cookies=False), user.app, user.headers, user.owner, user.consent_id)
        together.wait()
        return caller.pay(saved, **form)

    return list(hands.map(one, range(AT_ONCE)))


@pytest.mark.both_engines
@pytest.mark.abuse("mandates", "uses a one-off many times at once")
def test_a_one_off_at_once_is_spent_once(hands: ThreadPoolExecutor, flask_app: Flask, bank: Bank) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    for number in range(1, ROUNDS + 1):
        user = link_customer(partner, mandate(partner, maximum_uses=1), scopes=["saved-billers"])
        saved = user.save()
        answers = pay_at_once(hands, flask_app, user, saved)
        assert min(answer.status_code for answer in answers) == 201
        assert sum(answer.status_code == 201 for answer in answers) == 1
        # Once it is spent nothing is left of the consent, and its token is worth nothing.
        assert {answer.json["code"] for answer in answers if answer.status_code != 201} <= {
            "MANDATE_EXCEEDED",
            "CONSENT_EXPIRED",
            "TOKEN_INVALID",
        }
        assert partner.get(f"/v1/consents/{user.consent_id}").json["status"] == "CONSUMED"
        assert (len(uses(bank, partner)), spent(bank, partner)) == (number, number * 50_00)


@pytest.mark.both_engines
@pytest.mark.abuse("mandates", "sends one payment with one key on twelve connections at once")
def test_one_key_at_once_pays_once_and_everybody_gets_it(
    hands: ThreadPoolExecutor, flask_app: Flask, bank: Bank
) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    user = link_customer(partner, mandate(partner))
    answers = pay_at_once(hands, flask_app, user, user.save(), key="one-key", partner_reference="one-key")
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["payment_id"] for answer in answers}) == len(uses(bank, partner)) == 1


@pytest.mark.both_engines
@pytest.mark.abuse("mandates", "sends more at once than a period allows")
def test_payments_at_once_never_come_to_more_than_a_period_allows(
    hands: ThreadPoolExecutor, flask_app: Flask, bank: Bank
) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    for number in range(1, ROUNDS + 1):
        user = link_customer(partner, mandate(partner, periodic_limits=[limit("DAY", 260), limit("YEAR", 199.99)]))
        saved = user.save()
        answers = pay_at_once(hands, flask_app, user, saved)
        assert sum(answer.status_code == 201 for answer in answers) == 3
        assert {answer.json.get("limit", answer.text) for answer in answers if answer.status_code != 201} == {"YEAR"}
        assert spent(bank, partner) == number * 150_00


# What the partner, and whoever reads along, is not told.


@pytest.mark.abuse("mandates", "reads a saved account's number in an answer, an event or a notice")
def test_no_account_number_comes_out_again(partner: Partner, bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    user = link_customer(partner, mandate(partner))
    number = partner.magic(TOPUP, "DUE_BILL").popitem()[1]
    saved = user.save()
    answer = user.pay(saved)
    told = [
        user.get("/v1/saved-billers").text,
        user.get(f"/v1/saved-billers/{saved}").text,
        answer.text,
        partner.get(f"/v1/payments/{answer.json['payment_id']}").text,
        json.dumps(partner.events()),
        partner.get(f"/v1/consents/{user.consent_id}").text,
        caplog.text,
    ]
    kept = Statement(metadata.tables["customer_notices"].select())
    told += [row["facts"] for row in bank.db.read().all(kept)]
    assert not [text for text in told if number in text]
    user.client.delete(f"/v1/saved-billers/{saved}", headers=user.headers)
    rows = bank.db.read().all(Statement(metadata.tables["saved_billers"].select()))
    assert saved not in {row["saved_biller_id"] for row in rows}


@pytest.mark.abuse("mandates", "learns what the customer's account holds")
def test_an_empty_account_tells_no_more_than_that_the_customer_must_look(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner), customer_number=POOR.customer_number)
    told = refused(user.pay(user.save(), 100), 409, "PAYER_NOT_COMPLETED")
    played = refused(user.pay(user.save(scenario="INSUFFICIENT_FUNDS")), 409, "PAYER_NOT_COMPLETED")
    assert {**told, "request_id": ""} == {**played, "request_id": ""}
    assert partner.get("/v1/payments").json["data"] == []
    assert user.pay(user.save(), 50).json["amount"] == yuan(50)
