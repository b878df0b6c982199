"""``openteller bills``: what is due on an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from openteller._cli import billers
from openteller._cli.calling import Session, calling
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from openteller.models import Bill, BillFetch

__all__ = ["bills"]

_PATIENCE_S = 60.0
_USER = "openteller-command-line"
"""Who asks, so that the bank can count. A partner's program sends an HMAC of its user here."""


@click.group()
def bills() -> None:
    """Ask billers what is due."""


@bills.command()
@click.argument("biller")
@click.argument("account", required=False)
@billers.takes_inputs
@click.option("--wait", is_flag=True, help="Wait up to a minute for a biller that answers later.")
@calling
def fetch(
    session: Session, *, biller: str, account: str | None, pairs: tuple[tuple[str, str], ...], wait: bool
) -> None:
    """Ask BILLER, by its id or a code such as SH-ELECTRICITY-01, what is due on ACCOUNT.

    With - as ACCOUNT the number is typed at a prompt, and stays out of the shell's history. Answers show it masked.
    """
    if account is None and not pairs:
        raise click.UsageError("give ACCOUNT, or - to type it at a prompt")
    found = billers.find(session.client, biller)
    answer = session.ask(
        session.client.bills.fetch,
        biller_id=found.biller_id,
        inputs=billers.gather(found, account, pairs),
        end_user_ref=_USER,
        wait=_PATIENCE_S if wait else 0.0,
    )
    session.show(answer, _fetch)


@bills.command()
@click.argument("identifier", metavar="ID")
@calling
def show(session: Session, *, identifier: str) -> None:
    """Show a bill or a fetch by its ID, as it stands now."""
    if identifier.startswith("bft_"):
        session.show(session.ask(session.client.bills.get_fetch, identifier), _fetch)
    else:
        session.show(session.ask(session.client.bills.get, identifier), _bill)


def _fetch(fetch: BillFetch) -> str:
    told = facts(
        [
            ("Fetch", fetch.bill_fetch_id),
            ("Status", fetch.status),
            ("Reason", fetch.status_reason),
            ("Account", fetch.account_ref_masked),
            ("Good until", instant(fetch.expires_at)),
        ]
    )
    if fetch.status == "PROCESSING":
        return f"{told}\n\nThe biller answers later: openteller bills show {fetch.bill_fetch_id}"
    if not fetch.bills:
        return told
    titles = ["BILL", "STATUS", "PERIOD", "OUTSTANDING", "PENALTY", "DUE BY"]
    rows = [
        (one.bill_id, one.status, _period(one), one.outstanding, one.penalty or None, one.due_date)
        for one in fetch.bills
    ]
    return f"{told}\n\n{table(titles, rows, right={'OUTSTANDING', 'PENALTY'})}"


def _bill(one: Bill) -> str:
    pairs = [
        ("Bill", one.bill_id),
        ("Status", one.status),
        ("Account", one.account_ref_masked),
        ("Number", one.bill_number),
        ("Period", _period(one)),
        ("Amount", one.amount),
        ("Penalty", one.penalty),
        ("Outstanding", one.outstanding),
        ("Balance", one.balance),
        ("Due by", one.due_date),
        ("Can be paid", ", ".join(one.payment_options)),
        ("Good until", instant(one.valid_until)),
    ]
    items = [(item.label.zh_cn, item.label.en, item.amount) for item in one.items]
    lines = f"\n\n{table(['ITEM', 'ENGLISH', 'AMOUNT'], items, right={'AMOUNT'})}" if items else ""
    return facts(pairs) + lines


def _period(one: Bill) -> str | None:
    return f"{one.period.from_} – {one.period.to}" if one.period else None
