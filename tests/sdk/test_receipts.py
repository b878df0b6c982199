"""A receipt is verified without the bank, and whatever was changed in it is found."""

from __future__ import annotations

import builtins
import copy
import hashlib
import json
import pickle
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.processes import ROOT

from openteller import Money, _ed25519
from openteller.errors import ConfigurationError, InvalidSignature
from openteller.models import Receipt
from openteller.receipts import VerifiedReceipt, verify_offline

JSON = dict[str, Any]


@cache
def _specs() -> tuple[JSON, JSON]:
    found = []
    for document, path, name in (
        ("bill-payment", "/v1/payments/{payment_id}/receipt", "electricity"),
        ("receipts", "/v1/receipt-keys", "one"),
    ):
        contract = yaml.safe_load((ROOT / "specs" / f"{document}.yaml").read_text(encoding="utf-8"))
        answer = contract["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        found.append(answer["examples"][name]["value"])
    return found[0], found[1]


RECEIPT, KEYS = _specs()
COMPACT = RECEIPT["signature"]["compact"]
FACTS = {
    "receipt_number": "R7Q2-M4X8-K3T6",
    "verification_code": "83W5-29HD",
    "total": Money("128.60", "CNY"),
    "paid_at": datetime(2026, 9, 29, 10, 32, 10, tzinfo=timezone(timedelta(hours=8))),
    "biller_id": "blr_8q9gfl0klcyu",
    "key_id": KEYS["keys"][0]["kid"],
}


def text_of(document: JSON) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def record() -> Receipt:
    import msgspec

    from openteller.models._base import revive

    return msgspec.convert(RECEIPT, Receipt, dec_hook=revive)


def facts_of(found: VerifiedReceipt) -> JSON:
    return {name: getattr(found, name) for name in FACTS}


def refused(receipt: Any, keys: Any = KEYS) -> InvalidSignature:
    with pytest.raises(InvalidSignature) as caught:
        verify_offline(receipt, keys=keys)
    assert RECEIPT["verification_code"] not in str(caught.value)
    return caught.value


class Bank:
    """Signs as the contract says, with a key of its own."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        x = self.private.public_key().public_bytes_raw()
        self.x = self.base64(x)
        jwk = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": self.x}, separators=(",", ":"))
        self.thumbprint = hashlib.sha256(jwk.encode()).digest()
        self.kid = self.base64(self.thumbprint)
        self.key = {"kty": "OKP", "crv": "Ed25519", "x": self.x, "kid": self.kid}

    def sign(self, document: JSON, compact: str | None = None) -> JSON:
        unsigned = {name: value for name, value in document.items() if name != "signature"}
        text = json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        signature = {
            "algorithm": "Ed25519",
            "key_id": self.kid,
            "value": self.base64(self.private.sign(text.encode())),
        }
        return unsigned | {"signature": signature | ({"compact": compact} if compact else {})}

    def compact(self, said: str) -> str:
        return f"{said}-{b32encode(self.private.sign(said.encode())).rstrip(b'=').decode()}"

    @staticmethod
    def base64(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "given",
    [
        RECEIPT,
        text_of(RECEIPT),
        text_of(RECEIPT).encode(),
        json.dumps(RECEIPT, indent=4),
        record(),
    ],
    ids=["parsed", "text", "bytes", "written anew", "record"],
)
def test_a_receipt_of_the_bank_is_verified_in_any_shape(given: Any) -> None:
    found = verify_offline(given, keys=KEYS)
    assert facts_of(found) == FACTS
    assert found.receipt == record()
    assert FACTS["verification_code"] not in repr(found)


@pytest.mark.parametrize(
    "given",
    [COMPACT, COMPACT.lower(), f" {COMPACT}\n", f"HTTPS://BANK.EXAMPLE/R/{COMPACT}", f"http://a/b/R/{COMPACT}"],
)
def test_the_text_of_a_qr_code_is_enough(given: str) -> None:
    found = verify_offline(given, keys=KEYS)
    assert facts_of(found) == FACTS
    assert found.receipt is None


@pytest.mark.parametrize(
    "keys",
    [
        KEYS["keys"],
        iter(KEYS["keys"]),
        [*KEYS["keys"], Bank().key],
        {"keys": [Bank().key, {"kty": "RSA", "n": "AQAB"}, *KEYS["keys"]]},
    ],
    ids=["list", "iterator", "two", "with others"],
)
def test_keys_come_in_any_shape(keys: Any) -> None:
    assert verify_offline(COMPACT, keys=keys).key_id == FACTS["key_id"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, (*path, index))
    else:
        yield path


@pytest.mark.parametrize("path", list(leaves(RECEIPT)), ids=lambda path: ".".join(map(str, path)))
def test_every_changed_value_is_found(path: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(RECEIPT)
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = at[path[-1]][:-1] + ("7" if at[path[-1]][-1] != "7" else "6")
    refused(changed)
    at[path[-1]] += "7"
    refused(changed)


def test_a_member_more_or_less_is_found() -> None:
    for name in RECEIPT:
        refused({other: value for other, value in RECEIPT.items() if other != name})
    assert refused(RECEIPT | {"fees_waived": "yes"}).reason == "signature"


def test_every_changed_byte_of_the_json_is_found_or_changes_nothing() -> None:
    """Nothing: a name within ``signature`` that is not read."""
    whole = text_of(RECEIPT).encode()
    harmless = 0
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        try:
            found = verify_offline(changed, keys=KEYS)
        except InvalidSignature:
            continue
        assert facts_of(found) == FACTS
        harmless += 1
    assert harmless == len("compact")


def test_every_changed_letter_of_a_qr_code_is_found() -> None:
    for place, letter in enumerate(COMPACT):
        for other in "-.0A7Zé":
            if other != letter:
                refused(COMPACT[:place] + other + COMPACT[place + 1 :])


@given(st.text(max_size=400) | st.binary(max_size=400) | st.text("OTR1-0A.7", max_size=250))
def test_anything_else_is_refused(given: str | bytes) -> None:
    assert refused(given).reason == "form"


def test_the_last_letter_of_a_signature_has_one_spelling() -> None:
    """Base64 and base32 have letters to spare at their end; another one would be another text with the same bytes."""
    value = RECEIPT["signature"]["value"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = value[:-1] + alphabet[alphabet.index(value[-1]) + 1]
    assert refused(RECEIPT | {"signature": RECEIPT["signature"] | {"value": twin}}).reason == "signature"
    assert COMPACT[-1] == "A"
    assert refused(COMPACT[:-1] + "B").reason == "signature"


def test_a_key_that_is_not_the_banks_is_told() -> None:
    for receipt in (RECEIPT, COMPACT):
        error = refused(receipt, [Bank().key])
        assert error.reason == "key"
        assert "receipts.keys()" in error.message


def test_a_key_that_calls_itself_the_banks_is_not_taken() -> None:
    forger = Bank()
    forged = forger.sign(RECEIPT)
    forged["signature"]["key_id"] = FACTS["key_id"]
    assert refused(forged).reason == "signature"
    assert refused(forged, [forger.key | {"kid": FACTS["key_id"]}]).reason == "key"


def test_a_qr_code_of_another_receipt_is_found() -> None:
    bank = Bank()
    name = b32encode(bank.thumbprint[:10]).decode()
    said = COMPACT.rsplit("-", 2)[0] + f"-{name}"
    assert verify_offline(bank.sign(RECEIPT, bank.compact(said)), keys=[bank.key])
    for one, other in (("R7Q2", "R7Q3"), ("CNY128.60", "CNY128.61"), ("T103210", "T103211"), ("8Q9G", "8Q9H")):
        spliced = bank.sign(RECEIPT, bank.compact(said.replace(one, other)))
        assert "another receipt" in refused(spliced, [bank.key]).message


def test_old_and_new_forms_are_told_apart_from_forgeries() -> None:
    unsigned = {name: value for name, value in RECEIPT.items() if name != "signature"}
    assert refused(unsigned).reason == "form"
    newer = refused(COMPACT.replace("OTR1", "OTR2"))
    assert newer.reason == "form"
    assert "update" in newer.message
    other = RECEIPT | {"signature": RECEIPT["signature"] | {"algorithm": "ML-DSA-65"}}
    assert refused(other).reason == "form"
    bank = Bank()
    old = bank.sign(RECEIPT)  # made before there were QR codes
    assert facts_of(verify_offline(old, keys=[bank.key])) == FACTS | {"key_id": bank.kid}


def test_a_newer_bank_may_sign_more_than_this_release_knows() -> None:
    bank = Bank()
    newer = bank.sign(RECEIPT | {"loyalty": {"points": "12"}})
    assert verify_offline(text_of(newer), keys=[bank.key]).total == FACTS["total"]
    import msgspec

    from openteller.models._base import revive

    known = msgspec.convert(newer, Receipt, dec_hook=revive)
    assert "pass the JSON as it came" in refused(known, [bank.key]).message


def test_what_the_bank_has_signed_need_not_be_a_receipt() -> None:
    bank = Bank()
    assert refused(bank.sign({"total": "much"}), [bank.key]).reason == "form"


@pytest.mark.parametrize(
    "hostile",
    [
        text_of(RECEIPT)[:-1] + ',"total":{"amount":"1.00","currency":"CNY"}}',
        RECEIPT | {"total": {"amount": 128.6, "currency": "CNY"}},
        RECEIPT | {"fees": None},
        RECEIPT | {"é": "x"},
        RECEIPT | {1: "x"},
        RECEIPT | {"payer_masked": "\ud800"},
        '{"a":' * 5000 + "1" + "}" * 5000,
        b"\xff\xfe",
        "{",
    ],
    ids=["twice", "float", "null", "name", "number as name", "half a character", "deep", "no text", "half"],
)
def test_what_no_receipt_holds_is_refused(hostile: Any) -> None:
    assert refused(hostile).reason == "form"


def test_what_is_too_large_is_not_read() -> None:
    assert refused(text_of(RECEIPT) + " " * 70_000).reason == "size"


@pytest.mark.parametrize("keys", [[], {}, {"keys": []}, "x", None, [{"crv": "Ed25519", "x": "short"}], [1]])
def test_without_a_key_nothing_is_verified(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match="no Ed25519 key"):
        verify_offline(COMPACT, keys=keys)


def test_something_else_is_no_receipt() -> None:
    with pytest.raises(ConfigurationError, match="a receipt is"):
        verify_offline(7, keys=KEYS)  # type: ignore[arg-type]


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *rest)

    _ed25519.public_key.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"openteller\[oauth\]"):
        verify_offline(COMPACT, keys=KEYS)


def test_what_was_verified_pickles() -> None:
    found = verify_offline(RECEIPT, keys=KEYS)
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.total.amount == Decimal("128.60")
