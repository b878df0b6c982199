"""Asking a customer: what is sent to the bank, what a browser may bring back, and what is kept of the answer.

The client pushes what it asks for (RFC 9126) with PKCE (RFC 7636) and a key that the tokens are bound to (RFC 9449). It
takes an answer only for what it has begun, in the same browser (``state``), from the same bank (``iss``, RFC 9207), and
once.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from openteller._core import encoding
from openteller._core.customers import (
    Entry,
    app_prover,
    credentials_of,
    entry_of,
    keep,
    kept_entry,
    name_of,
    told,
)
from openteller._core.decoding import decode
from openteller._core.dpop import Prover
from openteller._core.exchange import Ask, exchange
from openteller._core.forms import post_form
from openteller._core.grants import (
    AuthorizationRequest,
    CustomerGrant,
    DeviceAuthorization,
    RegisteredClient,
    TokenDescription,
)
from openteller._core.jose import SigningKey, base64url
from openteller._core.metadata import discover
from openteller._core.setup import Credentials, Setup
from openteller._core.store import consult, store_of
from openteller._core.tokens import SENDABLE, grant_of
from openteller._core.wire import Authorise, Effect, Request, Sleep, Token
from openteller.errors import (
    AuthorizationRefused,
    BankError,
    BrokenAnswer,
    ConfigurationError,
    InvalidCallback,
    RateLimited,
    TransportError,
)

__all__ = ["adopt", "finish", "finish_device", "get", "introspect", "register", "revoke", "start", "start_device"]

_PENDING_SECONDS = 900.0
"""A first visit, the customer's ten minutes at the bank, and the way back."""
_LONGEST_CALLBACK = 8_000
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5.0
_LONGEST_INTERVAL = 60.0


class _Pending(msgspec.Struct, frozen=True):
    """What is kept between ``start`` and ``finish``."""

    verifier: str
    redirect_uri: str
    issuer: str
    token_endpoint: str
    scope: str
    key: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return "_Pending()"


class _Pushed(msgspec.Struct):
    request_uri: str


class _Device(msgspec.Struct):
    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float
    interval: float = 5.0


_PENDING = msgspec.json.Decoder(_Pending)


def start(
    setup: Setup,
    *,
    redirect_uri: str,
    scope: Sequence[str] | None,
    authorization_details: Sequence[Mapping[str, object]] | None,
    locale: str | None,
    account_link_id: str | None = None,
    consent_id: str | None = None,
) -> Generator[Effect, Any, AuthorizationRequest]:
    """Push a request; give where the browser is to go, and its state."""
    credentials, store = credentials_of(setup), store_of(setup)
    metadata = yield from discover(setup)
    pushing, page = metadata.pushed_authorization_request_endpoint, metadata.authorization_endpoint
    if pushing is None or page is None:
        raise ConfigurationError("this bank takes no pushed authorization requests (RFC 9126)")
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    key, prover = _key_for(setup, credentials)
    scopes = _scope(scope)
    form = {
        "client_id": credentials.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": scopes or None,
        "state": state,
        "code_challenge": base64url(sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
        "authorization_details": _details(authorization_details),
        "account_link_id": account_link_id,
        "consent_id": consent_id,
        "ui_locales": locale,
    }
    outcome = yield from post_form(setup, "pushAuthorization", pushing, form, credentials=credentials, prover=prover)
    request_uri = decode("pushAuthorization", _Pushed, outcome).request_uri
    pending = _Pending(
        verifier=verifier,
        redirect_uri=redirect_uri,
        issuer=metadata.issuer,
        token_endpoint=metadata.token_endpoint,
        scope=scopes,
        key=key.to_jwk() if key else None,
    )
    content = msgspec.json.encode(pending)
    yield from consult(partial(store.swap, _pending_name(state), content, version=0, seconds=_PENDING_SECONDS))
    asked = urlencode({"client_id": credentials.client_id, "request_uri": request_uri})
    return AuthorizationRequest(f"{page}{'&' if '?' in page else '?'}{asked}", state)


def finish(setup: Setup, callback: str, *, state: str, customer: str) -> Generator[Effect, Any, CustomerGrant]:
    """Take what a browser brought back; keep the tokens that the code is good for."""
    name_of(customer)
    credentials, answer = credentials_of(setup), _callback(callback)
    if not state or not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise InvalidCallback("this is not the answer to what was begun in this browser", reason="state")
    pending = yield from _taken(setup, state)
    if answer.get("iss") != pending.issuer:
        raise InvalidCallback("this is the answer of another server than the one that was asked", reason="issuer")
    if error := answer.get("error"):
        text = "the customer refused" if error == "access_denied" else f"the bank refused: {_word(error)}"
        raise AuthorizationRefused(text, code=_word(error).upper())
    if "code" not in answer:
        raise InvalidCallback("the answer holds neither a code nor an error", reason="form")
    key = SigningKey(pending.key) if pending.key else None
    prover = Prover(key) if key else app_prover(setup)
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
    }
    url = pending.token_endpoint
    # A code that comes twice ends all that came of it: what may have arrived is not sent again.
    outcome = yield from post_form(
        setup, "redeemCode", url, form, credentials=credentials, prover=prover, is_safe=False
    )
    grant = grant_of("redeemCode", outcome, prover)
    return (yield from keep(setup, customer, entry_of(setup, grant, key, pending.scope)))


