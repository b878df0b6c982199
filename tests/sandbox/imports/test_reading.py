"""Files of every kind, read a piece at a time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.imports import hours_text, json_stream
from openteller_sandbox.imports.files import Source, opened
from openteller_sandbox.imports.json_stream import EACH, JsonReader
from openteller_sandbox.imports.mapping import number
from openteller_sandbox.imports.refusals import SourceError
from openteller_sandbox.imports.rows import Format, detect


class Pieces(Source):
    """A text that comes a few characters at a time."""

    def __init__(self, text: str, size: int = 1 << 20) -> None:
        self.name, self.head, self._rest, self._size = "a file", text[: 1 << 16], text, size

    def read(self, count: int) -> str:
        piece, self._rest = self._rest[: min(count, self._size)], self._rest[min(count, self._size) :]
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_and_gzip_are_found_out(tmp_path: Path, encoding: str) -> None:
    text = "编号,名称\n1,示范银行\n" * 50
    for packed in (False, True):
        data = text.encode(encoding)
        file = tmp_path / f"{encoding}{packed}"
        file.write_bytes(gzip.compress(data) if packed else data)
        with opened(str(file)) as source:
            assert "".join(source.lines(1000)) == text
            assert source.done() == 1.0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x1f\x8b broken", "gzip"),
        (gzip.compress(b"a,b\n" * 1000, mtime=0)[:-9], "gzip"),
        (b"code\xff\xff,name", "neither UTF-8"),
        (b"a" * 300_000 + b"\xff", "bytes that are no"),
    ],
    ids=["broken", "cut off", "no text", "no text far behind"],
)
def test_what_is_no_text_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.raises(SourceError, match=told), opened(str(file)) as source:
        list(source.lines(1000))


def test_a_file_that_is_not_there_and_an_unknown_encoding_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot open"), opened(str(tmp_path / "none")):
        raise AssertionError
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="is no encoding"), opened(str(tmp_path / "file"), "klingon"):
        raise AssertionError


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
