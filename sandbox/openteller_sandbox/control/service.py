"""Starting a world afresh, and the magic values of a biller."""

from __future__ import annotations

from typing import Any

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.biller_port import scenarios
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills import service as bills
from openteller_sandbox.customers import service as customers
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.faults import service as faults
from openteller_sandbox.hosted import sessions
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.worlds import service as worlds


def reset(bank: Bank, caller: Caller) -> tuple[World, dict[str, int]]:
    """Delete all that was made in the caller's world and set its clock back; give the world and how much was
    deleted.
    """
    world_id = caller.world.world_id
    with bank.db.act(world_id) as tx:
        deleted = {
            "payments": payments.reset(tx, world_id),
            "bill_fetches": bills.reset(tx, world_id),
            "events": events.reset(tx, world_id),
        }
        ledger.reset(tx, world_id)
        due.reset(tx, world_id)
        faults.reset(tx, world_id)
        sessions.reset(tx, world_id)
        world = worlds.rewind(tx, caller.world, bank.now())
        customers.reset(tx, world, bank.now(world))
        partners.settle_in(bank, tx, world)
    return world, deleted


def magic_values(bank: Bank, biller_id: str) -> list[dict[str, Any]]:
    """Give the scenarios that a biller can play, with inputs in its own format.

    Raises:
        Problem: BILLER_NOT_FOUND.
    """
    biller = billers.get(bank.db.read(), biller_id)
    values = []
    for scenario in Scenario:
        inputs = scenarios.inputs_for(biller, scenario) if scenario.fits(biller) else None
        if inputs is not None:
            description = {"zh_cn": scenario.description["zh-CN"], "en": scenario.description["en"]}
            values.append({"scenario": scenario.name, "inputs": inputs, "description": description})
    return values
