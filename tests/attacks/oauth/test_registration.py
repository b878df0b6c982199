"""Dynamic registration takes no client that could harm people, and nobody else manages what one has registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.attacks.oauth.parties import CREDENTIALS, GONE, ISSUER, Client, new_key, public, refused
from tests.conftest import Partner, WallClock, make_bank, make_partner
from werkzeug.test import TestResponse

from openteller_sandbox.app import create_app

REGISTER = "/oauth/register"
SECRET_APP = {"client_name": "机器人", "profile": "public-data"}
KEYS = {"keys": [public(new_key(), kid="k1")]}
FAPI_APP = {
    "client_name": "机器人",
    "profile": "fapi2",
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": KEYS,
}


def test_a_client_registers_reads_changes_and_ends_itself(client: FlaskClient, wall: WallClock) -> None:
    """RFC 7591 and 7592, with keys that are rotated."""
    me = Client(client, wall).register(client_uri="https://bot.example", software_id="bot")
    made = me.registration
    assert made["client_id"].startswith("app_")
    assert made["registration_client_uri"] == f"{ISSUER}{REGISTER}/{me.client_id}"
    assert "client_secret" not in made
    assert made["jwks"] == {"keys": [public(me.key, kid="k1")]}
    place = f"{REGISTER}/{me.client_id}"
    by = {"Authorization": f"Bearer {made['registration_access_token']}"}
    read = dict(client.get(place, headers=by).json or {})
    assert read == {name: value for name, value in made.items() if not name.startswith("registration_")}
    old, me.key = me.key, new_key()
    wanted = {"client_id": me.client_id, **FAPI_APP, "jwks": {"keys": [public(me.key, kid="k2")]}}
    changed = dict(client.put(place, json=wanted, headers=by).json or {})
    assert changed["jwks"] == {"keys": [public(me.key, kid="k2")]}
    assert me.grant(CREDENTIALS).status_code == 200
    form = {"client_assertion": me.assertion(key=old)}
    refused(me.grant(CREDENTIALS | form), "invalid_client")
    refused(client.get(place, headers=by), "invalid_token")
    by = {"Authorization": f"Bearer {changed['registration_access_token']}"}
    token = me.token()
    assert client.delete(place, headers=by).status_code == 204
    assert me.call(token).status_code == 401
    refused(me.grant(CREDENTIALS), "invalid_client")
    refused(client.get(place, headers=by), "invalid_token")
    refused(client.put(place, json=wanted, headers=by), "invalid_token")


def test_a_client_with_a_secret_is_told_it_once(client: FlaskClient, wall: WallClock) -> None:
    me = Client(client, wall).register(
        profile="public-data", token_endpoint_auth_method="client_secret_basic", jwks=GONE, scope="open-data bills:read"
    )
    assert me.registration["client_secret_expires_at"] == 0
    assert me.registration["scope"] == "open-data bills:read"
    by = {"Authorization": f"Bearer {me.registration['registration_access_token']}"}
    assert "client_secret" not in dict(client.get(f"{REGISTER}/{me.client_id}", headers=by).json or {})
    token = me.post("/oauth/token", CREDENTIALS).json
    assert token is not None and token["scope"] == "open-data bills:read"


def test_a_client_joins_the_world_of_a_token_with_the_scope_sandbox(partner: Partner, wall: WallClock) -> None:
    me = Client(partner.client, wall).register(headers=partner.headers)
    answer = me.call(me.token(), f"/sandbox/v1/worlds/{partner.app['world_id']}")
    assert answer.status_code == 200


def test_a_world_that_a_client_has_joined_can_be_played_again(partner: Partner, wall: WallClock) -> None:
    me = Client(partner.client, wall).register(headers=partner.headers)
    changed = {"client_id": me.client_id, **FAPI_APP, "client_name": "改名后", "scope": "bills:read"}
    bearer = {"Authorization": f"Bearer {me.registration['registration_access_token']}"}
    assert partner.client.put(f"{REGISTER}/{me.client_id}", json=changed, headers=bearer).status_code == 200
    log = partner.get("/sandbox/v1/worlds/current/log").json["data"]
    assert "changeClient" in [deed["name"] for deed in log]
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])


def test_a_token_without_the_scope_sandbox_registers_nobody(client: FlaskClient) -> None:
    modest = make_partner(client, scopes=["open-data"])
    answer = client.post(REGISTER, json=FAPI_APP, headers=modest.headers)
    assert answer.status_code == 403


def test_an_invalid_token_registers_nobody(client: FlaskClient) -> None:
    answer = client.post(REGISTER, json=FAPI_APP, headers={"Authorization": "Bearer ota_x"})
    assert answer.status_code == 401


def jwk(**members: Any) -> dict[str, Any]:
    return {"jwks": {"keys": [public(new_key()) | members]}}


BAD_METADATA: dict[str, dict[str, Any]] = {
    "no name": {"client_name": None},
    "an empty name": {"client_name": ""},
    "a name of spaces": {"client_name": "  "},
    "a long name": {"client_name": "x" * 61},
    "a name that is a list": {"client_name": ["x"]},
    "a name with markup": {"client_name": "<script>alert(1)</script>"},
    "a name that turns the text": {"client_name": "abc\u202egnp"},
    "a name with a line break": {"client_name": "a\nb"},
    "a name with a null": {"client_name": "a\u0000b"},
    "a name that nobody sees": {"client_name": "\u3164"},
    "the bank's name": {"client_name": "示范银行"},
    "a name with the bank's in it": {"client_name": "Demo-Bank Support"},
    "an unknown profile": {"profile": "fapi1"},
    "a profile that is a number": {"profile": 2},
    "an unknown method": {"token_endpoint_auth_method": "client_secret_jwt"},
    "mutual TLS": {"token_endpoint_auth_method": "tls_client_auth"},
    "a secret for fapi2": {"token_endpoint_auth_method": "client_secret_basic"},
    "no authentication for fapi2": {"token_endpoint_auth_method": "none"},
    "the grant password": {"grant_types": ["password"]},
    "the grant implicit": {"grant_types": ["implicit"]},
    "an unknown grant beside a known one": {"grant_types": ["client_credentials", "x"]},
    "grants that are text": {"grant_types": "client_credentials"},
    "a grant twice": {"grant_types": ["client_credentials", "client_credentials"]},
    "an unknown scope": {"scope": "admin"},
    "a scope that is a list": {"scope": ["open-data"]},
    "a scope of spaces": {"scope": "  "},
    "keys elsewhere": {"jwks_uri": "https://169.254.169.254/jwks"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "no keys": {"jwks": None},
    "an empty key set": {"jwks": {"keys": []}},
    "keys that are text": {"jwks": "x"},
    "keys that are a list": {"jwks": [public(new_key())]},
    "many keys": {"jwks": {"keys": [public(new_key(), kid=str(number)) for number in range(11)]}},
    "a key that is null": {"jwks": {"keys": [None]}},
    "a private key": {"jwks": {"keys": [new_key().as_dict(private=True)]}},
    "a symmetric key": {"jwks": {"keys": [OctKey.import_key("x" * 32).as_dict(private=True)]}},
    "P-384": {"jwks": {"keys": [ECKey.generate_key("P-384", private=False).as_dict()]}},
    "a point off the curve": jwk(x="AAAA"),
    "a missing coordinate": {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AAAA"}]}},
    "RSA of 1024 bits": {"jwks": {"keys": [{"kty": "RSA", "e": "AQAB", "n": "u" * 171}]}},
    "RSA with the exponent 3": {"jwks": {"keys": [{**RSAKey.generate_key(2048, private=False).as_dict(), "e": "Aw"}]}},
    "a key for RS256": {"jwks": {"keys": [RSAKey.generate_key(2048, private=False).as_dict(alg="RS256")]}},
    "a key for another algorithm": jwk(alg="PS256"),
    "a key for encryption": jwk(use="enc"),
    "two keys without a kid": {"jwks": {"keys": [public(new_key()), public(new_key())]}},
    "two keys of one kid": {"jwks": {"keys": [public(new_key(), kid="k"), public(new_key(), kid="k")]}},
    "a kid that is a number": jwk(kid=1),
    "a kid with a line break": jwk(kid="a\nb"),
    "a kid that is long": jwk(kid="k" * 200),
    "DPoP as text": {"dpop_bound_access_tokens": "true"},
    "an address with a line break": {"client_uri": "https://bot.example/\r\nX: y"},
}


@pytest.mark.abuse("oauth", "registers a client with private keys, foreign keys or weak methods")
@pytest.mark.parametrize("name", BAD_METADATA)
def test_bad_metadata_register_nobody(name: str, client: FlaskClient) -> None:
    refused(client.post(REGISTER, json=FAPI_APP | BAD_METADATA[name]), "invalid_client_metadata")


BAD_REDIRECTS = [
    "javascript:alert(1)",
    "JAVASCRIPT:alert(1)//x",
    "data:text/html,<script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://bot.example/cb",
    "http://bot.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://localhost@evil.example/cb",
    "https://bot.example/cb#fragment",
    "https://bot.example/cb#",
    "https://user:pass@bot.example/cb",
    "https://*.example/cb",
    "https:///cb",
    "https:bot.example",
    "//bot.example/cb",
    "/cb",
    "cb",
    "",
    "https://bot.example/ cb",
    "https://bot.example/\r\nLocation: x",
    "https://bot.example/cb\u0000",
    "https://bot.example\\@evil.example/cb",
    "https://b\u043et.example/cb",
    "https://bot.example:x/cb",
    "https://[::1/cb",
    "https://[::1%25lo]/cb",
    "https://[1.2.3.4]/cb",
    "https://a..b/cb",
    "https://bot.example./cb",
    f"https://{'a' * 250}.example/cb",
    f"https://{'a' * 64}.example/cb",
    "https://bot;script-src.example/cb",
    "https://b%6ft.example/cb",
    "https://10.0.0.256/cb",
    "https://0x7f.1/cb",
    "https://bot.example:0/cb",
    "https://bot.example:65536/cb",
    "https://bot.example:/cb",
    "http://127.0.0.1:99999/cb",
    "com.example.app:/cb",
    "com.example.app://cb",
    "about:blank-page",
    "https://bot.example/" + "x" * 300,
    '"https://bot.example/cb"',
    "<https://bot.example/cb>",
]


@pytest.mark.abuse("oauth", "registers a redirect that leaks codes or runs as script")
@pytest.mark.parametrize("uri", BAD_REDIRECTS)
def test_a_redirect_that_could_leak_a_code_is_refused(uri: str, client: FlaskClient) -> None:
    refused(client.post(REGISTER, json=FAPI_APP | {"redirect_uris": [uri]}), "invalid_redirect_uri")


OWN_SCHEMES = {
    "com.example.app:/cb": True,
    "com.example.app:/": True,
    "com.example.app:/cb?to=https://x": True,
    "com.example.app:cb": False,
    "com.example.app:": False,
    "com.example.app://cb": False,
    "com.example.app:///cb": False,
    "com.example.app://[::1/cb": False,
    "com.example.app://bot.example:99999/cb": False,
    "com.example.app:/cb#x": False,
    "example:/cb": False,
    "com..app:/cb": False,
}


@pytest.mark.abuse("oauth", "has a code sent to an own scheme that names a host")
@pytest.mark.parametrize("uri", OWN_SCHEMES)
def test_an_own_scheme_of_a_public_client_has_a_dot_and_no_host(uri: str, client: FlaskClient) -> None:
    """RFC 8252 section 7.1."""
    wanted = {
        "client_name": "手机应用",
        "profile": "baseline",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "redirect_uris": [uri],
    }
    answer = client.post(REGISTER, json=wanted)
    if OWN_SCHEMES[uri]:
        assert answer.status_code == 201, answer.text
    else:
        refused(answer, "invalid_redirect_uri")


@pytest.mark.parametrize("uris", ["https://bot.example/cb", [1], [None], {}, ["https://bot.example/cb"] * 2, [[]]])
def test_redirects_that_are_no_list_of_different_texts_are_refused(uris: Any, client: FlaskClient) -> None:
    refused(client.post(REGISTER, json=FAPI_APP | {"redirect_uris": uris}), "invalid_redirect_uri")


BODIES: dict[str, dict[str, Any]] = {
    "nothing": {"data": b"", "content_type": "application/json"},
    "a form": {"data": {"client_name": "x"}},
    "a list": {"json": [FAPI_APP]},
    "text": {"json": "x"},
    "null": {"json": None},
    "half a text": {"data": b'{"client_name":', "content_type": "application/json"},
    "a member twice": {"data": b'{"client_name":"a","client_name":"b"}', "content_type": "application/json"},
    "NaN": {"data": b'{"client_name":NaN}', "content_type": "application/json"},
    "no UTF-8": {"data": b'{"client_name":"\xff"}', "content_type": "application/json"},
    "deeply nested": {"data": b"[" * 20_000, "content_type": "application/json"},
    "another type": {"json": FAPI_APP, "content_type": "text/plain"},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_json_object_registers_nobody(name: str, client: FlaskClient) -> None:
    refused(client.post(REGISTER, **BODIES[name]), "invalid_client_metadata")


def test_a_body_that_is_too_large_is_not_read(client: FlaskClient) -> None:
    answer = client.post(REGISTER, json=FAPI_APP | {"pad": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.headers["Cache-Control"] == "no-store"


def test_members_that_nobody_knows_are_left_out(client: FlaskClient, wall: WallClock) -> None:
    """RFC 7591 section 2: ignored; also what would make a client more than it is."""
    more = {"client_id": "app_demo00000000", "world_id": "wld_demo00000000", "partner_id": "x", "client_secret": "x"}
    me = Client(client, wall).register(**more, registration_access_token="otg_x")
    assert me.client_id != "app_demo00000000"
    assert me.registration["registration_access_token"] != "otg_x"
    assert not {"world_id", "partner_id", "client_secret"} & me.registration.keys()


@pytest.fixture
def two(new_client: Callable[..., Client]) -> tuple[Client, Client]:
    return new_client(), new_client()


def managed(client: Client, token: str, method: str = "GET", **how: Any) -> TestResponse:
    place = f"{REGISTER}/{client.client_id}"
    return client.http.open(place, method=method, headers={"Authorization": token}, **how)


@pytest.mark.abuse("oauth", "manages another client with his own registration token")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_registration_token_is_good_for_its_own_client_only(method: str, two: tuple[Client, Client]) -> None:
    """CVE-2026-116672: somebody else's registration was changed with one's own token."""
    mine, victim = two
    token = f"Bearer {mine.registration['registration_access_token']}"
    how = {"json": FAPI_APP | {"client_id": victim.client_id}} if method == "PUT" else {}
    refused(managed(victim, token, method, **how), "invalid_token")
    assert victim.grant(CREDENTIALS).status_code == 200


def test_another_kind_of_token_manages_no_client(two: tuple[Client, Client], partner: Partner) -> None:
    mine, _ = two
    registration = mine.registration["registration_access_token"]
    for token in (
        "",
        "Bearer",
        "Bearer ",
        f"Basic {registration}",
        registration,
        f"Bearer {registration}x",
        f"Bearer {registration[:-1]}",
        f"Bearer {mine.token()}",
        partner.headers["Authorization"],
        f"Bearer {partner.app['client_secret']}",
    ):
        refused(managed(mine, token), "invalid_token")
    answer = mine.http.get("/v1/payments", headers={"Authorization": f"Bearer {registration}"})
    assert answer.status_code == 401


def test_an_app_that_was_not_registered_is_not_managed(client: FlaskClient) -> None:
    for name in ("app_demo00000000", "app_nobody0000000", "x", "%00", "a'b"):
        answer = client.get(f"{REGISTER}/{name}", headers={"Authorization": "Bearer otg_x"})
        refused(answer, "invalid_token")


@pytest.mark.abuse("oauth", "has a client become weaker than it was registered")
def test_a_client_cannot_become_less_than_it_is(fapi: Client) -> None:
    token = f"Bearer {fapi.registration['registration_access_token']}"
    for change in (
        {"profile": "baseline", "token_endpoint_auth_method": "client_secret_basic", "jwks": None},
        {"profile": "public-data"},
        {"client_id": "app_demo00000000"},
        {"client_id": None},
        {"client_secret": "ots_chosen"},
    ):
        wanted = {**FAPI_APP, "client_id": fapi.client_id, **change}
        refused(managed(fapi, token, "PUT", json=wanted), "invalid_client_metadata")
    assert fapi.grant(CREDENTIALS).status_code == 200


def test_a_bank_for_fapi_only_takes_nobody_else(tmp_path: Path, wall: WallClock) -> None:
    bank = make_bank(tmp_path, wall, fapi_only=True)
    http = create_app(bank).test_client()
    me = Client(http, wall).register(profile=GONE)
    assert me.registration["profile"] == "fapi2"
    assert me.call(me.token()).status_code == 200
    for profile in ("public-data", "baseline"):
        refused(http.post(REGISTER, json=FAPI_APP | {"profile": profile}), "invalid_client_metadata")
    demo = ("app_demo00000000", "ots_openteller_demo_secret_for_local_play_only")
    refused(http.post("/oauth/token", data=CREDENTIALS, auth=demo), "unauthorized_client")
    described = dict(http.get("/.well-known/oauth-authorization-server").json or {})
    assert described["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert dict(http.get("/.well-known/oauth-protected-resource").json or {})["dpop_bound_access_tokens_required"]
    bank.db.close()
