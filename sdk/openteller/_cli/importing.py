"""``openteller sandbox import``: what an operator brings in a file, into a bank's database."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import click

from openteller._cli.signals import leave_on_signals
from openteller._cli.tables import table

if TYPE_CHECKING:
    from openteller_sandbox.imports.outcome import Limit, Outcome, Watch, Wish
    from openteller_sandbox.imports.refusals import Refusal

__all__ = ["imports"]

_SHOWN = 20
_FORMATS = ("json", "ndjson", "geojson", "csv", "uk-open-data", "ecb")
_PERCENT = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,4})?|100)%")
_COLUMNS = ("where", "place", "field", "code", "message")
_FORMULA = ("=", "+", "-", "@", "\t")


@click.group(short_help="Bring in branches, ATMs, billers or rates from a file.")
def imports() -> None:
    """Bring what a file has into a sandbox's database: all of it, or nothing.

    A server may be running: it shows the new data with its next answer.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed."""

    kind: str
    file: str
    database: str
    format: str | None
    encoding: str | None
    chosen: Mapping[str, str]
    country: str | None
    timezone: str | None
    default_hours: str | None
    max_refused: str
    replace: bool
    dry_run: bool
    yes: bool
    report: Path | None


def _common(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.argument("file", metavar="FILE"),
        click.option(
            "--database",
            default="openteller-sandbox.db",
            show_default=True,
            envvar="OPENTELLER_DATABASE_URL",
            show_envvar=True,
            help="The database of a sandbox.",
        ),
        click.option("--format", type=click.Choice(_FORMATS), help="How the file is written. [default: found out]"),
        click.option("--encoding", metavar="NAME", help="[default: UTF-8 or GB 18030, found out]"),
        click.option(
            "--max-refused",
            default="0",
            show_default=True,
            metavar="N|P%",
            help="So many rows may be refused and left out; with one more, nothing is imported.",
        ),
        click.option("--replace", is_flag=True, help="Take away what the file does not have. Without it, that stays."),
        click.option("--yes", is_flag=True, help="With --replace, do not ask."),
        click.option("--dry-run", is_flag=True, help="Check everything, and write nothing."),
        click.option(
            "--report",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write every refused row there: JSON lines if it ends in .json or .ndjson, else CSV.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _flat(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option(
            "--map",
            "maps",
            metavar="MEMBER=COLUMN",
            multiple=True,
            help="A column of CSV, or a property of GeoJSON: --map name.zh-CN=分行名称. Several times for several.",
        ),
        click.option(
            "--mapping",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help='The same from a JSON file: {"name.zh-CN": "分行名称"}.',
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _places(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--country", metavar="CODE", help="Country of rows that name none. [default: CN]"),
        click.option("--timezone", metavar="ZONE", help="Zone of rows that name none. [default: that of the country]"),
        click.option(
            "--default-hours", metavar="HOURS", help="Hours of rows that name none, such as 'Mo-Fr 09:00-17:00'."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@imports.command()
@_common
@_flat
@_places
def branches(**typed: Any) -> None:
    """Import branches from FILE, or from the standard input (-).

    JSON or JSON lines in the contract's shape, GeoJSON, CSV, or the UK Open Data API's; also packed with gzip. A branch
    with a known code is changed, one with a new code is added.
    """
    _run("branches", typed)


@imports.command()
@_common
@_flat
@_places
def atms(**typed: Any) -> None:
    """Import ATMs from FILE, or from the standard input (-).

    As branches. The branch that an ATM names must be in the bank already.
    """
    _run("atms", typed)


@imports.command()
@_common
@_flat
def billers(**typed: Any) -> None:
    """Import billers from FILE, or from the standard input (-).

    JSON or JSON lines in the contract's shape. With --replace, those that the file does not have are deactivated.
    """
    _run("billers", typed)


@imports.command()
@_common
def fx(**typed: Any) -> None:
    """Import exchange rates from FILE, or from the standard input (-).

    The ECB's eurofxref-hist.csv, of which boards are made with the demo bank's spreads; or sheets as JSON lines. They
    follow the last board: what was published never changes.
    """
    _run("fx", typed)


def _run(kind: str, typed: dict[str, Any]) -> None:
    maps, mapping = typed.pop("maps", ()), typed.pop("mapping", None)
    for name in ("country", "timezone", "default_hours"):
        typed.setdefault(name, None)
    options = Options(kind=kind, chosen=_chosen(maps, mapping), **typed)
    limit = _limit(options.max_refused)
    if options.replace and not (options.yes or options.dry_run):
        _confirm(options)
    try:
        _import(options, limit)
    except KeyboardInterrupt:
        raise click.ClickException("interrupted: nothing was imported") from None


def _import(options: Options, limit: Callable[[], Limit]) -> None:
    from openteller._cli.dispatching import open_bank  # noqa: PLC0415 - an extra, as all of the sandbox
    from openteller._cli.serving import need_sandbox  # noqa: PLC0415

    need_sandbox()
    leave_on_signals()
    from openteller_sandbox import app  # noqa: PLC0415
    from openteller_sandbox.db import DatabaseError, EngineError  # noqa: PLC0415
    from openteller_sandbox.imports.files import opened  # noqa: PLC0415
    from openteller_sandbox.imports.refusals import SourceError  # noqa: PLC0415

    begun = time.monotonic()
    bank = open_bank(options.database)
    try:
        with _report(options.report) as report, _progress() as moved, opened(options.file, options.encoding) as source:
            watch = _watch(report, moved)
            outcome = app.import_file(bank, options.kind, source, _wish(options, limit()), watch)
            encoding = source.encoding
    except (SourceError, DatabaseError) as error:
        raise click.ClickException(f"{error}\nNothing was imported.") from error
    except EngineError as error:
        advice = "make room, or wait until the database is free, and do it again"
        raise click.ClickException(f"{bank.db.name}: {error}: {advice}\nNothing was imported.") from error
    finally:
        bank.db.close()
    _tell(options, outcome, report, encoding, time.monotonic() - begun)


def _wish(options: Options, limit: Limit) -> Wish:
    from openteller_sandbox.imports.outcome import Wish  # noqa: PLC0415
    from openteller_sandbox.imports.rows import Format  # noqa: PLC0415

    return Wish(
        format=Format(options.format) if options.format else None,
        replace=options.replace,
        dry_run=options.dry_run,
        limit=limit,
        chosen=options.chosen,
        country=options.country.upper() if options.country else None,
        timezone=options.timezone,
        hours=options.default_hours,
    )


def _chosen(maps: tuple[str, ...], mapping: Path | None) -> dict[str, str]:
    chosen: dict[str, str] = {}
    if mapping is not None:
        try:
            read = json.loads(mapping.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise click.UsageError(f"--mapping {mapping}: {error}") from error
        if not isinstance(read, dict) or not all(isinstance(column, str) for column in read.values()):
            raise click.UsageError(f'--mapping {mapping}: an object of members and columns, {{"name.en": "Name"}}')
        chosen |= read
    for text in maps:
        member, equals, column = text.partition("=")
        if not (member and equals and column):
            raise click.UsageError(f"--map {text}: MEMBER=COLUMN, such as name.en=Name")
        if chosen.get(member.strip(), column.strip()) != column.strip():
            raise click.UsageError(f"--map {text}: {member} is the column {chosen[member.strip()]} already")
        chosen[member.strip()] = column.strip()
    return chosen


def _limit(text: str) -> Callable[[], Limit]:
    """Read how many rows may be refused, now; make the value when the sandbox is there."""
    percent = _PERCENT.fullmatch(text)
    if percent is None and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise click.UsageError(f"--max-refused {text}: a number such as 10, or a percentage such as 5%")

    def make() -> Limit:
        from openteller_sandbox.imports.outcome import Limit  # noqa: PLC0415

        return Limit(percent=float(percent[1])) if percent else Limit(rows=int(text))

    return make


def _confirm(options: Options) -> None:
    if options.file == "-" or not sys.stdin.isatty():
        raise click.UsageError(f"--replace takes away the {options.kind} that the file does not have: say --yes, too")
    click.confirm(f"Take away all {options.kind} that {options.file} does not have?", abort=True)


class _Hears(Protocol):
    def __call__(self, refusal: Refusal) -> None: ...


@dataclass(slots=True)
class _Report:
    """What was refused: the first few, and all of it in a file."""

    write: _Hears | None
    shown: list[Refusal] = field(default_factory=list)
    count: int = 0

    def hear(self, refusal: Refusal) -> None:
        """Note a refusal."""
        self.count += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(refusal)
        if self.write:
            self.write(refusal)


@contextmanager
def _report(path: Path | None) -> Iterator[_Report]:
    if path is None:
        yield _Report(None)
        return
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise click.UsageError(f"--report {path}: {error.strerror or error}") from error
    with file:
        is_json = path.suffix in {".json", ".ndjson", ".jsonl"}
        yield _Report(_lines_to(file) if is_json else _cells_to(file))


def _lines_to(file: TextIO) -> _Hears:
    def write(refusal: Refusal) -> None:
        row = {name: getattr(refusal, name) for name in _COLUMNS}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

    return write


def _cells_to(file: TextIO) -> _Hears:
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)

    def write(refusal: Refusal) -> None:
        cells = [str(getattr(refusal, name)) for name in _COLUMNS]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])

    return write


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """Show how far it is on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _what, _done: None
        return
    with click.progressbar(length=1000, file=sys.stderr, label="Reading") as bar:

        def moved(what: str, done: float | None) -> None:
            if bar.label != what:
                bar.label, bar.pos = what, 0
            if done is not None:
                bar.update(max(0, min(1000, int(done * 1000)) - bar.pos))

        yield moved


