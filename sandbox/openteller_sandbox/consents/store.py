"""The table of extensions: what an app has asked a customer for, and what the customer has answered. Consents stand in
the tables of ``oauth``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, bindparam, delete, select, update

from openteller_sandbox.db import Insert, Statement, metadata

# consent_expires_at: wall time, as all of a consent's; the others are bank time.
consent_extensions = Table(
    "consent_extensions",
    metadata,
    Column("extension_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("consent_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("consent_expires_at", BigInteger, nullable=False),
    Column("return_url", String),
    Column("locale", String, nullable=False),
    Column("status", String, nullable=False),
    Column("status_reason", String),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Index("consent_extensions_consent", "consent_id"),
    Index("consent_extensions_customer", "world_id", "customer_id"),
)

INSERT = Insert(consent_extensions)
FIND = Statement(select(consent_extensions).where(consent_extensions.c.extension_id == bindparam("extension_id")))
AWAITING = Statement(
    select(consent_extensions).where(
        consent_extensions.c.consent_id == bindparam("consent_id"), consent_extensions.c.status == "AWAITING"
    )
)
OF_CUSTOMER = Statement(
    select(consent_extensions)
    .where(
        consent_extensions.c.world_id == bindparam("world_id"),
        consent_extensions.c.customer_id == bindparam("customer_id"),
    )
    .order_by(consent_extensions.c.created_at.desc(), consent_extensions.c.extension_id)
)
END = Statement(
    update(consent_extensions)
    .where(consent_extensions.c.extension_id == bindparam("id"), consent_extensions.c.status == "AWAITING")
    .values({name: bindparam(f"to_{name}") for name in ("status", "status_reason", "answered_at")})
)
RESET = Statement(delete(consent_extensions).where(consent_extensions.c.world_id == bindparam("world_id")))
