"""``/v1/receipts:verify`` and ``/v1/receipt-keys``."""

from __future__ import annotations

from openteller_sandbox.http import Answer, Call, Routes, json_answer, open_answer
from openteller_sandbox.receipts import service
from openteller_sandbox.receipts.schemas import ReceiptKeySetSchema, ReceiptVerdictSchema, ReceiptVerifySchema

routes = Routes()
_VERDICT = ReceiptVerdictSchema()
_KEYS = ReceiptKeySetSchema()


@routes.operation("verifyReceipt", body=ReceiptVerifySchema)
def verify_receipt(call: Call) -> Answer:
    """Say whether a receipt is genuine."""
    return json_answer(_VERDICT.present(service.verify(call.bank, call.body, call.now)))


@routes.operation("listReceiptKeys")
def list_receipt_keys(call: Call) -> Answer:
    """Give the keys with which receipts are verified."""
    tx = call.bank.db.read()

    def make() -> Answer:
        return json_answer(_KEYS.present({"keys": service.keys(tx)}))

    return open_answer(call, service.keys_changed(tx), make, max_age_s=300)
