"""Doing what is a deed, and reading what was done."""

from __future__ import annotations

import json
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import shake_256
from typing import Any
from weakref import WeakKeyDictionary

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.db import Database, FirstAct, Tx
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.deeds import store

MOST = 10_000
"""Deeds of a world that are kept; of one that has more the log says so, and cannot be played again."""
BEGINNING = "begin"
PARTNER, PAYER, BANK, CLOCK = "PARTNER", "PAYER", "BANK", "CLOCK"
_KEY = "log_key"
_SALT_BYTES = 16

Details = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done. wall_at, base_ms: wall time, and what was added to it where nobody had moved the clock; bank_at:
    bank time; all in milliseconds.
    """

    number: int
    wall_at: int
    base_ms: int
    bank_at: int
    actor: str
    app_id: str
    name: str
    salt: str = field(repr=False)
    details: Mapping[str, Any] = field(repr=False)


class _Thread(threading.local):
    """What a thread is at. salt, held: of a deed that is done again, which is not written once more."""

    busy = False
    salt: str | None = None
    held: Mapping[str, Any] | None = None


_thread = _Thread()
_keys: WeakKeyDictionary[Database, bytes] = WeakKeyDictionary()


def ensure_key(bank: Bank) -> None:
    """Make the key that logs are sealed with, where it is missing."""
    with bank.db.act() as tx:
        if bank_facts.get(tx, _KEY) is None:
            bank_facts.put(tx, _KEY, secrets.token_urlsafe(32))


class doing:  # noqa: N801 - it reads as what it is: with doing(…)
    """Do something that is a deed, or a part of the one that is being done.

    Args:
        bank: where.
        world: whose log has it.
        actor: PARTNER, PAYER, BANK or CLOCK.
        name: an operation of the contract, a step of the page, a kind of due act.
        details: gives what it takes to do it again, as JSON; asked for only when something is kept.
        app_id: whose request it is.
    """

    __slots__ = ("_actor", "_app_id", "_bank", "_bank_at", "_details", "_is_part", "_name", "_salt", "_world")

    def __init__(self, bank: Bank, world: World, actor: str, name: str, details: Details, app_id: str = "") -> None:
        self._bank = bank
        self._world = world
        self._actor = actor
        self._name = name
        self._details = details
        self._app_id = app_id
        self._is_part = _thread.busy
        self._salt = ""
        self._bank_at = 0

    def __enter__(self) -> None:
        """Begin; a part of a deed has the time and the seed of the whole."""
        if self._is_part:
            return
        bank, self._salt = self._bank, _thread.salt or _new_salt()
        _thread.busy = True
        bank.clock.stand_still()
        ids.draw_from(ids.Drawing(self._sow))
        self._bank_at = bank.now(self._world)
        if _thread.salt is None:
            bank.db.do_first(FirstAct(self._world.world_id, self._write))

    def __exit__(self, *_: object) -> None:
        """End, however it went."""
        if self._is_part:
            return
        self._bank.db.do_first(None)
        ids.draw_from(None)
        self._bank.clock.go_on()
        _thread.busy = False

    def _sow(self) -> bytes:
        return _mixed(self._bank.db, self._salt, b"ids")

    def _write(self, tx: Tx) -> None:
        values = {"actor": self._actor, "app_id": self._app_id, "name": self._name, "salt": self._salt}
        _append(self._bank, tx, self._world, self._bank_at, self._details(), values)


@contextmanager
def beginning(bank: Bank, tx: Tx, world: World, apps: Sequence[str]) -> Iterator[None]:
    """Make what a world begins with, in the act that makes or resets it; its log begins here, too.

    apps: who is in it by then; of a new one it is the app that it is made for.
    """
    salt = _thread.salt or _new_salt()
    stopped = bank.clock.stand_still()
    before = ids.draw_from(ids.Drawing(lambda: _mixed(bank.db, salt, b"ids")))
    try:
        yield
        if _thread.salt is None:
            tx.run(store.RESET, world_id=world.world_id)
            values = {"actor": BANK, "app_id": "", "name": BEGINNING, "salt": salt}
            _append(bank, tx, world, bank.now(world), {"apps": apps}, values)
    finally:
        ids.draw_from(before)
        if stopped:
            bank.clock.go_on()


@contextmanager
def again(deed: Deed) -> Iterator[None]:
    """Do a deed again in this block: what is one in it has its seed, and nothing is written."""
    _thread.salt, _thread.held = deed.salt, deed.details.get("held")
    try:
        yield
    finally:
        _thread.salt = _thread.held = None


def held() -> Mapping[str, Any]:
    """Give what stands for what the log does not keep of a request that is done again; empty where none is."""
    return _thread.held or {}


def _new_salt() -> str:
    return urlsafe_b64encode(secrets.token_bytes(_SALT_BYTES)).decode()


def of_world(bank: Bank, tx: Tx, world_id: str, after: int = 0, count: int = MOST + 1) -> list[Deed]:
    """Give what was done in a world, in order, from behind a number on."""
    rows = tx.all(store.PAGE, world_id=world_id, after=after, count=count)
    return [_opened(bank, row) for row in rows]


def _append(
    bank: Bank, tx: Tx, world: World, bank_at: int, details: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    text = json.dumps(details, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    again = {
        "wall_at": bank.clock.wall(),
        "base_ms": bank.clock.base_offset_ms,
        "salt": values["salt"],
        "details": urlsafe_b64encode(_sealed(bank.db, values["salt"], text)).decode(),
    }
    if values["actor"] == CLOCK:
        changed = {f"to_{name}": value for name, value in again.items()}
        if tx.run(store.MOVE_ON, w=world.world_id, **changed):
            return
    tx.run(store.APPEND, world_id=world.world_id, bank_at=bank_at, most=MOST, **{**values, **again})


def _opened(bank: Bank, row: Any) -> Deed:
    values = {name: row[name] for name in Deed.__dataclass_fields__ if name != "details"}
    text = _sealed(bank.db, row["salt"], urlsafe_b64decode(row["details"]))
    return Deed(**values, details=json.loads(text.decode("utf-8", "surrogatepass")))


def _sealed(database: Database, salt: str, text: bytes) -> bytes:
    """Seal or open: account numbers are in it, which the bank's other tables forget after a day."""
    stream = _mixed(database, salt, b"details", len(text))
    return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(len(text))


def _mixed(database: Database, salt: str, purpose: bytes, count: int = 32) -> bytes:
    """Give bytes that whoever has the table, and not the bank's key, cannot know."""
    key = _keys.get(database)
    if key is None:
        key = _keys[database] = (bank_facts.get(database.read(), _KEY) or "").encode()
    return shake_256(b"/".join((key, purpose, salt.encode()))).digest(count)
