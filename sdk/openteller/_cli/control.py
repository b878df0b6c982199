"""``openteller transition``, ``trigger`` and ``logs``: make things happen, and see what was asked."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import click

from openteller._cli import payments
from openteller._cli.calling import Session, calling
from openteller._cli.inputs import LIMIT
from openteller._cli.signals import leave_on_signals
from openteller._cli.tables import plain
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from openteller.models import Event, RequestLogEntry

__all__ = ["logs", "transition", "trigger"]

STATUSES = (
    *("created", "authorising", "authorised", "processing", "unknown", "succeeded"),
    *("refund_pending", "refund_failed", "refunded", "failed", "cancelled", "expired"),
)
_PAUSE_S = 1.0


@click.command()
@click.argument("payment_id", metavar="PAYMENT")
@click.argument("status", type=click.Choice(STATUSES), metavar="STATUS")
@calling
def transition(session: Session, *, payment_id: str, status: Any) -> None:
    """Bring a payment to STATUS, one that may follow its own, without a browser.

    A demo customer acts as the payer, the simulated biller answers as it must, and the clock moves where it has to.
    What may follow, payments show says.
    """
    session.show(session.ask(session.client.sandbox.transition, payment_id, to=status), payments.with_history)


@click.command()
@click.argument("type_", metavar="TYPE")
@click.option("--payment", "payment_id", metavar="ID", help="Of which payment; without it a new one.")
@click.option("--bill-fetch", "bill_fetch_id", metavar="ID", help="Of which bill fetch.")
@click.option("--rate-sheet", "rate_sheet_id", metavar="ID", help="Of which rate sheet.")
@click.option("--dispute", "dispute_id", metavar="ID", help="Of which dispute.")
@click.option("--statement", "statement_id", metavar="ID", help="Of which statement.")
@click.option("--webhook-endpoint", "webhook_endpoint_id", metavar="ID", help="Of which webhook endpoint.")
@click.option("--account-link", "account_link_id", metavar="ID", help="Of which account link.")
@click.option("--consent", "consent_id", metavar="ID", help="Of which consent.")
@click.option("--saved-biller", "saved_biller_id", metavar="ID", help="Of which saved biller.")
@click.option("--reminder", "reminder_id", metavar="ID", help="Of which reminder.")
@calling
def trigger(session: Session, *, type_: str, **subject: str | None) -> None:
    """Make an event of TYPE happen, such as payment.succeeded, on something of the app's own or something new."""
    answer = session.ask(
        session.client.sandbox.trigger,
        type_,
        payment_id=subject["payment_id"],
        bill_fetch_id=subject["bill_fetch_id"],
        rate_sheet_id=subject["rate_sheet_id"],
        dispute_id=subject["dispute_id"],
        statement_id=subject["statement_id"],
        webhook_endpoint_id=subject["webhook_endpoint_id"],
        account_link_id=subject["account_link_id"],
        consent_id=subject["consent_id"],
        saved_biller_id=subject["saved_biller_id"],
        reminder_id=subject["reminder_id"],
        new=None if any(subject.values()) else True,
    )
    session.show(answer, _event)


def _event(event: Event) -> str:
    data = event.data
    about = (
        data.dispute_id
        or data.payment_id
        or data.bill_fetch_id
        or data.rate_sheet_id
        or data.statement_id
        or data.webhook_endpoint_id
        or data.account_link_id
        or data.reminder_id
        or data.consent_id
        or ""
    )
    return plain(f"{instant(event.timestamp)}  {event.type}  {event.event_id}  {about}")


@click.command()
@click.option("--limit", type=LIMIT, default=20, show_default=True, help="Rows, 1 to 100.")
@click.option("--follow", is_flag=True, help="Wait for more, until Ctrl-C.")
@calling
def logs(session: Session, *, limit: int, follow: bool) -> None:
    """Print the last requests of the app's world, the oldest first, without what they carried.

    With --json one JSON document a line.
    """
    listed: Sequence[RequestLogEntry] = session.client.sandbox.requests(limit=100).page().data
    _print(session, listed[:limit])
    if not follow:
        return
    leave_on_signals()
    try:
        while True:
            time.sleep(_PAUSE_S)
            known = {row.request_id for row in listed}
            listed = _listed(session, known)
            came = [row for row in listed if row.request_id not in known]
            _print(session, [row for row in came if row.operation_id != "listRequests"])  # which this command sends
    except KeyboardInterrupt:
        return


def _listed(session: Session, known: Collection[str]) -> list[RequestLogEntry]:
    """List the newest requests down to known ones. What several processes have answered may come between those."""
    listed: list[RequestLogEntry] = []
    for page in session.client.sandbox.requests(limit=100).pages():
        listed += page.data
        if any(row.request_id in known for row in page.data):
            break
    return listed


def _print(session: Session, rows: Sequence[RequestLogEntry]) -> None:
    for row in reversed(rows):
        click.echo(json.dumps(row.to_dict(), ensure_ascii=False) if session.as_json else _line(row))


def _line(row: RequestLogEntry) -> str:
    code = f"  {row.code}" if row.code else ""
    text = f"{instant(row.bank_time)}  {row.status}  {row.method:<6} {row.path}  {row.duration_ms} ms{code}"
    return plain(f"{text}  {row.request_id}")
