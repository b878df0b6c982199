"""Who can sign in on the hosted page, and what their accounts hold."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import World
from openteller_sandbox.customers import store
from openteller_sandbox.db import Tx
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money

MOST_FAILURES = 5
LOCK_MS = 15 * clock.MINUTE
_NOBODYS_CODE = "-" * 6
"""Compared with where nobody has the number, so that this takes as long."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the demo bank. The code is published, as the customer is made up; opening_fen: what the account
    begins with; is_business: whether it pays for others as a business, such as a property manager.
    """

    customer_id: str
    customer_number: str
    demo_code: str = field(repr=False)
    name: str = field(repr=False)
    opening_fen: int
    description_zh: str
    description_en: str
    is_business: bool = False

    @property
    def name_masked(self) -> str:
        """The name but for its last character."""
        return "*" * (len(self.name) - 1) + self.name[-1]


CUSTOMERS = (
    Customer("cst_demo00000001", "62000001", "246810", "陈晓明", 1_000_000_00, "余额充足", "Has plenty of money"),
    Customer("cst_demo00000002", "62000002", "135791", "欧阳静", 88_00, "余额只有 88 元", "Has 88 yuan only"),
    Customer("cst_demo00000003", "62000003", "112358", "李伟", 0, "账户没有余额", "Has an empty account"),
    Customer(
        "cst_demo00000004",
        "62000004",
        "271828",
        "安居物业公司",
        5_000_000_00,
        "对公账户，代缴限额较高",
        "A property manager: pays for others, with the higher limits of a business",
        is_business=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the bank has told a customer. facts: by kind; told_at: bank time, epoch milliseconds."""

    notice_id: str
    kind: str
    facts: Mapping[str, Any] = field(repr=False)
    told_at: int


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
    """Check a customer's number and code; five wrong codes lock the number for 15 minutes of bank time.

    A number that nobody has is counted and locked like any other: no answer tells whether there is such a customer.
    """
    customer = next((each for each in CUSTOMERS if each.customer_number == customer_number), None)
    of_number = {"w": world.world_id, "n": _hash(world, customer_number)}
    row = tx.one(store.FAILURES, **of_number)
    if row and row["locked_until"] > now:
        return SignIn.LOCKED, None
    right = customer.demo_code if customer else _NOBODYS_CODE
    if hmac.compare_digest(code.encode(), right.encode()) and customer:
        tx.run(store.FORGIVE, **of_number)
        return SignIn.DONE, customer
    return _count_failure(tx, world, customer_number, (row["failures"] if row else 0) + 1, now), None


def stand_in(world: World, customer_number: str, code: str) -> tuple[str, bool]:
    """Give what can be kept of an attempt to sign in: a demo customer's number, or a name for another one that tells
    nothing of it; and whether the code is right.
    """
    known = next((each for each in CUSTOMERS if each.customer_number == customer_number), None)
    if known is None:
        return _hash(world, customer_number)[:12], False
    return customer_number, hmac.compare_digest(code.encode(), known.demo_code.encode())


def code_of(customer_number: str) -> str | None:
    """Give the published code of a demo customer."""
    return next((each.demo_code for each in CUSTOMERS if each.customer_number == customer_number), None)


def _count_failure(tx: Tx, world: World, customer_number: str, failures: int, now: int) -> SignIn:
    """Keep how often in a row the code for a number was wrong; what is a day old counts no more."""
    locked = failures >= MOST_FAILURES
    number_hash = _hash(world, customer_number)
    tx.run(store.PURGE_FAILURES, w=world.world_id, before=now - clock.DAY)
    tx.run(store.FORGIVE, w=world.world_id, n=number_hash)
    tx.run(
        store.INSERT_FAILURE,
        world_id=world.world_id,
        number_hash=number_hash,
        failures=0 if locked else failures,
        locked_until=now + LOCK_MS if locked else 0,
        last_at=now,
    )
    return SignIn.LOCKED if locked else SignIn.WRONG


def _hash(world: World, customer_number: str) -> str:
    """Name what was typed as a number without keeping it: it may be something else, such as a code."""
    return sha256(f"{world.world_id}:{customer_number}".encode("utf-8", "surrogatepass")).hexdigest()


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


def tell(tx: Tx, world: World, customer_id: str, kind: str, facts: Mapping[str, Any], now: int) -> None:
    """Tell a customer something: it is kept for the customer's pages. facts: no account numbers."""
    tx.run(
        store.INSERT_NOTICE,
        notice_id=ids.new("ntc"),
        world_id=world.world_id,
        customer_id=customer_id,
        kind=kind,
        facts=json.dumps(facts, ensure_ascii=False),
        told_at=now,
    )


def notices(tx: Tx, world_id: str, customer_id: str, count: int = 100) -> list[Notice]:
    """Give what a customer was told last, newest first."""
    rows = tx.all(store.NOTICES, world_id=world_id, customer_id=customer_id, count=count)
    return [Notice(row["notice_id"], row["kind"], json.loads(row["facts"]), row["told_at"]) for row in rows]


def reset(tx: Tx, world: World, now: int) -> None:
    """Give every customer of a world a fresh account."""
    for statement in store.RESET:
        tx.run(statement, w=world.world_id)
    open_accounts(tx, world, now)
