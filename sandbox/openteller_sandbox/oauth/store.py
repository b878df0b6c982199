"""The tables of the authorization server. Tokens, and whatever else is a key, are kept as SHA-256 only."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    null,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, insert_or_ignore, metadata
from openteller_sandbox.partners.store import apps
from openteller_sandbox.worlds.store import worlds

oauth_clients = Table(
    "oauth_clients",
    metadata,
    Column("client_id", String, ForeignKey("apps.app_id"), primary_key=True),
    Column("status", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("method", String, nullable=False),
    Column("grants", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("jwks", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("registration_hash", String, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
)
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("app_id", String, ForeignKey("apps.app_id"), nullable=False),
    Column("scope", String, nullable=False),
    Column("jkt", String),
    Column("consent_id", String),
    Column("family_id", String),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("access_tokens_expiry", "expires_at"),
    Index("access_tokens_app", "app_id"),
    Index("access_tokens_family", "family_id"),
)
# given_at: bank time, from which a mandate's first day and periods are counted; the others are wall time.
# wakes_at: when something is to be done for one that holds: its app told that it ends soon, or itself ended.
consents = Table(
    "consents",
    metadata,
    Column("consent_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, ForeignKey("apps.app_id"), nullable=False),
    Column("customer_id", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("details", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("version", Integer, nullable=False),
    Column("wakes_at", BigInteger),
    Index("consents_customer", "world_id", "customer_id"),
    Index("consents_app", "app_id", "created_at"),
    Index("consents_waking", "wakes_at"),
)
# What a client asks a customer for, as it was checked. decided_at: when the customer has answered, which is once.
oauth_requests = Table(
    "oauth_requests",
    metadata,
    Column("request_hash", String, primary_key=True),
    Column("client_id", String, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("kept_until", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Index("oauth_requests_expiry", "kept_until"),
)
oauth_interactions = Table(
    "oauth_interactions",
    metadata,
    Column("interaction_id", String, primary_key=True),
    Column("cookie_hash", String, nullable=False),
    Column("request_hash", String, nullable=False),
    Column("client_id", String, nullable=False),
    Column("world_id", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("locale", String, nullable=False),
    Column("customer_id", String),
    Column("notice", String),
    Column("expires_at", BigInteger, nullable=False),
    Index("oauth_interactions_expiry", "expires_at"),
    Index("oauth_interactions_world", "world_id"),
)
oauth_codes = Table(
    "oauth_codes",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("client_id", String, nullable=False),
    Column("consent_id", String, nullable=False),
    Column("family_id", String, nullable=False),
    Column("redirect_uri", String, nullable=False),
    Column("code_challenge", String, nullable=False),
    Column("jkt", String),
    Column("expires_at", BigInteger, nullable=False),
    Column("kept_until", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("oauth_codes_expiry", "kept_until"),
)
oauth_devices = Table(
    "oauth_devices",
    metadata,
    Column("device_hash", String, primary_key=True),
    Column("request_hash", String, nullable=False, unique=True),
    Column("client_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("consent_id", String),
    Column("family_id", String, nullable=False),
    Column("interval_ms", BigInteger, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("oauth_devices_expiry", "expires_at"),
)
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("client_id", String, nullable=False),
    Column("consent_id", String, nullable=False),
    Column("family_id", String, nullable=False),
    Column("jkt", String),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("rotated_at", BigInteger),
    Index("refresh_tokens_expiry", "expires_at"),
    Index("refresh_tokens_family", "family_id"),
    Index("refresh_tokens_client", "client_id"),
)
oauth_replays = Table(
    "oauth_replays",
    metadata,
    Column("key_hash", String, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("oauth_replays_expiry", "expires_at"),
)

_CHANGING = ("status", "method", "grants", "redirect_uris", "jwks", "settings", "registration_hash")
INSERT_CLIENT = Insert(oauth_clients)
FIND_CLIENT = Statement(select(oauth_clients).where(oauth_clients.c.client_id == bindparam("client_id")))
UPDATE_CLIENT = Statement(
    update(oauth_clients)
    .where(oauth_clients.c.client_id == bindparam("id"), oauth_clients.c.status == "ACTIVE")
    .values({name: bindparam(f"to_{name}") for name in _CHANGING})
)
END_CLIENT = Statement(
    update(oauth_clients)
    .where(oauth_clients.c.client_id == bindparam("id"), oauth_clients.c.status == "ACTIVE")
    .values(status="DELETED")
)

INSERT = Insert(access_tokens)
FIND = Statement(
    select(
        access_tokens.c.app_id,
        access_tokens.c.scope,
        access_tokens.c.jkt,
        access_tokens.c.issued_at,
        access_tokens.c.expires_at,
        access_tokens.c.consent_id,
        consents.c.status.label("consent_status"),
        consents.c.expires_at.label("consent_expires_at"),
        consents.c.customer_id,
        consents.c.details,
        consents.c.last_used_at,
        apps.c.partner_id,
        worlds.c.world_id,
        worlds.c.offset_ms,
        worlds.c.faults,
    )
    .select_from(access_tokens)
    .join(apps, apps.c.app_id == access_tokens.c.app_id)
    .join(worlds, worlds.c.world_id == apps.c.world_id)
    .outerjoin(consents, consents.c.consent_id == access_tokens.c.consent_id)
    .where(access_tokens.c.token_hash == bindparam("token_hash"))
)
REVOKE = Statement(
    delete(access_tokens).where(
        access_tokens.c.token_hash == bindparam("token_hash"), access_tokens.c.app_id == bindparam("app_id")
    )
)
REVOKE_ALL = Statement(delete(access_tokens).where(access_tokens.c.app_id == bindparam("app_id")))


def _purge(table: Table, key: Column[str], until: Column[int]) -> Statement:
    """Make what deletes expired rows. Whose turn it is to be purged by another act is left to it: two that purge would
    wait for each other.
    """
    expired = select(key).where(until < bindparam("now")).with_for_update(skip_locked=True)
    return Statement(delete(table).where(key.in_(expired)))


PURGE = _purge(access_tokens, access_tokens.c.token_hash, access_tokens.c.expires_at)
ADD_REPLAY = insert_or_ignore(oauth_replays)
PURGE_REPLAYS = _purge(oauth_replays, oauth_replays.c.key_hash, oauth_replays.c.expires_at)

INSERT_CONSENT = Insert(consents)
FIND_CONSENT = Statement(select(consents).where(consents.c.consent_id == bindparam("consent_id")))
_SHOWN_STATUS = case(
    (and_(consents.c.status == "ACTIVE", consents.c.expires_at <= bindparam("now")), "EXPIRED"), else_=consents.c.status
)
CONSENTS_OF_APP = Statement(
    select(consents)
    .where(
        consents.c.app_id == bindparam("app_id"),
        or_(
            consents.c.created_at < bindparam("before"),
            and_(consents.c.created_at == bindparam("before"), consents.c.consent_id < bindparam("before_id")),
        ),
        or_(bindparam("status") == "", bindparam("status") == _SHOWN_STATUS),
    )
    .order_by(consents.c.created_at.desc(), consents.c.consent_id.desc())
    .limit(bindparam("count"))
)
ACTIVE_OF_APP = Statement(
    select(consents.c.consent_id)
    .where(consents.c.app_id == bindparam("app_id"), consents.c.status == "ACTIVE")
    .order_by(consents.c.created_at, consents.c.consent_id)
)
CONSENTS_OF_CUSTOMER = Statement(
    select(consents)
    .where(consents.c.world_id == bindparam("world_id"), consents.c.customer_id == bindparam("customer_id"))
    .order_by(consents.c.created_at.desc(), consents.c.consent_id.desc())
)
USE_CONSENT = Statement(
    update(consents)
    .where(
        consents.c.consent_id == bindparam("id"),
        consents.c.status == "ACTIVE",
        consents.c.expires_at > bindparam("now"),
    )
    .values(last_used_at=bindparam("now"))
)
CHANGE_CONSENT = Statement(
    update(consents)
    .where(
        consents.c.consent_id == bindparam("id"),
        consents.c.status == "ACTIVE",
        consents.c.expires_at > bindparam("now"),
    )
    .values(
        scope=bindparam("to_scope"),
        details=bindparam("to_details"),
        given_at=bindparam("to_given_at"),
        expires_at=bindparam("to_expires_at"),
        version=consents.c.version + 1,
        wakes_at=bindparam("to_wakes_at"),
    )
)
PROLONG_REFRESH = Statement(
    update(refresh_tokens)
    .where(refresh_tokens.c.client_id == bindparam("client"), refresh_tokens.c.consent_id == bindparam("consent"))
    .values(expires_at=bindparam("to_expires_at"))
)
END_TOKENS_OF_CONSENT = Statement(
    delete(access_tokens).where(
        access_tokens.c.app_id == bindparam("app"), access_tokens.c.consent_id == bindparam("consent")
    )
)
END_CONSENT = Statement(
    update(consents)
    .where(consents.c.consent_id == bindparam("id"), consents.c.status == "ACTIVE")
    .values(status=bindparam("to_status"), version=consents.c.version + 1, wakes_at=null())
)
END_CONSENTS_OF_APP = Statement(
    update(consents)
    .where(consents.c.app_id == bindparam("app"), consents.c.status == "ACTIVE")
    .values(status="REVOKED", version=consents.c.version + 1, wakes_at=null())
)
# Who of several processes is first changes wakes_at, and the others change nothing.
WAKING = Statement(
    select(consents)
    .where(consents.c.wakes_at <= bindparam("now"))
    .order_by(consents.c.wakes_at, consents.c.consent_id)
    .limit(bindparam("count"))
)
TELL_EXPIRING = Statement(
    update(consents)
    .where(
        consents.c.consent_id == bindparam("id"),
        consents.c.status == "ACTIVE",
        consents.c.wakes_at == bindparam("seen"),
        consents.c.wakes_at < consents.c.expires_at,
        consents.c.expires_at > bindparam("now"),
    )
    .values(wakes_at=consents.c.expires_at)
)
EXPIRE_CONSENT = Statement(
    update(consents)
    .where(
        consents.c.consent_id == bindparam("id"),
        consents.c.status == "ACTIVE",
        consents.c.expires_at <= bindparam("now"),
    )
    .values(status="EXPIRED", wakes_at=null())
)
PUT_OFF_WAKING = Statement(
    update(consents)
    .where(consents.c.consent_id == bindparam("id"), consents.c.wakes_at == bindparam("seen"))
    .values(wakes_at=bindparam("to_wakes_at"))
)
RESET_CONSENTS = Statement(delete(consents).where(consents.c.world_id == bindparam("world_id")))

INSERT_REQUEST = Insert(oauth_requests)
FIND_REQUEST = Statement(select(oauth_requests).where(oauth_requests.c.request_hash == bindparam("request_hash")))
DECIDE = Statement(
    update(oauth_requests)
    .where(oauth_requests.c.request_hash == bindparam("h"), oauth_requests.c.decided_at.is_(None))
    .values(decided_at=bindparam("now"))
)
PURGE_REQUESTS = _purge(oauth_requests, oauth_requests.c.request_hash, oauth_requests.c.kept_until)

INSERT_INTERACTION = Insert(oauth_interactions)
FIND_INTERACTION = Statement(
    select(oauth_interactions).where(oauth_interactions.c.interaction_id == bindparam("interaction_id"))
)
SAVE_INTERACTION = Statement(
    update(oauth_interactions)
    .where(oauth_interactions.c.interaction_id == bindparam("id"))
    .values({name: bindparam(f"to_{name}") for name in ("cookie_hash", "csrf", "locale", "customer_id", "notice")})
)
RESET_INTERACTIONS = Statement(delete(oauth_interactions).where(oauth_interactions.c.world_id == bindparam("world_id")))
PURGE_INTERACTIONS = _purge(oauth_interactions, oauth_interactions.c.interaction_id, oauth_interactions.c.expires_at)

INSERT_CODE = Insert(oauth_codes)
FIND_CODE = Statement(select(oauth_codes).where(oauth_codes.c.code_hash == bindparam("code_hash")))
USE_CODE = Statement(
    update(oauth_codes)
    .where(oauth_codes.c.code_hash == bindparam("h"), oauth_codes.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
PURGE_CODES = _purge(oauth_codes, oauth_codes.c.code_hash, oauth_codes.c.kept_until)

INSERT_DEVICE = Insert(oauth_devices)
FIND_DEVICE = Statement(select(oauth_devices).where(oauth_devices.c.device_hash == bindparam("device_hash")))
ANSWER_DEVICE = Statement(
    update(oauth_devices)
    .where(oauth_devices.c.request_hash == bindparam("h"), oauth_devices.c.status == "PENDING")
    .values(status=bindparam("to_status"), consent_id=bindparam("to_consent_id"))
)
USE_DEVICE = Statement(
    update(oauth_devices)
    .where(oauth_devices.c.device_hash == bindparam("h"), oauth_devices.c.status == "APPROVED")
    .values(status="USED")
)
POLL_DEVICE = Statement(
    update(oauth_devices)
    .where(oauth_devices.c.device_hash == bindparam("h"))
    .values(asked_at=bindparam("now"), interval_ms=bindparam("to_interval_ms"))
)
PURGE_DEVICES = _purge(oauth_devices, oauth_devices.c.device_hash, oauth_devices.c.expires_at)

INSERT_REFRESH = Insert(refresh_tokens)
FIND_REFRESH = Statement(select(refresh_tokens).where(refresh_tokens.c.token_hash == bindparam("token_hash")))
ROTATE = Statement(
    update(refresh_tokens)
    .where(refresh_tokens.c.token_hash == bindparam("h"), refresh_tokens.c.rotated_at.is_(None))
    .values(rotated_at=bindparam("now"))
)
PURGE_REFRESH = _purge(refresh_tokens, refresh_tokens.c.token_hash, refresh_tokens.c.expires_at)
END_FAMILY = [
    Statement(delete(table).where(table.c.family_id == bindparam("family_id")))
    for table in (access_tokens, refresh_tokens)
]
END_REFRESH_OF_APP = Statement(delete(refresh_tokens).where(refresh_tokens.c.client_id == bindparam("app_id")))
