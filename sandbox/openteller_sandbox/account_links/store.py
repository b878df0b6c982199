"""The tables of account links, of the consents that name them, and of the browsers at their pages.

Of a social account there is a keyed hash and a masked label, and neither once the link has ended; of the page's
address and of the nonce there are hashes. ``actor_hash`` is unique for an app and a channel, so that no two links of
one account are open, whoever starts them at once.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, metadata

account_links = Table(
    "account_links",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("account_link_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("actor_hash", String),
    Column("actor_masked", String),
    Column("token_hash", String, nullable=False, unique=True),
    Column("nonce_hash", String),
    Column("wrong_nonces", Integer, nullable=False),
    Column("customer_id", String),
    Column("return_url", String),
    Column("locale", String, nullable=False),
    Column("status", String, nullable=False),
    Column("expires_at", BigInteger),
    Column("confirmed_at", BigInteger),
    Column("consent_id", String),
    Column("version", Integer, nullable=False),
    Column("wire", Text, nullable=False),
    UniqueConstraint("app_id", "channel", "actor_hash", name="account_links_actor"),
    Index("account_links_app", "app_id", "seq"),
    Index("account_links_nonce", "app_id", "nonce_hash"),
    Index("account_links_customer", "world_id", "customer_id"),
    sqlite_autoincrement=True,
)
account_link_consents = Table(
    "account_link_consents",
    metadata,
    Column("consent_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("account_link_id", String, nullable=False),
    Index("account_link_consents_link", "account_link_id"),
    Index("account_link_consents_world", "world_id"),
)
account_link_visits = Table(
    "account_link_visits",
    metadata,
    Column("visit_hash", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("account_link_id", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("locale", String, nullable=False),
    Column("customer_id", String),
    Column("notice", String),
    Column("expires_at", BigInteger, nullable=False),
    Index("account_link_visits_expiry", "expires_at"),
    Index("account_link_visits_world", "world_id"),
)

CHANGING = (
    "actor_hash",
    "actor_masked",
    "nonce_hash",
    "wrong_nonces",
    "customer_id",
    "status",
    "expires_at",
    "confirmed_at",
    "version",
    "wire",
)
INSERT = Insert(account_links, without=("seq", "consent_id"))
BY_ID = Statement(select(account_links).where(account_links.c.account_link_id == bindparam("account_link_id")))
BY_TOKEN = Statement(select(account_links).where(account_links.c.token_hash == bindparam("token_hash")))
BY_NONCE = Statement(
    select(account_links).where(
        account_links.c.app_id == bindparam("app_id"), account_links.c.nonce_hash == bindparam("nonce_hash")
    )
)
BY_ACTOR = Statement(
    select(account_links).where(
        account_links.c.app_id == bindparam("app_id"),
        account_links.c.channel == bindparam("channel"),
        account_links.c.actor_hash == bindparam("actor_hash"),
    )
)
OF_CUSTOMER = Statement(
    select(account_links)
    .where(account_links.c.world_id == bindparam("world_id"), account_links.c.customer_id == bindparam("customer_id"))
    .order_by(account_links.c.seq.desc())
)
PAGE = Statement(
    select(account_links.c.seq, account_links.c.wire, account_links.c.consent_id)
    .where(
        account_links.c.app_id == bindparam("app_id"),
        account_links.c.seq < bindparam("before"),
        or_(bindparam("status") == "", account_links.c.status == bindparam("status")),
    )
    .order_by(account_links.c.seq.desc())
    .limit(bindparam("count"))
)
OPEN_OF_APP = Statement(
    select(account_links)
    .where(
        account_links.c.app_id == bindparam("app_id"),
        or_(*(account_links.c.status == status for status in ("AWAITING", "APPROVED", "ACTIVE"))),
    )
    .order_by(account_links.c.seq)
)
CHANGE = Statement(
    update(account_links)
    .where(account_links.c.account_link_id == bindparam("id"), account_links.c.version == bindparam("seen"))
    .values({name: bindparam(f"to_{name}") for name in CHANGING})
)
# Writing the row, as it is, makes whoever ends the link wait, and see afterwards what was bound to it.
HOLD = Statement(
    update(account_links)
    .where(
        account_links.c.account_link_id == bindparam("id"),
        account_links.c.app_id == bindparam("app"),
        account_links.c.customer_id == bindparam("customer"),
        account_links.c.status == "ACTIVE",
    )
    .values(consent_id=account_links.c.consent_id)
)
NAME_CONSENT = Statement(
    update(account_links)
    .where(account_links.c.account_link_id == bindparam("id"))
    .values(consent_id=bindparam("to_consent_id"))
)
INSERT_CONSENT = Insert(account_link_consents)
CONSENTS = Statement(
    select(account_link_consents.c.consent_id).where(
        account_link_consents.c.account_link_id == bindparam("account_link_id")
    )
)
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("world_id")))
    for table in (account_links, account_link_consents, account_link_visits)
]

INSERT_VISIT = Insert(account_link_visits)
FIND_VISIT = Statement(
    select(account_link_visits).where(
        account_link_visits.c.visit_hash == bindparam("visit_hash"),
        account_link_visits.c.account_link_id == bindparam("account_link_id"),
    )
)
SAVE_VISIT = Statement(
    update(account_link_visits)
    .where(account_link_visits.c.visit_hash == bindparam("h"))
    .values({name: bindparam(f"to_{name}") for name in ("visit_hash", "csrf", "locale", "customer_id", "notice")})
)
# Whose turn it is to be purged by another act is left to it: two that purge would wait for each other.
_EXPIRED = (
    select(account_link_visits.c.visit_hash)
    .where(account_link_visits.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE_VISITS = Statement(delete(account_link_visits).where(account_link_visits.c.visit_hash.in_(_EXPIRED)))
