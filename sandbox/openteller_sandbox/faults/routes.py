"""``/sandbox/v1/faults``."""

from __future__ import annotations

from openteller_sandbox.faults import service
from openteller_sandbox.faults.schemas import FaultCreateSchema, FaultQuery, FaultSchema
from openteller_sandbox.http import Answer, Call, Routes, decode_cursor, encode_cursor, json_answer, json_text, page

routes = Routes()
_FAULT = FaultSchema()


@routes.operation("createFault", body=FaultCreateSchema)
def create_fault(call: Call) -> Answer:
    """Order a fault."""
    return json_answer(_FAULT.present(service.create(call.bank, call.caller.world, call.body, call.now)), 201)


@routes.operation("listFaults", query=FaultQuery)
def list_faults(call: Call) -> Answer:
    """List the faults of the world, in the order in which they strike."""
    cursor = decode_cursor(call, int)
    after = cursor[0] if cursor else 0
    rows = service.page(call.bank.db.read(), call.caller.world, call.now, after, call.limit + 1)
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [json_text(_FAULT.present(fault)) for _, fault in rows[: call.limit]], more)


@routes.operation("deleteFault")
def delete_fault(call: Call) -> Answer:
    """Take a fault away."""
    return json_answer(_FAULT.present(service.remove(call.bank, call.caller.world, call.path["fault_id"], call.now)))
