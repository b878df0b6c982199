"""``/v1/biller-categories`` and ``/v1/billers``."""

from __future__ import annotations

from openteller_sandbox.billers import service
from openteller_sandbox.billers.input_schema import schema_of
from openteller_sandbox.billers.schemas import BillerQuery
from openteller_sandbox.http import Answer, Call, Routes, json_answer, open_answer, page
from openteller_sandbox.http.answers import decode_cursor, encode_cursor

routes = Routes()
_FILTERS = ("category_code", "adcode", "city", "q")


@routes.operation("listBillerCategories")
def list_categories(call: Call) -> Answer:
    """List every category."""
    tx = call.bank.db.read()
    return open_answer(call, service.last_update(tx), lambda: page(call, service.categories(tx)))


@routes.operation("listBillers", query=BillerQuery)
def list_billers(call: Call) -> Answer:
    """List billers, the best first, and by code."""
    tx, limit = call.bank.db.read(), call.limit
    cursor = decode_cursor(call, int, str)
    after = (int(cursor[0]), str(cursor[1])) if cursor else service.FIRST
    filters = service.Filters(
        **{name: call.query[name] for name in ("category_code", "adcode", "city", "q") if name in call.query}
    )

    def make() -> Answer:
        rows = service.page(tx, filters, after=after, count=limit + 1)
        more = encode_cursor(call, rows[limit - 1][0]) if len(rows) > limit else None
        return page(call, [wire for _, wire in rows[:limit]], more)

    return open_answer(call, service.last_update(tx), make)


@routes.operation("getBiller")
def get_biller(call: Call) -> Answer:
    """Read one biller."""
    wire, updated_at = service.read(call.bank.db.read(), call.path["biller_id"])
    return open_answer(call, updated_at, lambda: Answer(wire.encode()))


@routes.operation("getBillerInputSchema")
def get_input_schema(call: Call) -> Answer:
    """Read a biller's input fields as JSON Schema."""
    tx, biller_id = call.bank.db.read(), call.path["biller_id"]
    _, updated_at = service.read(tx, biller_id)
    return open_answer(call, updated_at, lambda: json_answer(schema_of(service.get(tx, biller_id))))
