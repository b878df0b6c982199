"""Scenarios, transitions and triggers under ``/sandbox/v1/``."""

from __future__ import annotations

from openteller_sandbox.http import Answer, Call, Routes, json_answer, json_text, page
from openteller_sandbox.payments import service as payments
from openteller_sandbox.scenarios import service
from openteller_sandbox.scenarios.schemas import (
    EventTriggerSchema,
    ScenarioRunSchema,
    ScenarioSchema,
    TransitionSchema,
)

routes = Routes()
_SCENARIO = ScenarioSchema()
_RUN = ScenarioRunSchema()


@routes.operation("listScenarios")
def list_scenarios(call: Call) -> Answer:
    """List what can be played."""
    return page(call, [json_text(_SCENARIO.present(scenario)) for scenario in service.table()])


@routes.operation("runScenario")
def run_scenario(call: Call) -> Answer:
    """Play a scenario."""
    done = service.run(call.bank, call.caller, call.path["name"])
    facts = service.facts(done.incident) | {"steps": done.steps, "payment_ids": done.payment_ids}
    return json_answer(_RUN.present(facts))


@routes.operation("transitionPayment", body=TransitionSchema)
def transition_payment(call: Call) -> Answer:
    """Bring a payment to a status that may follow its own."""
    held = service.transition(call.bank, call.caller, call.path["payment_id"], call.body["to"])
    wire = payments.get_wire(call.bank, call.bank.db.read(), call.caller.app_id, held.payment.payment_id)
    assert wire is not None
    return Answer(wire.encode())


@routes.operation("triggerEvent", body=EventTriggerSchema)
def trigger_event(call: Call) -> Answer:
    """Make an event happen."""
    return Answer(service.trigger(call.bank, call.caller, call.path["type"], call.body).encode())
