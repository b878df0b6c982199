"""Secrets of endpoints and the signatures of Standard Webhooks (https://www.standardwebhooks.com).

``v1`` is HMAC-SHA256 under a shared secret, ``v1a`` Ed25519; both sign ``{webhook-id}.{webhook-timestamp}.{body}``.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
PUBLIC_PREFIX = "whpk_"
PRIVATE_PREFIX = "whsk_"
_KEY_BYTES = 32


def new_secret() -> str:
    """Make a shared secret of 256 bits."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def new_private_key() -> str:
    """Make an Ed25519 private key."""
    return PRIVATE_PREFIX + b64encode(secrets.token_bytes(_KEY_BYTES)).decode()  # RFC 8032: any 32 random bytes


def public_key(private_key: str) -> str:
    """Give the public key that belongs to a private one."""
    return PUBLIC_PREFIX + b64encode(_ed25519(private_key).public_key().public_bytes_raw()).decode()


def headers(
    webhook_id: str, timestamp_s: int, body: bytes, shared: Iterable[str], private: Iterable[str] = ()
) -> dict[str, str]:
    """Give the three headers of a delivery.

    Args:
        webhook_id: of the delivery.
        timestamp_s: wall time, seconds since 1970.
        body: exactly what is sent.
        shared: secrets, the newest first.
        private: Ed25519 private keys, likewise.
    """
    content = b"%s.%d.%s" % (webhook_id.encode(), timestamp_s, body)
    signatures = [f"v1,{_encoded(_hmac(secret, content))}" for secret in shared]
    signatures += [f"v1a,{_encoded(_ed25519(key).sign(content))}" for key in private]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


def _hmac(secret: str, content: bytes) -> bytes:
    return hmac.digest(b64decode(secret.removeprefix(SECRET_PREFIX)), content, "sha256")


@lru_cache(64)
def _ed25519(private_key: str) -> Ed25519PrivateKey:
    # Loaded with the first endpoint that asks for it: it costs more than a start should.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    return Ed25519PrivateKey.from_private_bytes(b64decode(private_key.removeprefix(PRIVATE_PREFIX)))


def _encoded(signature: bytes) -> str:
    return b64encode(signature).decode()
