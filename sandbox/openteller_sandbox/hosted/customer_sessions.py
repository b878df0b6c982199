"""A customer's session on their own pages: signed in to one world, by a cookie of 256 bits, for half an hour of wall
time. A browser that has not signed in has a cookie, too, which its form is tied to; the bank keeps nothing of it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.hosted import store

COOKIE = "openteller_customer"
LIFETIME_MS = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser at a world's pages for customers. token: of its cookie; customer: who has signed in."""

    world: World
    token: str = field(repr=False)
    customer: Customer | None = field(repr=False)

    @property
    def csrf(self) -> str:
        """What the forms of this browser bear: whoever does not know its cookie cannot make one."""
        return sha256(f"form {self.token}".encode()).hexdigest()[:32]

    def allows(self, csrf: str) -> bool:
        """Tell whether a form came from a page of this browser."""
        return hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())


def visit(bank: Bank, world: World, token: str | None) -> Visit:
    """Give the visit of a browser that has brought a cookie, or none."""
    if not token:
        return Visit(world, secrets.token_urlsafe(32), None)
    row = bank.db.read().one(store.FIND_CUSTOMER, session_hash=_hash(token), world_id=world.world_id)
    known = row is not None and bank.clock.wall() < row["expires_at"]
    return Visit(world, token, customers.by_id(row["customer_id"]) if row is not None and known else None)


def begin(bank: Bank, world: World, customer: Customer) -> Visit:
    """Begin the session of a customer who has just signed in, with another cookie than before."""
    token, now = secrets.token_urlsafe(32), bank.clock.wall()
    with bank.db.act(world.world_id) as tx:
        tx.run(store.PURGE_CUSTOMERS, now=now)
        tx.run(
            store.INSERT_CUSTOMER,
            session_hash=_hash(token),
            world_id=world.world_id,
            customer_id=customer.customer_id,
            expires_at=now + LIFETIME_MS,
        )
    return Visit(world, token, customer)


def end(bank: Bank, visit: Visit) -> None:
    """Sign out."""
    with bank.db.act(visit.world.world_id) as tx:
        tx.run(store.DELETE_CUSTOMER, session_hash=_hash(visit.token))


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
