"""Ed25519 (RFC 8032), for webhooks and receipts; the extra ``oauth`` brings what it needs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from openteller.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["is_signed", "private_key", "public_key"]

_KEYS_KEPT = 64
_MISSING = 'Ed25519 signatures need the extra oauth: pip install "openteller[oauth]"'


def is_signed(key: bytes, signature: bytes, content: bytes) -> bool:
    """Tell whether a public key (32 bytes) has signed something.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    public = public_key(key)
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - it is there by now

    try:
        public.verify(signature, content)
    except InvalidSignature:
        return False
    return True


@lru_cache(_KEYS_KEPT)
def public_key(key: bytes) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(_MISSING) from error
    return Ed25519PublicKey.from_public_bytes(key)


@lru_cache(_KEYS_KEPT)
def private_key(key: bytes) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(_MISSING) from error
    return Ed25519PrivateKey.from_private_bytes(key)
