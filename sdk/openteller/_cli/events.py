"""``openteller events``: what has happened, a line for each event."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING

import click

from openteller import errors
from openteller._cli.calling import Session, calling
from openteller._cli.signals import leave_on_signals
from openteller._cli.tables import padded, plain
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openteller.models import Event

__all__ = ["events"]


@click.group()
def events() -> None:
    """See what has happened."""


@events.command()
@click.option("--after", metavar="ID", help="Only what came after this event.")
@click.option("--follow", is_flag=True, help="Wait for more, until Ctrl-C.")
@click.option("--type", "kind", metavar="NAME", help="Only events such as payment.succeeded.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the last so many; with --follow, before it waits.")
@calling
def tail(session: Session, *, after: str | None, follow: bool, kind: str | None, limit: int | None) -> None:
    """Print the app's events, the oldest first; with --json one JSON document a line."""
    stream = session.client.events
    if follow:
        leave_on_signals()
    try:
        if limit or not follow:
            listed: Iterable[Event] = stream.list(after=after, type=kind, limit=100)
            after = _print(session, deque(listed, limit) if limit else listed) or after
        if follow:
            _print(session, stream.follow(after=after, type=kind))
    except KeyboardInterrupt:
        return


def _print(session: Session, stream: Iterable[Event]) -> str | None:
    """Print events; give the identifier of the last."""
    last = None
    try:
        for event in stream:
            click.echo(json.dumps(event.to_dict(), ensure_ascii=False) if session.as_json else _line(event))
            last = event.event_id
    except errors.OpenTellerError as error:
        if last:
            error.add_note(f"go on with --after {last}")
        raise
    return last


def _line(event: Event) -> str:
    data = event.data
    about = data.dispute_id or data.refund_id or data.payment_id or data.bill_fetch_id or data.rate_sheet_id or ""
    more = [data.partner_reference, data.status or data.kind, f"version {data.version}"]
    return plain(
        "  ".join(
            [
                str(instant(event.timestamp)),
                padded(event.type, 22),
                padded(event.event_id, 24),
                padded(about, 24),
                *(part for part in more if part),
            ]
        )
    )
