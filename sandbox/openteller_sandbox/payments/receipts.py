"""Receipts: proof that a biller has posted a payment, signed by the bank."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.http import json_text
from openteller_sandbox.money import in_words
from openteller_sandbox.payments import store
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.schemas import ReceiptSchema

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

_RECEIPT = ReceiptSchema()
_KEY = "receipt_key"
_NOTICE = {"zh_cn": "本回单不作为税务发票使用。", "en": "This receipt is no tax invoice."}


def issue(bank: Bank, tx: Tx, held: Held, biller: Biller, now: int) -> str:
    """Make the receipt of a payment that was posted just now; give its identifier."""
    payment = held.payment
    assert payment.amount and payment.total and held.customer_id and payment.value_date
    receipt_id = ids.new("rcp")
    facts = {
        "receipt_id": receipt_id,
        "receipt_number": _grouped(12),
        "verification_code": _grouped(8),
        "payment_id": payment.payment_id,
        "payer_masked": customers.by_id(held.customer_id).name_masked,
        "biller": {"biller_id": biller.biller_id, "name": {"zh_cn": biller.name["zh-CN"], "en": biller.name["en"]}},
        "account_ref_masked": payment.account_ref_masked,
        "biller_reference": payment.posting.biller_reference,
        "amount": payment.amount,
        "amount_in_words": in_words(payment.amount.amount),
        "fees": payment.fees,
        "total": payment.total,
        "paid_at": now,
        "value_date": payment.value_date,
        "notice": _NOTICE,
    }
    wire = _RECEIPT.present(facts)
    wire["signature"] = _sign(_signing_key(tx), wire)
    bank.contract.check_record("Receipt", wire)
    tx.run(
        store.INSERT_RECEIPT,
        receipt_id=receipt_id,
        payment_id=payment.payment_id,
        world_id=held.world_id,
        wire=json_text(wire),
    )
    return receipt_id


def find(tx: Tx, payment_id: str) -> dict[str, Any] | None:
    """Give the receipt of a payment."""
    row = tx.one(store.FIND_RECEIPT, payment_id=payment_id)
    return dict(json.loads(row["wire"])) if row else None


def ensure_key(bank: Bank) -> None:
    """Make the bank's signing key where it is missing; part of opening the bank, so that no payment makes it."""
    with bank.db.act() as tx:
        if bank_facts.get(tx, _KEY) is None:
            from joserfc.jwk import OKPKey  # noqa: PLC0415 - needed once in a database's life

            key = OKPKey.generate_key("Ed25519", private=True)
            bank_facts.put(tx, _KEY, json.dumps(key.as_dict(private=True)))


def public_keys(tx: Tx) -> dict[str, Any]:
    """Give the JSON Web Key Set (RFC 7517) that receipts are verified with."""
    key = _signing_key(tx)
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "Ed25519"}]}


def canonical(receipt: dict[str, Any]) -> bytes:
    """Give the RFC 8785 form of a receipt without its signature: all its values are strings, objects and arrays."""
    unsigned = {name: value for name, value in receipt.items() if name != "signature"}
    return json.dumps(unsigned, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _sign(key: OKPKey, receipt: dict[str, Any]) -> dict[str, str]:
    signature = key.private_key.sign(canonical(receipt))  # type: ignore[union-attr]
    value = urlsafe_b64encode(signature).rstrip(b"=").decode()
    return {"algorithm": "Ed25519", "key_id": key.thumbprint(), "value": value}


def _signing_key(tx: Tx) -> OKPKey:
    text = bank_facts.get(tx, _KEY)
    assert text is not None
    return _imported(text)


@lru_cache(maxsize=4)
def _imported(text: str) -> OKPKey:
    from joserfc.jwk import OKPKey  # noqa: PLC0415 - costs more than a start should

    return OKPKey.import_key(json.loads(text))


def _grouped(count: int) -> str:
    """Give random characters that are read out well, in groups of four: no 0, O, 1, I or L."""
    alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
    text = "".join(ids.choice(alphabet) for _ in range(count))
    return "-".join(text[start : start + 4] for start in range(0, count, 4))
