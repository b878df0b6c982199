"""From flat columns to the contract's record: which column is which member, and what its text means.

A column is found by the operator's mapping, by the member's own dotted name (``name.zh-CN``), or by a name that such
columns usually have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from openteller_sandbox.imports import hours_text
from openteller_sandbox.imports.json_stream import loads
from openteller_sandbox.imports.refusals import Refusal, SourceError, wrong
from openteller_sandbox.imports.shape import Shape

HOURS, NAME, PHONE, EMAIL, TERMS = "hours", "name", "phone", "email", "search_terms"
_WHOLE = "availability"
_BESIDE = (HOURS, NAME, PHONE, EMAIL, TERMS, _WHOLE)
"""What a column may be that is no member by itself, or one with all that is in it, as JSON."""

_USUAL = {
    "location.latitude": "lat latitude y 纬度",
    "location.longitude": "lon lng long longitude x 经度",
    "location.crs": "crs datum 坐标系",
    "name.zh-CN": "name_zh zh_name chinese_name name:zh 中文名 中文名称 名称 分行名称 支行名称 网点名称 机构名称 网点",
    "name.en": "name_en en_name english_name name:en 英文名 英文名称",
    NAME: "name title",
    "postal_address.address_lines": "address addr full_address 地址 详细地址",
    "postal_address.street_name": "street addr:street 街道 路",
    "postal_address.building_number": "number house_number housenumber addr:housenumber 门牌号",
    "postal_address.town_name": "city town addr:city 城市 市",
    "postal_address.country_subdivision": "province state county region addr:state addr:province 省 省份",
    "postal_address.country": "country country_code addr:country 国家",
    "postal_address.post_code": "postcode post_code zip zipcode postal_code addr:postcode 邮编 邮政编码",
    "postal_address.adcode": "adcode division_code 行政区划代码 区划代码",
    "timezone": "tz time_zone 时区",
    HOURS: "opening_hours hours openinghours 营业时间",
    PHONE: "telephone tel contact:phone 电话 联系电话",
    EMAIL: "mail contact:email 邮箱",
    TERMS: "terms pinyin 拼音",
}
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "是"}), frozenset({"false", "no", "n", "0", "否"})
_APOSTROPHED = frozenset("=+-@'")
_SEPARATORS = re.compile(r"\s*[;|、]\s*")
_DEGREES = re.compile(r"[+-]?[0-9]{1,4}(?:\.[0-9]{1,20})?")
_DECIMAL = re.compile(r"[0-9]{1,14}(?:\.[0-9]{1,20})?")
_DOUBLED = re.compile(r"[+-]?[0-9]+[.,][0-9]*[.,][0-9.,]*")
_COMMA = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")


class Columns:
    """Which column is which member.

    Args:
        shape: of the component.
        columns: as the header has them.
        chosen: member to column, as the operator says.
        beside: usual names of this component's own columns, by member.

    Raises:
        SourceError: a column or a member that was chosen is not there, or two columns are one member.
    """

    def __init__(
        self, shape: Shape, columns: Iterable[str], chosen: Mapping[str, str], beside: Mapping[str, str]
    ) -> None:
        self._shape = shape
        listed = [column.strip() for column in columns]
        known = {path: path for path in (*shape.paths(), *_BESIDE)}
        _check_chosen(chosen, known, listed)
        usual = {_key(name): path for path, names in {**_USUAL, **beside}.items() for name in names.split()}
        usual |= {_key(path): path for path in known if path != NAME or path not in usual}
        by_column = {column: path for path, column in chosen.items()}
        self.paths: list[str | None] = []
        for column in listed:
            path = by_column.get(column) or (usual.get(_key(column)) if column else None)
            if path in self.paths and column not in by_column:
                path = None
            self.paths.append(path if path in known and (column in by_column or path not in chosen) else None)
        self.ignored = [column for column, path in zip(listed, self.paths, strict=True) if path is None]

    def record(self, cells: Iterable[object]) -> tuple[dict[str, Any], list[Refusal]]:
        """Make a record of the cells of a row; empty ones are as if they were not there."""
        record: dict[str, Any] = {}
        faults: list[Refusal] = []
        for path, cell in zip(self.paths, cells, strict=False):
            text = _disarmed(cell.strip()) if isinstance(cell, str) else cell
            if path is None or text is None or text == "":
                continue
            try:
                self._put(record, path, text)
            except ValueError as error:
                faults.append(wrong(path, _CODES.get(path, "FIELD_INVALID"), str(error)))
        return record, faults

    def _put(self, record: dict[str, Any], path: str, cell: object) -> None:
        if path == HOURS:
            if not isinstance(cell, str):
                raise ValueError("must be a text such as Mo-Fr 09:00-17:00")
            record["availability"] = hours_text.availability(cell)
        elif path == NAME:
            _put(record, "name", cell if isinstance(cell, dict) else {"zh-CN": cell, "en": cell}, keep=True)
        elif path in {PHONE, EMAIL}:
            record.setdefault("contacts", []).append({"type": path.upper(), "value": cell})
        elif path == TERMS:
            record[TERMS] = str(cell)
        else:
            _put(record, path, self._value(path, cell))

    def _value(self, path: str, cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        shape = self._shape.at(path)
        kind = shape.kind if shape else "string"
        if kind in {"array", "object"} and cell[0] in "[{":
            return loads(cell)
        if kind == "array" and shape is not None and shape.items is not None:
            parts = [cell] if path.endswith("address_lines") else [part for part in _SEPARATORS.split(cell) if part]
            return [{"code": part} for part in parts] if "code" in shape.items.members else parts
        if kind == "boolean":
            return _boolean(cell)
        if kind in {"number", "integer"}:
            return number(cell)
        return cell


def _disarmed(cell: str) -> str:
    """Take away the apostrophe that keeps spreadsheets from calculating a cell, as the bank's own tables have it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _APOSTROPHED else cell


