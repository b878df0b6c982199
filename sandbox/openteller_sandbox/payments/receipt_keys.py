"""The keys with which the bank signs receipts, and what exactly they sign.

The newest key signs; the others are kept without their private part, so that what they have signed can be verified.
All are in the database, which is where a copy of the bank begins.
"""

from __future__ import annotations

import json
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Tx
from openteller_sandbox.db import facts as bank_facts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "Ed25519"
COMPACT_FORM = "OTR1"
_KEYS = "receipt_keys"
_FIRST_KEY = "receipt_key"
"""Where the key stood when there could only be one."""
_KEY_ID_BYTES = 10


def ensure(bank: Bank) -> None:
    """Make the first key where there is none; part of opening the bank, so that no payment makes it."""
    with bank.db.act() as tx:
        if bank_facts.get(tx, _KEYS) is not None:
            return
        only = bank_facts.get(tx, _FIRST_KEY)
        private = json.loads(only)["d"] if only else _new_private()
        _keep(tx, [_record(private, bank.clock.bank())])
        bank_facts.drop(tx, _FIRST_KEY)


def rotate(bank: Bank) -> str:
    """Sign with a new key from now on, and forget the private part of the old one; give the new one's identifier."""
    with bank.db.act() as tx:
        known = _known(tx)
        now = max(bank.clock.bank(), known[0]["created_at"] + 1)  # one key for an instant: a copy's age is told by it
        for key in known:
            if key.pop("d", None):
                key["retired_at"] = now
        _keep(tx, [_record(_new_private(), now), *known])
        return str(_known(tx)[0]["kid"])


def public(tx: Tx) -> list[dict[str, Any]]:
    """Give the public keys, the newest first; ``created_at`` and ``retired_at`` in epoch milliseconds."""
    return [
        {
            "kty": "OKP",
            "crv": ALGORITHM,
            "x": key["x"],
            "kid": key["kid"],
            "use": "sig",
            "alg": ALGORITHM,
            "status": "ACTIVE" if "d" in key else "RETIRED",
            "created_at": key["created_at"],
            "retired_at": key.get("retired_at"),
        }
        for key in _known(tx)
    ]


def sign(tx: Tx, receipt: Mapping[str, Any]) -> dict[str, str]:
    """Give the contract's ``ReceiptSignature`` of a receipt as it will be read."""
    key = _known(tx)[0]
    private = _imported(key["d"])
    return {
        "algorithm": ALGORITHM,
        "key_id": key["kid"],
        "value": _base64(private.sign(canonical(receipt))),
        "compact": _sealed(private, _compact_facts(receipt, key["kid"])),
    }


def canonical(receipt: Mapping[str, Any]) -> bytes:
    """Give the RFC 8785 form of a receipt without its signature: all its values are strings, objects and arrays, and
    all its names ASCII.
    """
    unsigned = {name: value for name, value in receipt.items() if name != "signature"}
    return json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _compact_facts(receipt: Mapping[str, Any], key_id: str) -> str:
    """Write what the QR code says but for the signature, in letters that make a small one."""
    total = receipt["total"]
    paid_at = clock.to_datetime(clock.parse(receipt["paid_at"]))
    return "-".join(
        [
            COMPACT_FORM,
            receipt["receipt_number"].replace("-", ""),
            receipt["verification_code"].replace("-", ""),
            f"{total['currency']}{total['amount']}",
            paid_at.strftime("%Y%m%dT%H%M%S"),
            receipt["biller"]["biller_id"].removeprefix("blr_").upper(),
            _base32(urlsafe_b64decode(f"{key_id}=")[:_KEY_ID_BYTES]),
        ]
    )


def _sealed(private: Ed25519PrivateKey, facts: str) -> str:
    return f"{facts}-{_base32(private.sign(facts.encode('ascii')))}"


def _known(tx: Tx) -> list[dict[str, Any]]:
    text = bank_facts.get(tx, _KEYS)
    assert text is not None
    return list(json.loads(text))


def _keep(tx: Tx, keys: list[dict[str, Any]]) -> None:
    bank_facts.put(tx, _KEYS, json.dumps(keys))


def _new_private() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - once in a bank's life

    return _base64(Ed25519PrivateKey.generate().private_bytes_raw())


def _record(private: str, now: int) -> dict[str, Any]:
    """Give what is kept of a key: private and public part, RFC 7638 thumbprint, and since when it signs."""
    x = _base64(_imported(private).public_key().public_bytes_raw())
    thumbprint = sha256(json.dumps({"crv": ALGORITHM, "kty": "OKP", "x": x}, separators=(",", ":")).encode())
    return {"kid": _base64(thumbprint.digest()), "x": x, "d": private, "created_at": now}


@lru_cache(maxsize=4)
def _imported(private: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - costs more than a start should

    return Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(f"{private}="))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _base32(data: bytes) -> str:
    return b32encode(data).rstrip(b"=").decode()
