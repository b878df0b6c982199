"""Webhooks: telling what the bank has sent from what anybody could send.

::

    from openteller import webhooks

    event = webhooks.verify(request.get_data(), request.headers, WEBHOOK_SECRET)

Signatures are those of Standard Webhooks. Everything here is computation: nothing is sent, read or waited for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from openteller import _ed25519
from openteller.errors import BrokenAnswer, ConfigurationError, InvalidSignature

if TYPE_CHECKING:
    from openteller.models.events import Event

__all__ = ["LARGEST_BODY", "TOLERANCE", "sign", "verify"]

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

TOLERANCE = 300.0
"""Seconds by which the bank's clock and yours may differ, and a delivery may be late on its way."""
LARGEST_BODY = 20 * 1024
"""Bytes: what is larger is not of the bank."""

_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SECRET, _PUBLIC, _PRIVATE = "whsec_", "whpk_", "whsk_"
_KEY_BYTES = 32
_LEAST_BYTES = 24
"""Of a shared secret, as Standard Webhooks has it: a shorter one was cut off."""
_SECONDS = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[!-\-/-~]{1,256}")
"""Printable, and without a full stop: what is signed joins identifier, timestamp and body with one."""
_MOST_SIGNATURES = 4096
"""Characters of the header: room for dozens. Each of them costs work, and anybody can send many."""
_RAW = (
    "verify needs the bytes of the body as they came, before anything has parsed or decoded them: request.get_data() "
    "in Flask, await request.body() in FastAPI, request.body in Django"
)
_NO_HEADERS = "verify needs the headers of the request, as a mapping or as pairs of name and value"
_NO_MATCH = (
    "no signature fits. The usual causes: the body was parsed and written anew before it was verified, even if only "
    "its spaces changed (pass the bytes as they came); the secret is of another endpoint, or was rotated more than a "
    "day ago; a header was changed on the way; or the request is not of the bank"
)
_REENCODED = (
    "the body was parsed and written anew before it was verified: what the bank has sent fits, these bytes do not. "
    "Pass the bytes of the request as they came"
)
_NONE_GIVEN = (
    "there is no secret: it is the one that was shown when the endpoint was made; is the variable that holds it set?"
)


