"""Who can sign in on the hosted page, and what their accounts hold."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum, auto

from openteller_sandbox import clock
from openteller_sandbox.bank import World
from openteller_sandbox.customers import store
from openteller_sandbox.db import Tx
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money

MOST_FAILURES = 5
LOCK_MS = 15 * clock.MINUTE


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the demo bank. The code is published, as the customer is made up; opening_fen: what the account
    begins with.
    """

    customer_id: str
    customer_number: str
    demo_code: str = field(repr=False)
    name: str = field(repr=False)
    opening_fen: int
    description_zh: str
    description_en: str

    @property
    def name_masked(self) -> str:
        """The name but for its last character."""
        return "*" * (len(self.name) - 1) + self.name[-1]


CUSTOMERS = (
    Customer("cst_demo00000001", "62000001", "246810", "陈晓明", 1_000_000_00, "余额充足", "Has plenty of money"),
    Customer("cst_demo00000002", "62000002", "135791", "欧阳静", 88_00, "余额只有 88 元", "Has 88 yuan only"),
    Customer("cst_demo00000003", "62000003", "112358", "李伟", 0, "账户没有余额", "Has an empty account"),
)


class SignIn(Enum):
    """How a sign-in ended."""

    DONE = auto()
    WRONG = auto()
    LOCKED = auto()


def open_accounts(tx: Tx, world: World, now: int) -> None:
    """Give every customer an account in a new world, with its opening balance booked."""
    for customer in CUSTOMERS:
        tx.run(
            store.INSERT,
            world_id=world.world_id,
            customer_id=customer.customer_id,
            currency="CNY",
            available=customer.opening_fen,
            failed_sign_ins=0,
            locked_until=0,
        )
        if customer.opening_fen:
            ledger.book_opening(tx, world, customer.customer_id, Money.from_minor(customer.opening_fen), now)


def by_id(customer_id: str) -> Customer:
    """Give a customer.

    Raises:
        KeyError: there is none.
    """
    return next(customer for customer in CUSTOMERS if customer.customer_id == customer_id)


def sign_in(tx: Tx, world: World, customer_number: str, code: str, now: int) -> tuple[SignIn, Customer | None]:
    """Check a customer's number and code; five wrong codes lock the customer for 15 minutes of bank time.

    An unknown number and a wrong code answer alike.
    """
    customer = next((each for each in CUSTOMERS if each.customer_number == customer_number), None)
    if customer is None:
        return SignIn.WRONG, None
    of_customer = {"w": world.world_id, "c": customer.customer_id}
    row = tx.one(store.FIND, **of_customer)
    assert row is not None
    if row["locked_until"] > now:
        return SignIn.LOCKED, None
    if hmac.compare_digest(code.encode(), customer.demo_code.encode()):
        tx.run(store.SIGN_IN_FAILED, **of_customer, failures=0, until=0)
        return SignIn.DONE, customer
    failures = row["failed_sign_ins"] + 1
    locked = failures >= MOST_FAILURES
    tx.run(
        store.SIGN_IN_FAILED, **of_customer, failures=0 if locked else failures, until=now + LOCK_MS if locked else 0
    )
    return SignIn.LOCKED if locked else SignIn.WRONG, None


def available(tx: Tx, world: World, customer_id: str) -> Money:
    """Give what a customer can spend."""
    row = tx.one(store.FIND, w=world.world_id, c=customer_id)
    assert row is not None
    return Money.from_minor(row["available"], row["currency"])


def take(tx: Tx, world: World, customer_id: str, amount: Money) -> bool:
    """Take money from what a customer can spend; False, and nothing taken, when it is not there."""
    return tx.run(store.TAKE, w=world.world_id, c=customer_id, amount=amount.minor) == 1


def give_back(tx: Tx, world: World, customer_id: str, amount: Money) -> None:
    """Give money back to a customer."""
    tx.run(store.GIVE, w=world.world_id, c=customer_id, amount=amount.minor)


def reset(tx: Tx, world: World, now: int) -> None:
    """Give every customer of a world a fresh account."""
    tx.run(store.RESET, w=world.world_id)
    open_accounts(tx, world, now)
