"""Starting a world afresh, and the magic values of a biller."""

from __future__ import annotations

import time
from collections import Counter
from enum import Enum, auto
from typing import Any

from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.biller_port import scenarios
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills import service as bills
from openteller_sandbox.branches import service as branches
from openteller_sandbox.consents import service as consents
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.disputes import service as disputes
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.faults import service as faults
from openteller_sandbox.hosted import sessions
from openteller_sandbox.http import Problem
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.mandates import service as mandates
from openteller_sandbox.money import Money
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.statements import service as statements
from openteller_sandbox.webhooks import service as webhooks
from openteller_sandbox.worlds import service as worlds

DELIVERING_S = 8.0
"""How long an advance of the clock waits for partners' servers, in wall time: less than its caller waits for it."""

CURRENT = "current"
"""Names the caller's world, whatever its identifier is."""


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
        receipts.reset(tx, world_id)
        disputes.reset(tx, world_id)
        statements.reset(tx, world_id)
        account_links.reset(tx, world_id)
        ledger.reset(tx, world_id)
        due.reset(tx, world_id)
        faults.reset(tx, world_id)
        sessions.reset(tx, world_id)
        oauth.reset(tx, world_id)
        consents.reset(tx, world_id)
        saved_billers.reset(tx, world_id)
        branches.reset(tx, world_id)
        mandates.reset(tx, world_id)
        reminders.reset(tx, world_id)
        world = worlds.rewind(tx, caller.world, bank.now())
        webhooks.reset(tx, world_id, bank.now(world))
        with deeds.beginning(bank, tx, world, apps=partners.app_ids_of_world(tx, world_id)):
            partners.begin(bank, tx, world)
    return world, deleted


class Reached(Enum):
    """How a stretch of a journey ends: there, where a delivery is due, or after as much as is done in one go."""

    THE_END = auto()
    DELIVERY = auto()
    STOP = auto()


class Journey:
    """A way through bank time to an instant, or by so much, in stretches that end where a delivery is due: the clock
    stops there until it has been sent. After some seconds of wall time deliveries are no longer waited for. A stretch
    ends, too, after as many acts as others can wait for; the clock then stands where the last of them was due.

    Others may move the clock meanwhile. Who goes by so much goes so far all the same: two journeys by an hour at once
    lead two hours on.
    """

    def __init__(self, bank: Bank, world: World, to: int | None, by_ms: int) -> None:
        self.world = world
        self._bank = bank
        self._asked = (to, by_ms)
        self._to: int | None = None
        self._failures: Counter[int] = Counter()
        self._deadline = time.monotonic() + DELIVERING_S

    def go(self) -> Reached:
        """Do what falls due, and move the clock, for a stretch; give how it has ended.

        Raises:
            Problem: CLOCK_BACKWARD, the instant has passed or is too far away.
        """
        with due.alone(self._bank, self.world):
            left_at, (to, by_ms) = self.world, self._asked
            self.world = worlds.find(self._bank.db.read(), left_at.world_id) or left_at
            if self._to is None:
                self._to = worlds.destination(self._bank, self.world, to, by_ms=by_ms)
            elif to is None:
                self._to += self.world.offset_ms - left_at.offset_ms
            return self._go(self._to)

    def _go(self, to: int) -> Reached:
        bank, world = self._bank, self.world
        piece, reached = due.Piece(due.PIECE, due.PIECE_S), bank.now(world)
        waits = time.monotonic() < self._deadline
        while True:
            tx = bank.db.read()
            act_at, delivery_at = due.next_at(tx, world), webhooks.next_due(tx, world) if waits else None
            if delivery_at is not None and delivery_at <= to and (act_at is None or delivery_at < act_at):
                self.world = worlds.move(bank, world, delivery_at)
                return Reached.DELIVERY
            if act_at is None or act_at > to:
                self.world = worlds.move(bank, world, to)
                return Reached.THE_END
            if piece.is_over:
                self.world = worlds.move(bank, world, reached)
                return Reached.STOP
            due.run_world(bank, world, act_at, piece=piece, failures=self._failures)
            reached = act_at

    def deliver(self) -> None:
        """Wait until what is due has been sent; no act may be open."""
        webhooks.deliver(self._bank, self.world, self._deadline)


def world_state(bank: Bank, caller: Caller, world_id: str) -> dict[str, Any]:
    """Give the caller's world as it stands: the contract's ``WorldState``.

    Raises:
        Problem: NOT_FOUND, another world, or none.
    """
    world = caller.world
    if world_id not in {CURRENT, world.world_id}:
        raise Problem("NOT_FOUND")
    tx = bank.db.read()
    balances = ledger.balances(tx, world)
    accounts = [{"account": account, "balance": Money.from_minor(minor)} for account, minor in balances.items()]
    return {
        "world_id": world.world_id,
        "seed": str(worlds.seed(tx, world)),
        "began_at": worlds.began_at(tx, world),
        "bank_time": bank.now(world),
        "apps": partners.app_ids_of_world(tx, world.world_id),
        "faults": world.faults,
        "books": {"balanced": ledger.is_balanced(tx, world) and not sum(balances.values()), "accounts": accounts},
    }


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
