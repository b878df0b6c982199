"""``openteller status`` and ``openteller official-accounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from openteller._cli.calling import Session, calling
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from openteller.models import OfficialAccountList, ServiceStatus

__all__ = ["official_accounts", "status"]


@click.command()
@calling
def status(session: Session) -> None:
    """Say whether the bank is well, and what time it is there."""
    session.show(session.ask(session.client.status.get), _status)


def _status(found: ServiceStatus) -> str:
    return facts(
        [
            ("Bank", found.status),
            ("Environment", found.environment),
            ("Contract", found.contract_version),
            ("Bank time", instant(found.bank_time)),
            *((one.service, one.status) for one in found.services),
        ]
    )


@click.command("official-accounts")
@calling
def official_accounts(session: Session) -> None:
    """List the bank's accounts on social platforms, and how its payment links begin."""
    session.show(session.ask(session.client.status.official_accounts().page), _accounts)


def _accounts(page: OfficialAccountList) -> str:
    rows = [(one.channel, one.handle, one.name.zh_cn, one.purpose.zh_cn) for one in page.data]
    accounts = table(["CHANNEL", "HANDLE", "NAME", "PURPOSE"], rows)
    return f"{accounts}\nEvery payment link begins with {page.payment_link_prefix}"
