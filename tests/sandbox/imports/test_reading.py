"""Files of every kind, read a piece at a time."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox import contract
from openteller_sandbox.imports import hours_text, json_stream
from openteller_sandbox.imports.files import Lines, Source, opened
from openteller_sandbox.imports.json_stream import EACH, LONGEST, JsonReader, RepeatedError, loads
from openteller_sandbox.imports.mapping import Columns, number
from openteller_sandbox.imports.refusals import Refusal, SourceError
from openteller_sandbox.imports.rows import Format, Table, detect, lines_of
from openteller_sandbox.imports.shape import Shape


class Pieces(Source):
    """A text that comes a few characters at a time."""

    def __init__(self, text: str, size: int = 1 << 20) -> None:
        self.name, self.head, self._rest, self._size = "a file", text[: 1 << 16], text, size

    def read(self, count: int) -> str:
        piece, self._rest = self._rest[: min(count, self._size)], self._rest[min(count, self._size) :]
        return piece


class Endless(Source):
    """The same again and again, up to a length."""

    def __init__(self, text: str, length: int = 1 << 40) -> None:
        self.name, self.head, self._block, self._left = "a file", text, text * (1 + (1 << 16) // len(text)), length

    def read(self, count: int) -> str:
        piece = self._block[: min(count, self._left)]
        self._left -= len(piece)
        return piece


def at(text: str, *path: str, size: int = 1 << 20) -> list[Any]:
    return [value for _, value in JsonReader(Pieces(text, size)).at(path)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(values=st.lists(VALUES, max_size=4), size=st.integers(1, 9), indent=st.sampled_from([None, 1]))
def test_values_are_read_whole_however_the_text_is_cut(values: list[Any], size: int, indent: int | None) -> None:
    assert at(json.dumps(values, indent=indent), EACH, size=size) == values
    nested = {"before": values, "data": [{"Brand": [{"ATM": values}]}], "after": None}
    assert at(json.dumps(nested, indent=indent), "data", EACH, "Brand", EACH, "ATM", EACH, size=size) == values


@pytest.mark.parametrize(
    "text", ["", "[", "[1", "[1,]", "[1 2]", '["a', "[1] 2", "{}", "nonsense", "[NaN]", "[" * 100_000]
)
def test_what_is_no_array_is_told_with_its_place(text: str) -> None:
    with pytest.raises(SourceError, match=r"^a file, character [0-9,]+: "):
        at(text, EACH)


@pytest.mark.parametrize("text", [r'[{"code":"\ud800"}]', r'[{"\uDC00":1}]', r'[["中",{"a":"\ude00\ud83d"}]]'])
def test_half_a_character_is_told_with_its_place(text: str) -> None:
    with pytest.raises(SourceError, match="character 2: a text has half a character"):
        at(text, EACH)


def test_a_character_that_is_written_as_two_halves_is_one() -> None:
    assert at(r'["\ud83d\ude00 \\ud800"]', EACH) == ["😀 \\ud800"]


def test_a_value_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "LONGEST", 1000)
    with pytest.raises(SourceError, match="longer than 1,000"):
        at('["' + "x" * 200_000 + '"]', EACH)


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ('[{"a": 1}]', Format.JSON),
        ('{"data": [{"branch_id": 1}]}', Format.JSON),
        ('{"branch_id": 1}\n{"branch_id": 2}', Format.NDJSON),
        ('\ufeff{"type": "FeatureCollection", "features": []}', Format.GEOJSON),
        ('{"meta": {}, "data": [{"Brand": [{"ATM": []}]}]}', Format.UK_OPEN_DATA),
        ("code,name\n1,x", Format.CSV),
        ("Date,USD,JPY,\n2026-09-01,1.1,160,", Format.ECB),
    ],
)
def test_the_format_is_found_out(text: str, format_: Format) -> None:
    assert detect(Pieces(text)) is format_


@pytest.mark.parametrize(
    ("text", "told"), [("", "is empty"), (" \n\n", "is empty"), ('{\n "a": 1\n}', "several lines")]
)
def test_what_has_no_format_is_told(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        detect(Pieces(text))


@pytest.mark.parametrize(
    ("columns", "chosen", "told"),
    [
        ("a b", {"name.zh": "a"}, "members are such as name, name.en, name.zh-CN"),
        ("a b", {"name.en": "c"}, "the file has no column c; it has a, b"),
        ("a a", {"name.en": "a"}, "the file has 2 columns of that name"),
        ("a b", {"name.en": "a", "name.zh-CN": "a"}, "is another member already"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_told(columns: str, chosen: dict[str, str], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        Columns(Shape.of(contract.load(), "Branch"), columns.split(), chosen, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_and_gzip_are_found_out(tmp_path: Path, encoding: str) -> None:
    text = "编号,名称\n1,示范银行\n" * 50
    for packed in (False, True):
        data = text.encode(encoding)
        file = tmp_path / f"{encoding}{packed}"
        file.write_bytes(gzip.compress(data) if packed else data)
        with opened(str(file)) as source:
            assert "".join(Lines(source, 1000)) == text
            assert source.done() == 1.0
            assert source.encoding == ("utf-8-sig" if encoding == "utf-8" else encoding)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x1f\x8b broken", "gzip"),
        (gzip.compress(b"a,b\n" * 1000, mtime=0)[:-9], "gzip"),
        (b"code\xff\xff,name", "neither UTF-8"),
        (b"a" * 300_000 + b"\xff", "bytes that are no"),
        (b"PK\x03\x04 and so on", "workbook"),
        ("code,name\n".encode("utf-16-le"), "UTF-16 without a mark"),
    ],
    ids=["broken", "cut off", "no text", "no text far behind", "a workbook", "UTF-16 without a mark"],
)
def test_what_is_no_text_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.raises(SourceError, match=told), opened(str(file)) as source:
        list(Lines(source, 1000))


def test_a_file_that_is_not_there_and_an_unknown_encoding_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot open"), opened(str(tmp_path / "none")):
        raise AssertionError
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="is no encoding"), opened(str(tmp_path / "file"), "klingon"):
        raise AssertionError


@given(text=st.text("a \t\r\n", max_size=40), size=st.integers(1, 5))
def test_lines_are_numbered_whether_blank_ones_are_gone_through_or_over(text: str, size: int) -> None:
    every = text.splitlines(keepends=True) if "\n" not in text else [f"{one}\n" for one in text.split("\n")]
    if "\n" in text:
        every[-1] = every[-1].removesuffix("\n")
    numbered = [(number, line) for number, line in enumerate(filter(None, every), 1)]
    lines = Lines(Pieces(text, size), 100)
    assert [(lines.number, line) for line in lines] == numbered
    lines, found = Lines(Pieces(text, size), 100), []
    lines.skip_blank()
    for line in lines:
        found.append((lines.number, line))
        lines.skip_blank()
    assert [one for one in found if one[1].strip()] == [one for one in numbered if one[1].strip()]


def test_what_has_no_end_is_no_row_and_does_not_fill_the_memory() -> None:
    """A quotation mark without its second one, in its many ways; a line, a value, a member that never ends."""
    length = 8 << 20
    tracemalloc.start()
    try:
        for text in ('"\n",', '"a""\n', '"\n"x\n,', "x" * 99, '"x",'):
            with pytest.raises(SourceError, match=r"line 1: .*; look for a quotation mark"):
                list(Table(Endless(text)))
        for text in ("x", " ", '[{"a":', "[[],"):
            refused = list(lines_of(Endless(text, length)))
            assert [(where, fault.code) for where, fault in refused] == [("line 1", "ROW_BROKEN")] * (text != " ")
        for text in ("[", '{"data":[', '[{"a":[', '["', '{"meta":["'):
            with pytest.raises(SourceError, match=r"a file, character [0-9,]+: "):
                list(JsonReader(Endless(text)).at((EACH,) if text[0] == "[" else ("data", EACH)))
        assert tracemalloc.get_traced_memory()[1] < 64 * LONGEST
    finally:
        tracemalloc.stop()


def test_blank_lines_cost_next_to_nothing() -> None:
    begun = time.process_time()
    assert list(lines_of(Endless("\n", 20_000_000))) == []
    assert list(Table(Endless(" \r\n", 20_000_000))) == []
    assert time.process_time() - begun < 2  # it takes a tenth of that; line by line it would be six seconds


def test_a_row_is_told_by_the_line_at_which_it_begins() -> None:
    rows = Table(Pieces('\n\na,"b\n\nc"\n \nd,e\n"f'))
    found = [(rows.where, row) for row in islice(rows, 2)]
    assert found == [("line 3", ["a", "b\n\nc"]), ("line 7", ["d", "e"])]
    with pytest.raises(SourceError, match="line 8: "):
        next(rows)


def test_lines_of_an_old_mac_are_lines() -> None:
    assert list(Table(Pieces("a,b\r1,2\r\r3,4"))) == [["a", "b"], ["1", "2"], ["3", "4"]]


REPEATED = [
    '{"code":"1","code":"1"}',
    '{"a":{"b":[{"code":1,"x":2,"code":3}]}}',
    '{"code" : 1, "x":"\\":","code" :2}',
    '{"code":1,"c\\u006fde":2}',
    '{"x":"\\u0022:","code":1,"code":1}',
    '{"x\\u0022":1,"code":1,"code":":"}',
]


@pytest.mark.parametrize("text", REPEATED)
def test_a_member_that_is_there_twice_refuses_its_record_and_no_other(text: str) -> None:
    with pytest.raises(RepeatedError, match="the member code is there twice"):
        loads(text)
    by_line = list(lines_of(Pieces(f'{{"a":1}}\n{text}\n{{"a":2}}')))
    by_item = list(JsonReader(Pieces(f'[{{"a":1}},{text},{{"a":2}}]', 7)).at((EACH,)))
    for found in (by_line, by_item):
        assert [value for _, value in found[::2]] == [{"a": 1}, {"a": 2}]
        assert isinstance(found[1][1], Refusal)
        assert found[1][1].code == "MEMBER_REPEATED"
        assert found[1][1].field == "code"


@given(value=VALUES, spaced=st.booleans(), plain=st.booleans())
def test_what_has_no_member_twice_is_read(value: Any, spaced: bool, plain: bool) -> None:
    text = json.dumps(value, separators=(" , ", " : ") if spaced else None, ensure_ascii=plain)
    assert loads(text) == value


def test_the_array_of_a_file_is_not_there_twice() -> None:
    with pytest.raises(SourceError, match="the member data is there twice"):
        at('{"data":[1],"data":[2]}', "data", EACH)


@pytest.mark.parametrize("text", ["31.2304", "-0.5", "121", "+7.25"])
def test_plain_numbers_are_numbers(text: str) -> None:
    assert number(text) == float(text)


@pytest.mark.parametrize("text", ["15.681.524", "1,2,3", "31,23", "1e5", "inf", "nan", "31° 14'", "", "٣١"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal"):
        number(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mo-Fr 25:00-26:00",
        "Mo-Fr",
        "Mo 9-5",
        "Xx 09:00-17:00",
        "Mo 09:60-17:00",
        "09:00-09:00",
        "x" * 500,
        "Mo 24:00-25:00",
    ],
)
def test_hours_that_are_not_written_so_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(has|names|is) "):
        hours_text.availability(text)


def test_a_later_rule_decides_for_its_days_and_closed_days_are_left_out() -> None:
    week = hours_text.availability("Mo-Su 09:00-17:00; Sa 10:00-12:00; Su off")["standard"]
    assert [day["day"] for day in week] == ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"]
    assert week[-1]["opening_hours"] == [{"opens": "10:00", "closes": "12:00"}]


@given(
    text=st.text(max_size=40) | st.from_regex(r"(Mo|Tu|Su)(-Fr)? [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}", fullmatch=True)
)
def test_any_text_is_a_week_or_refused(text: str) -> None:
    try:
        week = hours_text.availability(text)
    except ValueError:
        return
    for day in week["standard"]:
        assert all(hours["opens"] < hours["closes"] for hours in day["opening_hours"])
