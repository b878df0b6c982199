"""Whoever asks about a token, or ends one, is its own client; others learn nothing and end nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.attacks.oauth.parties import CREDENTIALS, GONE, ISSUER, Client, refused
from tests.conftest import Partner, WallClock

INTROSPECT, REVOKE = "/oauth/introspect", "/oauth/revoke"


def about(client: Client, token: str, **form: Any) -> dict[str, Any]:
    answer = client.post(INTROSPECT, {"token": token} | form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json or {})


def test_a_client_is_told_of_its_own_token(fapi: Client) -> None:
    token = fapi.token(scope="open-data bills:read")
    told = about(fapi, token)
    assert told.pop("cnf").keys() == {"jkt"}
    assert told == {
        "active": True,
        "iss": ISSUER,
        "aud": ISSUER,
        "client_id": fapi.client_id,
        "scope": "open-data bills:read",
        "token_type": "DPoP",
        "iat": fapi.now,
        "exp": fapi.now + 300,
    }


@pytest.mark.abuse("oauth", "asks about tokens of other clients")
def test_of_what_is_no_token_of_ones_own_there_is_nothing_to_tell(
    fapi: Client, new_client: Callable[..., Client], partner: Partner, moving_wall: WallClock
) -> None:
    others, mine = new_client().token(), fapi.token()
    bearer = partner.headers["Authorization"].removeprefix("Bearer ")
    for token in (others, bearer, "ota_x", "x", fapi.client_id, mine[:-1], mine + "x", mine.upper()):
        assert about(fapi, token) == {"active": False}
    moving_wall.advance(300)
    assert about(fapi, mine) == {"active": False}


@pytest.mark.parametrize("hint", ["access_token", "refresh_token"])
def test_a_hint_is_only_a_hint(hint: str, fapi: Client) -> None:
    assert about(fapi, fapi.token(), token_type_hint=hint)["active"] is True


@pytest.mark.abuse("oauth", "uses a token after it was revoked")
def test_a_revoked_token_opens_nothing_at_once(fapi: Client) -> None:
    token, other = fapi.token(), fapi.token()
    assert fapi.call(token).status_code == 200
    answer = fapi.post(REVOKE, {"token": token})
    assert (answer.status_code, answer.json) == (200, {})
    assert fapi.call(token).status_code == 401
    assert about(fapi, token) == {"active": False}
    assert fapi.call(other).status_code == 200


@pytest.mark.abuse("oauth", "revokes tokens of other clients")
def test_somebody_elses_token_is_not_revoked_and_nobody_learns_that_there_is_one(
    fapi: Client, new_client: Callable[..., Client]
) -> None:
    token, other = fapi.token(), new_client()
    for sent in (token, "ota_unknown", "x"):
        answer = other.post(REVOKE, {"token": sent})
        assert (answer.status_code, answer.json) == (200, {})
    assert fapi.call(token).status_code == 200


BAD_FORMS: dict[str, dict[str, Any]] = {
    "no token": {},
    "an empty token": {"token": ""},
    "two tokens": {"token": ["ota_x", "ota_y"]},
    "a long token": {"token": "x" * 600},
    "a token with a line break": {"token": "ota_x\n"},
    "a token that is Chinese": {"token": "令牌"},
    "a token with a quotation mark": {"token": '"'},
    "another parameter": {"token": "ota_x", "scope": "open-data"},
    "a grant": {"token": "ota_x", "grant_type": "client_credentials"},
}


@pytest.mark.parametrize("place", [INTROSPECT, REVOKE])
@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_malformed_request_is_refused(name: str, place: str, fapi: Client) -> None:
    refused(fapi.post(place, BAD_FORMS[name]), "invalid_request")


@pytest.mark.parametrize("place", [INTROSPECT, REVOKE])
def test_an_unknown_hint_is_refused(place: str, fapi: Client) -> None:
    refused(fapi.post(place, {"token": "ota_x", "token_type_hint": "id_token"}), "unsupported_token_type")


@pytest.mark.abuse("oauth", "asks about tokens without authenticating")
@pytest.mark.parametrize("place", [INTROSPECT, REVOKE])
def test_nobody_asks_without_authenticating(place: str, fapi: Client, partner: Partner) -> None:
    token = fapi.token()
    form = {"token": token}
    refused(fapi.http.post(place, data=form), "invalid_client")
    refused(fapi.http.post(place, data=form | {"client_id": fapi.client_id}), "invalid_client")
    refused(fapi.http.post(place, data=form, auth=(fapi.client_id, "ots_x")), "invalid_client")
    refused(fapi.http.post(place, data=form, headers={"Authorization": f"Bearer {token}"}), "invalid_request")
    refused(fapi.http.post(place, data=form, query_string={"token": token}), "invalid_request")
    refused(fapi.http.post(place, json=form), "invalid_request")
    assert fapi.http.get(place, query_string=form).status_code == 405
    assert fapi.call(token).status_code == 200


def test_an_app_of_the_sandbox_may_ask_and_revoke_too(partner: Partner) -> None:
    token = partner.headers["Authorization"].removeprefix("Bearer ")
    auth = (partner.app["client_id"], partner.app["client_secret"])
    told = partner.client.post(INTROSPECT, data={"token": token}, auth=auth).json
    assert told is not None and told["token_type"] == "Bearer"
    assert partner.client.post(REVOKE, data={"token": token}, auth=auth).status_code == 200
    assert partner.get("/v1/payments").status_code == 401


def test_bank_time_revokes_nothing(fapi: Client) -> None:
    token = fapi.token()
    proof = fapi.proof("POST", "/sandbox/v1/clock:advance", token=token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    moved = fapi.http.post("/sandbox/v1/clock:advance", json={"seconds": 30 * 86_400}, headers=headers)
    assert moved.status_code == 200
    assert fapi.call(token).status_code == 200
    assert fapi.grant(CREDENTIALS).status_code == 200


def test_the_metadata_name_every_endpoint_and_each_is_there(fapi: Client) -> None:
    """RFC 8414 and RFC 9728, whose place every 401 names."""
    told = dict(fapi.http.get("/.well-known/oauth-authorization-server").json or {})
    assert told["issuer"] == ISSUER
    for name, place in told.items():
        if name.endswith(("_endpoint", "_uri")):
            assert place.startswith(ISSUER)
            assert fapi.http.options(place.removeprefix(ISSUER)).status_code in {200, 204}, name
    challenge = fapi.http.get("/v1/payments").headers["WWW-Authenticate"]
    place = challenge.partition('resource_metadata="')[2].rstrip('"')
    resource = dict(fapi.http.get(place.removeprefix(ISSUER)).json or {})
    assert resource["resource"] == ISSUER
    assert resource["authorization_servers"] == [ISSUER]
    assert GONE not in told.values()
