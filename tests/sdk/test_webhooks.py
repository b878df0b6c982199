"""Verifying webhooks: what the bank has sent passes, and nothing else does."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
from email import message_from_string
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.http.request import HttpHeaders
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers as StarletteHeaders
from tests.sdk import processes
from werkzeug.datastructures import Headers as WerkzeugHeaders

from openteller import errors, models, webhooks
from openteller.errors import ConfigurationError, InvalidSignature
from openteller_sandbox.webhooks import signing

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

OTHER = "whsec_" + base64.b64encode(b"another secret of some length").decode()
EVENT = (
    '{"event_id":"evt_5h7j9l1n3q5s7u9w","type":"payment.succeeded","timestamp":"2026-09-29T10:32:10+08:00",'
    '"data":{"payment_id":"pay_2b4d6f8h0k1m","partner_reference":"订单-1","status":"succeeded","version":5}}'
).encode()
NOW = 1_790_649_000.0


def signed(body: bytes = EVENT, secrets: Any = SECRET, **options: Any) -> dict[str, str]:
    return webhooks.sign(body, secrets, timestamp=options.pop("timestamp", NOW), **options)


def refused(body: bytes, headers: Any, secrets: Any = SECRET, **options: Any) -> InvalidSignature:
    with pytest.raises(InvalidSignature) as caught:
        webhooks.verify(body, headers, secrets, **{"now": NOW, **options})
    return caught.value


@pytest.mark.parametrize("headers", [None, 7, ["webhook-id"], [("webhook-id", "a", "b")], [None]])
def test_what_is_no_headers_is_a_mistake_of_the_program(headers: Any) -> None:
    with pytest.raises(ConfigurationError, match="headers of the request"):
        webhooks.verify(EVENT, headers, SECRET, now=NOW)


def test_the_example_of_standard_webhooks_is_signed_and_recognised() -> None:
    headers = webhooks.sign(BODY, SECRET, webhook_id=MESSAGE, timestamp=TIMESTAMP)
    assert headers == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }
    with pytest.raises(errors.BrokenAnswer, match="signed this, but it is no event"):
        webhooks.verify(BODY, headers, SECRET, now=TIMESTAMP)


def test_an_event_comes_typed() -> None:
    event = webhooks.verify(EVENT, signed(), SECRET, now=NOW)
    assert isinstance(event, models.Event)
    assert event.type == models.EventType.PAYMENT_SUCCEEDED
    assert (event.data.payment_id, event.data.partner_reference) == ("pay_2b4d6f8h0k1m", "订单-1")
    assert event.timestamp.isoformat() == "2026-09-29T10:32:10+08:00"


def test_a_type_of_event_that_is_not_known_yet_is_no_error() -> None:
    body = EVENT.replace(b"payment.succeeded", b"branch.moved")
    assert webhooks.verify(body, signed(body), SECRET, now=NOW).type == "branch.moved"


def test_members_that_are_not_known_yet_are_no_error() -> None:
    body = EVENT.replace(b'"version":5', b'"branch_id":"brn_1","moved":{"to":[1,null]},"version":5,"at":"12:00"')
    body = body[:-1] + b',"actor":"CLERK"}'
    event = webhooks.verify(body, signed(body), SECRET, now=NOW)
    assert (event.event_id, event.data.version) == ("evt_5h7j9l1n3q5s7u9w", 5)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\xff", b'{"event_id":7}', EVENT.replace(b":5", b':"5"'), EVENT[:-1], b"[" * 20_000],
)
def test_what_the_bank_has_signed_but_is_no_event_is_told(body: bytes) -> None:
    with pytest.raises(errors.BrokenAnswer, match="signed this, but it is no event"):
        webhooks.verify(body, signed(body), SECRET, now=NOW)


@given(st.binary(max_size=200), st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20))
def test_what_the_sandbox_signs_the_client_recognises(body: bytes, webhook_id: str) -> None:
    secret, private = signing.new_secret(), signing.new_private_key()
    headers = signing.headers(webhook_id, int(NOW), body, [OTHER, secret], [private])
    for key in (secret, signing.public_key(private)):
        with pytest.raises(errors.BrokenAnswer):  # it is signed; it is no event
            webhooks.verify(body, headers, key, now=NOW)


@pytest.mark.abuse("webhooks", "changes a signed event on its way")
@given(st.integers(0, len(EVENT) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, change: int) -> None:
    changed = bytearray(EVENT)
    changed[place] ^= change
    assert refused(bytes(changed), signed()).reason in {"signature", "body"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "dlv_another"),
        ("webhook-timestamp", str(int(NOW) + 1)),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("webhook-signature", "garbage"),
        ("webhook-signature", "v1,not base64!"),
        ("webhook-signature", "," * 5000),
        ("webhook-signature", " ".join(["v1,AAAA"] * 1000)),
        ("webhook-id", "dlv_" + "1" * 5000),
        ("webhook-id", "dlv_1\r\nwebhook-id: dlv_2"),
        ("webhook-id", "ｄｌｖ_1"),
    ],
)
def test_a_changed_header_is_found(name: str, value: str) -> None:
    assert refused(EVENT, signed() | {name: value}).reason in {"signature", "header"}


@pytest.mark.abuse("webhooks", "signs an event with a secret of its own")
def test_a_signature_of_another_secret_is_none() -> None:
    error = refused(EVENT, signed(secrets=OTHER))
    assert error.reason == "signature"
    for cause in ("written anew", "another endpoint", "rotated", "header", "not of the bank"):
        assert cause in str(error)


def test_a_scheme_is_part_of_what_is_compared() -> None:
    """The HMAC under another scheme's name is not believed."""
    headers = signed()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1a,")
    assert refused(EVENT, headers).reason == "signature"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers = {name: value for name, value in signed().items() if name != missing}
    error = refused(EVENT, headers)
    assert error.reason == "header"
    assert missing in str(error)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_comes_twice_is_refused(name: str, *, first: bool) -> None:
    """What was verified might not be the one that a program reads, and remembers deliveries by."""
    once, other = list(signed().items()), (name.title(), "dlv_another")
    pairs = [other, *once] if first else [*once, other]
    for headers in (pairs, WerkzeugHeaders(pairs), dict(pairs), StarletteHeaders(raw=raw(pairs))):
        error = refused(EVENT, headers)
        assert error.reason == "header"
        assert f"{name} twice" in str(error)
    assert refused(EVENT, signed() | {name: f"{signed()[name]}, dlv_another"}), "as WSGI joins them"


