"""Signatures as Standard Webhooks has them."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from openteller_sandbox.webhooks import signing

# The example of the specification's own libraries, which all of them verify.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_standard_webhooks_is_signed_as_it_says() -> None:
    assert signing.headers(MESSAGE, TIMESTAMP, BODY, [SECRET]) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_while_a_secret_rotates_there_is_one_signature_with_each() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    signatures = signing.headers(MESSAGE, TIMESTAMP, BODY, [new, old])["webhook-signature"].split(" ")
    content = f"{MESSAGE}.{TIMESTAMP}.".encode() + BODY
    for signature, secret in zip(signatures, (new, old), strict=True):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert signature == "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_an_ed25519_signature_is_verified_with_the_public_key_that_partners_see() -> None:
    private = signing.new_private_key()
    public = signing.public_key(private)
    assert public.startswith("whpk_")
    _, asymmetric = signing.headers(MESSAGE, TIMESTAMP, BODY, [SECRET], [private])["webhook-signature"].split(" ")
    scheme, _, encoded = asymmetric.partition(",")
    assert scheme == "v1a"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(encoded), f"{MESSAGE}.{TIMESTAMP}.".encode() + BODY)


def test_secrets_have_256_random_bits() -> None:
    made = {signing.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(one.removeprefix("whsec_"))) for one in made} == {32}
