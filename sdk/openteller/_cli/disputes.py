"""``openteller disputes``: payments that succeeded and went wrong all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant, more

if TYPE_CHECKING:
    from openteller.models import Dispute, DisputeList

__all__ = ["disputes"]

_TYPES = ("SERVICE_NOT_RECEIVED", "PAID_WRONG_ACCOUNT", "DUPLICATE", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED")


@click.group()
def disputes() -> None:
    """Open disputes about payments, and see how they are decided."""


@disputes.command()
@click.argument("payment_id", metavar="PAYMENT")
@click.argument("kind", metavar="TYPE", type=click.Choice(_TYPES, case_sensitive=False))
@click.option("--description", help="What the clerk should know; no names and no account numbers.")
@calling
def create(session: Session, *, payment_id: str, kind: Any, description: str | None) -> None:
    """Say what is wrong with a PAYMENT that has succeeded.

    TYPE is SERVICE_NOT_RECEIVED, PAID_WRONG_ACCOUNT, DUPLICATE, WRONG_AMOUNT or ACCOUNT_NOT_UPDATED.
    """
    method = session.client.disputes.create
    session.show(session.ask(method, payment_id=payment_id, type=kind, description=description), _dispute)


@disputes.command()
@click.argument("dispute_id", metavar="ID")
@calling
def show(session: Session, *, dispute_id: str) -> None:
    """Show a dispute: how it stands, and how it was decided."""
    session.show(session.ask(session.client.disputes.get, dispute_id), _dispute)


@disputes.command("list")
@click.option("--status", type=click.Choice(["ASSIGNED", "RESOLVED", "REJECTED"], case_sensitive=False))
@click.option("--payment", "payment_id", metavar="ID", help="Only those about this payment.")
@paged
@calling
def list_command(session: Session, **options: Any) -> None:
    """List the app's disputes, the newest first."""
    session.show(session.ask(session.client.disputes.list(**options).page), _list)


def _dispute(one: Dispute) -> str:
    found = one.resolution
    return facts(
        [
            ("Dispute", one.dispute_id),
            ("Payment", one.payment_id),
            ("Reference", one.partner_reference),
            ("Type", one.type),
            ("Status", one.status),
            ("Decided by", instant(one.decide_by) if found is None else None),
            ("Outcome", found.outcome if found else None),
            ("Amount", found.amount if found else None),
            ("Refund", found.refund_id if found else None),
            ("Note", both(found.note) if found else None),
        ]
    )


def _list(page: DisputeList) -> str:
    if not page.data:
        return "No dispute fits."
    rows = [(instant(one.created_at), one.status, one.type, one.partner_reference, one.dispute_id) for one in page.data]
    return table(["OPENED", "STATUS", "TYPE", "REFERENCE", "DISPUTE ID"], rows) + more(page.links)
