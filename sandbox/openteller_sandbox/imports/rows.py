"""The records of a file, one by one, whichever of the known formats it has."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from openteller_sandbox.imports import open_data_uk
from openteller_sandbox.imports.files import Lines, Source
from openteller_sandbox.imports.json_stream import EACH, LONGEST, JsonReader, RepeatedError, loads, repeated
from openteller_sandbox.imports.mapping import Columns
from openteller_sandbox.imports.refusals import Item, Refusal, SourceError, wrong
from openteller_sandbox.imports.shape import Shape

_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 500
_FEATURES = re.compile(r'"type"\s*:\s*"FeatureCollection"|"features"\s*:\s*\[')
_BRANDS = re.compile(r'"Brand"\s*:\s*\[')
_DATA = re.compile(r'\s*\{\s*(?:"(?:links|meta)"\s*:.*?)?"data"\s*:\s*\[', re.DOTALL)
_OPEN = re.compile(r"\{\s*\n")
_RECORD_SEPARATOR = "\x1e"  # of GeoJSON text sequences
_LOOK_FOR = "look for a quotation mark without its second one"


_Found = Iterable[tuple[str, Any]]
_Make = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[Refusal]]]
_MakeOfBrand = Callable[[Mapping[str, Any], open_data_uk.LeftOut], tuple[dict[str, Any], list[Refusal]]]


class Format(StrEnum):
    """How a file is written."""

    JSON = "json"
    NDJSON = "ndjson"
    GEOJSON = "geojson"
    CSV = "csv"
    UK_OPEN_DATA = "uk-open-data"
    ECB = "ecb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a file is about.

    component: of the contract. name: what people call them. brands: the member of the UK Open Data API's brands that
    has them, and what makes records of it. columns: usual names of its own columns, by member.
    """

    component: str
    name: str
    brands: tuple[str, _MakeOfBrand] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The member by which each is known."""
        return f"{self.component.lower()}_code"


BRANCHES = Kind(
    component="Branch",
    name="branches",
    brands=("Branch", open_data_uk.branch),
    columns={
        "branch_code": "code id ref branch_no 网点编号 网点代码 机构号 机构代码 编号",
        "branch_id": "",
        "branch_type": "type 类型 网点类型",
        "status": "状态",
        "services": "service 服务 业务",
        "customer_segments": "segments segment",
    },
)
ATMS = Kind(
    component="Atm",
    name="ATMs",
    brands=("ATM", open_data_uk.atm),
    columns={
        "atm_code": "code id ref atm_no 设备编号 编号",
        "status": "状态",
        "atm_services": "service services 服务",
        "location_category": "category 类型",
        "access_24h": "24h is_24h",
    },
)
BILLERS = Kind(component="Biller", name="billers", columns={"biller_code": "code"})


@dataclass(slots=True)
class Reading:
    """How a file was understood. ignored: columns that nothing is made of. left_out: what else, and how often."""

    format: Format
    ignored: list[str] = field(default_factory=list)
    left_out: open_data_uk.LeftOut = field(default_factory=Counter)


def detect(source: Source) -> Format:
    """Find out how a file is written, by its first characters.

    Raises:
        SourceError: it is empty, or one record over several lines.
    """
    head = source.head.lstrip("\ufeff" + _RECORD_SEPARATOR + " \t\r\n")
    if not head:
        raise SourceError(f"{source.name} is empty")
    if head.startswith("["):
        return Format.JSON
    if not head.startswith("{"):
        return Format.ECB if re.match(r'"?Date"?\s*,\s*"?[A-Z]{3}"?\s*,', head) else Format.CSV
    if _BRANDS.search(head):
        return Format.UK_OPEN_DATA
    if _FEATURES.search(head):
        return Format.GEOJSON
    if _DATA.match(head):
        return Format.JSON
    if _OPEN.match(head):
        raise SourceError(f"{source.name} is one object over several lines: give an array, or a record in each line")
    return Format.NDJSON


def items(source: Source, kind: Kind, shape: Shape, reading: Reading, chosen: Mapping[str, str]) -> Iterator[Item]:
    """Give every record.

    Args:
        source: the file.
        kind: what it is about.
        shape: of the component.
        reading: its format; what is learnt on the way is noted there.
        chosen: member to column, as the operator says.

    Raises:
        SourceError: the file cannot be read, or not any further.
    """
    match reading.format:
        case Format.CSV:
            return _cells(source, kind, shape, reading, chosen)
        case Format.NDJSON:
            return _checked(_of_kind(lines_of(source), kind, source), lambda value: (dict(value), []))
        case Format.GEOJSON:
            found = _of_kind(JsonReader(source).at(("features", EACH)), kind, source)
            return _checked(found, lambda value: _feature(value, kind, shape, chosen))
        case Format.UK_OPEN_DATA:
            return _brands(source, kind, reading)
        case Format.JSON:
            path = (EACH,) if source.head.lstrip("\ufeff \t\r\n").startswith("[") else ("data", EACH)
            return _checked(_of_kind(JsonReader(source).at(path), kind, source), lambda value: (dict(value), []))
        case _:
            raise SourceError(f"{source.name}: {reading.format} is no format of {kind.component.lower()} records")


def _of_kind(found: _Found, kind: Kind, source: Source) -> _Found:
    """Give what was found, unless its first record is of another kind.

    Raises:
        SourceError: it is.
    """
    for number, (where, value) in enumerate(found):
        if not number and isinstance(value, dict):
            properties = value.get("properties")
            _check_kind(properties if isinstance(properties, dict) else value, kind, source)
        yield where, value


def _check_kind(names: Iterable[str], kind: Kind, source: Source) -> None:
    own, other = (ATMS, BRANCHES) if kind is ATMS else (BRANCHES, ATMS)
    if kind is own and own.code not in names and other.code in names:
        raise SourceError(f"{source.name}: these are {other.name}: use openteller sandbox import {other.name.lower()}")


def _checked(found: _Found, make: _Make) -> Iterator[Item]:
    """Make records of objects; what is none, or not shaped like one, is refused."""
    for where, value in found:
        if isinstance(value, Refusal):
            yield Item(where, {}, (value,))
            continue
        if not isinstance(value, dict):
            yield Item(where, {}, (wrong("", "ROW_BROKEN", "is no JSON object"),))
            continue
        try:
            record, faults = make(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            yield Item(where, {}, (wrong("", "ROW_BROKEN", "is not shaped as this format has it"),))
            continue
        yield Item(where, record, tuple(faults))


def lines_of(source: Source) -> Iterator[tuple[str, Any]]:
    """Give (line, value) of JSON lines; in place of one that is none, why it is refused."""
    lines = Lines(source, LONGEST)
    lines.skip_blank()
    for line in lines:
        where = f"line {lines.number}"
        text = line.strip("\ufeff" + _RECORD_SEPARATOR + " \t\r\n")
        if len(line) > LONGEST:
            yield where, wrong("", "ROW_BROKEN", f"is longer than {LONGEST:,} characters")
        elif text:
            try:
                yield where, loads(text)
            except RepeatedError as error:
                yield where, repeated(error.name)
            except ValueError as error:
                yield where, wrong("", "ROW_BROKEN", f"is no JSON ({str(error).partition(':')[0]})")
        lines.skip_blank()


class Table:
    """The rows of a table with separators, for as long as each is not too long.

    A quotation mark without its second one makes one row of all that follows, which memory need not hold.

    where: the line at which the row begins that was given last.
    """

    def __init__(self, source: Source, delimiter: str = ",") -> None:
        self._name = source.name
        self._lines = Lines(source, LONGEST)
        self._begins = self._size = 0
        self._rows = csv.reader(self._of_a_row(), delimiter=delimiter, strict=True)

    @property
    def where(self) -> str:
        """Say at which line the row begins."""
        return f"line {self._begins}"

    def __iter__(self) -> Table:
        return self

    def __next__(self) -> list[str]:
        """Give a row, but none of blank lines.

        Raises:
            SourceError: a quotation mark has no second one, or a row is too long.
        """
        self._lines.skip_blank()
        self._begins, self._size = self._lines.number + 1, 0
        try:
            return next(self._rows)
        except csv.Error as error:
            raise SourceError(f"{self._name}, {self.where}: {error}; {_LOOK_FOR}") from error

    def _of_a_row(self) -> Iterator[str]:
        for line in self._lines:
            self._size += len(line)
            if self._size > LONGEST:
                text = f"a row of more than {LONGEST:,} characters begins here"
                raise SourceError(f"{self._name}, {self.where}: {text}; {_LOOK_FOR}")
            yield line


def _feature(
    value: Mapping[str, Any], kind: Kind, shape: Shape, chosen: Mapping[str, str]
) -> tuple[dict[str, Any], list[Refusal]]:
    """Make a record of a feature: of the contract's members, or of flat properties as of columns."""
    properties = dict(value.get("properties") or {})
    code = kind.code
    faults: list[Refusal] = []
    if not chosen and code in properties and isinstance(properties.get("postal_address"), dict):
        record = properties
    else:
        columns = Columns(shape, properties, _there(chosen, properties), kind.columns)
        record, faults = columns.record(properties.values())
    if value.get("id") is not None and code not in record:
        record[code] = str(value["id"])
    if geometry := value.get("geometry"):
        record["location"] = {**record.get("location", {}), **_point(geometry)}
    return record, faults