def start_device(setup: Setup, *, scope: Sequence[str]) -> Generator[Effect, Any, DeviceAuthorization]:
    """Ask for the codes of a device."""
    credentials = credentials_of(setup)
    metadata = yield from discover(setup)
    url = metadata.device_authorization_endpoint
    if url is None:
        raise ConfigurationError("this bank has no device grant (RFC 8628)")
    key, _ = _key_for(setup, credentials)
    form = {"client_id": credentials.client_id, "scope": _scope(scope)}
    outcome = yield from post_form(setup, "startDevice", url, form, credentials=credentials)
    given = decode("startDevice", _Device, outcome)
    return DeviceAuthorization(
        user_code=given.user_code,
        verification_uri=given.verification_uri,
        expires_in=given.expires_in,
        interval=given.interval,
        device_code=given.device_code,
        key=key,
    )


def finish_device(setup: Setup, device: DeviceAuthorization, *, customer: str) -> Generator[Effect, Any, CustomerGrant]:
    """Ask again and again until the customer has answered; keep the tokens."""
    name_of(customer)
    credentials = credentials_of(setup)
    metadata = yield from discover(setup)
    prover = Prover(device.key) if device.key else app_prover(setup)
    form = {"grant_type": _DEVICE_GRANT, "device_code": device.device_code}
    ends, interval = setup.monotonic() + device.expires_in, device.interval
    patient = setup.changed(max_retries=0)
    while setup.monotonic() + interval < ends:
        yield Sleep(interval)
        try:
            outcome = yield from post_form(
                patient, "askForDevice", metadata.token_endpoint, form, credentials=credentials, prover=prover
            )
        except (BankError, TransportError) as error:
            interval = _next_interval(error, interval)
        else:
            grant = grant_of("askForDevice", outcome, prover)
            return (yield from keep(setup, customer, entry_of(setup, grant, device.key, "")))
    raise AuthorizationRefused("nobody answered in time: begin again", code="EXPIRED_TOKEN")


def _next_interval(error: BankError | TransportError, interval: float) -> float:
    """Give the seconds until the next question (RFC 8628 section 3.5).

    Raises:
        AuthorizationRefused: there is no use in another one.
        OpenTellerError: there is none, as something else is wrong.
    """
    match error.code:
        case "AUTHORIZATION_PENDING":
            return interval
        case "SLOW_DOWN":
            return interval + _SLOWER
        case "ACCESS_DENIED":
            raise AuthorizationRefused("the customer refused", request_id=error.request_id) from error
        case "EXPIRED_TOKEN":
            raise AuthorizationRefused("nobody answered in time: begin again", code=error.code) from error
    if isinstance(error, RateLimited):
        return max(interval, error.retry_after or 0.0)
    if isinstance(error, BrokenAnswer) or (isinstance(error, BankError) and error.retryable == "never"):
        raise error
    return min(interval * 2, _LONGEST_INTERVAL)


def adopt(
    setup: Setup,
    customer: str,
    *,
    access_token: str,
    expires_in: float,
    token_type: str | None,
    scope: str,
    refresh_token: str | None,
) -> Generator[Effect, Any, CustomerGrant]:
    """Keep tokens that came another way."""
    is_bound = {"bearer": False, "dpop": True}.get((token_type or "Bearer").lower())
    if is_bound is None or not SENDABLE.fullmatch(access_token):
        raise ConfigurationError("a token is of printable ASCII, and of the type Bearer or DPoP")
    credentials_of(setup)
    if is_bound:
        app_prover(setup)
    entry = Entry(
        access_token=access_token,
        expires_at=setup.wall() + expires_in,
        lifetime=expires_in,
        scope=scope,
        refresh_token=refresh_token,
        is_bound=is_bound,
    )
    return (yield from keep(setup, customer, entry))


def get(setup: Setup, customer: str) -> Generator[Effect, Any, CustomerGrant | None]:
    """Give what a customer has allowed, as it is kept; the bank is not asked."""
    found = yield from kept_entry(setup, customer)
    return told(customer, found[1]) if found else None


