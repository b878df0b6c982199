"""Consents that are renewed or changed: by their own client, for their own customer, who sees what changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import Client, refused
from tests.conftest import Partner, WallClock
from tests.linked import TOPUP, Linked
from tests.linked import mandate as a_mandate
from tests.linker import Actor
from tests.payer import POOR

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Statement, metadata
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


@pytest.fixture
def beside(flask_app: Flask, wall: WallClock, partner: Partner) -> Client:
    """A client of the profile fapi2 in the partner's world, with which the partner's clock and log are its own."""
    return Client(flask_app.test_client(use_cookies=False), wall).register(partner.headers, **LINKING)


def replayed(partner: Partner) -> tuple[Any, ...]:
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    return report["same"], report["differences"], report["not_repeated"]


def test_a_renewal_lets_tokens_go_on_and_refresh_tokens_last_as_long(
    linking: Client, customer: Visit, bank: Bank, moving_wall: Any
) -> None:
    tokens = tokens_for(linking, customer)
    before = given(bank, linking)
    moving_wall.at += 60_000
    assert oauth.extend_consent(bank, before["consent_id"])
    assert linking.call(tokens["access_token"], "/v1/bills/bil_aaaaaaaaaaaa").status_code == 404, "the token is good"
    moving_wall.at = before["expires_at"] + 1
    answer = linking.refresh(tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    moving_wall.at += 60_000
    refused(linking.refresh(tokens["refresh_token"]), "invalid_grant")


def test_a_change_to_less_forgets_what_was_saved_and_replays(
    beside: Client, customer: Visit, bank: Bank, partner: Partner
) -> None:
    token = tokens_for(beside, customer, scope="saved-billers bills:read")["access_token"]
    body = {"biller_id": partner.biller(TOPUP)["biller_id"], "inputs": partner.magic(TOPUP, "DUE_BILL")}
    headers = {"Authorization": f"DPoP {token}", "DPoP": beside.proof("POST", "/v1/saved-billers", token=token)}
    assert beside.http.post("/v1/saved-billers", json=body, headers=headers).status_code == 201
    consent_id = given(bank, beside)["consent_id"]
    visit = customer(beside.pushed(scope="bills:read", consent_id=consent_id)).sign_in()
    assert visit.approve().returned["code"]
    saved = bank.db.read().all(Statement(metadata.tables["saved_billers"].select()))
    assert beside.client_id not in {row["app_id"] for row in saved}
    assert replayed(partner) == (True, [], [])
    log = [deed["name"] for deed in partner.get("/sandbox/v1/worlds/current/log", limit=100).json["data"]]
    assert log.count("giveConsent") == 2, "given and changed on the page, and both done again"


def test_uses_of_before_a_change_count_afterwards(
    beside: Client, customer: Visit, bank: Bank, partner: Partner
) -> None:
    """Of the mandate in the same place: who has one changed does not begin anew."""

    def user(**bounds: Any) -> Linked:
        """Have the customer allow a mandate, or change the one that there is; and wait for a day."""
        known = [row for row in rows(bank, "consents") if row["app_id"] == beside.client_id]
        more = {"consent_id": known[0]["consent_id"]} if known else {}
        details = json.dumps([a_mandate(partner, TOPUP, **bounds)])
        code = customer(
            beside.pushed(scope="saved-billers bills:read", authorization_details=details, **more)
        ).sign_in()
        token = dict(beside.redeem(code.approve().returned["code"]).json or {})["access_token"]
        partner.advance(seconds=86_400)
        return _DPoP(beside, token, partner, partner.biller(TOPUP))

    one = user(maximum_uses=3)
    saved = one.save()
    assert [one.pay(saved).status_code for _ in range(2)] == [201, 201]
    other = user(maximum_uses=3, most=300)
    assert other.pay(saved).status_code == 201
    assert other.pay(saved).json["limit"] == "MAXIMUM_USES"


class _DPoP(Linked):
    """A customer's token that is bound to the key of its client."""

    def __init__(self, client: Client, token: str, partner: Partner, biller: dict[str, Any]) -> None:
        super().__init__(client.http, partner.app, {}, partner)
        self.of, self.token, self.code = client, token, biller

    def post(self, path: str, body: Any = None, *, key: str | None = "new") -> Any:
        self.headers = {
            "Authorization": f"DPoP {self.token}",
            "DPoP": self.of.proof("POST", path, token=self.token),
        }
        return super().post(path, body, key=key)


@pytest.mark.abuse("oauth", "ends a client, and keeps what customers had allowed it")
def test_the_end_of_a_client_ends_its_consents_and_links_and_is_a_deed(
    beside: Client, customer: Visit, bank: Bank, flask_app: Flask, partner: Partner
) -> None:
    tokens_for(beside, customer)
    token = beside.token(scope="account-links payments:read")
    place = "/v1/account-links"
    headers = {"Authorization": f"DPoP {token}", "DPoP": beside.proof("POST", place, token=token)}
    body = {**Actor(partner).account, "actor_label": "小明"}
    assert beside.http.post(place, json=body, headers=headers).status_code == 201
    registration = f"/oauth/register/{beside.client_id}"
    by = {"Authorization": f"Bearer {beside.registration['registration_access_token']}"}
    assert beside.http.delete(registration, headers=by).status_code == 204
    refused(beside.http.delete(registration, headers=by), "invalid_token")
    (link,) = [row for row in rows(bank, "account_links") if row["app_id"] == beside.client_id]
    assert (given(bank, beside)["status"], link["status"], link["actor_hash"]) == ("REVOKED", "FAILED", None)
    told = [row["type"] for row in rows(bank, "events") if row["app_id"] == beside.client_id]
    assert told == ["account_link.failed", "consent.revoked"]
    assert replayed(partner) == (True, [], [])
    assert "endClient" in {deed["name"] for deed in partner.get("/sandbox/v1/worlds/current/log").json["data"]}
