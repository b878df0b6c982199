"""private_key_jwt, and no two ways of authenticating: a client is who it can prove to be, once for each assertion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.attacks.oauth.parties import (
    ASSERTION_TYPE,
    CREDENTIALS,
    GONE,
    ISSUER,
    Client,
    half_signed,
    new_key,
    public,
    refused,
)
from tests.conftest import WallClock

from openteller_sandbox.oauth.assertions import MOST_CHARACTERS


def ask(client: Client, assertion: str, **form: Any) -> Any:
    by = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return client.http.post("/oauth/token", data=CREDENTIALS | by | form, headers={"DPoP": client.proof()})


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_a_client_authenticates_with_each_algorithm_of_fapi(algorithm: str, new_client: Callable[..., Client]) -> None:
    key = new_key(algorithm)
    client = new_client(jwks={"keys": [public(key, kid="k1", alg=algorithm)]})
    client.key, client.algorithm, client.dpop = key, algorithm, new_key(algorithm)
    body = ask(client, client.assertion(header={"kid": "k1"})).json
    assert body["token_type"] == "DPoP"
    assert body["expires_in"] == 300
    assert client.call(body["access_token"]).status_code == 200


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/oauth/token"])
def test_the_audience_is_the_issuer_or_the_token_endpoint(audience: str, fapi: Client) -> None:
    assert ask(fapi, fapi.assertion(aud=audience)).status_code == 200


FORGED: dict[str, Callable[[Client], str]] = {
    "no signature": lambda me: half_signed({"alg": "none"}, {"sub": me.client_id}, ""),
    "alg none": lambda me: half_signed({"alg": "none"}, {"iss": me.client_id, "sub": me.client_id}),
    "alg None": lambda me: half_signed({"alg": "None"}, {"iss": me.client_id, "sub": me.client_id}),
    "alg missing": lambda me: half_signed({}, {"iss": me.client_id, "sub": me.client_id}),
    "alg a list": lambda me: half_signed({"alg": ["ES256"]}, {"iss": me.client_id, "sub": me.client_id}),
    "alg an object": lambda me: half_signed({"alg": {}}, {"iss": me.client_id, "sub": me.client_id}),
    "alg RS256": lambda me: me.assertion(header={"alg": "RS256"}, key=RSAKey.generate_key(2048, private=True)),
    "alg ES384": lambda me: me.assertion(header={"alg": "ES384"}, key=ECKey.generate_key("P-384", private=True)),
    "HMAC with the public key": lambda me: me.assertion(
        header={"alg": "HS256"}, key=OctKey.import_key(str(public(me.key)))
    ),
    "HMAC with a secret": lambda me: me.assertion(header={"alg": "HS256"}, key=OctKey.import_key("x" * 32)),
    "another key": lambda me: me.assertion(key=new_key()),
    "another key in the header": lambda me: me.assertion(key=(other := new_key()), header={"jwk": public(other)}),
    "a key elsewhere": lambda me: me.assertion(key=new_key(), header={"jku": "https://evil.example/jwks"}),
    "an unknown kid": lambda me: me.assertion(header={"kid": "k2"}),
    "a kid that is a path": lambda me: me.assertion(header={"kid": "../../etc/passwd"}),
    "a kid that is a number": lambda me: me.assertion(header={"kid": 1}),
    "a kid that is SQL": lambda me: me.assertion(header={"kid": "' OR 1=1 --"}),
    "crit": lambda me: me.assertion(header={"crit": ["exp"], "exp": 1}),
    "b64 false": lambda me: half_signed({"alg": "ES256", "b64": False, "crit": ["b64"]}, {"sub": me.client_id}),
    "an access token's typ": lambda me: me.assertion(header={"typ": "at+jwt"}),
    "a DPoP proof": lambda me: me.proof(),
    "a signature cut off": lambda me: me.assertion()[:-4],
    "a signature of another": lambda me: me.assertion().rpartition(".")[0] + "." + me.assertion().rpartition(".")[2],
    "five parts": lambda me: me.assertion() + ".AAAA.AAAA",
    "two parts": lambda me: me.assertion().rpartition(".")[0],
    "a JSON form": lambda me: "e30",
    "claims a list": lambda me: half_signed({"alg": "ES256"}, [1]),
    "claims deeply nested": lambda me: "eyJhbGciOiJFUzI1NiJ9." + "W1tb" * 900 + ".AAAA",
    "header deeply nested": lambda me: "W1tb" * 900 + ".e30.AAAA",
    "another issuer": lambda me: me.assertion(iss="app_demo00000000"),
    "another subject": lambda me: me.assertion(sub="app_demo00000000"),
    "the demo app": lambda me: me.assertion(iss="app_demo00000000", sub="app_demo00000000"),
    "an unknown client": lambda me: me.assertion(iss="app_nobody0000000", sub="app_nobody0000000"),
    "a subject with a null": lambda me: me.assertion(sub="app_\0", iss="app_\0"),
    "a subject of half a character": lambda me: me.assertion(sub="app_\ud800", iss="app_\ud800"),
    "a jti of half a character": lambda me: me.assertion(jti="\ud800", aud="\ud800"),
    "no subject": lambda me: me.assertion(sub=GONE),
    "no issuer": lambda me: me.assertion(iss=GONE),
    "a subject that is a list": lambda me: me.assertion(sub=[me.client_id], iss=[me.client_id]),
    "a subject that is an object": lambda me: me.assertion(sub={}, iss={}),
    "a subject that is long": lambda me: me.assertion(sub="x" * 500, iss="x" * 500),
    "no audience": lambda me: me.assertion(aud=GONE),
    "another audience": lambda me: me.assertion(aud="https://other.example"),
    "an audience with a slash": lambda me: me.assertion(aud=f"{ISSUER}/"),
    "an audience list": lambda me: me.assertion(aud=[ISSUER]),
    "an audience list with another": lambda me: me.assertion(aud=[ISSUER, "https://other.example"]),
    "the introspection endpoint as audience": lambda me: me.assertion(aud=f"{ISSUER}/oauth/introspect"),
    "no expiry": lambda me: me.assertion(exp=GONE),
    "expired": lambda me: me.assertion(exp=me.now - 1),
    "expires now": lambda me: me.assertion(exp=me.now),
    "ten years": lambda me: me.assertion(exp=me.now + 10 * 365 * 86_400),
    "an hour": lambda me: me.assertion(exp=me.now + 3600),
    "an endless expiry": lambda me: me.assertion(exp=10**400),
    "an expiry of 1e308": lambda me: me.assertion(exp=1e308),
    "an expiry that is text": lambda me: me.assertion(exp=str(me.now + 60)),
    "an expiry that is true": lambda me: me.assertion(exp=True),
    "an expiry that is null": lambda me: me.assertion(exp=None),
    "issued tomorrow": lambda me: me.assertion(iat=me.now + 86_400),
    "issued yesterday": lambda me: me.assertion(iat=me.now - 86_400),
    "issued as text": lambda me: me.assertion(iat="now"),
    "not yet": lambda me: me.assertion(nbf=me.now + 600),
    "no jti": lambda me: me.assertion(jti=GONE),
    "an empty jti": lambda me: me.assertion(jti=""),
    "a jti that is a number": lambda me: me.assertion(jti=7),
    "a jti that is long": lambda me: me.assertion(jti="x" * 300),
}


@pytest.mark.abuse("oauth", "forges an assertion: algorithm, key, audience, time, subject, headers")
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_assertion_authenticates_nobody(name: str, fapi: Client) -> None:
    refused(ask(fapi, FORGED[name](fapi)), "invalid_client")


UNREADABLE: dict[str, str] = {
    "empty": "",
    "too long": "x" * (MOST_CHARACTERS + 1),
    "not base64url": "a+b/c=.e30.AA",
    "spaces": "e30. e30.AAAA",
    "a null byte": "e30.e30.AA\0",
    "Chinese": "令牌.e30.AAAA",
}


@pytest.mark.abuse("oauth", "sends an assertion that is no JWT, too long, or broken")
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_assertion_that_cannot_be_one_is_not_looked_at(name: str, fapi: Client) -> None:
    refused(ask(fapi, UNREADABLE[name]), "invalid_request")


@pytest.mark.abuse("oauth", "uses an assertion again")
def test_an_assertion_is_good_once(fapi: Client) -> None:
    assertion = fapi.assertion()
    assert ask(fapi, assertion).status_code == 200
    refused(ask(fapi, assertion), "invalid_client")


@pytest.mark.abuse("oauth", "uses an assertion again at another endpoint")
def test_an_assertion_is_good_once_at_all_endpoints_together(fapi: Client) -> None:
    assertion = fapi.assertion()
    assert ask(fapi, assertion).status_code == 200
    form = {"token": "ota_x", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    refused(fapi.http.post("/oauth/introspect", data=form), "invalid_client")
    refused(fapi.http.post("/oauth/revoke", data=form), "invalid_client")


def test_two_clients_may_choose_the_same_jti(new_client: Callable[..., Client]) -> None:
    for each in (new_client(), new_client()):
        assert ask(each, each.assertion(jti="one-and-the-same")).status_code == 200


def test_clocks_may_differ_by_some_seconds(fapi: Client) -> None:
    assert ask(fapi, fapi.assertion(iat=fapi.now + 10, nbf=fapi.now + 10, exp=fapi.now + 310)).status_code == 200


def test_an_assertion_is_forgotten_only_when_it_has_expired(fapi: Client, moving_wall: WallClock) -> None:
    assertion = fapi.assertion(exp=fapi.now + 60)
    assert ask(fapi, assertion).status_code == 200
    moving_wall.advance(59)
    ask(fapi, fapi.assertion())  # purges
    refused(ask(fapi, assertion), "invalid_client")
    moving_wall.advance(2)
    refused(ask(fapi, assertion), "invalid_client")


@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": GONE},
        {"client_assertion": GONE},
    ],
)
def test_half_an_assertion_authenticates_nobody(form: dict[str, Any], fapi: Client) -> None:
    refused(fapi.grant(CREDENTIALS | form), "invalid_client")


def test_a_client_id_beside_an_assertion_is_the_same_one(fapi: Client, new_client: Callable[..., Client]) -> None:
    assert ask(fapi, fapi.assertion(), client_id=fapi.client_id).status_code == 200
    refused(ask(fapi, fapi.assertion(), client_id=new_client().client_id), "invalid_client")


@pytest.mark.abuse("oauth", "authenticates in two ways at once")
def test_two_ways_at_once_are_refused(fapi: Client, new_client: Callable[..., Client]) -> None:
    other = new_client(profile="public-data", token_endpoint_auth_method="client_secret_basic", jwks=GONE)
    by = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": fapi.assertion()}
    assert other.basic is not None
    refused(fapi.http.post("/oauth/token", data=CREDENTIALS | by, auth=other.basic), "invalid_request")
    refused(fapi.http.post("/oauth/token", data=CREDENTIALS | by | {"client_secret": "x"}), "invalid_request")
    both = CREDENTIALS | {"client_id": other.client_id, "client_secret": other.basic[1]}
    refused(fapi.http.post("/oauth/token", data=both, auth=other.basic), "invalid_request")


@pytest.mark.abuse("oauth", "authenticates in a weaker way than the client is registered for")
def test_a_client_authenticates_as_it_is_registered_and_not_otherwise(
    fapi: Client, new_client: Callable[..., Client]
) -> None:
    secret = new_client(profile="baseline", token_endpoint_auth_method="client_secret_basic", jwks=GONE)
    assert secret.basic is not None
    post = CREDENTIALS | {"client_id": secret.client_id, "client_secret": secret.basic[1]}
    refused(secret.http.post("/oauth/token", data=post), "invalid_client")
    assert secret.http.post("/oauth/token", data=CREDENTIALS, auth=secret.basic).status_code == 200
    refused(fapi.http.post("/oauth/token", data=CREDENTIALS | {"client_id": fapi.client_id}), "invalid_client")
    refused(fapi.http.post("/oauth/token", data=CREDENTIALS, auth=(fapi.client_id, "ots_x")), "invalid_client")
    by = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": secret.assertion()}
    refused(secret.http.post("/oauth/token", data=CREDENTIALS | by), "invalid_client")


@pytest.mark.abuse("oauth", "tells clients that there are from others by the refusal")
def test_every_refusal_to_authenticate_with_a_key_looks_alike_from_outside(fapi: Client) -> None:
    """Whether there is such a client, and how it authenticates, is nobody's business."""
    unknown = refused(ask(fapi, fapi.assertion(iss="app_x", sub="app_x")), "invalid_client")
    known = refused(ask(fapi, fapi.assertion(key=new_key())), "invalid_client")
    assert unknown == known
