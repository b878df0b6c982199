"""``/v1/reminders``."""

from __future__ import annotations

from collections.abc import Callable

from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.db import Tx
from openteller_sandbox.http import (
    Answer,
    Call,
    Problem,
    Routes,
    decode_cursor,
    encode_cursor,
    idempotency,
    page,
)
from openteller_sandbox.payments import service as payments
from openteller_sandbox.reminders import service
from openteller_sandbox.reminders.paying import Asked
from openteller_sandbox.reminders.schemas import ReminderPaySchema, ReminderPostponeSchema, ReminderQuery

routes = Routes()
_Way = Callable[[Bank, Tx, Caller, Asked, int], str]


@routes.operation("listReminders", query=ReminderQuery)
def list_reminders(call: Call) -> Answer:
    """List the customer's reminders, newest first."""
    cursor = decode_cursor(call, int)
    rows = service.page(
        call.bank.db.read(),
        call.caller,
        before=cursor[0] if cursor else None,
        status=call.query.get("status"),
        saved_biller_id=call.query.get("saved_biller_id"),
        count=call.limit + 1,
    )
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("getReminder")
def get_reminder(call: Call) -> Answer:
    """Read a reminder."""
    return Answer(service.find_wire(call.bank.db.read(), call.caller, call.path["reminder_id"]).encode())


@routes.operation("payReminder", body=ReminderPaySchema)
def pay_reminder(call: Call) -> Answer:
    """Pay the bill of a reminder."""
    bank, caller = call.bank, call.caller
    replayed = idempotency.replay(call, bank.db.read())
    if replayed:
        return replayed
    try:
        asked = service.ask_to_pay(bank, caller, call.path["reminder_id"], call.body, call.now)
    except Problem as problem:
        return idempotency.replay_of_twin(call, bank.db.read(), problem)
    answer = _pay(call, asked, service.pay_under_mandate) if asked.mandated else None
    answer = answer or _pay(call, asked, service.make_link)
    assert answer is not None
    payments.send(bank, caller.world, answer.headers["Location"].rpartition("/")[2], call.now)
    return answer


def _pay(call: Call, asked: Asked, way: _Way) -> Answer | None:
    """Pay in one way; None where the mandate does not allow it any more, and the page is left."""
    bank, caller = call.bank, call.caller
    try:
        with bank.db.act(caller.world.world_id) as tx:

            def pay() -> tuple[Answer, str]:
                payment_id = way(bank, tx, caller, asked, call.now)
                wire = payments.get_wire(bank, tx, caller.app_id, payment_id)
                assert wire is not None
                return Answer(wire.encode(), 201, {"Location": f"/v1/payments/{payment_id}"}), payment_id

            return idempotency.once(call, tx, pay)
    except Problem as problem:
        if service.leads_to_page(bank, caller, problem):
            return None
        raise


@routes.operation("postponeReminder", body=ReminderPostponeSchema)
def postpone_reminder(call: Call) -> Answer:
    """Be reminded later."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        wire = service.postpone(call.bank, tx, call.caller, call.path["reminder_id"], call.body, call.now)
    return Answer(wire.encode())


@routes.operation("declineReminder")
def decline_reminder(call: Call) -> Answer:
    """Not be reminded of this bill again."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        wire = service.decline(call.bank, tx, call.caller, call.path["reminder_id"], call.now)
    return Answer(wire.encode())
