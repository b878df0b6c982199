"""The sandbox's own commands: ``clock``, ``reset``, ``magic-values``."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import click

from openteller._cli import billers
from openteller._cli.calling import Session, calling
from openteller._cli.inputs import DURATION, INSTANT
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant

if TYPE_CHECKING:
    from openteller.models import Clock, MagicValueList, World

__all__ = ["clock", "magic_values", "reset"]


@click.group()
def clock() -> None:
    """Read and move the test clock of the app's world."""


@clock.command("show")
@calling
def clock_show(session: Session) -> None:
    """Show bank time, and what waits for its time."""
    session.show(session.ask(session.client.sandbox.clock), _clock)


class _Forward(click.Command):
    """A command that knows what somebody wants who writes ``-1h``, which would else be two options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what was typed."""
        if any(re.match("-[0-9]", word) for word in args):
            raise click.UsageError("bank time only moves forward: openteller reset begins anew", ctx)
        return super().parse_args(ctx, args)


@clock.command(cls=_Forward)
@click.argument("duration", type=DURATION, required=False)
@click.option("--to", type=INSTANT, help="Up to an instant with its offset, instead of DURATION.")
@calling
def advance(session: Session, *, duration: int | None, to: dt.datetime | None) -> None:
    """Move bank time on by DURATION: 2d, 1h30m, 90s. What falls due on the way is done before it answers."""
    if (duration is None) == (to is None):
        raise click.UsageError("give DURATION, such as 1h, or --to an instant")
    session.show(session.ask(session.client.sandbox.advance_clock, seconds=duration, to=to), _clock)


def _clock(found: Clock) -> str:
    return facts(
        [
            ("Bank time", instant(found.bank_time)),
            ("Wall time", instant(found.wall_time)),
            ("Acts due", found.due_acts),
            ("Next due at", instant(found.next_due_at)),
        ]
    )


@click.command()
@calling
def reset(session: Session) -> None:
    """Forget what the app's world has made, and set its clock back."""
    session.show(session.ask(session.client.sandbox.reset), _reset)


def _reset(world: World) -> str:
    deleted = world.deleted
    return facts(
        [
            ("World", world.world_id),
            ("Bank time", instant(world.bank_time)),
            ("Deleted", f"{deleted.payments} payments, {deleted.bill_fetches} bill fetches, {deleted.events} events"),
        ]
    )


@click.command("magic-values")
@click.argument("biller")
@calling
def magic_values(session: Session, *, biller: str) -> None:
    """List the made-up accounts at BILLER that choose what happens, and the customers who can sign in."""
    identifier = billers.identify(session.client, biller)
    session.show(session.ask(session.client.sandbox.magic_values(biller_id=identifier).page), _magic_values)


def _magic_values(page: MagicValueList) -> str:
    values = [
        (one.scenario, " ".join(f"{name}={value}" for name, value in one.inputs.items()), one.description.en)
        for one in page.data
    ]
    customers = [(one.customer_number, one.demo_code, both(one.description)) for one in page.demo_customers]
    return (
        table(["SCENARIO", "INPUTS", "WHAT HAPPENS"], values)
        + "\n\n"
        + table(["CUSTOMER", "CODE", "WHO IT IS"], customers)
    )
