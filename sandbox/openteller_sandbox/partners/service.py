"""Creating apps, and what other features may know of them."""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.events import service as events
from openteller_sandbox.folding import fold
from openteller_sandbox.http import Problem, addresses
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.partners import store
from openteller_sandbox.rates import following
from openteller_sandbox.worlds import service as worlds

SCOPES = (  # what an app may do by itself; what only a customer gives is the authorization server's business
    "open-data",
    "bills:read",
    "payments:create",
    "payments:read",
    "disputes:create",
    "statements:read",
    "webhooks",
    "account-links",
    "consents",
    "sandbox",
)

# The contract's list: what cannot be seen, turns the direction of text, or means something else elsewhere.
_DECEIVING = (
    r"\x00-\x1F\x7F-\xA0<>\xAD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u115F\u1160\u1680\u17B4\u17B5"
    r"\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3164\uE000-\uF8FF\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB"
)
READABLE_NAME = rf"^[^{_DECEIVING} \u3000][^{_DECEIVING}]*$"
BANK_NAMES = ("示范银行", "Demo Bank")
_UNREADABLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

DEMO_APP_ID = "app_demo00000000"
DEMO_PARTNER_ID = "ptn_demo00000000"
DEMO_WORLD_ID = "wld_demo00000000"
DEMO_APP_NAME = "V缴费 Demo"
# Published on purpose: a well-known app of the sandbox, so that the first call needs no set-up. It can reach play
# money on this machine only.
DEMO_CLIENT_SECRET = "ots_openteller_demo_secret_for_local_play_only"  # noqa: S105


@dataclass(frozen=True, slots=True)
class App:
    """An app as other features see it."""

    app_id: str
    partner_id: str
    world_id: str
    name: str
    scopes: tuple[str, ...]
    return_urls: tuple[str, ...]
    secret_hash: str = field(repr=False)
    created_at: int = 0


NOBODY = App("", "", "", "", (), (), "")
"""An app that is not made yet."""


@dataclass(frozen=True, slots=True)
class NewApp:
    """An app just made, with the only copy of its secret."""

    app: App
    world: World
    client_secret: str = field(repr=False)


def create(
    bank: Bank,
    caller: Caller,
    *,
    name: str,
    scopes: Sequence[str],
    return_urls: Sequence[str],
    join: str,
    also: Callable[[Tx, App], None] = lambda tx, app: None,  # noqa: ARG005
) -> NewApp:
    """Make an app, in a world of its own or in the caller's; also: what else belongs to the same act.

    Raises:
        Problem: TOKEN_MISSING, joining needs a token of the world that is joined; FIELD_INVALID, a payer could not
            read the name as it is, or would take it for the bank's, or a browser could not go to an address.
    """
    if not is_readable(name):
        # What the contract's pattern cannot name alike in every engine: such characters beyond U+FFFF.
        raise field_invalid("/name", "Must be a name that payers can read as it is: it has an invisible character.")
    if is_the_banks(name):
        raise field_invalid("/name", "Must be a name of the partner's own: the bank's is in it.")
    for at, url in enumerate(return_urls):
        if addresses.parse(url) is None:
            raise field_invalid(f"/return_urls/{at}", "Must be an address that a browser can go to.")
    if join != "none" and caller.anonymous:
        raise Problem(
            "TOKEN_MISSING", "Joining a world or a partner needs a token of an app there, with the scope sandbox."
        )
    secret = f"ots_{secrets.token_urlsafe(32)}"
    with bank.db.act(caller.world.world_id) as tx:
        app_id = ids.new("app")
        world = _new_world(bank, tx, app_id) if join == "none" else caller.world
        partner_id = caller.partner_id if join == "partner" else ids.new("ptn")
        app = App(
            app_id,
            partner_id,
            world.world_id,
            name,
            tuple(scopes),
            tuple(return_urls),
            hash_secret(secret),
            bank.now(world),
        )
        _insert(tx, app, new_partner=join != "partner")
        also(tx, app)
    return NewApp(app, world, secret)


