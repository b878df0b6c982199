"""``openteller branches`` and ``openteller atms``: the same commands for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.files import keep
from openteller._cli.inputs import BOX, INSTANT, LIMIT, POSITION, TERMS, Positioned, whole_position
from openteller._cli.place_facts import of_atm, of_branch
from openteller._cli.tables import table
from openteller._cli.texts import more, open_hours

if TYPE_CHECKING:
    from openteller.models import Atm, AtmList, Branch, BranchList

__all__ = ["atms", "branches"]

_NEAR = click.option("--near", type=POSITION, help="Around this point, the nearest first.")
_RADIUS = click.option("--radius", "radius_m", type=click.IntRange(min=1), metavar="M", help="Metres around the point.")
_WORDS = click.option(
    "--q", type=TERMS, metavar="WORDS", help="Words of name, address or city: Chinese, pinyin, initials, English."
)
_SEGMENT = click.option("--segment", metavar="CODE", help="Only what serves them: PERSONAL, PREMIER, CORPORATE, …")
_CRS = click.option(
    "--crs",
    type=click.Choice(["wgs84", "gcj02", "bd09"]),
    help="The datum of positions: gcj02 is AMap's and Tencent's, bd09 Baidu's. [default: wgs84]",
)
_FILTERS = (
    click.option("--bbox", type=BOX, help="Only a part of the map; west above east goes across the 180th meridian."),
    click.option(
        "--adcode", metavar="CODE", help="Only a division of mainland China, such as 310106; not with --city."
    ),
    click.option("--city", help="Name in Chinese or Latin letters, or division code."),
    click.option("--service", metavar="CODE", help="Only where it is offered: CASH, FOREIGN_EXCHANGE, …"),
    click.option("--accessibility", metavar="CODE", help="Only with this help: WHEELCHAIR_ACCESS, SIGN_LANGUAGE, …"),
    click.option("--type", metavar="CODE", help="Only this kind: PHYSICAL, COMMUNITY, …; of machines BRANCH_LOBBY, …"),
    click.option(
        "--serving", is_flag=True, default=None, help="Only what serves: not closed, moved, or out of service."
    ),
    click.option("--open-now", is_flag=True, default=None, help="Only what is open at this moment of bank time."),
    click.option("--open-at", type=INSTANT, help="Only what is open then, such as 2026-10-10T16:30:00+08:00."),
    _CRS,
)
_FORMAT = click.option(
    "--format", "kind", type=click.Choice(["csv", "ndjson", "geojson"]), default="csv", show_default=True
)
_OUTPUT = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to; else the standard output."
)


def _with(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add options, in the order in which the help shows them."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def branches() -> None:
    """Find branches."""


@click.group()
def atms() -> None:
    """Find cash machines."""


def _add_commands(
    group: click.Group,
    name: str,
    view: Callable[[Any], str],
    told: Callable[[Any], str],
    *filters: Callable[[Any], Any],
) -> None:
    """Give a group its commands.

    name: of the resource of the client. view: sets a page; told: says all of one. filters: what narrows its lists.
    """

    def listed(session: Session, query: dict[str, Any]) -> None:
        session.show(session.ask(getattr(session.client, name).list(**query).page), view)

    @group.command(
        "near", cls=Positioned, help=f"List the {name} nearest to POSITION, which is latitude,longitude: 39.91,116.40."
    )
    @click.argument("position", nargs=-1, required=True, metavar="POSITION", callback=whole_position)
    @_with(_RADIUS, _WORDS, *filters)
    @click.option("--limit", type=LIMIT, default=10, show_default=True, help="Rows, 1 to 100.")
    @click.option("--after", metavar="CURSOR", help="Go on where a page ended.")
    @calling
    def near(session: Session, *, position: tuple[float, float], **query: Any) -> None:
        listed(session, {"near": position, **query})

    @group.command("find", help=f"Find {name} by WORDS of names or addresses: Chinese, pinyin, initials, English.")
    @click.argument("words", type=TERMS, metavar="WORDS")
    @_with(*filters)
    @paged
    @calling
    def find(session: Session, *, words: str, **query: Any) -> None:
        listed(session, {"q": words, **query})

    @group.command("list", help=f"List {name} that every filter fits, or all.")
    @_with(_NEAR, _RADIUS, _WORDS, *filters)
    @paged
    @calling
    def list_command(session: Session, **query: Any) -> None:
        listed(session, query)

    @group.command("show", help=f"Show all of one of the {name}, by its ID: hours, services, its page for people.")
    @click.argument("identifier", metavar="ID")
    @_CRS
    @calling
    def show(session: Session, *, identifier: str, crs: str | None) -> None:
        session.show(session.ask(getattr(session.client, name).get, identifier, crs=crs), told)

    @group.command("export", help=f"Download all {name} that every filter fits: a table, JSON lines or GeoJSON.")
    @_with(_FORMAT, _OUTPUT, _NEAR, _RADIUS, _WORDS, *filters)
    @calling
    def export(session: Session, *, kind: str, output: Path | None, **query: Any) -> None:
        if kind == "geojson" and query["crs"] not in {None, "wgs84"}:
            raise click.UsageError("GeoJSON is always in WGS-84: leave --crs out, or take --format ndjson")
        file = getattr(session.client, name).export("csv" if kind == "csv" else "ndjson", **query)
        keep(_geojson(file) if kind == "geojson" else file, output)


def _geojson(lines: bytes) -> bytes:
    """Set JSON lines as one collection of RFC 7946, a feature a line: the bank's own GeoJSON comes in pages."""
    return b'{"type":"FeatureCollection","features":[\n%b\n]}\n' % b",\n".join(_features(lines))


def _features(lines: bytes) -> Iterator[bytes]:
    for line in lines.splitlines():
        place = json.loads(line)
        at = place["location"]
        feature = {
            "type": "Feature",
            "id": place["atm_id" if "atm_id" in place else "branch_id"],
            "geometry": {"type": "Point", "coordinates": [at["longitude"], at["latitude"]]},
            "properties": place,
        }
        yield json.dumps(feature, ensure_ascii=False, separators=(",", ":")).encode()


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
    return open_hours(place.status, usual, open_now=place.open_now, until=place.next_change_at, zone=place.timezone)


def _address(place: Branch | Atm) -> str:
    return "".join(place.postal_address.address_lines)


_add_commands(branches, "branches", _branches, of_branch, *_FILTERS[:5], _SEGMENT, *_FILTERS[5:])
_add_commands(atms, "atms", _atms, of_atm, *_FILTERS)