def _watch(report: _Report, moved: Callable[[str, float | None], None]) -> Watch:
    from openteller_sandbox.imports.outcome import Watch  # noqa: PLC0415

    return Watch(refused=report.hear, moved=moved)


def _tell(options: Options, outcome: Outcome, report: _Report, encoding: str, seconds: float) -> None:
    """Say what came of it.

    Raises:
        click.ClickException: nothing was imported because too many rows were refused.
    """
    kind, each = options.kind, "row" if outcome.read == 1 else "rows"
    rate = outcome.read / max(seconds, 0.001)
    how = f"{outcome.format}" if encoding.lower().startswith("utf-8") else f"{outcome.format}, {encoding}"
    click.echo(f"Read {outcome.read:,} {each} of {kind} ({how}) in {seconds:.1f} s, {rate:,.0f} a second.")
    if outcome.ignored:
        click.echo(f"Nothing is made of these columns: {', '.join(outcome.ignored[:_SHOWN])}")
    for note in outcome.notes:
        click.echo(note)
    if report.shown:
        _tell_refused(options, outcome, report)
    counts = f"{outcome.added:,} added, {outcome.changed:,} changed, {outcome.unchanged:,} as before"
    counts += f", {outcome.removed:,} taken away"
    if outcome.kept:
        click.echo(f"Imported: {counts}; {outcome.total:,} {kind} in all. A server that runs shows them from now on.")
    elif options.dry_run and outcome.total:
        click.echo(f"A dry run, nothing was written. It would be: {counts}; {outcome.total:,} {kind} in all.")
    else:
        advice = f"mend them, or let --max-refused say how many may be left out (it is {options.max_refused})"
        raise click.ClickException(
            f"{outcome.refused:,} of {outcome.read:,} rows were refused: {advice}\nNothing was imported."
        )


def _tell_refused(options: Options, outcome: Outcome, report: _Report) -> None:
    refused = [(one.where, one.place, one.field, one.code, one.message) for one in report.shown]
    click.echo(f"Refused: {outcome.refused:,}")
    click.echo(table([name.upper() for name in _COLUMNS], refused))
    if report.count > len(report.shown):
        where = f"all of them are in {options.report}" if options.report else "--report FILE writes all of them"
        click.echo(f"… and {report.count - len(report.shown):,} more: {where}")
