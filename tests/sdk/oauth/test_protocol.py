"""What goes over the wire, and what is tried again; driven by hand, without a bank."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwk, jws
from tests.sdk.doubles import BANK, LOST, UNREACHABLE, Played, Stage, answer, refusal

from openteller import errors
from openteller._core import authorization, catalogue
from openteller._core.call import call
from openteller._core.dpop import Prover
from openteller._core.grants import DeviceAuthorization
from openteller._core.jose import SigningKey
from openteller._core.metadata import discover
from openteller._core.setup import Credentials
from openteller._core.tokens import fetch_token
from openteller._core.wire import Answer, Authorise, Fault, Request, Token
from openteller._stores.memory import MemoryTokenStore

KEY = SigningKey.generate()
SERVER = {
    "issuer": BANK,
    **{f"{name}_endpoint": f"{BANK}/oauth/{name}" for name in ("token", "authorization", "revocation", "registration")},
    "pushed_authorization_request_endpoint": f"{BANK}/oauth/par",
    "device_authorization_endpoint": f"{BANK}/oauth/device",
}
GRANT = {"access_token": "ota_a-token", "token_type": "DPoP", "expires_in": 300, "refresh_token": "otr_a", "scope": "s"}
DEVICE = DeviceAuthorization("BCDF-GHJK", f"{BANK}/device", 600.0, 5.0, "otd_a", KEY)


def with_key(*script: Answer | Fault, **options: Any) -> Stage:
    credentials = Credentials("app_of_the_tests", prover=Prover(KEY))
    return Stage(
        *script, **{"credentials": credentials, "store": MemoryTokenStore(), "wall": lambda: 1000.9, **options}
    )


def refused(error: str, status: int = 400, **headers: str) -> Answer:
    return answer(status, {"error": error, "error_description": "Text."}, **headers)


def form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((request.body or b"").decode()).items()}


def header(request: Request, name: str) -> str:
    return next(value for key, value in request.headers if key == name)


def claims(token: str, key: SigningKey = KEY) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verify a JWT with another library's eyes; give header and claims."""
    public = jwk.import_key({name: value for name, value in key.public_jwk().items() if name != "alg"})
    found = jws.deserialize_compact(token, public, algorithms=["ES256"])
    return dict(found.headers()), dict(json.loads(found.payload))


# --- who the app is


def test_each_try_has_an_assertion_and_a_proof_of_its_own() -> None:
    stage = with_key(UNREACHABLE, answer(200, GRANT))
    played = stage.play(fetch_token(stage.setup))  # type: ignore[arg-type]
    first, second = played.sent

    ids = {claims(form(one)["client_assertion"])[1]["jti"] for one in (first, second)}
    ids |= {claims(header(one, "DPoP"))[1]["jti"] for one in (first, second)}
    assert len(ids) == 4
    head, said = claims(form(second)["client_assertion"])
    assert head == {"kid": KEY.kid, "alg": "ES256"}
    assert {name: said[name] for name in ("iss", "sub", "aud", "iat", "exp")} == {
        "iss": "app_of_the_tests",
        "sub": "app_of_the_tests",
        "aud": BANK,
        "iat": 1000,
        "exp": 1060,
    }


def test_a_token_of_another_kind_than_was_asked_for_is_none() -> None:
    stage = with_key(answer(200, {**GRANT, "token_type": "Bearer"}))
    played = stage.play(fetch_token(stage.setup))  # type: ignore[arg-type]

    assert isinstance(played.failure, errors.BrokenAnswer)
    assert "no DPoP token that can be read" in str(played.failure)


# --- proofs


def call_with(token: Token, *script: Answer | Fault, **options: Any) -> Played:
    """Call an operation with this token."""
    stage = with_key(*script, **options)

    def steps() -> Any:
        inner = call(stage.setup, catalogue.LIST_PAYMENTS, query={"limit": 3})
        told: Any = None
        try:
            while True:
                effect = inner.send(told)
                told = token if isinstance(effect, Authorise) else (yield effect)
        except StopIteration as end:
            return end.value

    return stage.play(steps())


def bound() -> Token:
    return Token("ota_of-somebody", float("inf"), Prover(KEY))


