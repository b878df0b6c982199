"""From a request to tokens: what a customer has allowed is given to the client that asked, once, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import GONE, ISSUER, Client, new_key, public, refused
from tests.conftest import Partner, WallClock

from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import jose
from openteller_sandbox.oauth import service as oauth

Allow = Callable[..., str]
Arrive = Callable[[dict[str, Any]], Customer]


def mandate(partner_of: Partner | None = None, biller_id: str = "", **changes: Any) -> list[dict[str, Any]]:
    biller = biller_id or (partner_of.biller("SH-ELECTRICITY-01")["biller_id"] if partner_of else "")
    whole = {
        "type": "bill_payment_mandate",
        "billers": [biller],
        "maximum_individual_amount": {"amount": "200.00", "currency": "CNY"},
        "periodic_limits": [
            {
                "period_type": "MONTH",
                "period_alignment": "CALENDAR",
                "amount": {"amount": "500.00", "currency": "CNY"},
            }
        ],
        "valid_from": "2026-10-01",
        "valid_to": "2027-03-31",
    }
    return [{name: value for name, value in (whole | changes).items() if value is not GONE}]


def test_a_client_gets_what_the_customer_allows(
    linking: Client, customer: Arrive, partner: Partner, bank: Bank
) -> None:
    """PAR, sign-in, consent, code, DPoP token, call, introspection, refresh, revocation."""
    details = mandate(partner)
    browser = customer(linking.pushed(authorization_details=json.dumps(details)))
    assert "受托应用" in browser.text and "bot.example" in browser.text
    assert "¥200.00" not in browser.text
    browser.sign_in()
    for shown in ("陈晓明", "查询账单", "¥200.00", "¥500.00", "每月", "按日历计算", "2026-10-01", "2027-03-31", "电力"):
        assert shown in browser.text, shown
    browser.approve()
    assert browser.left_to == "https://bot.example/cb"
    assert browser.returned.keys() == {"code", "state", "iss"}
    assert browser.returned["iss"] == ISSUER
    assert browser.returned["state"] == "state of the client"
    got = dict(linking.redeem(browser.returned["code"]).json or {})
    assert got["authorization_details"] == details
    assert (got["token_type"], got["scope"], got["expires_in"]) == ("DPoP", "bills:read", 300)
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 404
    told = dict(linking.post("/oauth/introspect", {"token": got["access_token"]}).json or {})
    assert told["sub"].startswith("sub_")
    assert told["authorization_details"] == details
    again = dict(linking.refresh(got["refresh_token"]).json or {})
    assert "refresh_token" not in again
    assert again["authorization_details"] == details
    assert linking.post("/oauth/revoke", {"token": got["refresh_token"]}).status_code == 200
    for token in (got["access_token"], again["access_token"]):
        assert linking.call(token).status_code == 401
    refused(linking.refresh(got["refresh_token"]), "invalid_grant")


def test_a_consent_that_is_revoked_kills_its_tokens_at_the_next_request(
    linking: Client, code_for: Allow, bank: Bank
) -> None:
    got = dict(linking.redeem(code_for(linking)).json or {})
    other = dict(linking.redeem(code_for(linking)).json or {})
    waiting = code_for(linking)
    mine = [row for row in rows(bank, "consents") if row["app_id"] == linking.client_id]
    assert oauth.revoke_consent(bank, mine[0]["consent_id"])
    assert not oauth.revoke_consent(bank, mine[0]["consent_id"])
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 401
    assert linking.post("/oauth/introspect", {"token": got["access_token"]}).json == {"active": False}
    refused(linking.refresh(got["refresh_token"]), "invalid_grant")
    assert linking.call(other["access_token"], "/v1/bills/bil_000000000000").status_code == 404
    assert oauth.revoke_consent(bank, mine[2]["consent_id"])
    refused(linking.redeem(waiting), "invalid_grant")


def test_a_reset_of_the_world_ends_what_its_customers_have_allowed(linking: Client, code_for: Allow) -> None:
    got = dict(linking.redeem(code_for(linking)).json or {})
    own = linking.token()
    proof = linking.proof("POST", "/sandbox/v1/reset", token=own)
    answer = linking.http.post("/sandbox/v1/reset", headers={"Authorization": f"DPoP {own}", "DPoP": proof})
    assert answer.status_code == 200
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 401
    refused(linking.refresh(got["refresh_token"]), "invalid_grant")
    assert linking.call(own).status_code == 200


@pytest.mark.abuse("oauth", "joins what two partners know of a customer by its name")
def test_partners_know_a_customer_by_different_names(
    new_client: Callable[..., Client], code_for: Allow, partner: Partner
) -> None:
    def subject(client: Client) -> str:
        token = dict(client.redeem(code_for(client)).json or {})["access_token"]
        return str(dict(client.post("/oauth/introspect", {"token": token}).json or {})["sub"])

    first, second = new_client(headers=partner.headers, **LINKING), new_client(headers=partner.headers, **LINKING)
    stranger = new_client(**LINKING)
    assert subject(first) == subject(first) == subject(second)
    assert subject(first) != subject(stranger)


BAD_CODES: dict[str, dict[str, Any]] = {
    "another verifier": {"code_verifier": "x" * 43},
    "the challenge as verifier": {},
    "another redirect": {"redirect_uri": "https://bot.example/other"},
    "a redirect with a slash more": {"redirect_uri": "https://bot.example/cb/"},
    "an unknown code": {"code": "otc_unknown"},
    "an access token": {"code": "ota_x"},
}


@pytest.mark.abuse("oauth", "redeems a stolen code without its verifier, redirect or key")
@pytest.mark.parametrize("name", BAD_CODES)
def test_a_code_is_good_for_its_own_request_only(name: str, linking: Client, code_for: Allow) -> None:
    code = code_for(linking)
    change = dict(BAD_CODES[name])
    if name == "the challenge as verifier":
        from hashlib import sha256

        from tests.attacks.oauth.parties import b64

        change = {"code_verifier": b64(sha256(linking.verifier.encode()).digest())}
    refused(linking.grant(linking.code_form(code) | change), "invalid_grant")
    assert linking.redeem(code).status_code == 200


INCOMPLETE: dict[str, dict[str, Any]] = {
    "no verifier": {"code_verifier": GONE},
    "a short verifier": {"code_verifier": "x" * 42},
    "a long verifier": {"code_verifier": "x" * 129},
    "a verifier of other characters": {"code_verifier": "!" * 43},
    "no redirect": {"redirect_uri": GONE},
    "no code": {"code": GONE},
    "an empty code": {"code": ""},
    "a scope": {"scope": "bills:read"},
    "a username": {"username": "62000001"},
    "a refresh token": {"refresh_token": "otr_x"},
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_token_request_with_too_little_or_too_much_is_refused(name: str, linking: Client, code_for: Allow) -> None:
    form = linking.code_form(code_for(linking)) | INCOMPLETE[name]
    refused(linking.grant(form), "invalid_request")


@pytest.mark.abuse("oauth", "redeems the code of another client")
def test_a_code_is_of_no_use_to_another_client(
    linking: Client, new_client: Callable[..., Client], code_for: Allow
) -> None:
    code = code_for(linking)
    thief = new_client(**LINKING)
    thief.verifier = linking.verifier
    refused(thief.redeem(code), "invalid_grant")
    assert linking.redeem(code).status_code == 200


@pytest.mark.abuse("oauth", "redeems a code again")
def test_a_code_that_comes_twice_ends_all_that_came_of_it(linking: Client, code_for: Allow) -> None:
    """RFC 9700 section 4.5."""
    code = code_for(linking)
    got = dict(linking.redeem(code).json or {})
    refused(linking.redeem(code), "invalid_grant")
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 401
    refused(linking.refresh(got["refresh_token"]), "invalid_grant")


def test_a_code_that_comes_twice_with_a_wrong_verifier_ends_nothing(linking: Client, code_for: Allow) -> None:
    """Whoever has seen a code in an address must not be able to end somebody's tokens with it."""
    code = code_for(linking)
    got = dict(linking.redeem(code).json or {})
    refused(linking.redeem(code, code_verifier="x" * 43), "invalid_grant")
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 404


