"""``/v1/disputes``."""

from __future__ import annotations

from openteller_sandbox.disputes import service
from openteller_sandbox.disputes.schemas import DisputeCreateSchema, DisputeQuery
from openteller_sandbox.http import Answer, Call, Problem, Routes, decode_cursor, encode_cursor, idempotency, page

routes = Routes()


@routes.operation("createDispute", body=DisputeCreateSchema)
def create_dispute(call: Call) -> Answer:
    """Open a dispute."""
    with call.bank.db.act(call.caller.world.world_id) as tx:

        def create() -> tuple[Answer, str]:
            dispute_id, wire = service.create(call.bank, tx, call.caller, call.body, call.now)
            return Answer(wire.encode(), 201, {"Location": f"/v1/disputes/{dispute_id}"}), dispute_id

        return idempotency.once(call, tx, create)


@routes.operation("listDisputes", query=DisputeQuery)
def list_disputes(call: Call) -> Answer:
    """List the app's disputes, newest first; not for a customer, who can ask about each."""
    if call.caller.customer_id:
        raise Problem("INSUFFICIENT_SCOPE", "The list is of the whole app: it takes the app's own token.")
    cursor = decode_cursor(call, int)
    rows = service.page(
        call.bank.db.read(),
        call.caller.app_id,
        before=cursor[0] if cursor else None,
        status=call.query.get("status"),
        payment_id=call.query.get("payment_id"),
        count=call.limit + 1,
    )
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("getDispute")
def get_dispute(call: Call) -> Answer:
    """Read a dispute."""
    wire = service.find_wire(call.bank.db.read(), call.caller, call.path["dispute_id"])
    if wire is None:
        raise Problem("NOT_FOUND")
    return Answer(wire.encode())