_CODES = {
    HOURS: "HOURS_INVALID",
    "availability": "HOURS_INVALID",
    "location.latitude": "COORDINATE_MALFORMED",
    "location.longitude": "COORDINATE_MALFORMED",
}


def number(text: str) -> float:
    """Read a number of degrees.

    Raises:
        ValueError: it is none; the message says what looks wrong.
    """
    if _DEGREES.fullmatch(text):
        return float(text)
    raise ValueError(_what_is_wrong(text, "31.2304"))


def decimal(text: str) -> Decimal:
    """Read an amount or a rate, which may be large (20315.34 rupiah to the euro) and never has a sign.

    Raises:
        ValueError: it is none; the message says what looks wrong.
    """
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    raise ValueError(_what_is_wrong(text, "20315.34"))


def _what_is_wrong(text: str, example: str) -> str:
    if _DOUBLED.fullmatch(text):
        return f"has more than one decimal point: write it as {example}"
    if _COMMA.fullmatch(text):
        return f"has a decimal comma: write it with a point, as {example}"
    return f"is no decimal number such as {example}"


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("must be true or false")


def _put(record: dict[str, Any], path: str, value: object, *, keep: bool = False) -> None:
    *outer, last = path.split(".")
    for name in outer:
        record = record.setdefault(name, {})
    if isinstance(value, dict) and isinstance(record.get(last), dict):
        value = {**value, **record[last]} if keep else {**record[last], **value}
    record[last] = value


def _check_chosen(chosen: Mapping[str, str], known: Mapping[str, str], columns: list[str]) -> None:
    for path, column in chosen.items():
        if path not in known:
            parts = {path.split(".")[0], path.split(".")[-1]}
            near = ", ".join(sorted(name for name in known if parts & set(name.split("."))))[:200] or "name.en"
            raise SourceError(f"--map {path}={column}: there is no member {path}; members are such as {near}")
        if column not in columns:
            raise SourceError(
                f"--map {path}={column}: the file has no column {column}; it has {', '.join(columns[:30])}"
            )
        if columns.count(column) > 1:
            raise SourceError(f"--map {path}={column}: the file has {columns.count(column)} columns of that name")
        if list(chosen.values()).count(column) > 1:
            raise SourceError(f"--map {path}={column}: that column is another member already; it can be one only")


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()
