"""Clients of the authorization server that sign for themselves, with whatever an attacker would put in."""

from __future__ import annotations

import itertools
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from tests.conftest import WallClock
from werkzeug.test import TestResponse

ISSUER = "http://127.0.0.1:8080"
TOKEN = "/oauth/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CREDENTIALS = {"grant_type": "client_credentials"}
GONE = "(left out)"
"""A claim or a header that is left out."""

STATUSES = {"invalid_client": 401, "invalid_token": 401}
_numbers = itertools.count(1)

Key = ECKey | RSAKey | OKPKey | OctKey


def new_key(kind: str = "ES256") -> Key:
    """Make a key for an algorithm."""
    if kind == "ES256":
        return ECKey.generate_key("P-256", private=True)
    if kind in {"PS256", "RS256"}:
        return RSAKey.generate_key(2048, private=True)
    return OKPKey.generate_key("Ed25519", private=True)


def public(key: Key, **more: Any) -> dict[str, Any]:
    """Give the public half, as it is registered or sent."""
    return {**key.as_dict(private=False), **more}


def changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**values, **changes}.items() if value is not GONE}


def signed(header: Mapping[str, Any], claims: Any, key: Key) -> str:
    """Sign as joserfc would not let us: every algorithm, every header."""
    content = f"{b64(json.dumps(header))}.{b64(json.dumps(claims))}"
    return f"{content}.{b64(JWSRegistry.algorithms[header['alg']].sign(content.encode(), key))}"


def b64(raw: bytes | str) -> str:
    return urlsafe_b64encode(raw.encode() if isinstance(raw, str) else raw).rstrip(b"=").decode()


def half_signed(header: Any, claims: Any, signature: str = "AAAA") -> str:
    """Give a JWT that nobody has signed."""
    return f"{b64(json.dumps(header))}.{b64(json.dumps(claims))}.{signature}"


def refused(answer: TestResponse, error: str) -> dict[str, Any]:
    """Assert that an answer is an error as the RFCs want it, and repeats nothing."""
    assert answer.status_code == STATUSES.get(error, 400), answer.text
    body = dict(answer.json or {})
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == error, body
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(ord(letter) < 127 and letter not in '"\\' for letter in body["error_description"])
    return body


@dataclass
class Client:
    """A registered client with its keys. dpop: the key that its tokens are bound to."""

    http: FlaskClient
    wall: WallClock
    key: Key = field(default_factory=new_key)
    dpop: Key = field(default_factory=new_key)
    algorithm: str = "ES256"
    registration: dict[str, Any] = field(default_factory=dict)
    verifier: str = ""

    @property
    def client_id(self) -> str:
        return str(self.registration["client_id"])

    @property
    def now(self) -> int:
        return self.wall.at // 1000

    def register(self, headers: Mapping[str, str] | None = None, **metadata: Any) -> Client:
        """Register by RFC 7591: for the profile fapi2 unless told otherwise."""
        wanted = {
            "client_name": "受托应用",
            "profile": "fapi2",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [public(self.key, kid="k1")]},
        } | metadata
        sent = {name: value for name, value in wanted.items() if value is not GONE}
        answer = self.http.post("/oauth/register", json=sent, headers=dict(headers or {}))
        assert answer.status_code == 201, answer.text
        self.registration = dict(answer.json or {})
        return self

    def assertion(self, *, header: Mapping[str, Any] | None = None, key: Key | None = None, **claims: Any) -> str:
        """Sign a client assertion, with whatever is changed."""
        usual = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "iat": self.now,
            "exp": self.now + 60,
            "jti": f"jti-{next(_numbers)}",
        }
        return signed(changed({"alg": self.algorithm}, header or {}), changed(usual, claims), key or self.key)

    def authenticated(self, **form: Any) -> dict[str, Any]:
        """Give a form with which this client authenticates."""
        match self.registration["token_endpoint_auth_method"]:
            case "private_key_jwt":
                by = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
            case "none":
                by = {"client_id": self.client_id}
            case _:
                by = {}
        return changed(by, form)

    @property
    def basic(self) -> tuple[str, str] | None:
        secret = self.registration.get("client_secret")
        return (self.client_id, str(secret)) if secret else None

    def proof(
        self,
        method: str = "POST",
        path: str = TOKEN,
        *,
        token: str | None = None,
        header: Mapping[str, Any] | None = None,
        key: Key | None = None,
        **claims: Any,
    ) -> str:
        """Sign a DPoP proof, with whatever is changed."""
        signer = key or self.dpop
        usual: dict[str, Any] = {
            "jti": f"proof-{next(_numbers)}",
            "htm": method,
            "htu": f"{ISSUER}{path}",
            "iat": self.now,
        }
        if token is not None:
            usual["ath"] = b64(sha256(token.encode()).digest())
        head = changed({"typ": "dpop+jwt", "alg": self.algorithm, "jwk": public(signer)}, header or {})
        return signed(head, changed(usual, claims), signer)

    def post(self, path: str, form: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> TestResponse:
        """Post a form as this client."""
        return self.http.post(path, data=self.authenticated(**form), headers=dict(headers or {}), auth=self.basic)

    def grant(self, form: Mapping[str, Any], *, proof: str | None = None) -> TestResponse:
        """Ask for a token, with a proof of possession."""
        return self.post(TOKEN, form, {"DPoP": proof or self.proof()})

    def token(self, **form: Any) -> str:
        """Get an access token for the client itself."""
        answer = self.grant(CREDENTIALS | form)
        assert answer.status_code == 200, answer.text
        return str((answer.json or {})["access_token"])

    def call(
        self, token: str, path: str = "/v1/payments", *, method: str = "GET", proof: str | None = None
    ) -> TestResponse:
        """Call the API with a token that is bound to this client's key."""
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof or self.proof(method, path, token=token)}
        return self.http.open(path, method=method, headers=headers)

    # The customer's part.

    @property
    def redirect_uri(self) -> str:
        return str(self.registration["redirect_uris"][0])

    def request(self, **changes: Any) -> dict[str, Any]:
        """Give an authorization request, with whatever is changed; keeps the verifier of its challenge."""
        self.verifier = secrets.token_urlsafe(48)
        usual = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "bills:read",
            "state": "state of the client",
            "code_challenge": b64(sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return changed(usual, changes)

    def pushed(self, **changes: Any) -> dict[str, str]:
        """Push a request; give what the browser is sent with."""
        answer = self.post("/oauth/par", self.request(**changes))
        assert answer.status_code == 201, answer.text
        return {"client_id": self.client_id, "request_uri": dict(answer.json or {})["request_uri"]}

    def code_form(self, code: str, **changes: Any) -> dict[str, Any]:
        """Give the form that redeems a code."""
        usual = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return changed(usual, changes)

    def redeem(self, code: str, *, proof: str | None = None, **changes: Any) -> TestResponse:
        """Redeem a code with a proof."""
        return self.grant(self.code_form(code, **changes), proof=proof)

    def refresh(self, token: str, *, proof: str | None = None, **changes: Any) -> TestResponse:
        """Use a refresh token with a proof."""
        return self.grant({"grant_type": "refresh_token", "refresh_token": token} | changes, proof=proof)