def test_a_code_lives_a_minute_of_wall_time(linking: Client, code_for: Allow, moving_wall: WallClock) -> None:
    first, verifier = code_for(linking), linking.verifier
    second = code_for(linking)
    moving_wall.advance(59)
    assert linking.redeem(second).status_code == 200
    moving_wall.advance(1)
    refused(linking.redeem(first, code_verifier=verifier), "invalid_grant")


@pytest.mark.abuse("oauth", "redeems a code with another key than was named for it")
def test_a_code_is_bound_to_the_key_that_was_named_when_it_was_asked_for(linking: Client, code_for: Allow) -> None:
    """RFC 9449 section 10, in both ways."""
    jkt = jose.thumbprint(public(linking.dpop))
    code = code_for(linking, dpop_jkt=jkt)
    refused(linking.redeem(code, proof=linking.proof(key=new_key())), "invalid_grant")
    assert linking.redeem(code).status_code == 200
    answer = linking.post("/oauth/par", linking.request(), {"DPoP": linking.proof(path="/oauth/par")})
    assert answer.status_code == 201
    other = linking.request(dpop_jkt="x" * 43)
    refused(linking.post("/oauth/par", other, {"DPoP": linking.proof(path="/oauth/par")}), "invalid_dpop_proof")
    refused(linking.post("/oauth/par", linking.request(), {"DPoP": linking.proof()}), "invalid_dpop_proof")


