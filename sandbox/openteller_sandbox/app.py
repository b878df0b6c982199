"""The sandbox as a WSGI application: features wired together, here and nowhere else."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from werkzeug.routing import Rule

from openteller_sandbox import contract as contracts
from openteller_sandbox import prebuilt, seeding
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank
from openteller_sandbox.biller_port.served import ServedBillers
from openteller_sandbox.clock import Clock, to_wire
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Database, open_database
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.faults import service as faults
from openteller_sandbox.http.api import Api, Identify
from openteller_sandbox.imports.files import Source
from openteller_sandbox.imports.outcome import Outcome, Watch, Wish
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.settings import Settings
from openteller_sandbox.webhooks import service as webhooks

log = logging.getLogger("openteller_sandbox")

# Features with operations of the contract, in the order of its documents.
FEATURES = (
    "branches",
    "rates",
    "calculators",
    "billers",
    "bills",
    "payments",
    "receipts",
    "disputes",
    "statements",
    "account_links",
    "consents",
    "saved_billers",
    "mandates",
    "reminders",
    "events",
    "webhooks",
    "status",
    "faults",
    "scenarios",
    "replays",
    "control",
)
SEEDED = ("branches", "rates", "billers")
IMPORTED = {"branches": "branches", "atms": "branches", "billers": "billers", "fx": "rates"}
"""What an operator can bring in a file, and the feature that has it."""
_PACKAGE = "openteller_sandbox"


def create_bank(
    settings: Settings,
    clock: Clock | None = None,
    *,
    make_in_child: bool = False,
    on_import: Callable[[], None] = lambda: None,
) -> Bank:
    """Open the bank: its database (made and seeded when new), its clock, its demo app.

    Args:
        settings: what the operator chose.
        clock: bank and wall time; a clock whose base offset is not zero sets where bank time begins, but never
            back; otherwise a known database goes on where it was.
        make_in_child: make a new database ready in a process of its own, which takes the memory that this needs with
            it when it ends. For a process that has no threads yet and will live long.
        on_import: called before the seed's records are loaded one by one, which takes seconds.

    Raises:
        DatabaseError: the database cannot be used.
        SeedError: the seed cannot be loaded.
    """
    declare_tables()
    if make_in_child and open_database(settings.database).is_missing():
        seeding.in_child(lambda: make(settings, clock, on_import))
    contract = contracts.load()
    bank = Bank(settings, contract, _open(settings, contract, on_import), clock or Clock())
    _settle_clock(bank)
    for feature in FEATURES:
        bank.due_handlers |= getattr(_module(feature, "service"), "DUE_HANDLERS", {})
    bank.due_handlers |= announcements.DUE_HANDLERS
    bank.listeners += [webhooks.fan_out, saved_billers.hear, reminders.hear]
    bank.make_app = create_app
    payments.ensure_receipt_key(bank)
    oauth.ensure_secret(bank)
    oauth.ensure_signing_key(bank)
    deeds.ensure_key(bank)
    partners.ensure_demo_app(bank)
    return bank


def create_billers(settings: Settings, token: str, on_import: Callable[[], None]) -> tuple[Database, ServedBillers]:
    """Open the billers' own books, which a first start makes; give them, and what answers banks over HTTP.

    Raises:
        DatabaseError: the database cannot be used.
        SeedError: the seed cannot be loaded.
    """
    declare_tables()
    database = _open(settings, contracts.load(), on_import)
    return database, ServedBillers(database, token)


def make(settings: Settings, clock: Clock | None, on_import: Callable[[], None]) -> None:
    """Make a database ready where it is not, and leave it."""
    create_bank(settings, clock, on_import=on_import).db.close()


def declare_tables() -> None:
    """Let every feature declare its tables."""
    for feature in (*FEATURES, "hosted"):
        _module(feature, "routes")


def seed_importers() -> list[seeding.Importer]:
    """Give what loads the seed, in order."""
    return [_module(feature, "importing").load for feature in SEEDED]


def import_file(bank: Bank, kind: str, source: Source, wish: Wish, watch: Watch) -> Outcome:
    """Import a file that an operator brings: all of it, or nothing.

    Raises:
        SourceError: the file cannot be read, or there is no room to work.
        DatabaseError, EngineError: the database cannot be used or written, or is being imported into.
    """
    filling = open_database(bank.settings.database)
    filling.relax()
    try:
        outcome: Outcome = _module(IMPORTED[kind], "bulk").load(bank, filling, kind, source, wish, watch)
    finally:
        filling.close()
    return outcome


def _open(settings: Settings, contract: Contract, on_import: Callable[[], None]) -> Database:
    """Open the database, and make and seed it when it is new."""
    database = open_database(settings.database)
    if database.is_missing():
        prebuilt.copy(settings.seed, database.name)
    database.prepare()
    if not seeding.is_loaded(database):
        on_import()
        try:
            seeding.load(database, contract, settings.seed, seed_importers())
        except seeding.SeedError:
            database.discard()
            raise
    return database


class _Rule(Rule):
    """A rule that requests are matched with, and no more. Werkzeug also compiles two functions for each that build its
    address, which is most of what making an app takes; the bank's addresses are written out where they stand.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002 - werkzeug's
        return _build_nothing


def _build_nothing(rule: Rule, *_: object) -> NoReturn:
    raise NotImplementedError(f"addresses are not built of rules, such as {rule.rule}")


def create_app(bank: Bank, identify: Identify = oauth.identify) -> Flask:
    """Make the Flask app over an open bank.

    identify: finds the caller that an access token stands for.
    """
    from openteller_sandbox.hosted import routes as hosted  # noqa: PLC0415
    from openteller_sandbox.oauth import routes as oauth_routes  # noqa: PLC0415

    app = Flask(_PACKAGE, static_folder=None, template_folder=str(Path(__file__).with_name("hosted") / "templates"))
    app.url_rule_class = _Rule
    api = Api(app, bank, identify, faults.strike_request, deeds.doing)
    api.mount([_module(feature, "routes").routes for feature in FEATURES])
    app.register_blueprint(oauth_routes.blueprint(bank, api))
    app.register_blueprint(hosted.blueprint(bank, api))
    app.extensions["openteller"] = api
    return app


def _settle_clock(bank: Bank) -> None:
    """Keep where bank time begins with the database, so that a restart goes on from there; it never goes back."""
    with bank.db.act() as tx:
        known, wanted = bank_facts.get(tx, "base_offset_ms"), bank.clock.base_offset_ms
        if wanted and (known is None or wanted > int(known)):
            bank_facts.put(tx, "base_offset_ms", str(wanted))
            return
        bank.clock.base_offset_ms = int(known or 0)
        if wanted and wanted < int(known or 0):
            stands = to_wire(bank.clock.bank())
            log.warning("the bank's clock stays at %s: that of a known database is not set back", stands)


def _module(feature: str, name: str) -> Any:
    return importlib.import_module(f"{_PACKAGE}.{feature}.{name}")
