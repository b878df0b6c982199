"""What every service needs, in one place: the database, the clock, the contract and the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox.clock import Clock
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.settings import Settings


@dataclass(frozen=True, slots=True)
class World:
    """The unit of isolation: data, clock and faults of its own.

    faults: how many may strike a request that was just let in; of a world met elsewhere it is not known, and zero.
    """

    world_id: str
    offset_ms: int = 0
    faults: int = 0


PUBLIC_WORLD = World("wld_public")
"""Whose clock anonymous callers see: the sandbox's own, which no test clock moves."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. An anonymous caller has no app; consent_id, customer_id, subject (the customer's name with this
    partner): where a customer has allowed it. Such a caller sees what is that customer's, and nothing else of the app.
    """

    world: World
    scopes: frozenset[str] = frozenset()
    app_id: str = ""
    partner_id: str = ""
    consent_id: str = ""
    customer_id: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)

    @property
    def anonymous(self) -> bool:
        """Whether the caller came without a token."""
        return not self.app_id


ANONYMOUS = Caller(PUBLIC_WORLD)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that falls due in a world: ``at`` is its due time in bank time, which is now for whoever does it."""

    world: World
    kind: str
    subject: str
    at: int


DueHandler = Callable[["Bank", Due], None]
ResetHook = Callable[[Tx, str], Mapping[str, int]]
Identify = Callable[["Bank", str, Any], Caller | None]
"""Finds the caller that an access token stands for, with what came to prove that it is the caller's."""
MakeApp = Callable[["Bank", Identify], Callable[..., Iterable[bytes]]]
"""Makes the WSGI application over a bank."""
Listener = Callable[["Bank", Tx, World, str, str, str, int], None]
"""Hears of an event in its own act: bank, act, world, app, identifier, type, bank time."""


@dataclass(slots=True)
class Bank:
    """The demo bank.

    due_handlers: who does what falls due, by kind; listeners: who hears of events; news: how often something was
    written that a dispatcher or a printer waits for; dispatching: whether one runs beside the server, in this process;
    make_app: how another bank, such as one in memory, gets the application that this one has.
    """

    settings: Settings
    contract: Contract
    db: Database
    clock: Clock
    due_handlers: dict[str, DueHandler] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    news: int = 0
    dispatching: bool = False
    make_app: MakeApp | None = None

    def now(self, world: World = PUBLIC_WORLD) -> int:
        """Bank time of a world, in epoch milliseconds."""
        return self.clock.bank(world.offset_ms)