def introspect(setup: Setup, customer: str) -> Generator[Effect, Any, TokenDescription]:
    """Ask what the bank says of a customer's token (RFC 7662). The setup's source of tokens is the customer's."""
    metadata = yield from discover(setup)
    url = metadata.introspection_endpoint
    if url is None:
        raise ConfigurationError("this bank describes no tokens (RFC 7662)")
    name_of(customer)
    token: Token = yield Authorise(None, setup.deadline)
    form = {"token": token.value, "token_type_hint": "access_token"}
    outcome = yield from post_form(setup, "introspectToken", url, form, credentials=credentials_of(setup))
    return decode("introspectToken", TokenDescription, outcome)


def revoke(setup: Setup, customer: str) -> Generator[Effect, Any, None]:
    """End a customer's tokens at the bank (RFC 7009), and forget them."""
    found = yield from kept_entry(setup, customer)
    if found is None:
        return
    kept, entry = found
    metadata = yield from discover(setup)
    if url := metadata.revocation_endpoint:
        form = {"token": entry.refresh_token or entry.access_token}
        yield from post_form(setup, "revokeToken", url, form, credentials=credentials_of(setup))
    name, store = name_of(customer), store_of(setup)
    yield from consult(partial(store.swap, name, None, version=kept.version))


def register(setup: Setup, metadata: Mapping[str, object]) -> Generator[Effect, Any, RegisteredClient]:
    """Register a client (RFC 7591): beside the app whose token the setup gives, else in a world of its own."""
    server = yield from discover(setup)
    url = server.registration_endpoint
    if url is None:
        raise ConfigurationError("this bank registers no clients by itself (RFC 7591)")
    body = encoding.body(metadata)
    headers = [*setup.headers, ("Content-Type", "application/json")]

    def request(token: Token | None) -> Request:
        own = token.headers("POST", url, setup.wall) if token else []
        return Request("POST", url, [*headers, *own], body)

    ask = Ask(
        name="registerClient",
        path=urlsplit(url).path,
        is_safe=False,
        needs_token=setup.calls_as_somebody,
        request=request,
    )
    return decode("registerClient", RegisteredClient, (yield from exchange(setup, ask)))


def _key_for(setup: Setup, credentials: Credentials) -> tuple[SigningKey | None, Prover]:
    """Give the key that a customer's tokens shall be bound to: the app's, or a new one to be kept with the tokens."""
    if credentials.prover is not None:
        return None, app_prover(setup)
    key = SigningKey.generate()
    return key, Prover(key)


def _scope(scope: Sequence[str] | None) -> str:
    if isinstance(scope, str):
        raise ConfigurationError("scope is a list of scopes: scope=['bills:read', 'payments:read']")
    return " ".join(scope or ())


def _details(details: Sequence[Mapping[str, object]] | None) -> str | None:
    """Write authorization_details (RFC 9396), in ASCII, as a form has it."""
    if not details:
        return None
    plain = json.loads(encoding.body({"details": details}))["details"]
    return json.dumps(plain, separators=(",", ":"))


def _pending_name(state: str) -> str:
    return f"pending:{sha256(state.encode()).hexdigest()[:32]}"


def _taken(setup: Setup, state: str) -> Generator[Effect, Any, _Pending]:
    """Take what was begun, for ever: an answer is good once.

    Raises:
        InvalidCallback: it is not there.
    """
    name, store = _pending_name(state), store_of(setup)
    kept = yield from consult(partial(store.load, name))
    if kept is not None and (yield from consult(partial(store.swap, name, None, version=kept.version))):
        return _PENDING.decode(kept.content)
    text = "this was not begun here, was finished before, or was begun more than a quarter of an hour ago"
    raise InvalidCallback(text, reason="unknown")


def _callback(callback: str) -> dict[str, str]:
    """Read the query of what a browser brought back: a whole address, or its query.

    Raises:
        InvalidCallback: it cannot be read, or has a parameter twice.
    """
    if not isinstance(callback, str):
        raise ConfigurationError("callback is the address that the browser came back to, as a string")
    is_readable = callback.isascii() and len(callback) <= _LONGEST_CALLBACK
    try:
        query = urlsplit(callback).query if "?" in callback else callback
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20) if is_readable else []
    except ValueError:
        pairs = []
    answer = dict(pairs)
    if not answer or len(answer) != len(pairs):
        raise InvalidCallback("the answer cannot be read", reason="form")
    return answer


def _word(error: str) -> str:
    """Give an error's name as far as it is one: a browser has brought it."""
    return error if error.isascii() and error.replace("_", "").isalpha() and len(error) <= 60 else "unknown_error"
