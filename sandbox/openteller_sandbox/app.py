"""The sandbox as a WSGI application: features wired together, here and nowhere else."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

from flask import Flask

from openteller_sandbox import contract as contracts
from openteller_sandbox import seeding
from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import Clock
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Database
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.http.api import Api
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import receipts
from openteller_sandbox.settings import Settings

log = logging.getLogger("openteller_sandbox")

# Features with operations of the contract, in the order of its documents.
FEATURES = ("branches", "rates", "calculators", "billers", "bills", "payments", "events", "status", "control")
SEEDED = ("branches", "rates", "billers")
_PACKAGE = "openteller_sandbox"


def create_bank(settings: Settings, clock: Clock | None = None, *, seed_in_child: bool = False) -> Bank:
    """Open the bank: its database (made and seeded when new), its clock, its demo app.

    Args:
        settings: what the operator chose.
        seed_in_child: make a new database ready in a process of its own, which takes the memory that loading the seed
            needs with it when it ends. For a process that has no threads yet and will live long.
        clock: bank and wall time; a clock whose base offset is not zero sets where bank time begins, otherwise a
            known database goes on where it began.

    Raises:
        DatabaseError: the database cannot be used.
        SeedError: the seed cannot be loaded.
    """
    for feature in (*FEATURES, "hosted"):
        _module(feature, "routes")  # declares the tables
    if seed_in_child and not Path(Database(settings.database).path).exists():
        seeding.in_child(lambda: create_bank(settings, clock).db.close())  # noqa: PLW0108 - it is made in the child
    contract = contracts.load()
    bank = Bank(settings, contract, _open(settings, contract), clock or Clock())
    _settle_clock(bank)
    for feature in FEATURES:
        bank.due_handlers |= getattr(_module(feature, "service"), "DUE_HANDLERS", {})
    receipts.ensure_key(bank)
    partners.ensure_demo_app(bank)
    return bank


def _open(settings: Settings, contract: Contract) -> Database:
    """Open the database, and make and seed it when it is new."""
    database = Database(settings.database)
    database.prepare()
    if not seeding.is_loaded(database):
        try:
            seeding.load(database, contract, settings.seed, [_module(each, "importing").load for each in SEEDED])
        except seeding.SeedError:
            database.discard()
            raise
    return database


def create_app(bank: Bank) -> Flask:
    """Make the Flask app over an open bank."""
    from openteller_sandbox.hosted import routes as hosted  # noqa: PLC0415
    from openteller_sandbox.oauth import routes as oauth_routes  # noqa: PLC0415

    app = Flask(_PACKAGE, static_folder=None, template_folder=str(Path(__file__).with_name("hosted") / "templates"))
    api = Api(app, bank, oauth.identify)
    api.mount([_module(feature, "routes").routes for feature in FEATURES])
    app.register_blueprint(oauth_routes.blueprint(bank, api))
    app.register_blueprint(hosted.blueprint(bank, api))
    app.extensions["openteller"] = api
    return app


def _settle_clock(bank: Bank) -> None:
    """Keep where bank time begins with the database, so that a restart goes on from there."""
    with bank.db.act() as tx:
        if bank.clock.base_offset_ms:
            bank_facts.put(tx, "base_offset_ms", str(bank.clock.base_offset_ms))
        else:
            bank.clock.base_offset_ms = int(bank_facts.get(tx, "base_offset_ms") or 0)


def _module(feature: str, name: str) -> Any:
    return importlib.import_module(f"{_PACKAGE}.{feature}.{name}")
