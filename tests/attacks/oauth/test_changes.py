"""Consents that are renewed or changed: by their own client, for their own customer, who sees what changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import Client, refused
from tests.payer import POOR

from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import service as oauth

Visit = Callable[[dict[str, Any]], Customer]
DAY_MS = 86_400_000


@pytest.fixture
def mandate(client: FlaskClient) -> dict[str, Any]:
    biller = client.get("/v1/billers", query_string={"q": "SH-ELECTRICITY-01"}).json["data"][0]["biller_id"]
    yuan = {"amount": "200.00", "currency": "CNY"}
    return {
        "type": "bill_payment_mandate",
        "billers": [biller],
        "maximum_individual_amount": yuan,
        "valid_from": "2026-09-29",
        "valid_to": "2027-03-31",
    }


def given(bank: Bank, client: Client) -> dict[str, Any]:
    (consent,) = [row for row in rows(bank, "consents") if row["app_id"] == client.client_id]
    return consent


def asked(*mandates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"authorization_details": json.dumps(mandates)} | more if mandates else more


def tokens_for(client: Client, customer: Visit, **form: Any) -> dict[str, Any]:
    code = customer(client.pushed(**form)).sign_in().approve().returned["code"]
    answer = client.redeem(code)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def test_a_renewal_changes_the_time_only_and_tells_the_app(
    linking: Client, customer: Visit, bank: Bank, moving_wall: Any, mandate: dict[str, Any]
) -> None:
    tokens_for(linking, customer, **asked(mandate))
    before = given(bank, linking)
    moving_wall.at += 100 * DAY_MS
    visit = customer(linking.pushed(**asked(mandate, consent_id=before["consent_id"]))).sign_in()
    assert "只延长有效期" in visit.answer.text
    assert "200.00" not in visit.answer.text
    linking.redeem(visit.approve().returned["code"])
    after = given(bank, linking)
    assert after["expires_at"] - before["expires_at"] == 100 * DAY_MS
    assert (after["version"], after["given_at"], after["details"]) == (2, before["given_at"], before["details"])
    events = [row for row in rows(bank, "events") if row["app_id"] == linking.client_id]
    assert [row["type"] for row in events] == ["consent.extended"]


def test_a_change_shows_what_changes_and_what_ends_and_is_waited_for_again(
    linking: Client, customer: Visit, bank: Bank, moving_wall: Any, mandate: dict[str, Any]
) -> None:
    old = tokens_for(linking, customer, **asked(mandate, scope="bills:read payments:read"))["access_token"]
    before = given(bank, linking)
    moving_wall.at += 60_000
    more = mandate | {"maximum_individual_amount": {"amount": "350.00", "currency": "CNY"}}
    form = asked(more, scope="bills:read saved-billers", consent_id=before["consent_id"])
    visit = customer(linking.pushed(**form)).sign_in()
    page = visit.answer.text
    assert "350.00" in page and "200.00" in page
    assert "保存您的缴费账户" in page and "查询账单" not in page
    assert "它将不再可以" in page
    code = visit.approve().returned["code"]
    assert linking.call(old).status_code == 401
    answer = dict(linking.redeem(code).json or {})
    assert answer["scope"] == "bills:read saved-billers"
    assert answer["authorization_details"][0]["maximum_individual_amount"]["amount"] == "350.00"
    after = given(bank, linking)
    assert after["consent_id"] == before["consent_id"]
    assert after["given_at"] == before["given_at"] + 60_000


@pytest.mark.abuse("mandates", "has another customer change what a customer has allowed")
def test_only_its_own_customer_changes_a_consent(linking: Client, customer: Visit, bank: Bank) -> None:
    tokens_for(linking, customer)
    before = given(bank, linking)
    visit = customer(linking.pushed(scope="payments:read", consent_id=before["consent_id"])).sign_in(POOR)
    assert "approve" not in visit.forms
    assert given(bank, linking) == before


@pytest.mark.abuse("mandates", "changes what was allowed another client, or what has ended")
def test_a_consent_of_another_client_or_one_that_ended_is_not_changed(
    linking: Client, new_client: Callable[..., Client], customer: Visit, bank: Bank
) -> None:
    tokens_for(linking, customer)
    consent_id = given(bank, linking)["consent_id"]
    other = new_client(**LINKING)
    for client, named in ((other, consent_id), (linking, "cns_zzzzzzzz"), (linking, "x")):
        refused(client.post("/oauth/par", client.request(consent_id=named)), "invalid_request")
    query = linking.pushed(scope="payments:read", consent_id=consent_id)
    visit = customer(query).sign_in()
    assert oauth.revoke_consent(bank, consent_id)  # while the page is open
    assert visit.approve().returned["error"] == "access_denied"
    assert given(bank, linking)["scope"] == "bills:read"
    refused(linking.post("/oauth/par", linking.request(consent_id=consent_id)), "invalid_request")
