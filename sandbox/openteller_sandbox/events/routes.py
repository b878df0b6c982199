"""``/v1/events``."""

from __future__ import annotations

from openteller_sandbox.contract import Fault
from openteller_sandbox.events import service
from openteller_sandbox.events.schemas import EventQuery
from openteller_sandbox.http import Answer, Call, Problem, Routes, page

routes = Routes()


@routes.operation("listEvents", query=EventQuery)
def list_events(call: Call) -> Answer:
    """List the app's events, oldest first; not for a customer, as they tell of others."""
    if call.caller.customer_id:
        raise Problem("INSUFFICIENT_SCOPE", "The list is of the whole app: it takes the app's own token.")
    if (type_ := call.query.get("type")) and not service.is_known(call.bank, type_):
        fault = Fault("query", "type", "FIELD_INVALID", "There is no such type of event; EventType lists them.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    limit = call.limit
    rows = service.page(
        call.bank.db.read(),
        call.caller.app_id,
        after=call.query.get("after"),
        type_=type_,
        count=limit + 1,
    )
    if rows is None:
        fault = Fault("query", "after", "FIELD_INVALID", "Names no event of this app; it may have been purged.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    more = rows[limit - 1][0] if len(rows) > limit else None
    return page(call, [wire for _, wire in rows[:limit]], more)