def test_a_proof_is_for_one_request_and_one_token() -> None:
    played = call_with(bound(), answer(200))
    (request,) = played.sent
    head, said = claims(header(request, "DPoP"))

    assert request.url == f"{BANK}/v1/payments?limit=3"
    assert header(request, "Authorization") == "DPoP ota_of-somebody"
    assert (said["htm"], said["htu"], said["iat"]) == ("GET", f"{BANK}/v1/payments", 1000)
    assert said["ath"] == base64.urlsafe_b64encode(sha256(b"ota_of-somebody").digest()).rstrip(b"=").decode()
    assert head["typ"] == "dpop+jwt" and set(head["jwk"]) == {"kty", "crv", "x", "y"}


USE_NONCE = {"www_authenticate": 'DPoP realm="bank", error="use_dpop_nonce"', "dpop_nonce": "nonce-1"}


def test_a_nonce_is_taken_at_once_and_once() -> None:
    token = bound()
    played = call_with(token, answer(401, {}, **USE_NONCE), answer(200), max_retries=0)
    nonces = [claims(header(one, "DPoP"))[1].get("nonce") for one in played.sent]

    assert nonces == [None, "nonce-1"] and played.pauses == []
    again = call_with(token, answer(200, {}, dpop_nonce="nonce-2"))
    assert claims(header(again.sent[0], "DPoP"))[1]["nonce"] == "nonce-1"
    third = call_with(token, answer(200))
    assert claims(header(third.sent[0], "DPoP"))[1]["nonce"] == "nonce-2"


def test_a_server_that_always_wants_another_nonce_is_not_followed_for_ever() -> None:
    played = call_with(bound(), answer(401, {}, **USE_NONCE))

    assert isinstance(played.failure, errors.AuthenticationFailed)
    assert len(played.sent) == 3  # the first, one with the nonce, one with another token


def test_the_token_endpoint_may_want_a_nonce_too() -> None:
    stage = with_key(refused("use_dpop_nonce", dpop_nonce="n"), answer(200, GRANT), max_retries=0)
    played = stage.play(fetch_token(stage.setup))  # type: ignore[arg-type]

    assert [claims(header(one, "DPoP"))[1].get("nonce") for one in played.sent] == [None, "n"]


# --- metadata


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://another.test"},
        {"issuer": f"{BANK}/tenant"},
        {"token_endpoint": "http://bank.test/oauth/token"},
        {"registration_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
    ids=str,
)
def test_a_server_speaks_for_itself_and_leads_nowhere_in_clear_text(change: dict[str, Any]) -> None:
    stage = with_key(answer(200, {**SERVER, **change}))
    assert isinstance(stage.play(discover(stage.setup)).failure, errors.BrokenAnswer)  # type: ignore[arg-type]


def test_metadata_are_believed_for_an_hour() -> None:
    stage = with_key(answer(200, SERVER))
    asked = []
    for _ in range(3):
        asked.append(len(stage.play(discover(stage.setup)).sent))  # type: ignore[arg-type]
        stage.clock.now += 1801
    assert asked == [1, 0, 1]


# --- codes and devices


def begin(stage: Stage) -> tuple[str, Played]:
    kept = []

    def steps() -> Any:
        kept.append(
            (
                yield from authorization.start(
                    stage.setup,
                    redirect_uri="https://bot.test/cb",
                    scope=["bills:read"],
                    authorization_details=None,
                    locale=None,
                )
            )
        )

    played = stage.play(steps())
    return kept[0].state, played


def test_what_is_asked_for_travels_in_the_back_and_only_its_name_in_the_browser() -> None:
    stage = with_key(answer(200, SERVER), answer(201, {"request_uri": "urn:ietf:params:oauth:request_uri:1"}))
    state, played = begin(stage)
    sent = form(played.sent[1])

    assert sent["code_challenge_method"] == "S256" and len(sent["code_challenge"]) == 43
    assert sent["state"] == state and sent["scope"] == "bills:read" and "authorization_details" not in sent
    (name,) = stage.setup.store._rows  # type: ignore[union-attr]
    assert name.startswith("pending:") and state not in name


