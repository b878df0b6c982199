"""The tables of webhook endpoints, deliveries and attempts. The deliveries are the outbox.

A delivery is open while ``due_at`` is there. Whoever sends it holds a lease: until ``lease_until`` (wall time) nobody
else takes it, and only the holder's result is written.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, metadata
from openteller_sandbox.events.store import events
from openteller_sandbox.worlds.store import worlds

LONGEST_LEASE_MS = 600_000
"""In wall time: who holds a delivery for longer has died."""

endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("webhook_endpoint_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", Text, nullable=False),
    Column("description", String),
    Column("enabled", Integer, nullable=False),
    Column("disabled_reason", String),
    Column("secret", String, nullable=False),
    Column("private_key", String),
    Column("previous_secret", String),
    Column("previous_private_key", String),
    Column("previous_expires_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("webhook_endpoints_app", "app_id", "seq"),
    Index("webhook_endpoints_world", "world_id"),
    sqlite_autoincrement=True,
)
deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("webhook_delivery_id", String, nullable=False, unique=True),
    Column(
        "webhook_endpoint_id",
        String,
        ForeignKey("webhook_endpoints.webhook_endpoint_id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", String, ForeignKey("events.event_id", ondelete="CASCADE"), nullable=False),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("event_type", String, nullable=False),
    Column("status", String, nullable=False),
    Column("step", Integer, nullable=False),  # attempts of the schedule that were made
    Column("attempt_count", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("lease", String, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index("webhook_deliveries_due", "webhook_endpoint_id", "due_at"),
    Index("webhook_deliveries_world", "world_id", "due_at"),
    Index("webhook_deliveries_app", "app_id", "seq"),
    Index("webhook_deliveries_event", "event_id"),
    sqlite_autoincrement=True,
)
attempts = Table(
    "webhook_attempts",
    metadata,
    Column(
        "webhook_delivery_id",
        String,
        ForeignKey("webhook_deliveries.webhook_delivery_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("status_code", Integer),
    Column("duration_ms", Integer, nullable=False),
    Column("answer_excerpt", Text),
)

_OPEN = or_(deliveries.c.status == "PENDING", deliveries.c.status == "RETRYING")

# Endpoints.
INSERT_ENDPOINT = Insert(endpoints, without=("seq",))
FIND_ENDPOINT = Statement(
    select(endpoints).where(
        endpoints.c.webhook_endpoint_id == bindparam("webhook_endpoint_id"), endpoints.c.app_id == bindparam("app_id")
    )
)
ENDPOINT_PAGE = Statement(
    select(endpoints)
    .where(endpoints.c.app_id == bindparam("app_id"), endpoints.c.seq > bindparam("after"))
    .order_by(endpoints.c.seq)
    .limit(bindparam("count"))
)
COUNT_ENDPOINTS = Statement(select(func.count().label("count")).where(endpoints.c.app_id == bindparam("app_id")))
WANTING = Statement(
    select(endpoints.c.webhook_endpoint_id, endpoints.c.event_types).where(
        endpoints.c.app_id == bindparam("app_id"), endpoints.c.enabled == 1
    )
)
_ENDPOINT = endpoints.c.webhook_endpoint_id == bindparam("id")
UPDATE_ENDPOINT = Statement(
    update(endpoints)
    .where(_ENDPOINT)
    .values(
        url=bindparam("new_url"),
        event_types=bindparam("new_event_types"),
        description=bindparam("new_description"),
        enabled=bindparam("new_enabled"),
        disabled_reason=bindparam("new_disabled_reason"),
        updated_at=bindparam("now"),
    )
)
ROTATE = Statement(
    update(endpoints)
    .where(_ENDPOINT)
    .values(
        previous_secret=endpoints.c.secret,
        previous_private_key=endpoints.c.private_key,
        previous_expires_at=bindparam("expires_at"),
        secret=bindparam("new_secret"),
        private_key=bindparam("new_private_key"),
        updated_at=bindparam("now"),
    )
)
DISABLE = Statement(
    update(endpoints)
    .where(_ENDPOINT)
    .values(enabled=0, disabled_reason=bindparam("reason"), updated_at=bindparam("now"))
)
DELETE_ENDPOINT = Statement(delete(endpoints).where(_ENDPOINT))
SHORTEN_OLD_SECRETS = Statement(
    update(endpoints)
    .where(endpoints.c.world_id == bindparam("world"), endpoints.c.previous_expires_at > bindparam("latest"))
    .values(previous_expires_at=bindparam("latest"))
)

# Deliveries.
INSERT_DELIVERY = Insert(deliveries, without=("seq",))
FIND_DELIVERY = Statement(
    select(deliveries).where(
        deliveries.c.webhook_delivery_id == bindparam("webhook_delivery_id"), deliveries.c.app_id == bindparam("app_id")
    )
)
DELIVERY_PAGE = Statement(
    select(deliveries)
    .where(
        deliveries.c.app_id == bindparam("app_id"),
        deliveries.c.seq < bindparam("before"),
        or_(bindparam("endpoint") == "", deliveries.c.webhook_endpoint_id == bindparam("endpoint")),
        or_(bindparam("event") == "", deliveries.c.event_id == bindparam("event")),
        or_(bindparam("status") == "", deliveries.c.status == bindparam("status")),
    )
    .order_by(deliveries.c.seq.desc())
    .limit(bindparam("count"))
)
STOP = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_endpoint_id == bindparam("id"), _OPEN)
    .values(status="DISABLED", due_at=null())
)
TAKE_UP = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_endpoint_id == bindparam("id"), deliveries.c.status == "DISABLED")
    .values(status="PENDING", due_at=bindparam("now"), step=0)
)
RESEND = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_delivery_id == bindparam("id"))
    .values(status="PENDING", due_at=bindparam("now"), step=0, lease="", lease_until=0)
)
NEXT_DUE = Statement(
    select(func.min(deliveries.c.due_at).label("due_at")).where(deliveries.c.world_id == bindparam("world_id"))
)

# Attempts.
_WRITTEN = ("number", "at", "outcome", "status_code", "duration_ms", "answer_excerpt")
LAST_ATTEMPTS = Statement(
    select(attempts)
    .where(attempts.c.webhook_delivery_id == bindparam("webhook_delivery_id"))
    .order_by(attempts.c.number.desc())
    .limit(bindparam("count"))
)

# Dispatching.
_BANK_TIME: ColumnElement[int] = bindparam("now") + worlds.c.offset_ms  # of a delivery's world
# A lease that ends later than any can was taken before the clock of this machine was set back.
_FREE = or_(
    deliveries.c.lease_until <= bindparam("wall"),
    deliveries.c.lease_until > bindparam("wall") + LONGEST_LEASE_MS,
)
ENDPOINTS_WITH_WORK = Statement(
    select(endpoints.c.webhook_endpoint_id, endpoints.c.world_id, worlds.c.offset_ms)
    .join(worlds, worlds.c.world_id == endpoints.c.world_id)
    .where(
        or_(bindparam("world") == "", endpoints.c.world_id == bindparam("world")),
        exists().where(
            deliveries.c.webhook_endpoint_id == endpoints.c.webhook_endpoint_id,
            deliveries.c.due_at <= _BANK_TIME,
            _FREE,
        ),
    )
)
WORK = Statement(
    select(
        deliveries.c.webhook_delivery_id,
        deliveries.c.webhook_endpoint_id,
        deliveries.c.world_id,
        deliveries.c.step,
        deliveries.c.attempt_count,
        endpoints.c.url,
        endpoints.c.secret,
        endpoints.c.private_key,
        endpoints.c.previous_secret,
        endpoints.c.previous_private_key,
        endpoints.c.previous_expires_at,
        events.c.wire,
    )
    .join(endpoints, endpoints.c.webhook_endpoint_id == deliveries.c.webhook_endpoint_id)
    .join(events, events.c.event_id == deliveries.c.event_id)
    .where(deliveries.c.webhook_endpoint_id == bindparam("endpoint"), deliveries.c.due_at <= bindparam("until"))
    .where(deliveries.c.lease == bindparam("lease"))
    .order_by(deliveries.c.due_at, deliveries.c.seq)
    .limit(bindparam("count"))
)
_DUE = (deliveries.c.due_at <= bindparam("until"), _FREE)
_NEXT = (
    select(deliveries.c.webhook_delivery_id)
    .where(deliveries.c.webhook_endpoint_id == bindparam("endpoint"), *_DUE)
    .order_by(deliveries.c.due_at, deliveries.c.seq)
    .limit(bindparam("count"))
    .scalar_subquery()
)
LEASE = Statement(
    update(deliveries)
    .where(deliveries.c.webhook_delivery_id.in_(_NEXT), *_DUE)
    .values(lease=bindparam("new_lease"), lease_until=bindparam("new_until"))
)
_HELD = (deliveries.c.webhook_delivery_id == bindparam("id"), deliveries.c.lease == bindparam("held"))
INSERT_ATTEMPT = Statement(  # of a delivery that is still held, so that it comes before what gives it free
    insert(attempts).from_select(
        ["webhook_delivery_id", *_WRITTEN],
        select(
            deliveries.c.webhook_delivery_id, *(cast(bindparam(name), attempts.c[name].type) for name in _WRITTEN)
        ).where(*_HELD),
    )
)
RELEASE = Statement(update(deliveries).where(*_HELD).values(lease="", lease_until=0))
RECORD_DELIVERED = Statement(
    update(deliveries)
    .where(*_HELD)
    .values(
        status="DELIVERED",
        due_at=null(),
        delivered_at=bindparam("at"),
        step=deliveries.c.step + 1,
        attempt_count=bindparam("number"),
        lease="",
        lease_until=0,
    )
)
# A delivery that was stopped while it was on its way stays stopped.
_STOPPED = deliveries.c.status == "DISABLED"
RECORD_FAILED = Statement(
    update(deliveries)
    .where(*_HELD)
    .values(
        status=case((_STOPPED, "DISABLED"), else_=bindparam("new_status")),
        due_at=case((_STOPPED, null()), else_=cast(bindparam("new_due_at"), BigInteger)),
        step=deliveries.c.step + 1,
        attempt_count=bindparam("number"),
        lease="",
        lease_until=0,
    )
)
