"""``/v1/saved-billers``."""

from __future__ import annotations

from openteller_sandbox.bills import service as bills
from openteller_sandbox.http import Answer, Call, Problem, Routes, decode_cursor, encode_cursor, page
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service
from openteller_sandbox.saved_billers.schemas import SavedBillerCreateSchema, SavedBillerQuery
from openteller_sandbox.saved_billers.service import SavedBiller

routes = Routes()


@routes.operation("listSavedBillers", query=SavedBillerQuery)
def list_saved_billers(call: Call) -> Answer:
    """List the customer's saved billers, newest first."""
    cursor = decode_cursor(call, int)
    before = cursor[0] if cursor else None
    rows = service.page(call.bank.db.read(), call.caller, before=before, count=call.limit + 1)
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("createSavedBiller", body=SavedBillerCreateSchema)
def create_saved_biller(call: Call) -> Answer:
    """Save an account at a biller."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        saved, is_new = service.save(call.bank, tx, call.caller, call.body, call.now)
        reminders.watch(tx, call.caller.world, saved, call.now)
    place = {"Location": f"/v1/saved-billers/{saved.saved_biller_id}"} if is_new else {}
    return Answer(saved.wire.encode(), 201 if is_new else 200, place)


@routes.operation("getSavedBiller")
def get_saved_biller(call: Call) -> Answer:
    """Read a saved biller."""
    return Answer(_own(call).wire.encode())


@routes.operation("deleteSavedBiller")
def delete_saved_biller(call: Call) -> Answer:
    """Forget a saved biller."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        service.forget(tx, call.caller, call.path["saved_biller_id"])
    return Answer(b"", 204)


@routes.operation("createSavedBillerFetch")
def create_saved_biller_fetch(call: Call) -> Answer:
    """Ask a biller what a saved account owes."""
    bank, caller, saved = call.bank, call.caller, _own(call)
    asked = bills.question(bank, caller.app_id, saved.biller_id, saved.inputs, caller.subject, call.now)
    fetch_id = bills.admit(bank, caller.world, asked, call.now)
    answer = bills.ask(bank, caller.world, asked, fetch_id, call.now)
    with bank.db.act(caller.world.world_id) as tx:
        kept = bills.keep(bank, tx, caller.world, asked, answer, call.now, fetch_id)
        wait = bills.seconds_to_answer(tx, caller.world, fetch_id, call.now)
    place = {"Location": f"/v1/bill-fetches/{fetch_id}"}
    if kept.status != "PROCESSING":
        return Answer(kept.wire.encode(), 201, place)
    return Answer(kept.wire.encode(), 202, place | {"Retry-After": str(wait)})


def _own(call: Call) -> SavedBiller:
    saved = service.find(call.bank.db.read(), call.caller, call.path["saved_biller_id"])
    if saved is None:
        raise Problem("NOT_FOUND")
    return saved
