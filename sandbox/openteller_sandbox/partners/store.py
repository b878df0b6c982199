"""The tables of partners and apps."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, bindparam, select, update

from openteller_sandbox.db import Insert, Statement, metadata

partners = Table(
    "partners",
    metadata,
    Column("partner_id", String, primary_key=True),
    Column("world_id", String, ForeignKey("worlds.world_id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
apps = Table(
    "apps",
    metadata,
    Column("app_id", String, primary_key=True),
    Column("partner_id", String, ForeignKey("partners.partner_id"), nullable=False),
    Column("world_id", String, ForeignKey("worlds.world_id"), nullable=False),
    Column("name", String, nullable=False),
    Column("secret_hash", String, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("return_urls", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("apps_world", "world_id"),
)

INSERT_PARTNER = Insert(partners)
INSERT_APP = Insert(apps)
FIND_APP = Statement(select(apps).where(apps.c.app_id == bindparam("app_id")))
SET_SCOPES = Statement(
    update(apps)
    .where(apps.c.app_id == bindparam("app"), apps.c.scopes != bindparam("new_scopes"))
    .values(scopes=bindparam("new_scopes"))
)
CHANGE_APP = Statement(
    update(apps)
    .where(apps.c.app_id == bindparam("app"))
    .values(name=bindparam("new_name"), scopes=bindparam("new_scopes"))
)
APPS_OF_WORLD = Statement(select(apps.c.app_id).where(apps.c.world_id == bindparam("world_id")).order_by(apps.c.app_id))
APPS_OF_PARTNER = Statement(
    select(apps.c.app_id, apps.c.scopes).where(apps.c.partner_id == bindparam("partner_id")).order_by(apps.c.app_id)
)
