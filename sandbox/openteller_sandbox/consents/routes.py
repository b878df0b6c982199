"""``/v1/consents``, and ``/sandbox/v1/consents``."""

from __future__ import annotations

from openteller_sandbox.consents import service
from openteller_sandbox.consents.schemas import (
    ConsentExtensionCreateSchema,
    ConsentQuery,
    SandboxConsentCreateSchema,
    SandboxConsentSchema,
)
from openteller_sandbox.http import Answer, Call, Routes, decode_cursor, encode_cursor, idempotency, json_answer, page

routes = Routes()
_PLAYED = SandboxConsentSchema()


@routes.operation("listConsents", query=ConsentQuery)
def list_consents(call: Call) -> Answer:
    """List the app's consents, newest first."""
    cursor = decode_cursor(call, int, str)
    rows = service.page(
        call.bank,
        call.caller,
        before=(cursor[0], cursor[1]) if cursor else None,
        status=call.query.get("status"),
        customer=call.query.get("customer"),
        count=call.limit + 1,
    )
    more = encode_cursor(call, rows[call.limit - 1][0]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)


@routes.operation("getConsent")
def get_consent(call: Call) -> Answer:
    """Read a consent."""
    return Answer(service.find_wire(call.bank, call.caller, call.path["consent_id"]).encode())


@routes.operation("revokeConsent")
def revoke_consent(call: Call) -> Answer:
    """End a consent."""
    return Answer(service.revoke(call.bank, call.caller, call.path["consent_id"]).encode())


@routes.operation("createConsentExtension", body=ConsentExtensionCreateSchema)
def create_extension(call: Call) -> Answer:
    """Ask the customer to let a consent last longer."""
    bank, caller, consent_id = call.bank, call.caller, call.path["consent_id"]
    with bank.db.act(caller.world.world_id) as tx:

        def ask() -> tuple[Answer, str]:
            extension_id, wire = service.ask_for_extension(bank, tx, caller, consent_id, call.body, call.now)
            place = f"/v1/consents/{consent_id}/extensions/{extension_id}"
            return Answer(wire.encode(), 201, {"Location": place}), extension_id

        return idempotency.once(call, tx, ask)


@routes.operation("getConsentExtension")
def get_extension(call: Call) -> Answer:
    """Read an extension."""
    found = service.find_extension(call.bank, call.caller, call.path["consent_id"], call.path["extension_id"])
    return Answer(found.encode())


@routes.operation("createSandboxConsent", body=SandboxConsentCreateSchema)
def create_sandbox_consent(call: Call) -> Answer:
    """Have a demo customer allow something."""
    return json_answer(_PLAYED.present(service.play(call.bank, call.caller, call.body)), 201)
