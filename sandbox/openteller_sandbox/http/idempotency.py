"""Idempotency keys: the first answer to a key is kept in the same act as what it did, and a repeat gets it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, delete, select

from openteller_sandbox.db import Insert, Statement, Tx, metadata
from openteller_sandbox.http.answers import Answer
from openteller_sandbox.http.operations import Call
from openteller_sandbox.http.problems import Problem

HEADER = "Idempotency-Key"
_CANONICAL = json.JSONEncoder(sort_keys=True)  # ASCII: what is no character in UTF-8 stays an escape

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("app_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", String),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("idempotency_keys_resource", "world_id", "resource_id"),
)

_FIND = Statement(
    select(idempotency_keys).where(
        idempotency_keys.c.world_id == bindparam("world_id"),
        idempotency_keys.c.app_id == bindparam("app_id"),
        idempotency_keys.c.key == bindparam("key"),
    )
)
_KEEP = Insert(idempotency_keys)
_FORGET = Statement(
    delete(idempotency_keys).where(
        idempotency_keys.c.world_id == bindparam("world_id"), idempotency_keys.c.resource_id == bindparam("resource_id")
    )
)
_RESET = Statement(delete(idempotency_keys).where(idempotency_keys.c.world_id == bindparam("world_id")))


def once(call: Call, tx: Tx, act: Callable[[], tuple[Answer, str]], *, body: object = None) -> Answer:
    """Do an act for its key once; replay the first answer to a repeat.

    Args:
        call: the request; without a key the act is simply done.
        tx: the transaction of the act: the key is kept exactly when the act is.
        act: gives the answer and the identifier of what it made or changed.
        body: what two requests are compared by in the place of a body of which nothing may be kept, as JSON.

    Raises:
        Problem: IDEMPOTENCY_MISMATCH, the key has another request.
    """
    replayed = replay(call, tx, body=body)
    if replayed is not None:
        return replayed
    answer, resource_id = act()
    key = _key(call)
    if key is None:
        return answer
    tx.run(
        _KEEP,
        world_id=call.caller.world.world_id,
        app_id=call.caller.app_id,
        key=key,
        fingerprint=_fingerprint(call, body),
        resource_id=resource_id,
        status=answer.status,
        location=answer.headers.get("Location"),
        body=answer.body.decode(),
        created_at=call.now,
    )
    return answer


def replay(call: Call, tx: Tx, *, body: object = None) -> Answer | None:
    """Give the first answer to the request's key, or None where the key is new or missing.

    Raises:
        Problem: IDEMPOTENCY_MISMATCH, the key has another request.
    """
    key = _key(call)
    if key is None:
        return None
    row = tx.one(_FIND, world_id=call.caller.world.world_id, app_id=call.caller.app_id, key=key)
    if row is None:
        return None
    if row["fingerprint"] != _fingerprint(call, body):
        raise Problem("IDEMPOTENCY_MISMATCH")
    headers = {"Location": row["location"]} if row["location"] else {}
    return Answer(row["body"].encode(), row["status"], headers)


def replay_of_twin(call: Call, tx: Tx, problem: Problem) -> Answer:
    """Give the first answer to the key of a request that is refused for what it has done itself: it was sent twice at
    once, and the other one was faster.

    Raises:
        Problem: the refusal, where there is no such answer; IDEMPOTENCY_MISMATCH.
    """
    replayed = replay(call, tx)
    if replayed is None:
        raise problem
    return replayed


def forget(tx: Tx, world_id: str, resource_id: str) -> None:
    """Drop the keys of a resource, 24 hours after it was final."""
    tx.run(_FORGET, world_id=world_id, resource_id=resource_id)


def reset(tx: Tx, world_id: str) -> None:
    """Drop every key of a world."""
    tx.run(_RESET, world_id=world_id)


def _key(call: Call) -> str | None:
    """Give the request's key; a customer's keys are not the app's, nor another customer's."""
    key = call.headers.get(HEADER)
    return f"{call.caller.subject}:{key}" if key is not None and call.caller.subject else key


def _fingerprint(call: Call, body: object) -> str:
    """Hash what makes two requests the same: operation, path and body, whatever the spacing of the JSON."""
    identity = _CANONICAL.encode([call.operation.operation_id, call.path, call.sent_body if body is None else body])
    return sha256(identity.encode("ascii")).hexdigest()