def verify(
    body: bytes,
    headers: Headers,
    secrets: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> Event:
    """Make sure that a request is of the bank, whole and fresh, and give its event.

    Handle each ``event_id`` once: a delivery may come twice, and a copy that somebody sends again within the tolerance
    is as good as the first. ``webhook-id`` names the delivery, the same at each attempt.

    Args:
        body: the bytes of the request's body as they came.
        headers: of the request, in any case, as a mapping or as pairs: those of Flask, Django and Starlette will do.
        secrets: the endpoint's ``secret``, its ``public_key`` (``whpk_…``) where it has one, or several: while a
            secret is rotated the old and the new.
        tolerance: seconds that a signature may be old, or ahead of your clock.
        now: seconds since 1970; the clock of this machine unless told.

    Raises:
        InvalidSignature: the request is not of the bank, was changed, or is too old; answer 400 or 401.
        BrokenAnswer: the bank has signed it, but it is no event.
        ConfigurationError: the body is no bytes, the headers are neither mapping nor pairs, there is no secret or one
            that is none, or Ed25519 is not installed.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise ConfigurationError(_RAW)
    if not tolerance > 0:
        raise ConfigurationError("tolerance is a number of seconds above 0")
    shared, public = _keys(secrets)
    content = bytes(body)
    if len(content) > LARGEST_BODY:
        raise InvalidSignature(
            f"the body has {len(content)} bytes; the bank sends {LARGEST_BODY} at most", reason="size"
        )
    webhook_id, timestamp, signatures = _read(headers)
    if not _fits(_content(webhook_id, timestamp, content), signatures, shared, public):
        raise _no_match(webhook_id, timestamp, content, signatures, shared, public)
    _check_age(int(timestamp), time.time() if now is None else now, tolerance)
    return _event(content)


def sign(
    body: bytes, secrets: str | Iterable[str], *, webhook_id: str = "dlv_of_a_test", timestamp: float | None = None
) -> dict[str, str]:
    """Sign a body as the bank does, for tests of your own handler; give the three headers.

    Args:
        body: the bytes that the handler will receive.
        secrets: an endpoint's secret; several sign side by side, as while one is rotated. An Ed25519 private key
            (``whsk_…``) signs as ``v1a``.
        webhook_id: names the delivery.
        timestamp: seconds since 1970; now unless told.

    Raises:
        ConfigurationError: the body is no bytes, there is no secret or one that is none, ``webhook_id`` cannot be one,
            or Ed25519 is not installed.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise ConfigurationError("sign needs the bytes of the body")
    if not _ID.fullmatch(webhook_id):
        raise ConfigurationError("webhook_id is printable ASCII without a full stop and without a space")
    seconds = str(int(time.time() if timestamp is None else timestamp))
    content = _content(webhook_id, seconds, bytes(body))
    signatures = []
    for secret in _listed(secrets):
        if secret.startswith(_PRIVATE):
            signed = _ed25519.private_key(_bytes_of(secret, _PRIVATE)).sign(content)
            signatures.append(f"v1a,{b64encode(signed).decode()}")
        else:
            signatures.append(f"v1,{b64encode(_hmac(_bytes_of(secret, _SECRET), content)).decode()}")
    return {"webhook-id": webhook_id, "webhook-timestamp": seconds, "webhook-signature": " ".join(signatures)}


def _listed(secrets: str | Iterable[str]) -> list[str]:
    listed = [secrets] if isinstance(secrets, str) else list(secrets or ())
    if not listed or not all(listed):
        raise ConfigurationError(_NONE_GIVEN)
    if not all(isinstance(one, str) for one in listed):
        raise ConfigurationError("a secret is text, a str, as the bank has shown it")
    return listed


def _keys(secrets: str | Iterable[str]) -> tuple[list[bytes], list[bytes]]:
    """Give the keys of ``v1`` and the public keys of ``v1a``."""
    shared, public = [], []
    for one in _listed(secrets):
        if one.startswith(_PUBLIC):
            public.append(_bytes_of(one, _PUBLIC))
        elif one.startswith(_PRIVATE):
            raise ConfigurationError("a private key (whsk_…) signs; verify with the public one (whpk_…)")
        else:
            shared.append(_bytes_of(one, _SECRET))
    return shared, public


def _bytes_of(secret: str, prefix: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(prefix), validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) < _LEAST_BYTES or (prefix != _SECRET and len(key) != _KEY_BYTES):
        raise ConfigurationError(f"a secret is not {prefix} and base64, as the bank has shown it; was it cut off?")
    return key


def _read(headers: Headers) -> tuple[str, str, list[tuple[str, bytes]]]:
    """Give identifier, timestamp and the signatures that can be read, with their schemes."""
    found = _once(headers)
    missing = [name for name in _NAMES if not found.get(name)]
    if missing:
        text = f"the request has no {', '.join(missing)}: it is no webhook, or something on the way has taken it away"
        raise InvalidSignature(text, reason="header")
    webhook_id, timestamp, signatures = (found[name] for name in _NAMES)
    if not _ID.fullmatch(webhook_id):
        raise InvalidSignature("webhook-id is no identifier", reason="header")
    if not _SECONDS.fullmatch(timestamp):
        raise InvalidSignature("webhook-timestamp is no number of seconds", reason="header")
    if len(signatures) > _MOST_SIGNATURES:
        raise InvalidSignature(f"webhook-signature has more than {_MOST_SIGNATURES} characters", reason="header")
    return webhook_id, timestamp, list(_signatures(signatures))


def _once(headers: Headers) -> dict[str, str]:
    """Give the three headers, as far as they are there.

    Raises:
        InvalidSignature: one is there twice: what was verified need not be what the program reads.
    """
    found: dict[str, str] = {}
    for name, value in _items(headers):
        lower = _text(name).lower()
        if lower not in _NAMES:
            continue
        if lower in found:
            raise InvalidSignature(f"the request has {lower} twice", reason="header")
        found[lower] = _text(value).strip()
    return found


def _items(headers: Any) -> list[tuple[Any, Any]]:
    try:
        return [(name, value) for name, value in (headers.items() if hasattr(headers, "items") else headers)]
    except (TypeError, ValueError):
        raise ConfigurationError(_NO_HEADERS) from None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _signatures(header: str) -> Iterator[tuple[str, bytes]]:
    """Read the signatures of a header; those of schemes to come, and what is none, are passed over."""
    for part in header.split(" "):
        scheme, _, encoded = part.partition(",")
        if scheme in {"v1", "v1a"}:
            try:
                yield scheme, b64decode(encoded, validate=True)
            except (Base64Error, ValueError):
                continue


def _content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)


def _fits(content: bytes, signatures: list[tuple[str, bytes]], shared: list[bytes], public: list[bytes]) -> bool:
    fits = False
    for key in shared:
        expected = _hmac(key, content)
        for scheme, signature in signatures:
            # Every one is compared, in a time that tells nothing of where they differ.
            fits |= hmac.compare_digest(expected, signature) and scheme == "v1"
    if fits or not public:
        return fits
    return any(
        _ed25519.is_signed(key, signature, content)
        for scheme, signature in signatures
        if scheme == "v1a"
        for key in public
    )


def _no_match(
    webhook_id: str,
    timestamp: str,
    body: bytes,
    signatures: list[tuple[str, bytes]],
    shared: list[bytes],
    public: list[bytes],
) -> InvalidSignature:
    """Say what is probably wrong."""
    try:
        compact = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        compact = body
    if compact != body and _fits(_content(webhook_id, timestamp, compact), signatures, shared, public):
        return InvalidSignature(_REENCODED, reason="body")
    if not signatures:
        return InvalidSignature("webhook-signature has no signature of the schemes v1 and v1a", reason="header")
    return InvalidSignature(_NO_MATCH, reason="signature")


def _check_age(signed_at: int, now: float, tolerance: float) -> None:
    age = now - signed_at
    if abs(age) <= tolerance:
        return
    told = f"{abs(age):.0f} s {'old' if age > 0 else 'ahead of this clock'}, more than {tolerance:.0f}"
    text = f"the signature is right, but {told}: somebody may have sent it again, or this machine's clock is wrong"
    raise InvalidSignature(text, reason="age")


def _event(body: bytes) -> Event:
    import msgspec  # noqa: PLC0415 - a program that only imports this has no use for it yet

    try:
        event: Event = _decoder().decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text = str(error)
    else:
        return event
    raise BrokenAnswer(f"the bank has signed this, but it is no event: {text}")


def _decoder() -> Any:
    from openteller._core.decoding import decoder_of  # noqa: PLC0415 - see above
    from openteller.models.events import Event  # noqa: PLC0415

    return decoder_of(Event)