def test_a_code_that_may_have_arrived_is_not_sent_again() -> None:
    """A code that comes twice ends all that came of it."""
    stage = with_key(answer(200, SERVER), answer(201, {"request_uri": "urn:1"}))
    state, _ = begin(stage)
    stage.script = [LOST]
    callback = f"https://bot.test/cb?code=otc_1&state={state}&iss={BANK}"
    steps = authorization.finish(stage.setup, callback, state=state, customer="user-1")
    played = stage.play(steps)  # type: ignore[arg-type]

    assert len(played.sent) == 1
    assert isinstance(played.failure, errors.ConnectionFailed) and played.failure.retryable == "never"
    assert form(played.sent[0])["code_verifier"]


def poll(*script: Answer | Fault) -> Played:
    stage = with_key(answer(200, SERVER), *script)
    return stage.play(authorization.finish_device(stage.setup, DEVICE, customer="tv"))  # type: ignore[arg-type]


def test_a_device_asks_in_its_interval_and_slower_when_told() -> None:
    pending, slow = refused("authorization_pending"), refused("slow_down")
    played = poll(pending, slow, pending, slow, answer(200, GRANT))

    assert played.error is None
    assert played.pauses == [5.0, 5.0, 10.0, 10.0, 15.0]


def test_a_device_that_meets_silence_waits_twice_as_long() -> None:
    """RFC 8628 section 3.5."""
    limited = refusal(429, "RATE_LIMITED", retry_after="40")
    played = poll(LOST, answer(503), LOST, limited, answer(200, GRANT))
    assert played.pauses == [5.0, 10.0, 20.0, 40.0, 40.0]


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (refused("access_denied"), errors.AuthorizationRefused, "ACCESS_DENIED"),
        (refused("expired_token"), errors.AuthorizationRefused, "EXPIRED_TOKEN"),
        (refused("invalid_grant"), errors.InvalidRequest, "INVALID_GRANT"),
        (answer(200, {"access_token": 1}), errors.BrokenAnswer, "BROKEN_ANSWER"),
        (refused("invalid_client", 401), errors.AuthenticationFailed, "INVALID_CLIENT"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_device_is_told_when_there_is_no_use_in_asking(
    said: Answer, kind: type[errors.OpenTellerError], code: str
) -> None:
    played = poll(refused("authorization_pending"), said)

    assert type(played.failure) is kind and played.failure.code == code
    assert len(played.pauses) == 2


def test_a_device_does_not_ask_beyond_the_life_of_its_code() -> None:
    played = poll(refused("authorization_pending"))

    assert isinstance(played.failure, errors.AuthorizationRefused) and played.failure.code == "EXPIRED_TOKEN"
    assert 595.0 - 5.0 <= sum(played.pauses) < 600.0


# --- keys


def test_keys_without_the_extra_say_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    for make in (SigningKey.generate, lambda: SigningKey.parse(json.dumps(KEY.to_jwk()))):
        with pytest.raises(errors.ConfigurationError, match=r"openteller\[oauth\]"):
            make()


def encoded(key: Any) -> Iterable[str]:
    jwk_text = json.dumps(key.as_dict(private=True))
    yield jwk_text
    yield json.dumps({"keys": [key.as_dict(private=False), json.loads(jwk_text)]})
    yield key.as_pem(private=True).decode()


@pytest.mark.parametrize("kind", ["EC", "OKP"])
def test_a_key_is_read_as_jwk_as_set_and_as_pem(kind: str) -> None:
    made = jwk.ECKey.generate_key("P-256") if kind == "EC" else jwk.OKPKey.generate_key("Ed25519")
    read = [SigningKey.parse(text) for text in encoded(made)]
    assert {one.thumbprint for one in read} == {made.thumbprint()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[" * 60_000,
        "x" * 70_000,
        json.dumps({"kty": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode()}),
        json.dumps(KEY.public_jwk()),
        json.dumps({"keys": [KEY.to_jwk(), KEY.to_jwk()]}),
        json.dumps(jwk.ECKey.generate_key("P-384").as_dict(private=True)),
        json.dumps({**KEY.to_jwk(), "d": "AA"}),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_private_key_for_signing_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        SigningKey.parse(text)
    assert caught.value.__cause__ is None and KEY.to_jwk()["d"] not in str(caught.value)
