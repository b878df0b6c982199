"""Where an incident is played: what a partner, a payer, a biller and the clock do, told step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.biller_port.port import Turn
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.due import service as due
from openteller_sandbox.faults import service as faults
from openteller_sandbox.http import Problem
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held, Payment
from openteller_sandbox.payments.states import Status
from openteller_sandbox.scenarios import driving, payer
from openteller_sandbox.worlds import service as worlds

_EXPIRES_IN_S = 86_400


@dataclass(frozen=True, slots=True)
class Step:
    """Who did what, when (bank time, epoch milliseconds)."""

    at: int
    actor: str
    text: str


@dataclass(slots=True)
class Stage:
    """An incident at work in the caller's world. Faults that it orders end with it.

    Attributes:
        bank: the bank.
        caller: whose incident it is.
        world: the caller's, as its clock stands.
        steps: what has happened so far.
        payment_ids: the payments that were made.
        refusals: the codes that the page has explained to payers.
    """

    bank: Bank
    caller: Caller
    world: World
    steps: list[Step] = field(default_factory=list)
    payment_ids: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _ordered: list[str] = field(default_factory=list)

    @property
    def now(self) -> int:
        """Bank time."""
        return self.bank.now(self.world)

    def tell(self, actor: str, text: str) -> None:
        """Note what happens. actor: PARTNER, PAYER, BANK, BILLER or CLOCK."""
        self.steps.append(Step(self.now, actor, text))

    def bill(
        self,
        scenario: Scenario | None = None,
        accept: Callable[[Biller], bool] = lambda _: True,
        good_until: int = 0,
    ) -> list[str]:
        """Have the partner fetch a bill that nobody has paid, of a biller that will do, and that does not grow before
        ``good_until``; give its identifier.

        Raises:
            Problem: NO_SCENARIO_ACCOUNT, they have all been paid.
        """
        try:
            biller, _, bill_id, _ = payer.due_bills(
                self.bank, self.world, self.caller.app_id, self.now, scenario, accept=accept, good_until=good_until
            )
        except payer.NothingToPay:
            raise Problem("NO_SCENARIO_ACCOUNT") from None
        self.tell("PARTNER", f"fetches a bill of {biller.name['en']}")
        return [bill_id]

    def link(self, bill_ids: list[str]) -> str:
        """Have the partner make a payment link for bills; give the payment."""
        request: dict[str, Any] = {
            "partner_reference": f"scenario-{ids.new('run')[4:]}",
            "bill_ids": bill_ids,
            "locale": "zh-CN",
            "expires_in": _EXPIRES_IN_S,
            "metadata": {},
        }
        with self.bank.db.act(self.world.world_id) as tx:
            held = payments.create(self.bank, tx, self._caller, request, self.now)
        payment_id = held.payment.payment_id
        self.payment_ids.append(payment_id)
        self.tell("PARTNER", f"makes the payment link {payment_id}, the code beside it is {held.code4}")
        return payment_id

    def pay(self, payment_id: str) -> Payment:
        """Have the payer pay; give the payment as it stands then."""
        payer.pay(self.bank, self.world, payment_id)
        payment = self.held(payment_id).payment
        self.tell("PAYER", f"signs in on the page of the bank and confirms {payment.total} {payment.status.value}")
        return payment

    def refused(self, payment_id: str) -> str:
        """Have the payer try to pay in vain; give the code that the page explains.

        Raises:
            RuntimeError: the payer was not refused.
        """
        attempt_id = payer.sign_in(self.bank, self.world, payment_id)
        try:
            payer.confirm(self.bank, self.world, self.held(payment_id), attempt_id)
        except payer.NotConfirmed as refusal:
            code = refusal.came_of_it.name
        except Problem as problem:
            payments.give_up(self.bank, self.world, payment_id, attempt_id, self.now)
            code = problem.code
        else:
            raise RuntimeError("the payer was not refused")
        self.refusals.append(code)
        self.tell("PAYER", f"signs in; the page says {code} and takes nothing")
        return code

    def hold_back(self, payment_id: str) -> None:
        """Have the payer confirm, and the bank not send it for an hour."""
        driving.bring(self.bank, self._caller, payment_id, Status.AUTHORISED)
        self.tell("PAYER", f"signs in on the page of the bank and confirms {self.held(payment_id).payment.total}")

    def use_up(self, payment_id: str) -> None:
        """Have somebody try wrong codes until the attempts are used up."""
        driving.bring(self.bank, self._caller, payment_id, Status.FAILED)
        self.tell("PAYER", "types wrong codes until the attempts of the link are used up")

    def cancel(self, payment_id: str) -> None:
        """Have the partner cancel a link."""
        with self.bank.db.act(self.world.world_id) as tx:
            payments.cancel(self.bank, tx, self._caller, payment_id, self.now)
        self.tell("PARTNER", "cancels the link")

    def held(self, payment_id: str) -> Held:
        """Give a payment as it stands."""
        held = payments.held(self.bank.db.read(), payment_id)
        assert held is not None
        return held

    def report(self, payment_id: str) -> None:
        """Say how a payment stands."""
        payment = self.held(payment_id).payment
        more = f", exceptions {', '.join(each.type for each in payment.exceptions)}" if payment.exceptions else ""
        self.tell("BANK", f"has the payment {payment.status.value}, the money is at {payment.money_at}{more}")

    def order(self, match: dict[str, str], effect: dict[str, Any], text: str, times: int | None = 1) -> str:
        """Let something go wrong; give the fault."""
        order = {"match": match, "effect": effect} | ({"times": times} if times else {})
        fault_id = str(faults.create(self.bank, self.world, order, self.now)["fault_id"])
        self._ordered.append(fault_id)
        self.tell("BILLER" if "leg" in match else "BANK", text)
        return fault_id

    def biller_loses(self, payment_id: str) -> None:
        """Let the biller not have posted what it got."""
        bills.port_of(self.bank).play(self.world, payment_id, Turn.LOSE, self.now)

    def later(self, payment_id: str, kind: str, seconds: int) -> None:
        """Let something happen to a payment later."""
        with self.bank.db.act(self.world.world_id) as tx:
            due.schedule(tx, self.world, self.now + seconds * clock.SECOND, kind, payment_id)

    def wait(self, seconds: int) -> None:
        """Move the clock of the world."""
        self.wait_until(self.now + seconds * clock.SECOND)

    def wait_until(self, at: int) -> None:
        """Move the clock of the world to an instant."""
        if at > self.now:
            self.world = worlds.advance(self.bank, self.world, at)
            self.tell("CLOCK", f"stands at {clock.to_wire(self.now)}")

    @contextmanager
    def open(self) -> Iterator[Stage]:
        """Take away in the end what was ordered, whatever happens; what shall outlast the play is kept."""
        try:
            yield self
        finally:
            for fault_id in self._ordered:
                faults.forget(self.bank, self.world, fault_id)

    def keep_faults(self) -> None:
        """Leave what was ordered in force: it strikes the partner's next request."""
        self._ordered.clear()

    @property
    def _caller(self) -> Caller:
        return Caller(self.world, self.caller.scopes, self.caller.app_id, self.caller.partner_id)
