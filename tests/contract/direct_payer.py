"""A payer without a browser: acts at the services behind the page of the bank, where no partner can act."""

from __future__ import annotations

from dataclasses import dataclass

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers.service import CUSTOMERS, Customer, SignIn
from openteller_sandbox.payments import authorisation, records
from openteller_sandbox.payments.authorisation import Confirmed
from openteller_sandbox.payments.model import Choice, Held


@dataclass(frozen=True)
class DirectPayer:
    """A signed-in customer of the demo bank."""

    bank: Bank
    customer: Customer = CUSTOMERS[0]

    def held(self, payment_id: str) -> Held:
        held = records.get(self.bank.db.read(), payment_id)
        assert held is not None
        return held

    def world(self, held: Held) -> World:
        return records.world(self.bank.db.read(), held.world_id)

    def sign_in(self, payment_id: str, code: str | None = None) -> tuple[SignIn, str]:
        """Sign in with a code (the right one when none is given); give how it ended, and the attempt."""
        world = self.world(self.held(payment_id))
        code = self.customer.demo_code if code is None else code
        result, _, attempt_id = authorisation.sign_in(
            self.bank, world, payment_id, self.customer.customer_number, code, self.bank.now(world)
        )
        return result, attempt_id

    def pay(self, payment_id: str, choice: Choice | None = None) -> Confirmed:
        """Sign in and confirm what is due; choice: what the page would have asked for."""
        result, attempt_id = self.sign_in(payment_id)
        assert result is SignIn.DONE
        return self.confirm(payment_id, attempt_id, choice)

    def confirm(self, payment_id: str, attempt_id: str, choice: Choice | None = None) -> Confirmed:
        """Confirm the sum that the page would show."""
        held = self.held(payment_id)
        world, choice = self.world(held), choice or held.choice
        now = self.bank.now(world)
        quote = authorisation.quote(self.bank.db.read(), held, choice, now)
        assert quote.total is not None
        return authorisation.confirm(
            self.bank, world, payment_id, attempt_id, self.customer, choice, now, seen=quote.total
        )
