"""Receipts: finding out without asking whether the bank has signed one.

::

    from openteller import receipts

    paper = receipts.verify_offline(scanned, keys=client.receipts.keys())
    print(paper.receipt_number, paper.total, paper.paid_at)

Everything here is computation: nothing is sent, read or waited for. That the bank has signed a receipt does not say
that the payment still stands: it may have been refunded since, which ``client.receipts.verify`` tells.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from openteller import _ed25519
from openteller.errors import ConfigurationError, InvalidSignature

if TYPE_CHECKING:
    from openteller.models import Receipt, ReceiptKey, ReceiptKeySet
    from openteller.money import Money

__all__ = ["VerifiedReceipt", "verify_offline"]

Keys: TypeAlias = "ReceiptKeySet | Mapping[str, Any] | Iterable[ReceiptKey | Mapping[str, Any]]"

_LARGEST = 64 * 1024
_BANK_ZONE = timezone(timedelta(hours=8))
_KEY_BYTES = 32
_KEY_NAME_BYTES = 10
_COMPACT = re.compile(
    r"OTR1-(?P<number>[0-9A-Z]{12})-(?P<code>[0-9A-Z]{8})-(?P<currency>[A-Z]{3})(?P<total>[0-9]{1,14}(?:\.[0-9]{1,4})?)"
    r"-(?P<paid_at>[0-9]{8}T[0-9]{6})-(?P<biller>[0-9A-Z]{4,44})-(?P<key>[A-Z2-7]{16})-(?P<seal>[A-Z2-7]{103})"
)
_FORM = re.compile(r"OTR[0-9]+-")
_BEFORE = "/R/"
_CHANGED = "the signature does not fit: something in the receipt was changed, or the bank has never issued it"
_RECORD = (
    "the signature does not fit this record. If the bank is newer than this release, the record lacks what it does not "
    "know, and the signature is over the whole: pass the JSON as it came. Else something was changed"
)
_UNKNOWN_KEY = (
    "it names a key that is not among these. Where the bank may have a new one, get its keys again "
    "(client.receipts.keys()); else the receipt is not of this bank"
)


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt says that the bank has signed.

    Attributes:
        receipt_number: as it is printed.
        verification_code: likewise; in no repr, as it opens the receipt to whoever has it.
        total: what the payer has paid, fees included.
        paid_at: when, in the bank's zone, to the second.
        biller_id: who was paid.
        key_id: RFC 7638 thumbprint of the key.
        receipt: the whole receipt; None where only the text of its QR code was there.
    """

    receipt_number: str
    verification_code: str = field(repr=False)
    total: Money
    paid_at: datetime
    biller_id: str
    key_id: str
    receipt: Receipt | None = None


def verify_offline(receipt: Receipt | Mapping[str, Any] | str | bytes, *, keys: Keys) -> VerifiedReceipt:
    """Make sure that the bank has signed a receipt, just so.

    Args:
        receipt: its JSON as it came (text, bytes, or parsed), the record that ``client.payments.receipt`` gives, or
            what its QR code says, with or without the address before it.
        keys: the bank's, as ``client.receipts.keys()`` gives them, or as JSON: from the bank itself, however long ago,
            never from whoever shows the receipt.

    Raises:
        InvalidSignature: the bank has not signed this; ``reason`` says what is wrong: ``signature``, ``key``, ``form``
            (no receipt, or one of a form that this release cannot read) or ``size``.
        ConfigurationError: there is no key, or Ed25519 is not installed.
    """
    known = _known(keys)
    document = _read(receipt)
    if isinstance(document, str):
        return _verified_compact(document, known)
    return _verified(document, known, is_record=hasattr(receipt, "to_dict"))


def _verified(document: Mapping[str, Any], known: Mapping[bytes, bytes], *, is_record: bool) -> VerifiedReceipt:
    signature = document.get("signature")
    if not isinstance(signature, Mapping):
        raise InvalidSignature("the receipt has no signature: the bank signs each one", reason="form")
    if signature.get("algorithm") != "Ed25519":
        raise InvalidSignature("it is signed by an algorithm that this release does not know", reason="form")
    thumbprint = _decoded(signature.get("key_id"), 32)
    if thumbprint not in known:
        raise InvalidSignature(_UNKNOWN_KEY, reason="key")
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    if not _ed25519.is_signed(known[thumbprint], _decoded(signature.get("value"), 64), _canonical(unsigned)):
        raise InvalidSignature(_RECORD if is_record else _CHANGED)
    found = _facts(document, thumbprint)
    compact = signature.get("compact")
    if compact is not None:
        _check_same(_verified_compact(str(compact), known), found)
    return found


def _verified_compact(compact: str, known: Mapping[bytes, bytes]) -> VerifiedReceipt:
    found = _COMPACT.fullmatch(compact)
    if not found:
        if _FORM.match(compact) and not compact.startswith("OTR1-"):
            raise InvalidSignature("the QR code has a form that this release cannot read: update it", reason="form")
        raise InvalidSignature("this is no receipt's QR code, or was cut off", reason="form")
    name = b32decode(found["key"])
    thumbprint = next((each for each in known if each.startswith(name)), None)
    if thumbprint is None:
        raise InvalidSignature(_UNKNOWN_KEY, reason="key")
    said = compact[: found.start("seal") - 1].encode("ascii")
    if not _ed25519.is_signed(known[thumbprint], _unsealed(found["seal"]), said):
        raise InvalidSignature(_CHANGED)
    return VerifiedReceipt(
        receipt_number=_grouped(found["number"]),
        verification_code=_grouped(found["code"]),
        total=_money(found["total"], found["currency"]),
        paid_at=datetime.strptime(found["paid_at"], "%Y%m%dT%H%M%S").replace(tzinfo=_BANK_ZONE),
        biller_id=f"blr_{found['biller'].lower()}",
        key_id=_base64(thumbprint),
    )


