"""The keys with which the authorization server signs what it says of itself (RFC 8414 section 2.1).

A key goes from pending to active to retired by the clock alone, the same in every process: it is published for longer
than a copy of the key set may be kept before it signs, and after it has signed for as long as that may be believed.
Importing this costs little; cryptography is imported where something is signed.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import DAY, MINUTE, SECOND
from openteller_sandbox.db import Tx
from openteller_sandbox.db import facts as bank_facts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALGORITHM = "ES256"
PUBLISHED_MS = 10 * MINUTE
"""How long a key is published before it signs: twice as long as the key set may be cached."""
BELIEVED_MS = DAY
"""How long what was signed may be believed."""
_SIGNED_EACH_MS = 5 * MINUTE
_NAME = "oauth_keys"
_BYTES = 32


class Stage(StrEnum):
    """Where a key is in its life."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the server. signs_from: wall time, epoch milliseconds; private: of one that may still sign."""

    kid: str
    x: str
    y: str
    signs_from: int
    private: str | None = field(repr=False)

    @property
    def jwk(self) -> dict[str, str]:
        """Its public half (RFC 7517)."""
        point = {"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y}
        return {**point, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


class RotationPending(Exception):
    """A key is waiting already for its time to sign."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__(key.kid)
        self.key = key


def ensure(bank: Bank) -> None:
    """Make the first key where there is none; part of opening the bank, so that no request makes it."""
    with bank.db.act() as tx:
        if bank_facts.get(tx, _NAME) is None:
            _keep(tx, [_new(bank.clock.wall())])


def rotate(bank: Bank, *, at_once: bool = False) -> SigningKey:
    """Make the next key, which signs when it has been published for long enough; give it.

    Args:
        bank: whose key.
        at_once: the keys that there are may be in the wrong hands: the new one signs now, the others are forgotten.

    Raises:
        RotationPending: there is a next key already.
    """
    now = bank.clock.wall()
    with bank.db.act() as tx:
        known = _known(tx)
        if at_once:
            made = _new(now)
            _keep(tx, [made])
            return made
        if known[-1].signs_from > now:
            raise RotationPending(known[-1])
        made = _new(now + PUBLISHED_MS)
        _keep(tx, [*(_needed(key, stage) for key, stage in _staged(known, now)), made])
    return made


def published(bank: Bank) -> list[tuple[SigningKey, Stage]]:
    """Give the keys that are published now, in the order in which they sign."""
    return _staged(_known(bank.db.read()), bank.clock.wall())


def signed(bank: Bank, claims: dict[str, Any]) -> str:
    """Give a JWT of claims with the active key, for a day; issuer and times are added."""
    now = bank.clock.wall() // _SIGNED_EACH_MS * _SIGNED_EACH_MS
    active = next(key for key, stage in published(bank) if stage is Stage.ACTIVE)
    times = {"iss": bank.settings.public_url, "iat": now // SECOND, "exp": (now + BELIEVED_MS) // SECOND}
    return _signed(active, json.dumps({**claims, **times}, separators=(",", ":")))


def _needed(key: SigningKey, stage: Stage) -> SigningKey:
    """Give what is kept of a key: of one that has signed its last, the public half."""
    return replace(key, private=None) if stage is Stage.RETIRED else key


def _staged(known: list[SigningKey], now: int) -> list[tuple[SigningKey, Stage]]:
    """Give the keys with their stages, but for those whose last signature nobody believes any more."""
    followed = [*(key.signs_from for key in known[1:]), None]
    staged = []
    for key, next_from in zip(known, followed, strict=True):
        if key.signs_from > now:
            staged.append((key, Stage.PENDING))
        elif next_from is None or next_from > now:
            staged.append((key, Stage.ACTIVE))
        elif next_from + BELIEVED_MS > now:
            staged.append((key, Stage.RETIRED))
    return staged


@lru_cache(maxsize=4)
def _signed(key: SigningKey, claims: str) -> str:
    """Sign once what is asked for again and again for some minutes."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - costs more than a start should
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    content = f"{_b64(json.dumps({'alg': ALGORITHM, 'kid': key.kid}).encode())}.{_b64(claims.encode())}"
    numbers = decode_dss_signature(_imported(key).sign(content.encode(), ec.ECDSA(SHA256())))
    return f"{content}.{_b64(b''.join(number.to_bytes(_BYTES, 'big') for number in numbers))}"


def _imported(key: SigningKey) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - likewise

    assert key.private is not None
    return ec.derive_private_key(int.from_bytes(urlsafe_b64decode(f"{key.private}="), "big"), ec.SECP256R1())


def _new(signs_from: int) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - once in a key's life

    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_numbers()
    x, y, d = (
        _b64(number.to_bytes(_BYTES, "big")) for number in (point.x, point.y, private.private_numbers().private_value)
    )
    return SigningKey(_thumbprint(x, y), x, y, signs_from, d)


def _thumbprint(x: str, y: str) -> str:
    """Give the RFC 7638 thumbprint."""
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return _b64(sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def _known(tx: Tx) -> list[SigningKey]:
    text = bank_facts.get(tx, _NAME)
    assert text is not None
    return [SigningKey(**key) for key in json.loads(text)]


def _keep(tx: Tx, keys: list[SigningKey]) -> None:
    names = SigningKey.__dataclass_fields__
    bank_facts.put(tx, _NAME, json.dumps([{name: getattr(key, name) for name in names} for key in keys]))


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
