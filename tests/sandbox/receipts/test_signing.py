"""What the bank signs, to the byte."""

from __future__ import annotations

import json
from base64 import b32decode, urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from tests.conftest import WallClock, make_bank
from tests.sandbox.receipts.conftest import Paid

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.payments import receipt_keys
from openteller_sandbox.payments import service as payments

SPECS = Path(__file__).parents[3] / "specs"


def public(keys: list[dict[str, Any]], key_id: str) -> Ed25519PublicKey:
    x = next(key["x"] for key in keys if key["kid"] == key_id)
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{x}="))


def check(key: Ed25519PublicKey, receipt: dict[str, Any]) -> None:
    """Verify both signatures, the way the contract describes them."""
    signature = receipt["signature"]
    unsigned = {name: value for name, value in receipt.items() if name != "signature"}
    text = json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    key.verify(urlsafe_b64decode(f"{signature['value']}=="), text.encode())
    said, _, seal = signature["compact"].rpartition("-")
    key.verify(b32decode(seal + "=" * (-len(seal) % 8)), said.encode("ascii"))


def test_a_receipt_is_signed_as_the_contract_says(pay: Callable[..., Paid], bank: Bank) -> None:
    receipt = pay().receipt
    keys = payments.public_receipt_keys(bank.db.read())
    key = public(keys, receipt["signature"]["key_id"])
    check(key, receipt)
    form, number, code, total, paid_at, biller, key_id, _ = receipt["signature"]["compact"].split("-")
    assert form == "OTR1"
    assert (number, code) == (
        receipt["receipt_number"].replace("-", ""),
        receipt["verification_code"].replace("-", ""),
    )
    assert total == f"CNY{receipt['total']['amount']}"
    assert f"{paid_at[:4]}-{paid_at[4:6]}-{paid_at[6:11]}:{paid_at[11:13]}:{paid_at[13:]}" == receipt["paid_at"][:19]
    assert f"blr_{biller.lower()}" == receipt["biller"]["biller_id"]
    thumbprint = urlsafe_b64decode(f"{receipt['signature']['key_id']}=")
    assert b32decode(key_id) == thumbprint[:10]


def test_every_changed_fact_breaks_the_signature(pay: Callable[..., Paid], bank: Bank) -> None:
    receipt = pay().receipt
    key = public(payments.public_receipt_keys(bank.db.read()), receipt["signature"]["key_id"])
    signature = urlsafe_b64decode(f"{receipt['signature']['value']}==")
    signed = receipt_keys.canonical(receipt)
    key.verify(signature, signed)
    for place in range(len(signed)):
        with pytest.raises(InvalidSignature):
            key.verify(signature, signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :])


def test_the_examples_in_the_contract_are_signed_with_the_key_that_stands_there() -> None:
    payment = yaml.safe_load((SPECS / "bill-payment.yaml").read_text(encoding="utf-8"))
    keys = yaml.safe_load((SPECS / "receipts.yaml").read_text(encoding="utf-8"))
    operation = payment["paths"]["/v1/payments/{payment_id}/receipt"]["get"]
    receipt = _example(operation, "electricity")
    key_set = _example(keys["paths"]["/v1/receipt-keys"]["get"], "one")
    check(public(key_set["keys"], receipt["signature"]["key_id"]), receipt)


def _example(operation: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(operation["responses"]["200"]["content"]["application/json"]["examples"][name]["value"])


def test_a_bank_that_had_one_key_goes_on_with_it(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, WallClock())
    private = Ed25519PrivateKey.generate()
    d, x = (
        receipt_keys._base64(part) for part in (private.private_bytes_raw(), private.public_key().public_bytes_raw())
    )
    with bank.db.act() as tx:
        bank_facts.drop(tx, "receipt_keys")
        bank_facts.put(tx, "receipt_key", json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x, "d": d}))
    payments.ensure_receipt_key(bank)
    assert [key["x"] for key in payments.public_receipt_keys(bank.db.read())] == [x]
    assert bank_facts.get(bank.db.read(), "receipt_key") is None
    bank.db.close()


def test_a_retired_key_has_no_private_part_left(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, WallClock())
    payments.rotate_receipt_key(bank)
    kept = json.loads(bank_facts.get(bank.db.read(), "receipt_keys") or "")
    assert ["d" in key for key in kept] == [True, False]
    bank.db.close()
