"""``openteller status``, ``openteller outages`` and ``openteller official-accounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from openteller._cli import billers
from openteller._cli.calling import Session, calling, paged
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant, more

if TYPE_CHECKING:
    from openteller.models import OfficialAccountList, OutageList, ServiceStatus

__all__ = ["official_accounts", "outages", "status"]


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


@click.command()
@click.option("--biller", metavar="BILLER", help="Only what concerns payments to this biller, by its id or code.")
@paged
@calling
def outages(session: Session, *, biller: str | None, limit: int, after: str | None) -> None:
    """List what is out of order, or announced to be."""
    biller_id = billers.identify(session.client, biller) if biller else None
    outages = session.client.status.outages(biller_id=biller_id, limit=limit, after=after)
    session.show(session.ask(outages.page), _outages)


def _outages(page: OutageList) -> str:
    rows = [
        (one.kind, one.status, instant(one.starts_at), instant(one.ends_at), one.effect, both(one.biller_name))
        if one.biller_name
        else (one.kind, one.status, instant(one.starts_at), instant(one.ends_at), one.effect, "every biller")
        for one in page.data
    ]
    if not rows:
        return "Nothing is out of order, or announced to be."
    return table(["KIND", "STATUS", "FROM", "TO", "EFFECT", "BILLER"], rows) + more(page.links)


@click.command("official-accounts")
@calling
def official_accounts(session: Session) -> None:
    """List the bank's accounts on social platforms, and how its payment links begin."""
    session.show(session.ask(session.client.status.official_accounts().page), _accounts)


def _accounts(page: OfficialAccountList) -> str:
    rows = [(one.channel, one.handle, one.name.zh_cn, one.purpose.zh_cn) for one in page.data]
    accounts = table(["CHANNEL", "HANDLE", "NAME", "PURPOSE"], rows)
    return f"{accounts}\nEvery payment link begins with {page.payment_link_prefix}"
