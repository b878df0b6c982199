"""Ordering faults, and striking with them: in order, at random from the world's seed, as often as was ordered."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port.port import LegFault
from openteller_sandbox.clock import DAY
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Tx
from openteller_sandbox.faults import store
from openteller_sandbox.http import Problem
from openteller_sandbox.http.disturbance import Disturbance
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.worlds import service as worlds

MOST_FAULTS = 100
MOST_HELD_MS = 60_000
"""A request holds a connection while its answer waits; a biller's late answer holds nothing."""
_UNTOUCHED = ("/sandbox/", "/oauth/")
"""What no fault reaches: who could not delete it any more would be locked out."""


def create(bank: Bank, world: World, order: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Order a fault; give it as it stands.

    Args:
        bank: the bank.
        world: of the caller.
        order: the contract's ``FaultCreate``, converted.
        now: bank time, epoch milliseconds.

    Raises:
        Problem: FIELD_INVALID, the members do not go together; FAULT_LIMIT.
    """
    match, effect = order["match"], order["effect"]
    _check_match(bank.contract, match)
    _check_effect(bank.contract, match, effect)
    expires_at = order.get("expires_at")
    if expires_at is not None and not now < expires_at <= now + 400 * DAY:
        raise field_invalid("/expires_at", "Must lie ahead in bank time, by at most 400 days.")
    with bank.db.act(world.world_id) as tx:
        tx.run(store.PURGE, world_id=world.world_id, now=now)
        counted, last = (
            tx.one(store.COUNT, world_id=world.world_id),
            tx.one(store.LAST_ORDINAL, world_id=world.world_id),
        )
        assert counted is not None and last is not None
        if counted["count"] >= MOST_FAULTS:
            raise Problem("FAULT_LIMIT")
        row: dict[str, Any] = {
            "fault_id": ids.new("flt"),
            "world_id": world.world_id,
            "ordinal": (last["ordinal"] or 0) + 1,
            **{name: match.get(name) for name in ("operation_id", "path", "leg", "biller_id", "payment_id")},
            "code": _code(bank.contract, match, effect),
            "status": effect.get("status"),
            "delay_ms": effect.get("delay_ms", 0),
            "drop": effect.get("drop"),
            "times_left": order.get("times"),
            "probability": order.get("probability"),
            "expires_at": expires_at,
            "draws": 0,
            "hits": 0,
            "created_at": now,
        }
        tx.run(store.INSERT, **row)
        tx.run(store.RECOUNT, w=world.world_id)
    return _facts(row, now)


def once(bank: Bank, world: World, leg: str, payment_id: str, effect: Mapping[str, Any], now: int) -> None:
    """Let the way to the biller fail once for one payment, before any fault that was ordered."""
    with bank.db.act(world.world_id) as tx:
        tx.run(
            store.INSERT,
            fault_id=ids.new("flt"),
            world_id=world.world_id,
            ordinal=0,
            operation_id=None,
            path=None,
            leg=leg,
            biller_id=None,
            payment_id=payment_id,
            code=None,
            status=effect.get("status"),
            delay_ms=effect.get("delay_ms", 0),
            drop=effect.get("drop"),
            times_left=1,
            probability=None,
            expires_at=None,
            draws=0,
            hits=0,
            created_at=now,
        )


def page(tx: Tx, world: World, now: int, after: int, count: int) -> list[tuple[int, dict[str, Any]]]:
    """Give (ordinal, fault) of a world, in the order in which they strike."""
    rows = tx.all(store.PAGE, world_id=world.world_id, after=after, count=count)
    return [(row["ordinal"], _facts(row, now)) for row in rows]


def remove(bank: Bank, world: World, fault_id: str, now: int) -> dict[str, Any]:
    """Take a fault away; give it as it stood.

    Raises:
        Problem: NOT_FOUND.
    """
    with bank.db.act(world.world_id) as tx:
        row = tx.one(store.FIND, world_id=world.world_id, fault_id=fault_id)
        if row is None:
            raise Problem("NOT_FOUND")
        tx.run(store.DELETE, world_id=world.world_id, fault_id=fault_id)
        tx.run(store.RECOUNT, w=world.world_id)
    return _facts(row, now)


def forget(bank: Bank, world: World, fault_id: str) -> None:
    """Take a fault away that may be gone already."""
    with bank.db.act(world.world_id) as tx:
        tx.run(store.DELETE, world_id=world.world_id, fault_id=fault_id)
        tx.run(store.RECOUNT, w=world.world_id)


def reset(tx: Tx, world_id: str) -> None:
    """Take every fault of a world away."""
    tx.run(store.RESET, world_id=world_id)
    tx.run(store.RECOUNT, w=world_id)


def strike_request(bank: Bank, world: World, operation_id: str | None, path: str, now: int) -> Disturbance | None:
    """Let the first fault strike that matches a request; None where none does."""
    if path.startswith(_UNTOUCHED):
        return None
    for row in bank.db.read().all(store.OF_REQUESTS, world_id=world.world_id, now=now):
        hit = row["operation_id"] == operation_id if row["operation_id"] else _fits(row["path"], path)
        if hit and _strikes(bank, world, row):
            return Disturbance(row["code"], row["delay_ms"], row["drop"])
    return None


def strike_leg(
    bank: Bank, world: World, leg: str, biller_id: str, payment_id: str | None, now: int, delays: bool
) -> LegFault | None:
    """Let the first fault strike that matches a question to a biller; None where none does.

    delays: whether one that only delays counts; who has waited already is not made to wait again.
    """
    for row in bank.db.read().all(store.OF_LEG, world_id=world.world_id, leg=leg, now=now):
        if row["biller_id"] not in {None, biller_id} or row["payment_id"] not in {None, payment_id}:
            continue
        if not delays and row["delay_ms"]:
            continue
        if _strikes(bank, world, row):
            return _strike(row)
    return None


def of_billers(tx: Tx, world: World, now: int) -> list[LegFault]:
    """Give the faults in force on the way to the billers of a world."""
    return [_strike(row) for row in tx.all(store.OF_BILLERS, world_id=world.world_id, now=now)]


def _strike(row: Any) -> LegFault:
    return LegFault(row["fault_id"], row["biller_id"], row["status"], row["delay_ms"], row["drop"], row["created_at"])


def _strikes(bank: Bank, world: World, row: Any) -> bool:
    """Draw, and count the hit. Only one of several processes strikes with the last time that is left."""
    with bank.db.act(world.world_id) as tx:
        if row["probability"] is not None:
            if tx.run(store.DRAW, f=row["fault_id"], seen=row["draws"]) != 1:
                row = tx.one(store.FIND, world_id=world.world_id, fault_id=row["fault_id"])
                if row is None:
                    return False
                tx.run(store.DRAW, f=row["fault_id"], seen=row["draws"])
            if not _drawn(worlds.seed(tx, world), row):
                return False
        if tx.run(store.HIT, f=row["fault_id"]) != 1:
            return False
        if row["times_left"] is not None:
            tx.run(store.RECOUNT, w=world.world_id)
    return True


def _drawn(seed: int, row: Any) -> bool:
    """Draw from the world's seed, the fault's place and how often it was drawn for: the same in every replay."""
    digest = sha256(f"{seed}:{row['ordinal']}:{row['draws']}".encode()).digest()
    return Decimal(int.from_bytes(digest[:8], "big")) < Decimal(row["probability"]) * 2**64


def _fits(pattern: str, path: str) -> bool:
    """Match a path against a pattern in which ``*`` stands for any text, in time linear in both for each star."""
    first, *rest = pattern.split("*")
    if not rest:
        return path == pattern
    if not path.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(path) - len(rest[-1]) >= at and path.endswith(rest[-1])


def _check_match(contract: Contract, match: Mapping[str, Any]) -> None:
    if sum(name in match for name in ("operation_id", "path", "leg")) != 1:
        raise field_invalid("/match", "Must have exactly one of operation_id, path and leg.")
    for name in ("biller_id", "payment_id"):
        if name in match and "leg" not in match:
            raise field_invalid(f"/match/{name}", "Goes with leg only.")
    operation_id, path = match.get("operation_id"), match.get("path")
    operation = contract.operations.get(operation_id) if operation_id else None
    if operation_id and (operation is None or operation.path.startswith(_UNTOUCHED)):
        raise field_invalid("/match/operation_id", "No operation of the contract, or one of the sandbox's own control.")
    if path and path.startswith(_UNTOUCHED):
        raise field_invalid("/match/path", "Control of the sandbox and tokens cannot be disturbed.")


def _check_effect(contract: Contract, match: Mapping[str, Any], effect: Mapping[str, Any]) -> None:
    if "drop" in effect and ("code" in effect or "status" in effect):
        raise field_invalid("/effect", "An answer that is lost has no status: leave out drop, or code and status.")
    if "leg" not in match and effect.get("delay_ms", 0) > MOST_HELD_MS:
        raise field_invalid("/effect/delay_ms", f"A request is held back at most {MOST_HELD_MS} ms.")
    if "leg" in match and "code" in effect:
        raise field_invalid("/effect/code", "A biller answers with its own errors: name a status.")
    if "leg" in match and "delay_ms" in effect and len(effect) > 1:
        raise field_invalid("/effect", "A biller is late, or fails, or loses the answer: name one of them.")
    code = effect.get("code")
    if code is not None and code not in contract.error_codes:
        raise field_invalid("/effect/code", "No error code of the contract.")
    if code is not None and contract.error_codes[code].status != effect.get(
        "status", contract.error_codes[code].status
    ):
        raise field_invalid("/effect/status", f"{code} goes with {contract.error_codes[code].status}.")
    if "leg" not in match and "status" in effect and _code(contract, match, effect) is None:
        raise field_invalid("/effect/status", "No error code of the contract has this status.")


def _code(contract: Contract, match: Mapping[str, Any], effect: Mapping[str, Any]) -> str | None:
    """Give the error code to answer with: the named one, or one of the status, of the operation's own first."""
    status = effect.get("status")
    if "leg" in match or status is None:
        return effect.get("code")
    operation = contract.operations.get(match.get("operation_id", ""))
    rows = [row for row in contract.error_codes.values() if row.status == status]
    rows.sort(key=lambda row: (not (operation and row.code in operation.error_codes), not row.common))
    return effect.get("code") or (rows[0].code if rows else None)


def _facts(row: Any, now: int) -> dict[str, Any]:
    """Give the contract's ``Fault``."""
    used_up = row["times_left"] == 0
    over = row["expires_at"] is not None and row["expires_at"] <= now
    effect = {"code": row["code"], "status": row["status"], "delay_ms": row["delay_ms"] or None, "drop": row["drop"]}
    return {
        "fault_id": row["fault_id"],
        "match": {name: row[name] for name in ("operation_id", "path", "leg", "biller_id", "payment_id")},
        "effect": effect,
        "times_left": row["times_left"],
        "probability": row["probability"],
        "expires_at": row["expires_at"],
        "hits": row["hits"],
        "active": not (used_up or over),
        "created_at": row["created_at"],
    }
