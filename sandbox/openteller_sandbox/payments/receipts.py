"""Receipts: proof that a biller has posted a payment, signed by the bank."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Statement, Tx
from openteller_sandbox.http import json_text
from openteller_sandbox.money import in_words
from openteller_sandbox.payments import receipt_keys, store
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.schemas import ReceiptSchema

_RECEIPT = ReceiptSchema()
_NOTICE = {"zh_cn": "本回单不作为税务发票使用。", "en": "This receipt is no tax invoice."}
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Characters that are read out well: no 0, O, 1, I or L."""


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
    wire["signature"] = receipt_keys.sign(tx, wire)
    bank.contract.check_record("Receipt", wire)
    tx.run(
        store.INSERT_RECEIPT,
        receipt_id=receipt_id,
        payment_id=payment.payment_id,
        world_id=held.world_id,
        check_digest=_numbers_digest(wire["receipt_number"], wire["verification_code"]),
        compact_digest=_digest(wire["signature"]["compact"]),
        wire=json_text(wire),
    )
    return receipt_id


def find(tx: Tx, payment_id: str) -> dict[str, Any] | None:
    """Give the receipt of a payment."""
    row = tx.one(store.FIND_RECEIPT, payment_id=payment_id)
    return dict(json.loads(row["wire"])) if row else None


def by_numbers(tx: Tx, receipt_number: str, verification_code: str) -> dict[str, Any] | None:
    """Give the receipt with this number and this code, however they are written. An unknown number and a wrong code are
    one case, down to the database: both are looked for as one value that is not there.
    """
    return _found(tx, store.RECEIPT_BY_NUMBERS, _numbers_digest(receipt_number, verification_code))


def by_compact(tx: Tx, compact: str) -> dict[str, Any] | None:
    """Give the receipt whose QR code says this, to the last letter of its signature."""
    return _found(tx, store.RECEIPT_BY_COMPACT, _digest(compact.upper()))


def _found(tx: Tx, statement: Statement, digest: str) -> dict[str, Any] | None:
    row = tx.one(statement, digest=digest)
    return dict(json.loads(row["wire"])) if row else None


def _numbers_digest(receipt_number: str, verification_code: str) -> str:
    return _digest(f"{plain(receipt_number)}:{plain(verification_code)}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def plain(typed: str) -> str:
    """Give a number or a code in capitals, without hyphens and blanks."""
    return typed.replace("-", "").replace(" ", "").upper()


def _grouped(count: int) -> str:
    """Give random characters in groups of four."""
    text = "".join(ids.choice(_ALPHABET) for _ in range(count))
    return "-".join(text[start : start + 4] for start in range(0, count, 4))
