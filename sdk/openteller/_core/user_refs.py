"""References to a partner's users that say nothing about them."""

from __future__ import annotations

import hashlib
import hmac

from openteller.errors import ConfigurationError

__all__ = ["user_ref"]


def user_ref(key: bytes | str, *parts: str) -> str:
    """Make a reference such as ``end_user_ref`` or ``conversation_ref``: HMAC-SHA256 over the parts, as 40 hex digits.

    The same key and parts always give the same reference; without the key nobody can go back from it, nor tell by
    trying whose it is.

    Args:
        key: the partner's own, at least 16 bytes, kept as a secret and never changed.
        parts: what names the user, such as ``"weibo", "2803301701"``.

    Raises:
        ConfigurationError: the key is too short, or a part is missing or no string.
    """
    secret = key.encode() if isinstance(key, str) else key
    if len(secret) < 16:
        raise ConfigurationError("the key of user_ref has at least 16 bytes: secrets.token_hex(16) makes one")
    if not parts or not all(_is_word(part) for part in parts):
        raise ConfigurationError("user_ref needs what names the user, in strings: user_ref(key, 'weibo', str(uid))")
    # The lengths keep ("ab", "c") and ("a", "bc") apart.
    message = b"".join(f"{len(part.encode())}:".encode() + part.encode() for part in parts)
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:40]


def _is_word(part: object) -> bool:
    return isinstance(part, str) and bool(part)