def is_readable(name: str) -> bool:
    """Tell whether people see a name as it is: the contract's pattern, and what it cannot name alike everywhere."""
    return re.fullmatch(READABLE_NAME, name) is not None and not any(
        unicodedata.category(character) in _UNREADABLE for character in name
    )


def is_the_banks(name: str) -> bool:
    """Tell whether payers could take a name for the bank's: one of its own is in it, with or without blanks and marks
    between its letters, in full width, small letters or Traditional characters.
    """
    letters = _letters(name)
    return any(_letters(own) in letters for own in BANK_NAMES)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, fold(name)))


def change(tx: Tx, app_id: str, *, name: str, scopes: Sequence[str]) -> None:
    """Give an app another name and other scopes."""
    tx.run(store.CHANGE_APP, app=app_id, new_name=name, new_scopes=json.dumps(list(scopes)))


def ensure_demo_app(bank: Bank) -> None:
    """Make the published demo app where it is missing, with every scope that there is."""
    with bank.db.act() as tx:
        if tx.one(store.FIND_APP, app_id=DEMO_APP_ID):
            tx.run(store.SET_SCOPES, app=DEMO_APP_ID, new_scopes=json.dumps(SCOPES))
            return
        world = _new_world(bank, tx, DEMO_APP_ID, DEMO_WORLD_ID)
        app = App(
            DEMO_APP_ID,
            DEMO_PARTNER_ID,
            world.world_id,
            DEMO_APP_NAME,
            SCOPES,
            (),
            hash_secret(DEMO_CLIENT_SECRET),
            bank.now(),
        )
        _insert(tx, app, new_partner=True)


def begin(bank: Bank, tx: Tx, world: World) -> None:
    """Give a world what it begins with: its customers' accounts, and what happens in every world by itself."""
    customers.reset(tx, world, bank.now(world))
    events.begin_purging(tx, world, bank.now(world))
    following.follow(tx, world, bank.now(world))


def find(tx: Tx, app_id: str) -> App | None:
    """Give an app."""
    row = tx.one(store.FIND_APP, app_id=app_id)
    if row is None:
        return None
    return App(
        app_id=row["app_id"],
        partner_id=row["partner_id"],
        world_id=row["world_id"],
        name=row["name"],
        scopes=tuple(json.loads(row["scopes"])),
        return_urls=tuple(json.loads(row["return_urls"])),
        secret_hash=row["secret_hash"],
        created_at=row["created_at"],
    )


def app_ids_of_world(tx: Tx, world_id: str) -> list[str]:
    """Give the identifiers of every app in a world."""
    return [row["app_id"] for row in tx.all(store.APPS_OF_WORLD, world_id=world_id)]


def app_ids_of_partner(tx: Tx, partner_id: str, *, scope: str | None = None) -> list[str]:
    """Give the identifiers of a partner's apps; scope: of those that may ask for it."""
    rows = tx.all(store.APPS_OF_PARTNER, partner_id=partner_id)
    return [row["app_id"] for row in rows if scope is None or scope in json.loads(row["scopes"])]


def hash_secret(secret: str) -> str:
    """Hash a generated secret: 256 random bits need no slow hash."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _new_world(bank: Bank, tx: Tx, app_id: str, world_id: str | None = None) -> World:
    world = worlds.create(tx, bank.now(), world_id)
    with deeds.beginning(bank, tx, world, [app_id]):
        begin(bank, tx, world)
    return world


def _insert(tx: Tx, app: App, *, new_partner: bool) -> None:
    if new_partner:
        tx.run(store.INSERT_PARTNER, partner_id=app.partner_id, world_id=app.world_id, created_at=app.created_at)
    tx.run(
        store.INSERT_APP,
        app_id=app.app_id,
        partner_id=app.partner_id,
        world_id=app.world_id,
        name=app.name,
        secret_hash=app.secret_hash,
        scopes=json.dumps(app.scopes),
        return_urls=json.dumps(app.return_urls),
        created_at=app.created_at,
    )