def _there(chosen: Mapping[str, str], properties: Mapping[str, Any]) -> dict[str, str]:
    """Give what of a mapping a feature has: properties may differ from one to the next."""
    return {path: column for path, column in chosen.items() if column in properties}


def _point(geometry: Mapping[str, Any]) -> dict[str, Any]:
    if geometry["type"] != "Point":
        raise ValueError("not a point")
    longitude, latitude, *_ = geometry["coordinates"]
    return {"latitude": latitude, "longitude": longitude}


def _brands(source: Source, kind: Kind, reading: Reading) -> Iterator[Item]:
    if kind.brands is None:
        raise SourceError(f"{source.name}: the UK Open Data API has no {kind.component.lower()} records")
    member, make = kind.brands
    found = JsonReader(source).at(("data", EACH, "Brand", EACH, member, EACH))
    return _checked(found, lambda value: make(value, reading.left_out))


def _cells(source: Source, kind: Kind, shape: Shape, reading: Reading, chosen: Mapping[str, str]) -> Iterator[Item]:
    head = source.head.lstrip("\ufeff \t\r\n").splitlines()[:1]
    rows = Table(source, max(_DELIMITERS, key=head[0].count) if head else ",")
    header = [name.strip("\ufeff \t\r") for name in next(rows, [])]
    if not any(header) or len(header) > _MOST_COLUMNS:
        raise SourceError(f"{source.name} has no header: the first line names the columns")
    columns = Columns(shape, header, chosen, kind.columns)
    reading.ignored = [name for name in columns.ignored if name and name.partition(".")[0] not in shape.computed]
    _check_kind(header, kind, source)
    if all(path is None for path in columns.paths):
        raise SourceError(f"{source.name}: no column is known ({', '.join(header[:10])}): name them with --map")
    for row in rows:
        if not any(row):
            continue
        if len(row) != len(header):
            text = f"has {len(row)} cells, the header {len(header)}: look for a separator inside a text"
            yield Item(rows.where, {}, (wrong("", "ROW_BROKEN", text),))
            continue
        record, faults = columns.record(row)
        yield Item(rows.where, record, tuple(faults))
