"""``openteller refunds``: money on its way back to payers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from openteller._cli.calling import Session, calling
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from openteller.models import Payment, Refund

__all__ = ["refunds"]


@click.group()
def refunds() -> None:
    """See money that goes back to payers."""


@refunds.command("list")
@click.argument("payment_id", metavar="PAYMENT")
@calling
def list_command(session: Session, *, payment_id: str) -> None:
    """List the refunds of a PAYMENT; with --json the payment, which has them."""
    session.show(session.ask(session.client.payments.get, payment_id), _list)


@refunds.command()
@click.argument("refund_id", metavar="ID")
@calling
def show(session: Session, *, refund_id: str) -> None:
    """Show a refund: how far it is, and why it is made."""
    session.show(session.ask(session.client.refunds.get, refund_id), _refund)


def _list(payment: Payment) -> str:
    if not payment.refunds:
        return "Nothing of it goes back."
    rows = [
        (instant(one.created_at), one.status, one.reason, one.amount, instant(one.completed_at), one.refund_id)
        for one in payment.refunds
    ]
    return table(["BEGUN", "STATUS", "REASON", "AMOUNT", "DONE", "REFUND ID"], rows, right={"AMOUNT"})


def _refund(one: Refund) -> str:
    return facts(
        [
            ("Refund", one.refund_id),
            ("Payment", one.payment_id),
            ("Reference", one.partner_reference),
            ("Dispute", one.dispute_id),
            ("Status", one.status),
            ("Reason", one.reason),
            ("Method", one.method),
            ("Amount", one.amount),
            ("Begun", instant(one.created_at)),
            ("Done", instant(one.completed_at)),
        ]
    )