def test_a_fapi_client_redeems_no_code_without_a_proof(linking: Client, code_for: Allow) -> None:
    code = code_for(linking)
    refused(linking.post("/oauth/token", linking.code_form(code)), "invalid_dpop_proof")
    assert linking.redeem(code).status_code == 200


@pytest.mark.abuse("oauth", "shows one kind of token, code or reference in the place of another")
def test_nothing_is_good_in_anothers_place(linking: Client, code_for: Allow) -> None:
    """A token is what its prefix says, and nothing else."""
    code = code_for(linking)
    for name in (code, linking.registration["registration_access_token"]):
        assert linking.call(name).status_code == 401
        refused(linking.refresh(name), "invalid_grant")
    got = dict(linking.redeem(code).json or {})
    assert linking.call(got["refresh_token"]).status_code == 401
    refused(linking.refresh(got["access_token"]), "invalid_grant")
    refused(linking.redeem(got["refresh_token"]), "invalid_grant")
    by = {"Authorization": f"Bearer {got['refresh_token']}"}
    assert linking.http.get("/v1/payments", headers=by).status_code == 401


# Refreshing.


def test_a_confidential_clients_refresh_token_stays_the_same(linking: Client, code_for: Allow) -> None:
    """It is bound to the client's authentication, not to a key: keys may be rotated."""
    got = dict(linking.redeem(code_for(linking)).json or {})
    for _ in range(3):
        linking.dpop = new_key()
        answer = linking.refresh(got["refresh_token"])
        assert answer.status_code == 200
        assert linking.call(dict(answer.json or {})["access_token"], "/v1/bills/bil_000000000000").status_code == 404