def _read(receipt: Any) -> Mapping[str, Any] | str:
    """Give a receipt as parsed JSON, or the text of its QR code."""
    if hasattr(receipt, "to_dict"):
        receipt = receipt.to_dict()
    if isinstance(receipt, Mapping):
        return receipt
    if not isinstance(receipt, str | bytes | bytearray):
        raise ConfigurationError("a receipt is its JSON, its record, or the text of its QR code")
    if len(receipt) > _LARGEST:
        raise InvalidSignature(f"a receipt has {_LARGEST} bytes at most", reason="size")
    try:
        text = (receipt if isinstance(receipt, str) else receipt.decode()).strip()
        if not text.startswith("{"):
            # Small letters and the address before it do no harm: what was signed has capitals only.
            return text.upper().rpartition(_BEFORE)[2]
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidSignature("this is neither a receipt's JSON nor its QR code", reason="form") from error
    assert isinstance(document, dict)
    return document


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is there twice: what was verified need not be what the program reads."""
    read = dict(members)
    if len(read) != len(members):
        raise ValueError("a name is there twice")
    return read


def _canonical(unsigned: Mapping[str, Any]) -> bytes:
    """Give the RFC 8785 form. What a receipt holds is made of texts, and its names are ASCII."""
    try:
        _check_plain(unsigned)
        return json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSignature("it holds what no receipt holds", reason="form") from error


def _check_plain(value: Any) -> None:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if not (isinstance(name, str) and name.isascii()):
                raise TypeError
            _check_plain(member)
    elif isinstance(value, list):
        for member in value:
            _check_plain(member)
    elif not isinstance(value, str):
        raise TypeError


def _facts(document: Mapping[str, Any], thumbprint: bytes) -> VerifiedReceipt:
    """Read what was signed."""
    import msgspec  # noqa: PLC0415 - a program that only imports this has no use for it yet

    from openteller._core.decoding import decoder_of  # noqa: PLC0415
    from openteller.models import Receipt  # noqa: PLC0415
    from openteller.models._base import revive  # noqa: PLC0415

    decoder_of(Receipt)  # threads may come here together, and msgspec gets to know a struct in one at a time
    try:
        receipt = msgspec.convert(dict(document), Receipt, dec_hook=revive)
    except msgspec.MsgspecError as error:
        raise InvalidSignature(f"the bank has signed this, but it is no receipt: {error}", reason="form") from error
    return VerifiedReceipt(
        receipt_number=receipt.receipt_number,
        verification_code=receipt.verification_code,
        total=receipt.total,
        paid_at=receipt.paid_at,
        biller_id=receipt.biller.biller_id,
        key_id=_base64(thumbprint),
        receipt=receipt,
    )


def _check_same(compact: VerifiedReceipt, whole: VerifiedReceipt) -> None:
    """Look whether the QR code is this receipt's."""
    for name in ("receipt_number", "verification_code", "total", "paid_at", "biller_id", "key_id"):
        if getattr(compact, name) != getattr(whole, name):
            raise InvalidSignature("its QR code is of another receipt")


# --- keys and signatures ----------------------------------------------------------------------------------------------


def _known(keys: Any) -> dict[bytes, bytes]:
    """Give the public keys by their thumbprints, which are computed: what a key calls itself proves nothing."""
    listed = keys.to_dict() if hasattr(keys, "to_dict") else keys
    if isinstance(listed, Mapping):
        listed = listed.get("keys", [])
    found = {}
    for one in listed if isinstance(listed, Iterable) and not isinstance(listed, str | bytes) else ():
        key = one.to_dict() if hasattr(one, "to_dict") else one
        x = _decoded(key.get("x"), _KEY_BYTES) if isinstance(key, Mapping) and key.get("crv") == "Ed25519" else b""
        if x:
            found[_thumbprint(x)] = x
    if not found:
        raise ConfigurationError("there is no Ed25519 key among these: give what client.receipts.keys() gives")
    return found


def _thumbprint(x: bytes) -> bytes:
    """RFC 7638 of an Ed25519 key."""
    return hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64(x)}"}}'.encode()).digest()


def _decoded(text: Any, size: int) -> bytes:
    """Read base64url of so many bytes, in the one way that it is written; anything else is empty."""
    try:
        data = urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}") if isinstance(text, str) else b""
    except ValueError:
        return b""
    return data if len(data) == size and _base64(data) == text else b""


def _unsealed(text: str) -> bytes:
    """Read base32 of a signature, likewise."""
    data = b32decode(text + "=" * (-len(text) % 8))
    return data if b32encode(data).rstrip(b"=").decode() == text else b""


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _money(amount: str, currency: str) -> Money:
    from openteller.money import Money  # noqa: PLC0415 - see above

    return Money(Decimal(amount), currency)
