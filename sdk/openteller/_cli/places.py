"""``openteller branches`` and ``openteller atms``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.inputs import LIMIT, POSITION
from openteller._cli.tables import table
from openteller._cli.texts import more, open_hours

if TYPE_CHECKING:
    from openteller.models import Atm, AtmList, Branch, BranchList

__all__ = ["atms", "branches"]


def _near(command: Any) -> Any:
    """Add what a search around a point takes."""
    for option in (
        click.option("--limit", type=LIMIT, default=10, show_default=True, help="Rows, 1 to 100."),
        click.option("--radius", "radius_m", type=click.IntRange(min=1), metavar="M", help="Metres around the point."),
        click.option("--service", metavar="CODE", help="Only where it is offered: CASH, FOREIGN_EXCHANGE, …"),
        click.option("--open-now", is_flag=True, default=None, help="Only what is open at this moment of bank time."),
        click.argument("position", type=POSITION),
    ):
        command = option(command)
    return command


@click.group()
def branches() -> None:
    """Find branches."""


@branches.command("near")
@_near
@calling
def branches_near(session: Session, *, position: tuple[float, float], **options: Any) -> None:
    """List the branches nearest to POSITION, which is latitude,longitude: 39.91,116.40."""
    rows = session.client.branches.list(near=position, **options)
    session.show(session.ask(rows.page), _branches)


@branches.command("find")
@click.argument("words")
@click.option("--city", help="Name in Chinese or Latin letters, or division code.")
@click.option("--service", metavar="CODE", help="Only where it is offered: CASH, FOREIGN_EXCHANGE, …")
@click.option("--open-now", is_flag=True, default=None, help="Only what is open at this moment of bank time.")
@paged
@calling
def branches_find(session: Session, *, words: str, **options: Any) -> None:
    """Find branches by WORDS of their names or addresses: Chinese, pinyin, initials, English."""
    session.show(session.ask(session.client.branches.list(q=words, **options).page), _branches)


@click.group()
def atms() -> None:
    """Find cash machines."""


@atms.command("near")
@_near
@calling
def atms_near(session: Session, *, position: tuple[float, float], **options: Any) -> None:
    """List the cash machines nearest to POSITION, which is latitude,longitude: 39.91,116.40."""
    rows = session.client.atms.list(near=position, **options)
    session.show(session.ask(rows.page), _atms)


def _branches(page: BranchList) -> str:
    if not page.data:
        return "No branch fits."
    rows = [(_distance(one), one.name.zh_cn, _opening(one, "OPEN"), _address(one), one.branch_id) for one in page.data]
    return _places(rows, "BRANCH ID") + more(page.links)


def _atms(page: AtmList) -> str:
    if not page.data:
        return "No cash machine fits."
    rows = [
        (_distance(one), one.name.zh_cn, _opening(one, "IN_SERVICE"), _address(one), one.atm_id) for one in page.data
    ]
    return _places(rows, "ATM ID") + more(page.links)


def _places(rows: list[tuple[str | None, str, str, str, str]], identifier: str) -> str:
    """Set places; a search by words has no point to measure from."""
    titles = ["DISTANCE", "NAME", "OPEN", "ADDRESS", identifier]
    if all(row[0] is None for row in rows):
        return table(titles[1:], [row[1:] for row in rows])
    return table(titles, rows, right={"DISTANCE"})


def _distance(place: Branch | Atm) -> str | None:
    return None if place.distance_m is None else f"{place.distance_m:,} m"


def _opening(place: Branch | Atm, usual: str) -> str:
    return open_hours(place.status, usual, open_now=place.open_now, next_change_at=place.next_change_at)


def _address(place: Branch | Atm) -> str:
    return "".join(place.postal_address.address_lines)
