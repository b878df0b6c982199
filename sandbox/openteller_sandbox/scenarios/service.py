"""What the API offers: transitions, triggers, and scenarios that are run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.http import Problem
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Status
from openteller_sandbox.scenarios import driving, triggers
from openteller_sandbox.scenarios.incidents import BY_NAME, INCIDENTS, Incident
from openteller_sandbox.scenarios.stage import Stage, Step


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario that was played."""

    incident: Incident
    steps: list[Step]
    payment_ids: list[str]


def table() -> list[dict[str, Any]]:
    """Give every scenario, as the contract's ``Scenario``."""
    return [facts(incident) for incident in INCIDENTS]


def facts(incident: Incident) -> dict[str, Any]:
    """Give one."""
    return {name: value for name, value in asdict(incident).items() if name != "play"}


def run(bank: Bank, caller: Caller, name: str) -> Run:
    """Play a scenario in the caller's world.

    Raises:
        Problem: NOT_FOUND; NO_SCENARIO_ACCOUNT, what it needs cannot be made any more.
    """
    incident = BY_NAME.get(name)
    if incident is None:
        raise Problem("NOT_FOUND", f"There is no such scenario. There are: {', '.join(BY_NAME)}.")
    stage = Stage(bank, caller, caller.world)
    with stage.open():
        incident.play(stage)
    return Run(incident, stage.steps, stage.payment_ids)


def transition(bank: Bank, caller: Caller, payment_id: str, to: str) -> Held:
    """Bring a payment of the caller to a status that may follow its own.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION.
    """
    return driving.transition(bank, caller, payment_id, Status(to))


def trigger(bank: Bank, caller: Caller, type_: str, subject: dict[str, Any]) -> str:
    """Make an event happen; give it as JSON.

    Raises:
        Problem: NOT_FOUND, FIELD_INVALID, INVALID_TRANSITION.
    """
    return triggers.trigger(bank, caller, type_, subject)
