"""``openteller worlds``: the app's world, what was done in it, and playing it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant, more

if TYPE_CHECKING:
    from openteller.models import DeedList, ReplayReport, WorldState

__all__ = ["worlds"]

_OWN = "current"


@click.group()
def worlds() -> None:
    """Look at the app's world, at what was done in it, and play it again."""


@worlds.command()
@calling
def show(session: Session) -> None:
    """Show the world: its seed, its clock, its apps and its books."""
    session.show(session.ask(session.client.sandbox.worlds.get, _OWN), _state)


@worlds.command()
@paged
@calling
def log(session: Session, *, limit: int, after: str | None) -> None:
    """List what was done in the world, the oldest first."""
    session.show(session.ask(session.client.sandbox.worlds.log(_OWN, limit=limit, after=after).page), _log)


@worlds.command()
@calling
def replay(session: Session) -> None:
    """Play the world again from its seed and its log, and compare; the world itself stays as it is.

    The exit code is 0 where the two are the same, and 1 where they differ.
    """
    answer = session.ask(session.client.sandbox.worlds.replay, _OWN)
    session.show(answer, _report)
    if not answer.parsed.same:
        raise click.ClickException("the replay did not end as the world stands")


def _state(world: WorldState) -> str:
    books = table(
        ["ACCOUNT", "BALANCE"], [(each.account, str(each.balance)) for each in world.books.accounts], right=["BALANCE"]
    )
    told = facts(
        [
            ("World", world.world_id),
            ("Seed", world.seed),
            ("Began at", instant(world.began_at)),
            ("Bank time", instant(world.bank_time)),
            ("Apps", " ".join(world.apps)),
            ("Faults", world.faults),
            ("Books", "balanced" if world.books.balanced else "DO NOT ADD UP"),
        ]
    )
    return f"{told}\n\n{books}"


def _log(page: DeedList) -> str:
    rows = [(each.number, instant(each.at), each.actor, each.name, each.subject) for each in page.data]
    return table(["NO", "AT", "WHO", "WHAT", "OF WHAT"], rows, right=["NO"]) + more(page.links)


def _report(report: ReplayReport) -> str:
    told = facts(
        [
            ("World", report.world_id),
            ("Seed", report.seed),
            ("Deeds", report.deeds),
            ("Same", "yes" if report.same else "NO"),
            ("State", report.state_hash),
            ("Replayed", None if report.same else report.replayed_hash),
        ]
    )
    parts = [told]
    if report.differences:
        rows = [(each.what, each.subject, " ".join(each.members)) for each in report.differences]
        parts.append(table(["WHAT", "WHICH", "DIFFERS IN"], rows))
    if report.not_repeated:
        again = [(each.number, each.name, each.reason) for each in report.not_repeated]
        parts.append(table(["NO", "NOT DONE AGAIN", "WHY"], again, right=["NO"]))
    return "\n\n".join(parts)