def raw(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in pairs]


def test_nothing_moves_over_the_full_stops_of_what_is_signed() -> None:
    """Identifier, timestamp and body are joined: what was signed as a body must not pass for a timestamp and a body."""
    inner = EVENT.decode()
    body = f"1.{int(NOW)}.{inner}".encode()
    headers = signed(body, webhook_id="dlv_1", timestamp=NOW)
    shifted = headers | {"webhook-id": f"dlv_1.{int(NOW)}.1"}
    error = refused(EVENT, shifted)
    assert (error.reason, str(error)) == ("header", "webhook-id is no identifier")
    with pytest.raises(ConfigurationError, match="full stop"):
        webhooks.sign(body, SECRET, webhook_id="dlv.1")


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "１７９０", "9" * 40, "1790649000.5"])
def test_a_timestamp_that_is_none_is_refused(value: str) -> None:
    assert refused(EVENT, signed() | {"webhook-timestamp": value}).reason == "header"


@pytest.mark.abuse("webhooks", "sends an old event again")
@pytest.mark.parametrize(("late", "fine"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_what_is_sent_again_later_is_refused(late: int, *, fine: bool) -> None:
    if fine:
        webhooks.verify(EVENT, signed(), SECRET, now=NOW + late)
        return
    error = refused(EVENT, signed(), now=NOW + late)
    assert error.reason == "age"
    assert "sent it again" in str(error)


def test_the_tolerance_can_be_told() -> None:
    webhooks.verify(EVENT, signed(), SECRET, now=NOW + 900, tolerance=1000)
    assert refused(EVENT, signed(), now=NOW + 11, tolerance=10).reason == "age"
    for tolerance in (0, -1, float("nan")):
        with pytest.raises(ConfigurationError, match="tolerance"):
            webhooks.verify(EVENT, signed(), SECRET, now=NOW, tolerance=tolerance)


@pytest.mark.parametrize(
    "anew",
    [
        lambda body: json.dumps(json.loads(body)).encode(),
        lambda body: json.dumps(json.loads(body), ensure_ascii=False, indent=2).encode(),
        lambda body: body.replace(b":", b": "),
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body + b"\n",
    ],
)
def test_a_body_that_was_written_anew_is_refused_and_the_error_says_why(anew: Any) -> None:
    error = refused(anew(EVENT), signed())
    assert "written anew" in str(error)


def test_where_only_the_spaces_differ_the_error_is_certain() -> None:
    assert refused(json.dumps(json.loads(EVENT)).encode(), signed()).reason == "body"
    assert refused(json.dumps(json.loads(EVENT)).encode(), signed(secrets=OTHER)).reason == "signature"
    private, public = keys()
    assert refused(json.dumps(json.loads(EVENT)).encode(), signed(secrets=private), public).reason == "body"


@pytest.mark.parametrize("body", [EVENT.decode(), json.loads(EVENT), None, [EVENT]])
def test_only_bytes_are_taken(body: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"bytes of the body as they came.*request\.get_data"):
        webhooks.verify(body, signed(), SECRET, now=NOW)
    with pytest.raises(ConfigurationError, match="bytes"):
        webhooks.sign(body, SECRET)


def test_what_is_like_bytes_is_taken() -> None:
    for body in (bytearray(EVENT), memoryview(EVENT)):
        assert webhooks.verify(body, signed(), SECRET, now=NOW).data.version == 5


def test_a_body_that_is_too_large_is_not_even_hashed() -> None:
    large = b" " * (webhooks.LARGEST_BODY + 1)
    assert refused(large, signed(large)).reason == "size"


@pytest.mark.parametrize(
    "headers",
    [
        lambda found: {name.title(): value for name, value in found.items()},
        lambda found: {name.upper(): value for name, value in found.items()},
        lambda found: list(found.items()),
        lambda found: [(name.encode(), value.encode()) for name, value in found.items()],
        WerkzeugHeaders,
        StarletteHeaders,
        lambda found: HttpHeaders({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in found.items()}),
        lambda found: message_from_string("".join(f"{name}: {value}\n" for name, value in found.items())),
        lambda found: found | {"content-type": "application/json"},
    ],
)
def test_headers_come_in_any_case_and_from_any_framework(headers: Any) -> None:
    assert webhooks.verify(EVENT, headers(signed()), SECRET, now=NOW)


def test_while_a_secret_is_rotated_either_is_enough() -> None:
    both = signed(secrets=[OTHER, SECRET])
    for secrets in (SECRET, OTHER, [SECRET, OTHER], ("whsec_" + "A" * 32, OTHER), {SECRET}):
        assert webhooks.verify(EVENT, both, secrets, now=NOW)
    assert webhooks.verify(EVENT, signed(secrets=SECRET), [OTHER, SECRET], now=NOW)
    assert refused(EVENT, both, "whsec_" + "A" * 32)


def test_a_secret_may_come_without_its_prefix() -> None:
    assert webhooks.verify(EVENT, signed(), SECRET.removeprefix("whsec_"), now=NOW)


@pytest.mark.parametrize(
    "secrets",
    [
        *("", [], [""], [SECRET, ""], None, [None], [SECRET, None], b"whsec_AAAA", [b"whsec_AAAA"], [7]),
        *("whsec_", "whsec_not base64", "whsec_%%%", "whsec_AAAA", "whpk_AAAA", "whpk_" + "A" * 48, "whsec_密"),
    ],
)
def test_a_secret_that_is_none_is_told_without_showing_it(secrets: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        webhooks.verify(EVENT, signed(), secrets, now=NOW)
    told = str(caught.value) + repr(caught.value)
    assert not any(part in told for part in ("not base64", "%%%", "AAAA", "密"))
    assert caught.value.__cause__ is None and "secret" in told


# --- Ed25519


def keys() -> tuple[str, str]:
    private = Ed25519PrivateKey.generate()
    return (
        "whsk_" + base64.b64encode(private.private_bytes_raw()).decode(),
        "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    )


def test_a_public_key_is_enough_to_verify() -> None:
    private, public = keys()
    assert webhooks.verify(EVENT, signed(secrets=[OTHER, private]), public, now=NOW)
    assert webhooks.verify(EVENT, signed(secrets=[private]), [SECRET, public], now=NOW)


def test_a_signature_of_another_private_key_is_none() -> None:
    (private, _), (_, public) = keys(), keys()
    assert refused(EVENT, signed(secrets=[private]), public).reason == "signature"
    assert refused(EVENT + b" ", signed(secrets=[private]), public).reason in {"signature", "body"}


def test_a_private_key_does_not_verify() -> None:
    private, _ = keys()
    with pytest.raises(ConfigurationError, match="public one") as caught:
        webhooks.verify(EVENT, signed(), private, now=NOW)
    assert private not in str(caught.value)


def test_without_the_extra_v1_works_and_v1a_says_what_is_missing() -> None:
    private, public = keys()
    both = json.dumps(signed(secrets=[SECRET, private]))
    script = f"""
import sys
sys.modules["cryptography"] = None
sys.modules["cryptography.hazmat.primitives.asymmetric.ed25519"] = None
from openteller import errors, webhooks
assert webhooks.verify({EVENT!r}, {both}, {SECRET!r}, now={NOW})
assert webhooks.verify({EVENT!r}, {both}, [{SECRET!r}, {public!r}], now={NOW})
for call in (
    lambda: webhooks.verify({EVENT!r}, {both}, {public!r}, now={NOW}),
    lambda: webhooks.sign({EVENT!r}, {private!r}),
):
    try:
        call()
    except errors.ConfigurationError as error:
        assert "openteller[oauth]" in str(error)
    else:
        raise AssertionError("it should have failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=processes.environment(), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


# --- what errors show


def test_no_error_shows_a_secret_and_each_survives_pickling() -> None:
    private, public = keys()
    error = refused(EVENT, signed(secrets=OTHER), [SECRET, public])
    again = pickle.loads(pickle.dumps(error))
    for text in (str(error), repr(error), repr(error.__dict__), str(again)):
        for secret in (SECRET, SECRET.removeprefix("whsec_"), OTHER, private, public):
            assert secret not in text
    assert (again.reason, again.code, str(again)) == (error.reason, "INVALID_SIGNATURE", str(error))
    assert isinstance(error, errors.OpenTellerError)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=6), st.binary(max_size=300))
def test_nothing_that_is_sent_raises_anything_else(headers: dict[str, str], body: bytes) -> None:
    for found in (headers, headers | signed(), signed() | {"webhook-signature": " ".join(headers.values())}):
        with pytest.raises((InvalidSignature, errors.BrokenAnswer)):
            webhooks.verify(body, found, SECRET, now=NOW)
