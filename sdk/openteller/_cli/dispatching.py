"""``openteller sandbox dispatch``: send webhooks, print receipts, tell of consents that end soon, in a process of its
own, beside a server or beside others like it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from openteller._cli.serving import BadOption, end_at_once, log_to_stderr, need_sandbox
from openteller._cli.signals import leave_on_signals

if TYPE_CHECKING:
    from openteller_sandbox.bank import Bank

_TICK_S = 1.0

__all__ = ["dispatch", "open_bank", "rotate_receipt_key", "rotate_signing_key"]


def dispatch(database: str, *, loopback: bool, lease_s: float) -> None:
    """Send what is due until SIGINT or SIGTERM; what is on its way then is waited for, for 3 seconds.

    lease_s: after so long, others take over what this process has claimed.

    Raises:
        click.ClickException: there is no such database, or it cannot be used.
    """
    need_sandbox()
    log_to_stderr(verbose=False)
    leave_on_signals()
    try:
        _dispatch(open_bank(database, loopback=loopback), lease_s)
    except KeyboardInterrupt:
        return
    end_at_once()


def rotate_receipt_key(database: str) -> None:
    """Make a new key for receipts, and tell its name.

    Raises:
        click.ClickException: there is no such database, or it cannot be used.
    """
    need_sandbox()
    bank = open_bank(database, loopback=True)
    from openteller_sandbox.payments import service as payments  # noqa: PLC0415 - an extra, as all of the sandbox

    click.echo(f"Receipts are signed with {payments.rotate_receipt_key(bank)} from now on.")
    bank.db.close()


def rotate_signing_key(database: str, *, at_once: bool) -> None:
    """Make the authorization server's next key, and tell its name and since when it signs.

    Raises:
        click.ClickException: there is no such database, or it cannot be used; a next key is waiting already.
    """
    need_sandbox()
    bank = open_bank(database, loopback=True)
    from openteller_sandbox import clock  # noqa: PLC0415 - an extra, as all of the sandbox
    from openteller_sandbox.oauth import service as oauth  # noqa: PLC0415

    try:
        key = oauth.rotate_signing_key(bank, at_once=at_once)
    except oauth.RotationPending as pending:
        key = pending.key
        text = f"{key.kid} is published already, and signs from {clock.to_wire(key.signs_from)} on."
        raise click.ClickException(text) from pending
    finally:
        bank.db.close()
    click.echo(f"{key.kid} signs from {clock.to_wire(key.signs_from)} on.")


def _dispatch(bank: Bank, lease_s: float) -> None:
    from openteller_sandbox.consents import service as consents  # noqa: PLC0415 - an extra, as all of the sandbox
    from openteller_sandbox.receipts import service as receipts  # noqa: PLC0415
    from openteller_sandbox.webhooks import service as webhooks  # noqa: PLC0415

    dispatcher, printer, never = webhooks.dispatcher(bank, lease_s=lease_s), receipts.printer(bank), threading.Event()
    dispatcher.start()
    printer.start()
    click.echo(f"Sending webhooks of {bank.db.name}. Ctrl-C ends it.")
    try:
        while not never.wait(_TICK_S):
            consents.watch(bank)
    except KeyboardInterrupt:
        leave_on_signals(again=False)
        printer.stop()
        dispatcher.stop()
    bank.db.close()


def open_bank(database: str, *, loopback: bool = True) -> Bank:
    """Open a bank that is there already.

    Raises:
        click.ClickException: there is no such database, or it cannot be used.
    """
    from openteller_sandbox import app  # noqa: PLC0415
    from openteller_sandbox.db import DatabaseError, open_database  # noqa: PLC0415
    from openteller_sandbox.settings import Settings  # noqa: PLC0415

    if not database.strip():
        raise BadOption("--database", "name a file")
    try:
        opened = open_database(database)
        if opened.is_missing():
            raise click.ClickException(f"there is no database {opened.name}: `openteller sandbox serve` makes one")
        return app.create_bank(Settings(database=database, webhook_loopback=loopback))
    except DatabaseError as error:
        raise click.ClickException(str(error)) from error
