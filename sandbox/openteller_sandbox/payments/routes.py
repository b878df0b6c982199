"""``/v1/payments`` and ``/v1/refunds``."""

from __future__ import annotations

from openteller_sandbox.http import Answer, Call, Problem, Routes, decode_cursor, encode_cursor, idempotency, page
from openteller_sandbox.payments import records, service
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.schemas import PaymentCreateSchema, PaymentQuery

routes = Routes()


def _wire(call: Call, held: Held) -> bytes:
    payment = held.payment
    return records.joined(
        call.bank,
        {
            "wire": held.wire,
            "link_code": held.link_code,
            "code4": held.code4,
            "expires_at": held.expires_at,
            "status": payment.status.value,
        },
    ).encode()


@routes.operation("createPayment", body=PaymentCreateSchema)
def create_payment(call: Call) -> Answer:
    """Make a payment link."""
    with call.bank.db.act(call.caller.world.world_id) as tx:

        def create() -> tuple[Answer, str]:
            held = service.create(call.bank, tx, call.caller, call.body, call.now)
            payment_id = held.payment.payment_id
            return Answer(_wire(call, held), 201, {"Location": f"/v1/payments/{payment_id}"}), payment_id

        return idempotency.once(call, tx, create)


@routes.operation("listPayments", query=PaymentQuery)
def list_payments(call: Call) -> Answer:
    """List the app's payments, newest first."""
    cursor = decode_cursor(call, int)
    rows = service.page(
        call.bank,
        call.bank.db.read(),
        call.caller,
        before=cursor[0] if cursor else None,
        status=call.query.get("status"),
        partner_reference=call.query.get("partner_reference"),
        count=call.limit + 1,
    )
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("getPayment")
def get_payment(call: Call) -> Answer:
    """Read a payment."""
    tx, payment_id = call.bank.db.read(), call.path["payment_id"]
    wire = service.get_wire(call.bank, tx, call.caller.app_id, payment_id)
    if wire is None or (call.caller.customer_id and service.own(tx, call.caller, payment_id) is None):
        raise Problem("NOT_FOUND")
    return Answer(wire.encode())


@routes.operation("getPaymentReceipt")
def get_payment_receipt(call: Call) -> Answer:
    """Read the masked receipt."""
    return Answer(service.receipt_wire(call.bank.db.read(), call.caller, call.path["payment_id"]).encode())


@routes.operation("cancelPayment")
def cancel_payment(call: Call) -> Answer:
    """Cancel a payment link."""
    with call.bank.db.act(call.caller.world.world_id) as tx:

        def cancel() -> tuple[Answer, str]:
            held = service.cancel(call.bank, tx, call.caller, call.path["payment_id"], call.now)
            return Answer(_wire(call, held)), held.payment.payment_id

        return idempotency.once(call, tx, cancel)


@routes.operation("getRefund")
def get_refund(call: Call) -> Answer:
    """Read a refund."""
    wire = service.refund_wire(call.bank.db.read(), call.caller, call.path["refund_id"])
    if wire is None:
        raise Problem("NOT_FOUND")
    return Answer(wire.encode())
