"""``/v1/bill-fetches`` and ``/v1/bills``."""

from __future__ import annotations

from openteller_sandbox.bills import service
from openteller_sandbox.bills.schemas import BillFetchCreateSchema
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Answer, Call, Problem, Routes, idempotency

routes = Routes()


@routes.operation("createBillFetch", body=BillFetchCreateSchema)
def create_bill_fetch(call: Call) -> Answer:
    """Ask a biller what an account owes."""
    bank, world, body = call.bank, call.caller.world, call.body
    replayed = idempotency.replay(call, bank.db.read())
    if replayed:
        return _with_wait(call, bank.db.read(), replayed)
    asker = call.caller.subject or body["end_user_ref"]
    asked = service.question(bank, call.caller.app_id, body["biller_id"], body["inputs"], asker, call.now)
    fetch_id = service.admit(bank, world, asked, call.now)
    answer = service.ask(bank, world, asked, fetch_id, call.now)

    with bank.db.act(world.world_id) as tx:

        def keep() -> tuple[Answer, str]:
            kept = service.keep(bank, tx, world, asked, answer, call.now, fetch_id)
            status = 202 if kept.status == "PROCESSING" else 201
            return Answer(
                kept.wire.encode(), status, {"Location": f"/v1/bill-fetches/{kept.bill_fetch_id}"}
            ), kept.bill_fetch_id

        return _with_wait(call, tx, idempotency.once(call, tx, keep))


def _with_wait(call: Call, tx: Tx, answer: Answer) -> Answer:
    """Say when to ask again, where the biller has not answered yet."""
    if answer.status == 202:
        bill_fetch_id = answer.headers["Location"].rpartition("/")[2]
        seconds = service.seconds_to_answer(tx, call.caller.world, bill_fetch_id, call.now)
        answer.headers["Retry-After"] = str(seconds)
    return answer


@routes.operation("getBillFetch")
def get_bill_fetch(call: Call) -> Answer:
    """Read a fetch with its bills as they stand."""
    found = service.find_own_fetch(call.bank.db.read(), call.caller, call.path["bill_fetch_id"])
    if found is None:
        raise Problem("NOT_FOUND")
    return Answer(found.wire.encode())


@routes.operation("getBill")
def get_bill(call: Call) -> Answer:
    """Read a fetched bill."""
    wire = service.find_bill_wire(call.bank.db.read(), call.caller, call.path["bill_id"])
    if wire is None:
        raise Problem("NOT_FOUND")
    return Answer(wire.encode())
