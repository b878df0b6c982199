"""A token that is bound to a key is worth nothing without a fresh proof of that key, for this very request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from tests.attacks.oauth.parties import CREDENTIALS, GONE, ISSUER, Client, half_signed, new_key, public, refused
from tests.conftest import Partner, WallClock, make_bank
from werkzeug.test import TestResponse

from openteller_sandbox.app import create_app

PAYMENTS = "/v1/payments"


def denied(answer: TestResponse, error: str = "invalid_dpop_proof") -> None:
    """Assert that a resource refuses as RFC 9449 section 7.1 says."""
    assert answer.status_code == 401, answer.text
    assert answer.json is not None
    assert answer.json["code"] == "DPOP_PROOF_INVALID"
    assert answer.headers["Cache-Control"] == "no-store"
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith(f'DPoP realm="openteller", error="{error}", algs="ES256 PS256 EdDSA Ed25519"')


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_a_token_is_bound_to_a_key_of_each_algorithm(algorithm: str, fapi: Client) -> None:
    """Also to an RSA key of 4096 bits, whose proof has a header of more than 512 bytes."""
    fapi.dpop = RSAKey.generate_key(4096, private=True) if algorithm == "PS256" else new_key(algorithm)
    head = {"alg": algorithm}
    token = fapi.grant(CREDENTIALS, proof=fapi.proof(header=head)).json["access_token"]  # type: ignore[index]
    assert fapi.call(token, proof=fapi.proof("GET", PAYMENTS, token=token, header=head)).status_code == 200


BAD_PROOFS: dict[str, Callable[[Client, dict[str, Any]], str]] = {
    "another type": lambda me, of: me.proof(**of, header={"typ": "JWT"}),
    "no type": lambda me, of: me.proof(**of, header={"typ": GONE}),
    "alg none": lambda me, of: half_signed({"typ": "dpop+jwt", "alg": "none", "jwk": public(me.dpop)}, {}),
    "alg RS256": lambda me, of: me.proof(**of, key=new_key("RS256"), header={"alg": "RS256"}),
    "alg HS256 with the key in the header": lambda me, of: me.proof(
        **of, key=OctKey.import_key("x" * 32), header={"alg": "HS256", "jwk": OctKey.import_key("x" * 32).as_dict()}
    ),
    "an algorithm of another key": lambda me, of: half_signed(
        {"typ": "dpop+jwt", "alg": "PS256", "jwk": public(me.dpop)}, {"htm": "POST"}, "A" * 86
    ),
    "a curve of another algorithm": lambda me, of: me.proof(
        **of, key=ECKey.generate_key("P-384", private=True), header={"alg": "ES384"}
    ),
    "Ed448": lambda me, of: me.proof(**of, key=OKPKey.generate_key("Ed448", private=True), header={"alg": "EdDSA"}),
    "RSA of 1024 bits": lambda me, of: me.proof(
        **of, header={"alg": "ES256", "jwk": {"kty": "RSA", "e": "AQAB", "n": "u" * 171}}
    ),
    "a private key": lambda me, of: me.proof(**of, header={"jwk": me.dpop.as_dict(private=True)}),
    "no key": lambda me, of: me.proof(**of, header={"jwk": GONE}),
    "a key that is text": lambda me, of: half_signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": "x"}, {}),
    "a key without members": lambda me, of: half_signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC"}}, {}),
    "a key off the curve": lambda me, of: half_signed(
        {"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}, {}
    ),
    "a key type that is a list": lambda me, of: half_signed(
        {"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": ["EC"]}}, {}
    ),
    "a key for encryption": lambda me, of: me.proof(**of, header={"jwk": public(me.dpop, use="enc")}),
    "signed with another key": lambda me, of: me.proof(**of, key=new_key(), header={"jwk": public(me.dpop)}),
    "crit": lambda me, of: me.proof(**of, header={"crit": ["nonce"], "nonce": "x"}),
    "another method": lambda me, of: me.proof(**{**of, "method": "DELETE"}),
    "the method in small letters": lambda me, of: me.proof(**{**of, "method": of["method"].lower()}),
    "no method": lambda me, of: me.proof(**of, htm=GONE),
    "another path": lambda me, of: me.proof(**{**of, "path": "/v1/events"}),
    "another host": lambda me, of: me.proof(**of, htu=f"https://evil.example{of['path']}"),
    "a host that a proxy would show": lambda me, of: me.proof(**of, htu=f"http://localhost{of['path']}"),
    "another port": lambda me, of: me.proof(**of, htu=f"http://127.0.0.1:9090{of['path']}"),
    "https for http": lambda me, of: me.proof(**of, htu=f"https://127.0.0.1:8080{of['path']}"),
    "a name before the host": lambda me, of: me.proof(**of, htu=f"http://x@127.0.0.1:8080{of['path']}"),
    "no address": lambda me, of: me.proof(**of, htu=GONE),
    "an address that is a list": lambda me, of: me.proof(**of, htu=[f"{ISSUER}{of['path']}"]),
    "an address with a port that is none": lambda me, of: me.proof(**of, htu="http://127.0.0.1:x/"),
    "a long address": lambda me, of: me.proof(**of, htu=f"{ISSUER}{of['path']}?{'x' * 2100}"),
    "an old one": lambda me, of: me.proof(**of, iat=me.now - 300),
    "one of tomorrow": lambda me, of: me.proof(**of, iat=me.now + 86_400),
    "without a time": lambda me, of: me.proof(**of, iat=GONE),
    "a time that is text": lambda me, of: me.proof(**of, iat=str(me.now)),
    "a time that is true": lambda me, of: me.proof(**of, iat=True),
    "an endless time": lambda me, of: me.proof(**of, iat=1e308),
    "without a jti": lambda me, of: me.proof(**of, jti=GONE),
    "a jti that is a list": lambda me, of: me.proof(**of, jti=["x"]),
    "a long jti": lambda me, of: me.proof(**of, jti="x" * 300),
    "a client assertion": lambda me, of: me.assertion(),
    "no JWT": lambda me, of: "x",
    "an empty one": lambda me, of: "",
    "a very long one": lambda me, of: me.proof(**of, pad="x" * 8000),
    "two, joined": lambda me, of: f"{me.proof(**of)}, {me.proof(**of)}",
    "deeply nested": lambda me, of: "W1tb" * 1200 + ".e30.AAAA",
}


@pytest.mark.abuse("oauth", "gets a token with a forged, old, foreign or broken proof")
@pytest.mark.parametrize("name", BAD_PROOFS)
def test_a_bad_proof_gets_no_token(name: str, fapi: Client) -> None:
    proof = BAD_PROOFS[name](fapi, {"method": "POST", "path": "/oauth/token"})
    refused(fapi.post("/oauth/token", CREDENTIALS, {"DPoP": proof}), "invalid_dpop_proof")


@pytest.mark.abuse("oauth", "calls with a forged, old, foreign or broken proof")
@pytest.mark.parametrize("name", BAD_PROOFS)
def test_a_bad_proof_opens_no_resource(name: str, fapi: Client) -> None:
    token = fapi.token()
    proof = BAD_PROOFS[name](fapi, {"method": "GET", "path": PAYMENTS, "token": token})
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    denied(fapi.http.get(PAYMENTS, headers=headers))


def test_a_fapi_client_gets_no_token_without_a_proof(fapi: Client) -> None:
    refused(fapi.post("/oauth/token", CREDENTIALS), "invalid_dpop_proof")


def test_two_proofs_are_refused(fapi: Client) -> None:
    headers = [("DPoP", fapi.proof()), ("DPoP", fapi.proof())]
    answer = fapi.http.post("/oauth/token", data=fapi.authenticated(**CREDENTIALS), headers=headers)
    refused(answer, "invalid_dpop_proof")


def test_a_proof_gets_one_token(fapi: Client) -> None:
    proof = fapi.proof()
    assert fapi.grant(CREDENTIALS, proof=proof).status_code == 200
    refused(fapi.grant(CREDENTIALS, proof=proof), "invalid_dpop_proof")


@pytest.mark.abuse("oauth", "uses a proof again")
def test_a_proof_opens_a_resource_once(fapi: Client) -> None:
    token = fapi.token()
    proof = fapi.proof("GET", PAYMENTS, token=token)
    assert fapi.call(token, proof=proof).status_code == 200
    denied(fapi.call(token, proof=proof))


def test_a_proof_that_was_refused_is_not_used_up(fapi: Client) -> None:
    """The replay is noted last: a proof for another resource is still good there."""
    token = fapi.token()
    proof = fapi.proof("GET", "/v1/events", token=token)
    denied(fapi.call(token, proof=proof))
    assert fapi.call(token, "/v1/events", proof=proof).status_code == 200


@pytest.mark.abuse("oauth", "uses a proof with another token")
def test_a_proof_needs_the_hash_of_its_token_at_a_resource(fapi: Client) -> None:
    token, other = fapi.token(), fapi.token()
    for proof in (
        fapi.proof("GET", PAYMENTS),
        fapi.proof("GET", PAYMENTS, token=other),
        fapi.proof("GET", PAYMENTS, ath=None),
        fapi.proof("GET", PAYMENTS, ath=["x"]),
        fapi.proof("GET", PAYMENTS, ath=""),
        fapi.proof("GET", PAYMENTS, token=token + "="),
    ):
        denied(fapi.call(token, proof=proof))


@pytest.mark.abuse("oauth", "calls with a stolen token and his own key")
def test_a_stolen_token_is_of_no_use_with_the_thiefs_key(fapi: Client) -> None:
    token = fapi.token()
    denied(fapi.call(token, proof=fapi.proof("GET", PAYMENTS, token=token, key=new_key())))


@pytest.mark.abuse("oauth", "shows a bound token as a bearer token")
def test_a_bound_token_is_no_bearer_token(fapi: Client) -> None:
    token = fapi.token()
    proof = fapi.proof("GET", PAYMENTS, token=token)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Bearer {token}", "DPoP": proof},
        {"Authorization": f"bearer {token}", "DPoP": proof},
    ):
        answer = fapi.http.get(PAYMENTS, headers=headers)
        assert (answer.status_code, (answer.json or {})["code"]) == (401, "TOKEN_INVALID")
    assert fapi.call(token, proof=proof).status_code == 200


def test_a_bearer_token_is_no_bound_token(partner: Partner, fapi: Client) -> None:
    token = partner.headers["Authorization"].removeprefix("Bearer ")
    answer = fapi.call(token)
    assert (answer.status_code, (answer.json or {})["code"]) == (401, "TOKEN_INVALID")


def test_a_bound_token_without_a_proof_opens_nothing(fapi: Client) -> None:
    denied(fapi.http.get(PAYMENTS, headers={"Authorization": f"DPoP {fapi.token()}"}))


def test_the_query_is_no_part_of_the_address(fapi: Client) -> None:
    """RFC 9449 section 4.2: htu is without query and fragment; whoever leaves them in is understood."""
    token = fapi.token()
    for htu in (f"{ISSUER}{PAYMENTS}", f"{ISSUER}{PAYMENTS}?limit=1", f"HTTP://127.0.0.1:8080{PAYMENTS}"):
        proof = fapi.proof("GET", PAYMENTS, token=token, htu=htu)
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        assert fapi.http.get(f"{PAYMENTS}?limit=1", headers=headers).status_code == 200


@pytest.mark.abuse("oauth", "has a proof of another server fit by a header Host")
def test_a_hostile_host_header_changes_nothing(fapi: Client) -> None:
    token = fapi.token()
    proof = fapi.proof("GET", PAYMENTS, token=token, htu=f"http://evil.example{PAYMENTS}")
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof, "Host": "evil.example", "X-Forwarded-Host": "evil"}
    denied(fapi.http.get(PAYMENTS, headers=headers))


def test_clocks_may_differ_by_some_seconds(fapi: Client) -> None:
    for at in (fapi.now - 60, fapi.now + 10):
        assert fapi.grant(CREDENTIALS, proof=fapi.proof(iat=at)).status_code == 200


def test_a_baseline_client_may_have_its_tokens_bound(new_client: Callable[..., Client]) -> None:
    client = new_client(profile="baseline", token_endpoint_auth_method="client_secret_basic", jwks=GONE)
    free = client.post("/oauth/token", CREDENTIALS).json
    assert free is not None and free["token_type"] == "Bearer"
    bound = client.grant(CREDENTIALS).json
    assert bound is not None and bound["token_type"] == "DPoP"
    assert client.call(bound["access_token"]).status_code == 200


def test_a_client_may_ask_for_bound_tokens_only(new_client: Callable[..., Client]) -> None:
    """RFC 9449 section 5.2."""
    client = new_client(
        profile="baseline", token_endpoint_auth_method="client_secret_basic", jwks=GONE, dpop_bound_access_tokens=True
    )
    refused(client.post("/oauth/token", CREDENTIALS), "invalid_dpop_proof")


def test_a_server_that_wants_a_nonce_says_which(tmp_path: Path, wall: WallClock) -> None:
    bank = make_bank(tmp_path, wall, dpop_nonce=True)
    http: FlaskClient = create_app(bank).test_client()
    me = Client(http, wall).register()
    answer = me.grant(CREDENTIALS)
    refused(answer, "use_dpop_nonce")
    nonce = answer.headers["DPoP-Nonce"]
    refused(me.grant(CREDENTIALS, proof=me.proof(nonce="x" + nonce)), "use_dpop_nonce")
    refused(me.grant(CREDENTIALS, proof=me.proof(nonce=[nonce])), "use_dpop_nonce")
    token = me.grant(CREDENTIALS, proof=me.proof(nonce=nonce)).json["access_token"]  # type: ignore[index]
    without = me.call(token)
    denied(without, "use_dpop_nonce")
    assert without.headers["DPoP-Nonce"] == nonce
    assert me.call(token, proof=me.proof("GET", PAYMENTS, token=token, nonce=nonce)).status_code == 200
    wall.at, before = wall.at + 100_000, wall.at
    try:
        late = me.call(token, proof=me.proof("GET", PAYMENTS, token=token, nonce=nonce))
        denied(late, "use_dpop_nonce")
        assert late.headers["DPoP-Nonce"] != nonce
    finally:
        wall.at = before
        bank.db.close()
