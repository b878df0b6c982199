"""``openteller drill`` and ``openteller scenarios``: incidents that are played and looked at as a partner would."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from openteller import errors
from openteller._cli.calling import Session, calling, dump
from openteller._cli.tables import plain, table
from openteller._cli.texts import instant

if TYPE_CHECKING:
    from openteller import OpenTeller
    from openteller.models import Event, Payment, ScenarioList, ScenarioRun

__all__ = ["drill", "scenarios"]


@click.group()
def scenarios() -> None:
    """Play incidents in the app's world, without looking at how they end."""


@scenarios.command("list")
@calling
def list_(session: Session) -> None:
    """List what can be played."""
    session.show(session.ask(session.client.sandbox.scenarios.list().page), _list)


@scenarios.command()
@click.argument("name")
@calling
def run(session: Session, *, name: str) -> None:
    """Play a scenario and say what happened. The clock of the app's world moves."""
    try:
        answer = session.ask(session.client.sandbox.scenarios.run, name)
    except errors.NotFound as error:
        error.add_note("openteller scenarios list names them")
        raise
    session.show(answer, _story)


@click.command(short_help="Play an incident and check how it ends.")
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the drills.")
@calling
def drill(session: Session, *, name: str | None, listed: bool) -> None:
    """Play an incident in the app's world, do what a partner does rightly about it, and check how it ends.

    The exit code is 0 where every check holds, 1 where one does not, and 2 where there is no such drill. The clock of
    the app's world moves.
    """
    client = session.client
    page = session.ask(client.sandbox.scenarios.list().page)
    if listed or name is None:
        session.show(page, _list)
        return
    found = next((one for one in page.parsed.data if one.name == name), None)
    if found is None:
        near = get_close_matches(name, [one.name for one in page.parsed.data], 1)
        meant = f", but {near[0]}" if near else ""
        raise click.UsageError(f"there is no drill {name}{meant}: openteller drill --list names them")
    if not session.as_json:
        click.echo(f"{found.title}\n\nNeeds:    {found.needs}\nHappens:  {found.happens}\nReaction: {found.reaction}\n")
    seen = _last_event(client)
    played = client.sandbox.scenarios.run(name)
    if not session.as_json:
        click.echo(_story(played))
    events = _events(client, seen)
    checks = [*_checks(client, played, events), *_REACTIONS.get(name, _no_more)(_Drilled(client, played, seen))]
    if session.as_json:
        click.echo(dump({"run": played.to_dict(), "checks": [{"text": text, "held": held} for text, held in checks]}))
    else:
        click.echo("\n" + table(["CHECK", ""], [(text, "ok" if held else "FAILED") for text, held in checks]))
    if not all(held for _, held in checks):
        raise click.ClickException("the incident did not end as it should")


Check = tuple[str, bool]


@dataclass(frozen=True)
class _Drilled:
    """What a reaction acts on. seen: the last event before the incident."""

    client: OpenTeller
    played: ScenarioRun
    seen: str | None


def _checks(client: OpenTeller, played: ScenarioRun, events: list[Event]) -> Iterator[Check]:
    payments = [client.payments.get(payment_id) for payment_id in played.payment_ids]
    first, expected = payments[0], played.expected
    yield f"the payment is {expected.status}", first.status == expected.status
    yield f"the money is at {expected.money_at}", first.money_at == expected.money_at
    found = [one.type for one in first.exceptions]
    yield f"exceptions: {', '.join(expected.exceptions) or 'none'}", found == list(expected.exceptions)
    yield "every history is legal", all(_is_legal(payment) for payment in payments)
    yield "every status was told, in order", all(_was_told(payment, events) for payment in payments)
    yield "the ledger adds up to zero", client.sandbox.worlds.get("current").books.balanced


def _is_legal(payment: Payment) -> bool:
    from openteller.models._transitions import TRANSITIONS  # noqa: PLC0415 - with the other models

    return all(after.status in TRANSITIONS[before.status] for before, after in pairwise(payment.history))


def _was_told(payment: Payment, events: list[Event]) -> bool:
    own = [one for one in events if one.data.payment_id == payment.payment_id and one.type.startswith("payment.")]
    versions = [one.data.version for one in own]
    return [one.data.status for one in own] == [one.status for one in payment.history] and versions == sorted(versions)


def _no_more(_: _Drilled) -> Iterator[Check]:
    """Most incidents ask a partner to wait, and nothing else."""
    yield from ()


def _catch_up(of: _Drilled) -> Iterator[Check]:
    told = {
        one.data.payment_id
        for one in of.client.events.list(after=of.seen, limit=100)
        if one.type == "payment.succeeded"
    }
    yield "reading on from the last event finds every payment", told >= set(of.played.payment_ids)


def _tell_apart(of: _Drilled) -> Iterator[Check]:
    """Read as if the answer before had been lost: whatever comes twice is handled once."""
    handled: set[str] = set()
    twice = 0
    for _ in range(2):
        for event in _events(of.client, of.seen):
            twice += event.event_id in handled
            handled.add(event.event_id)
    yield "events that come twice are known by their event_id", twice == len(handled) > 0


def _repeat(of: _Drilled) -> Iterator[Check]:
    reference = f"drill-{secrets.token_hex(6)}"
    client = of.client
    hurried = client.with_options(max_retries=0)
    lost = ""
    try:
        hurried.payments.create(partner_reference=reference, idempotency_key=reference)
    except errors.TransportError as error:
        lost = error.idempotency_key or ""
    yield "the answer to createPayment was lost", lost == reference
    again = client.payments.create(partner_reference=reference, idempotency_key=reference)
    made = [one.payment_id for one in client.payments.list(partner_reference=reference)]
    yield "the same key gives the payment, and there is one", made == [again.payment_id]
    client.payments.cancel(again.payment_id)


def _complain(of: _Drilled) -> Iterator[Check]:
    dispute = of.client.disputes.create(payment_id=of.played.payment_ids[0], type="PAID_WRONG_ACCOUNT")
    yield "a dispute is with a clerk", dispute.status == "ASSIGNED"
    of.client.sandbox.advance_clock(seconds=86_400 + 3_600)
    decided = of.client.disputes.get(dispute.dispute_id)
    yield f"a day later it is {decided.status}", decided.status in {"RESOLVED", "REJECTED"}
    payment = of.client.payments.get(of.played.payment_ids[0])
    yield "the money is where the decision says", payment.money_at in {"BILLER", "BANK", "RETURNED"}
    yield "the ledger adds up to zero still", of.client.sandbox.worlds.get("current").books.balanced


_REACTIONS: dict[str, Callable[[_Drilled], Iterator[Check]]] = {
    "webhook-outage": _catch_up,
    "duplicate-notifications": _tell_apart,
    "partner-crashed": _repeat,
    "wrong-account": _complain,
}


def _last_event(client: OpenTeller) -> str | None:
    last = None
    for event in client.events.list(limit=100):
        last = event.event_id
    return last


def _events(client: OpenTeller, seen: str | None) -> list[Event]:
    """Read what came after an event; from the beginning, where that one is so old that it was purged."""
    try:
        return list(client.events.list(after=seen, limit=100))
    except errors.InvalidRequest:
        return list(client.events.list(limit=100))


def _list(page: ScenarioList) -> str:
    return table(["NAME", "WHAT IT IS", "ENDS"], [(one.name, one.title, one.expected.status) for one in page.data])


def _story(played: ScenarioRun) -> str:
    return "\n".join(plain(f"{instant(step.at)}  {step.actor:<7}  {step.text}") for step in played.steps)