def test_a_public_clients_refresh_token_is_replaced_and_bound(public_client: Client, code_for: Allow) -> None:
    me = public_client
    first = dict(me.redeem(code_for(me)).json or {})["refresh_token"]
    refused(me.refresh(first, proof=me.proof(key=new_key())), "invalid_grant")
    refused(me.post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": first}), "invalid_grant")
    second = dict(me.refresh(first).json or {})["refresh_token"]
    assert second not in {first, None} and second.startswith("otr_")
    assert dict(me.refresh(first).json or {})["refresh_token"] == second  # the answer may have been lost
    assert dict(me.refresh(second).json or {})["refresh_token"] not in {first, second}


@pytest.mark.abuse("oauth", "uses a refresh token that was replaced")
def test_a_replaced_refresh_token_that_comes_late_ends_the_family(
    public_client: Client, code_for: Allow, moving_wall: WallClock
) -> None:
    me = public_client
    got = dict(me.redeem(code_for(me)).json or {})
    next_one = dict(me.refresh(got["refresh_token"]).json or {})
    moving_wall.advance(10)
    refused(me.refresh(got["refresh_token"]), "invalid_grant")
    refused(me.refresh(next_one["refresh_token"]), "invalid_grant")
    assert me.call(next_one["access_token"], "/v1/bills/bil_000000000000").status_code == 401


def test_a_public_client_without_a_proof_gets_no_refresh_token(public_client: Client, code_for: Allow) -> None:
    got = dict(public_client.post("/oauth/token", public_client.code_form(code_for(public_client))).json or {})
    assert got["token_type"] == "Bearer"
    assert "refresh_token" not in got


@pytest.mark.abuse("oauth", "uses the refresh token of another client")
def test_a_refresh_token_is_of_no_use_to_another_client(
    linking: Client, public_client: Client, new_client: Callable[..., Client], code_for: Allow
) -> None:
    token = dict(linking.redeem(code_for(linking)).json or {})["refresh_token"]
    refused(new_client(**LINKING).refresh(token), "invalid_grant")
    refused(public_client.refresh(token), "invalid_grant")
    assert linking.refresh(token).status_code == 200
    assert new_client().post("/oauth/revoke", {"token": token}).status_code == 200
    assert linking.refresh(token).status_code == 200


@pytest.mark.abuse("oauth", "refreshes a token to more than was allowed")
def test_a_refreshed_token_is_good_for_no_more_than_was_allowed(linking: Client, code_for: Allow) -> None:
    token = dict(linking.redeem(code_for(linking, scope="bills:read open-data")).json or {})["refresh_token"]
    assert dict(linking.refresh(token, scope="open-data").json or {})["scope"] == "open-data"
    assert dict(linking.refresh(token).json or {})["scope"] == "bills:read open-data"
    for scope in ("payments:create", "bills:read payments:create", "sandbox", " "):
        refused(linking.refresh(token, scope=scope), "invalid_scope")


def test_a_client_that_did_not_register_for_it_refreshes_nothing(
    new_client: Callable[..., Client], code_for: Allow
) -> None:
    me = new_client(redirect_uris=["https://bot.example/cb"], grant_types=["authorization_code"])
    got = dict(me.redeem(code_for(me)).json or {})
    assert "refresh_token" not in got
    refused(me.refresh("otr_x"), "unauthorized_client")


def test_ending_a_client_ends_what_customers_have_allowed_it(linking: Client, code_for: Allow, bank: Bank) -> None:
    got = dict(linking.redeem(code_for(linking)).json or {})
    by = {"Authorization": f"Bearer {linking.registration['registration_access_token']}"}
    assert linking.http.delete(f"/oauth/register/{linking.client_id}", headers=by).status_code == 204
    assert linking.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 401
    assert {row["status"] for row in rows(bank, "consents") if row["app_id"] == linking.client_id} == {"REVOKED"}


@pytest.mark.abuse("oauth", "moves the test clock to outlive or end codes and consents")
def test_the_test_clock_ages_neither_code_nor_token(linking: Client, code_for: Allow) -> None:
    code = code_for(linking)
    own = linking.token()
    proof = linking.proof("POST", "/sandbox/v1/clock:advance", token=own)
    headers = {"Authorization": f"DPoP {own}", "DPoP": proof}
    moved = linking.http.post("/sandbox/v1/clock:advance", json={"seconds": 300 * 86_400}, headers=headers)
    assert moved.status_code == 200
    got = dict(linking.redeem(code).json or {})
    assert linking.refresh(got["refresh_token"]).status_code == 200


@pytest.mark.parametrize("resource", [ISSUER, f"{ISSUER}/"])
def test_the_resource_may_be_named(resource: str, linking: Client, code_for: Allow) -> None:
    """RFC 8707."""
    code = code_for(linking, resource=resource)
    assert linking.redeem(code, resource=resource).status_code == 200


@pytest.mark.abuse("oauth", "asks for a token for a resource elsewhere")
@pytest.mark.parametrize("resource", ["https://other.example", f"{ISSUER}/v1", "x", "urn:x"])
def test_another_resource_is_refused(resource: str, linking: Client, code_for: Allow) -> None:
    refused(linking.post("/oauth/par", linking.request(resource=resource)), "invalid_target")
    code = code_for(linking)
    refused(linking.redeem(code, resource=resource), "invalid_target")
