"""``/sandbox/v1``."""

from __future__ import annotations

from functools import partial

from openteller_sandbox import clock
from openteller_sandbox.bank import World
from openteller_sandbox.control import service
from openteller_sandbox.control.schemas import (
    AppCreateSchema,
    AppSchema,
    ClockAdvanceSchema,
    ClockSchema,
    DemoCustomerSchema,
    MagicValueQuery,
    MagicValueSchema,
    RequestLogEntrySchema,
    RequestQuery,
    WorldSchema,
    WorldStateSchema,
)
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.due import service as due
from openteller_sandbox.http import (
    Answer,
    Call,
    Later,
    Routes,
    decode_cursor,
    encode_cursor,
    give_way,
    json_answer,
    json_text,
    page,
)
from openteller_sandbox.partners import service as partners

routes = Routes()
_APP = AppSchema()
_CLOCK = ClockSchema()
_CUSTOMER = DemoCustomerSchema()
_MAGIC = MagicValueSchema()
_REQUEST = RequestLogEntrySchema()
_WORLD = WorldSchema()
_WORLD_STATE = WorldStateSchema()


@routes.operation("createApp", body=AppCreateSchema)
def create_app(call: Call) -> Answer:
    """Make an app; the answer is the only time that its secret is shown."""
    made = partners.create(call.bank, call.caller, **call.body)
    app = made.app
    facts = {
        "app_id": app.app_id,
        "partner_id": app.partner_id,
        "world_id": app.world_id,
        "name": app.name,
        "client_id": app.app_id,
        "client_secret": made.client_secret,
        "scopes": app.scopes,
        "return_urls": app.return_urls,
        "token_url": f"{call.bank.settings.public_url}/oauth/token",
        "created_at": app.created_at,
    }
    return json_answer(_APP.present(facts), 201)


@routes.operation("listMagicValues", query=MagicValueQuery)
def list_magic_values(call: Call) -> Answer:
    """List the account numbers of a biller that play a scenario."""
    values = service.magic_values(call.bank, call.query["biller_id"])
    customers = [
        _CUSTOMER.present(
            {
                "customer_number": customer.customer_number,
                "demo_code": customer.demo_code,
                "description": {"zh_cn": customer.description_zh, "en": customer.description_en},
            }
        )
        for customer in CUSTOMERS
    ]
    return page(call, [json_text(_MAGIC.present(value)) for value in values], demo_customers=customers)


@routes.operation("getClock")
def get_clock(call: Call) -> Answer:
    """Read the test clock."""
    return _clock(call, call.caller.world)


@routes.operation("advanceClock", body=ClockAdvanceSchema)
def advance_clock(call: Call) -> Later[None]:
    """Advance the test clock."""
    by_ms = call.body.get("seconds", 0) * clock.SECOND
    journey = service.Journey(call.bank, call.caller.world, call.body.get("to"), by_ms)
    return give_way(partial(_travel, call, journey))


def _travel(call: Call, journey: service.Journey) -> Answer | Later[None]:
    match journey.go():
        case service.Reached.THE_END:
            return _clock(call, journey.world)
        case service.Reached.DELIVERY:
            return Later(journey.deliver, lambda _: _travel(call, journey))
        case service.Reached.STOP:
            return give_way(partial(_travel, call, journey))


@routes.operation("resetWorld")
def reset_world(call: Call) -> Answer:
    """Start the world afresh."""
    world, deleted = service.reset(call.bank, call.caller)
    return json_answer(
        _WORLD.present({"world_id": world.world_id, "bank_time": call.bank.now(world), "deleted": deleted})
    )


@routes.operation("getWorld")
def get_world(call: Call) -> Answer:
    """Read the caller's world."""
    return json_answer(_WORLD_STATE.present(service.world_state(call.bank, call.caller, call.path["world_id"])))


@routes.operation("listRequests", query=RequestQuery)
def list_requests(call: Call) -> Answer:
    """List the last requests of the world, newest first."""
    cursor = decode_cursor(call, int, int)
    before = (cursor[0], cursor[1]) if cursor else None
    rows = call.request_log.newest_first(call.caller.world.world_id, call.limit + 1, before)
    more = encode_cursor(call, rows[call.limit - 1][0]) if len(rows) > call.limit else None
    return page(call, [json_text(_REQUEST.present(row)) for _, row in rows[: call.limit]], more)


def _clock(call: Call, world: World) -> Answer:
    waiting, next_due_at = due.waiting(call.bank.db.read(), world)
    facts = {
        "bank_time": call.bank.now(world),
        "wall_time": call.bank.clock.wall(),
        "due_acts": waiting,
        "next_due_at": next_due_at,
    }
    return json_answer(_CLOCK.present(facts))
