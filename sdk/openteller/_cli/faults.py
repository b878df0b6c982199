"""``openteller faults``: what goes wrong in the app's world of the sandbox."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.inputs import FRACTION, INSTANT
from openteller._cli.tables import table
from openteller._cli.texts import instant, more

if TYPE_CHECKING:
    from openteller.models import Fault, FaultList

__all__ = ["faults"]

_MATCH = ("operation_id", "path", "leg", "biller_id", "payment_id")
_EFFECT = ("status", "code", "delay_ms", "drop")
_LEGS = ("query", "post", "query_posting", "reverse", "reconcile")


@click.group()
def faults() -> None:
    """Let things go wrong in the app's world, and see how often they did."""


@faults.command()
@click.option("--operation", "operation_id", metavar="NAME", help="An operation, such as createPayment.")
@click.option("--path", metavar="PATTERN", help="Paths, such as '/pay/*'; * stands for any text.")
@click.option("--leg", type=click.Choice(_LEGS), help="What the bank says to a biller, or hears of it.")
@click.option("--biller", "biller_id", metavar="ID", help="Only this biller; with --leg.")
@click.option("--payment", "payment_id", metavar="ID", help="Only this payment; with --leg.")
@click.option("--status", type=click.IntRange(400, 599), help="Answer with an error.")
@click.option("--code", metavar="CODE", help="Answer with this error code, such as RATE_LIMITED.")
@click.option("--delay-ms", type=click.IntRange(1), metavar="MS", help="Answer later; of a leg in bank time.")
@click.option(
    "--drop", type=click.Choice(["BEFORE", "AFTER"]), help="Lose the answer, before or after anything is done."
)
@click.option("--times", type=click.IntRange(1, 1000), help="How often; without it again and again.")
@click.option("--probability", type=FRACTION, metavar="FRACTION", help="How likely, such as 0.25.")
@click.option("--until", "expires_at", type=INSTANT, help="Up to an instant of bank time.")
@calling
def create(
    session: Session, *, times: int | None, probability: Decimal | None, expires_at: dt.datetime | None, **order: Any
) -> None:
    """Order a fault: what it strikes (--operation, --path or --leg), and what it does."""
    match = {name: order[name] for name in _MATCH if order[name] is not None}
    effect = {name: order[name] for name in _EFFECT if order[name] is not None}
    if sum(name in match for name in ("operation_id", "path", "leg")) != 1:
        raise click.UsageError("say what it strikes: --operation, --path or --leg")
    if not effect:
        raise click.UsageError("say what it does: --status, --code, --delay-ms or --drop")
    answer = session.ask(
        session.client.sandbox.faults.create,
        match=match,
        effect=effect,
        times=times,
        probability=probability,
        expires_at=expires_at,
    )
    session.show(answer, _one)


@faults.command("list")
@paged
@calling
def list_(session: Session, *, limit: int, after: str | None) -> None:
    """List the world's faults, in the order in which they are tried."""
    session.show(session.ask(session.client.sandbox.faults.list(limit=limit, after=after).page), _many)


@faults.command()
@click.argument("fault_id")
@calling
def delete(session: Session, *, fault_id: str) -> None:
    """Take a fault away."""
    session.show(session.ask(session.client.sandbox.faults.delete, fault_id), _one)


def _one(fault: Fault) -> str:
    return _table([fault])


def _many(page: FaultList) -> str:
    return _table(page.data) + more(page.links)


def _table(found: tuple[Fault, ...] | list[Fault]) -> str:
    rows = [
        (each.fault_id, _match(each), _effect(each), each.hits, _left(each), instant(each.expires_at)) for each in found
    ]
    return table(["FAULT ID", "STRIKES", "DOES", "HITS", "LEFT", "UNTIL"], rows)


def _match(fault: Fault) -> str:
    match = fault.match
    parts = (match.operation_id, match.path, match.leg, match.biller_id, match.payment_id)
    return " ".join(part for part in parts if part)


def _effect(fault: Fault) -> str:
    effect = fault.effect
    parts = [str(each) for each in (effect.status, effect.code) if each]
    parts += [f"after {effect.delay_ms} ms"] if effect.delay_ms else []
    parts += [f"lost {effect.drop.lower()}"] if effect.drop else []
    parts += [f"at {fault.probability}"] if fault.probability else []
    return " ".join(parts)


def _left(fault: Fault) -> str:
    if not fault.active:
        return "over"
    return "" if fault.times_left is None else str(fault.times_left)
