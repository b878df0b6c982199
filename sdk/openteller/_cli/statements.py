"""``openteller statements``: what moved on a business day, and whether one's own books agree."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openteller._cli.calling import Session, calling, dump, paged
from openteller._cli.files import keep
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant, more

if TYPE_CHECKING:
    from openteller.models import Statement, StatementList, StatementRow, StatementRowList
    from openteller.statements import Difference, OwnRow, Reconciliation

__all__ = ["statements"]

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_TYPES = ("PAYMENT", "REFUND", "REVERSAL", "ADJUSTMENT")
_DIFFERS = 3
"""The exit code where books differ: 1 and 2 say that nothing could be compared."""


@click.group()
def statements() -> None:
    """Read statements of business days, and compare your books with them."""


@statements.command("list")
@click.option("--date", "day", type=_DAY, metavar="YYYY-MM-DD", help="Only this day.")
@paged
@calling
def list_command(session: Session, *, day: datetime | None, after: str | None, limit: int) -> None:
    """List statements, the one made last first; each version by itself."""
    rows = session.client.statements.list(business_date=_date(day), after=after, limit=limit)
    session.show(session.ask(rows.page), _list)


@statements.command()
@click.argument("statement_id", metavar="ID")
@calling
def show(session: Session, *, statement_id: str) -> None:
    """Show a statement, without its rows."""
    session.show(session.ask(session.client.statements.get, statement_id), _statement)


@statements.command()
@click.argument("statement_id", metavar="ID")
@paged
@calling
def rows(session: Session, *, statement_id: str, after: str | None, limit: int) -> None:
    """List the rows of a statement."""
    page = session.client.statements.rows(statement_id, after=after, limit=limit).page
    session.show(session.ask(page), _rows)


@statements.command()
@click.argument("statement_id", metavar="ID")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to; else the standard output.")
@calling
def download(session: Session, *, statement_id: str, output: Path | None) -> None:
    """Download a statement as CSV, its digest verified."""
    keep(session.client.statements.download(statement_id), output)


@statements.command()
@click.argument("books", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@click.option("--date", "day", type=_DAY, metavar="YYYY-MM-DD", help="The business day; else that of the newest.")
@click.option(
    "--type", "types", type=click.Choice(_TYPES, case_sensitive=False), multiple=True, help="Compare only these rows."
)
@calling
def reconcile(session: Session, *, books: Path, day: datetime | None, types: tuple[str, ...]) -> None:
    """Compare FILE.csv, your books of a day, with the bank's statement of it.

    FILE.csv is in UTF-8 and has a line of names: partner_reference and amount; and, where they shall be compared,
    fee, status, type (PAYMENT where there is none) and currency. Others are left alone. The exit code is 3 where
    something differs, 2 where FILE.csv cannot be read, and 1 where the bank could not be asked.
    """
    found = session.client.statements.reconcile(_mine(books), business_date=_date(day), types=types or None)
    click.echo(dump(_plain(found)) if session.as_json else _told(found))
    if not found.agrees:
        raise click.exceptions.Exit(_DIFFERS)


statements.add_command(show, "get")


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _mine(file: Path) -> list[dict[str, object]]:
    """Read one's own books.

    Raises:
        click.UsageError: the file is no such CSV.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            names, found = reader.fieldnames or (), [dict[str, object](row) for row in reader]
    except OSError as error:
        raise click.UsageError(f"{file.name} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(f"{file.name} is no CSV in UTF-8: {error}") from None
    if not {"partner_reference", "amount"} <= set(names):
        raise click.UsageError(f"{file.name} needs a first line with the names partner_reference and amount")
    return found


def _plain(found: Reconciliation) -> dict[str, object]:
    return {
        "statement_id": found.statement.statement_id,
        "business_date": found.statement.business_date.isoformat(),
        "version": found.statement.version,
        "agrees": found.agrees,
        "matched": found.matched,
        "differences": [
            {
                "kind": each.kind,
                "type": each.type,
                "partner_reference": each.partner_reference,
                "mine": _side(each.mine),
                "bank": _side(each.bank),
            }
            for each in found.differences
        ],
    }


def _side(row: OwnRow | StatementRow | None) -> dict[str, object] | None:
    if row is None:
        return None
    fee = row.fee.to_dict() if row.fee is not None else None
    return {"amount": row.amount.to_dict(), "fee": fee, "status": row.status}


def _told(found: Reconciliation) -> str:
    one = found.statement
    told = f"{one.business_date}, version {one.version}: {found.matched} agree, {len(found.differences)} differ."
    if one.undecided:
        told += f" {one.undecided} of the bank's rows are not decided yet: a further version will come."
    if found.agrees:
        return told
    rows = [
        (each.kind, each.type, each.partner_reference, _value(each, each.mine), _value(each, each.bank))
        for each in found.differences
    ]
    return f"{told}\n\n{table(['DIFFERENCE', 'TYPE', 'REFERENCE', 'MINE', 'THE BANK'], rows)}"


def _value(difference: Difference, row: OwnRow | StatementRow | None) -> object:
    if row is None:
        return "-"
    return {"FEE": row.fee, "STATUS": row.status}.get(difference.kind, row.amount)


def _statement(one: Statement) -> str:
    return facts(
        [
            ("Statement", one.statement_id),
            ("Day", f"{one.business_date}, {one.timezone}"),
            ("Version", one.version),
            ("Supersedes", one.supersedes),
            ("Rows", one.count),
            ("Undecided", one.undecided),
            ("Sum", one.sum),
            ("Fees", one.fee_sum),
            ("SHA-256", one.sha256),
            ("Made at", instant(one.made_at)),
        ]
    )


def _rows(page: StatementRowList) -> str:
    if not page.data:
        return "It has no rows."
    told = [
        (row.type, row.partner_reference, row.amount, row.fee, row.status, row.value_date, instant(row.available_at))
        for row in page.data
    ]
    titles = ["TYPE", "REFERENCE", "AMOUNT", "FEE", "STATUS", "VALUE DATE", "AVAILABLE AT"]
    return table(titles, told, right={"AMOUNT", "FEE"}) + more(page.links)


def _list(page: StatementList) -> str:
    if not page.data:
        return "No statement fits."
    rows = [(one.business_date, one.version, one.count, one.sum, one.fee_sum, one.statement_id) for one in page.data]
    titles = ["DAY", "VERSION", "ROWS", "SUM", "FEES", "STATEMENT ID"]
    return table(titles, rows, right={"VERSION", "ROWS", "SUM", "FEES"}) + more(page.links)
