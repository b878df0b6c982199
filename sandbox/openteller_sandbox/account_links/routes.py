"""``/v1/account-links``."""

from __future__ import annotations

from openteller_sandbox.account_links import service
from openteller_sandbox.account_links.schemas import (
    AccountLinkConfirmSchema,
    AccountLinkFindSchema,
    AccountLinkQuery,
    AccountLinkStartSchema,
)
from openteller_sandbox.http import Answer, Call, Problem, Routes, decode_cursor, encode_cursor, idempotency, page

routes = Routes()


@routes.operation("startAccountLink", body=AccountLinkStartSchema, keep=service.kept_of_start)
def start(call: Call) -> Answer:
    """Start a link."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        account_link_id, wire = service.start(call.bank, tx, call.caller, call.body, call.now)
    return Answer(wire.encode(), 201, {"Location": f"/v1/account-links/{account_link_id}"})


@routes.operation("listAccountLinks", query=AccountLinkQuery)
def list_account_links(call: Call) -> Answer:
    """List the app's links, newest first."""
    cursor = decode_cursor(call, int)
    rows = service.page(
        call.bank.db.read(),
        call.caller.app_id,
        before=cursor[0] if cursor else None,
        status=call.query.get("status"),
        count=call.limit + 1,
    )
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("getAccountLink")
def get_account_link(call: Call) -> Answer:
    """Read a link."""
    return _answer(service.find_wire(call.bank.db.read(), call.caller.app_id, call.path["account_link_id"]))


@routes.operation("findAccountLink", body=AccountLinkFindSchema, keep=service.kept_of_find)
def find_account_link(call: Call) -> Answer:
    """Find the link of a social account."""
    return _answer(service.wire_of_actor(call.bank, call.bank.db.read(), call.caller.app_id, **call.body))


@routes.operation("confirmAccountLink", body=AccountLinkConfirmSchema, keep=service.kept_of_confirmation)
def confirm(call: Call) -> Answer:
    """Confirm a link with the nonce that came back."""
    with call.bank.db.act(call.caller.world.world_id) as tx:

        def act() -> tuple[Answer, str]:
            account_link_id, wire = service.confirm(call.bank, tx, call.caller, call.body, call.now)
            return Answer(wire.encode()), account_link_id

        try:
            identity = service.identity_of_confirmation(call.bank, tx, call.caller, call.body)
            return idempotency.once(call, tx, act, body=identity)
        except service.NotConfirmed as error:
            refused = error
    # Outside of the act, which must keep what the try has burnt.
    raise Problem(refused.code)


@routes.operation("unlinkAccountLink")
def unlink(call: Call) -> Answer:
    """End a link."""
    with call.bank.db.act(call.caller.world.world_id) as tx:
        return _answer(service.unlink(call.bank, tx, call.caller, call.path["account_link_id"], call.now))


def _answer(wire: str | None) -> Answer:
    if wire is None:
        raise Problem("NOT_FOUND")
    return Answer(wire.encode())
