"""``/v1/mandate-payments``, and what was used of a consent's mandates."""

from __future__ import annotations

from openteller_sandbox.consents import service as consents
from openteller_sandbox.http import Answer, Call, Problem, Routes, idempotency, json_answer
from openteller_sandbox.mandates import service
from openteller_sandbox.mandates.schemas import MandatePaymentCreateSchema
from openteller_sandbox.payments import service as payments

routes = Routes()


@routes.operation("getConsentUsage")
def get_consent_usage(call: Call) -> Answer:
    """Read what was used of a consent's mandates."""
    consent = consents.own(call.bank, call.caller, call.path["consent_id"])
    return json_answer(service.usage_of_consent(call.bank, call.bank.db.read(), consent, call.now))


@routes.operation("createMandatePayment", body=MandatePaymentCreateSchema)
def create_mandate_payment(call: Call) -> Answer:
    """Pay under a mandate."""
    bank, caller = call.bank, call.caller
    replayed = idempotency.replay(call, bank.db.read())
    if replayed:
        return replayed
    try:
        prepared = service.prepare(bank, caller, call.body, call.now)
    except Problem as problem:
        return idempotency.replay_of_twin(call, bank.db.read(), problem)
    with bank.db.act(caller.world.world_id) as tx:

        def pay() -> tuple[Answer, str]:
            held = service.pay(bank, tx, caller, prepared, call.now)
            payment_id = held.payment.payment_id
            wire = payments.get_wire(bank, tx, caller.app_id, payment_id)
            assert wire is not None
            return Answer(wire.encode(), 201, {"Location": f"/v1/payments/{payment_id}"}), payment_id

        answer = idempotency.once(call, tx, pay)
    payments.send(bank, caller.world, answer.headers["Location"].rpartition("/")[2], call.now)
    return answer
