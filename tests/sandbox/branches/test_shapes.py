"""Places in other shapes than plain JSON: other datums, GeoJSON, lines, tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.sandbox.branches import brute
from tests.sandbox.branches.conftest import Record, a_branch, seed
from tests.sandbox.branches.test_lists import NEAR, records, walk
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import datum, service, shapes
from openteller_sandbox.branches.nearest import Point, Window, parse_point
from openteller_sandbox.branches.service import BRANCHES, Filters
from openteller_sandbox.http import Problem

GEO, LINES, CSV = "application/geo+json", "application/x-ndjson", "text/csv; charset=utf-8"
BOTH = [("/v1/branches", "branches", "branch_code"), ("/v1/atms", "atms", "atm_code")]


def ask(client: FlaskClient, accept: str, path: str = "/v1/branches", **query: Any) -> TestResponse:
    return client.get(path, query_string=query, headers={"Accept": accept})


def table(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def lines(answer: TestResponse) -> list[Record]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]


def named(answer: TestResponse) -> list[str]:
    assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID"), answer.text
    return [fault["name"] for fault in answer.json["errors"]]


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_position_and_what_is_found_are_in_the_datum_that_is_asked_for(client: FlaskClient, crs: str) -> None:
    here = parse_point(NEAR)
    there = datum.from_wgs84(here, crs)
    plain = records(client, near=NEAR, limit=9)
    moved = records(client, near=f"{there.latitude:.7f},{there.longitude:.7f}", limit=9, crs=crs)

    assert [row["branch_id"] for row in moved] == [row["branch_id"] for row in plain]
    for before, after in zip(plain, moved, strict=True):
        assert after["distance_m"] == pytest.approx(before["distance_m"], abs=1)
        assert after["location"]["crs"] == crs
        point = Point(before["location"]["latitude"], before["location"]["longitude"])
        expected = datum.from_wgs84(point, crs)
        assert (after["location"]["latitude"], after["location"]["longitude"]) == pytest.approx(expected, abs=6e-7)
        assert {**after, "location": before["location"], "distance_m": before["distance_m"]} == before


def test_one_place_can_be_had_in_each_datum(client: FlaskClient) -> None:
    for path, record in (("/v1/branches", seed("branches")[0]), ("/v1/atms", seed("atms")[0])):
        url = f"{path}/{record.get('atm_id', record.get('branch_id'))}"
        told = {client.get(url, query_string={"crs": crs}).json["location"]["latitude"] for crs in ("gcj02", "bd09")}
        assert len(told | {client.get(url).json["location"]["latitude"]}) == 3
        assert client.get(url, query_string={"crs": "wgs84"}).json == client.get(url).json


@pytest.mark.parametrize("crs", ["WGS84", "wgs-84", "epsg:4326", "", "gcj02,bd09"])
@pytest.mark.parametrize("path", ["/v1/branches", "/v1/atms", "/v1/branches/brn_wzod52qo9pfo"])
def test_another_datum_is_refused(client: FlaskClient, path: str, crs: str) -> None:
    assert named(client.get(path, query_string={"crs": crs})) == ["crs"]


def test_a_page_of_geojson_has_the_rows_of_the_page(client: FlaskClient) -> None:
    for path, _, _ in BOTH:
        plain = client.get(path, query_string={"near": NEAR, "limit": 5}).json
        answer = ask(client, GEO, path, near=NEAR, limit=5)
        assert answer.content_type == GEO
        assert answer.json["links"] == plain["links"]
        for feature, row in zip(answer.json["features"], plain["data"], strict=True):
            assert feature["properties"] == row
            assert feature["id"] == row.get("atm_id", row.get("branch_id"))
            place = row["location"]
            assert feature["geometry"] == {"type": "Point", "coordinates": [place["longitude"], place["latitude"]]}


def test_a_reader_knows_geojson_by_its_first_bytes(client: FlaskClient) -> None:
    assert ask(client, GEO, limit=1).data.startswith(b'{"type":"FeatureCollection","features":[{"type":"Feature",')


def test_one_place_is_one_feature(client: FlaskClient) -> None:
    record = seed("branches")[0]
    answer = ask(client, GEO, f"/v1/branches/{record['branch_id']}")
    assert (answer.json["type"], answer.json["properties"]["branch_code"]) == ("Feature", record["branch_code"])


def test_geojson_is_refused_in_another_datum_than_its_own(client: FlaskClient) -> None:
    assert named(ask(client, GEO, crs="gcj02")) == ["crs"]
    assert ask(client, GEO, crs="wgs84", limit=1).status_code == 200
    assert ask(client, f"{GEO}, application/json;q=0.9", crs="bd09").status_code == 422


def test_lines_and_tables_have_every_row_in_order_of_code(client: FlaskClient) -> None:
    codes = sorted(record["branch_code"] for record in seed("branches"))
    assert [row["branch_code"] for row in lines(ask(client, LINES))] == codes
    assert [row["branch_code"] for row in table(ask(client, "text/csv"))] == codes


@pytest.mark.parametrize(("path", "name", "code"), BOTH)
def test_lines_and_tables_have_the_rows_of_all_pages(client: FlaskClient, path: str, name: str, code: str) -> None:
    rows = walk(client, path, city="320500", limit=30)
    assert 30 < len(rows) < 200
    in_lines, in_table = (ask(client, accept, path, city="320500") for accept in (LINES, CSV))
    assert lines(in_lines) == rows
    assert [row[code] for row in table(in_table)] == [row[code] for row in rows]
    for answer, media_type, ending in ((in_lines, LINES, "ndjson"), (in_table, CSV, "csv")):
        assert answer.content_type == media_type
        assert f'filename="{name}.{ending}"' in answer.headers["Content-Disposition"]
        assert "Content-Length" not in answer.headers


def test_a_table_says_what_the_record_says(client: FlaskClient) -> None:
    by_id = {record["branch_id"]: record for record in seed("branches")}
    for row in table(ask(client, CSV, city="上海")):
        record = by_id[row["branch_id"]]
        assert row["name.zh-CN"] == record["name"]["zh-CN"]
        assert [row["postal_address.address_lines"]] == record["postal_address"]["address_lines"]
        place = [float(row["location.latitude"]), float(row["location.longitude"]), row["location.crs"]]
        assert place == list(record["location"].values())
        services = row["services"]
        told = json.loads(services) if services[0] == "[" else [{"code": code} for code in services.split("|")]
        assert told == record["services"]
        assert json.loads(row["availability"]) == record["availability"]
        assert json.loads(row["contacts"] or "[]") == record["contacts"]
        assert week(row["opening_hours"]) == record["availability"]["standard"]
        assert (row["open_now"] in {"true", "false"}, row["distance_m"]) == (True, "")


@pytest.mark.parametrize(("path", "name", "code"), BOTH)
@pytest.mark.parametrize("open_at", [{}, {"open_at": "2027-03-06T10:00:00+08:00"}])
def test_a_table_says_all_that_a_page_says(
    client: FlaskClient, path: str, name: str, code: str, open_at: dict[str, str]
) -> None:
    """Waits, other instants, and what may become wrong too: no holiday of 2027 is announced."""
    query = {"near": NEAR, "radius_m": 3000, **open_at}
    plain = client.get(path, query_string={**query, "limit": 100}).json["data"]
    told: set[str] = set()
    for row, cells in zip(plain, table(ask(client, CSV, path, **query)), strict=True):
        leaves = {key: value for key, value in flat(row) if not isinstance(value, list)}
        assert leaves == {key: cells[key] for key in leaves}
        assert all(cells[key] for key, value in flat(row) if value not in ([], ""))
        told |= leaves.keys()
    assert told >= {"page_url", "open_now", "distance_m"}
    assert ("wait.minutes" in told) is (name == "branches")
    if open_at:
        assert told >= {"open_at.at", "open_at.until", "open_at.provisional"}


def flat(record: Record, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every member that is no object, by its way; as a table writes it where that is simple."""
    for key, value in record.items():
        if isinstance(value, dict) and key != "availability":
            yield from flat(value, f"{before}{key}.")
        elif isinstance(value, str | list) or key == "availability":
            yield f"{before}{key}", value if key != "availability" else [value]
        else:
            yield f"{before}{key}", json.dumps(value)


def week(text: str) -> list[Record]:
    """Read the hours of a week back, by hand."""
    names = dict(zip(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"), shapes._DAYS, strict=True))
    days = []
    for part in filter(None, text.split("; ")):
        which, _, hours = part.partition(" ")
        first, _, last = which.partition("-")
        run = list(names)[list(names).index(first) : list(names).index(last or first) + 1]
        spans = [dict(zip(("opens", "closes"), span.split("-"), strict=True)) for span in hours.split(",")]
        days += [{"day": names[day], "opening_hours": spans} for day in run]
    return days


def test_filters_hold_for_lines_and_tables_too(client: FlaskClient) -> None:
    query = {"near": NEAR, "radius_m": 4000, "service": "CASH"}
    plain = walk(client, limit=100, **query)
    assert 2 < len(plain) < 200
    assert lines(ask(client, LINES, **query)) == plain
    assert [row["distance_m"] for row in table(ask(client, CSV, **query))] == [str(row["distance_m"]) for row in plain]
    assert lines(ask(client, LINES, near="45,90", radius_m=1)) == []
    nothing = ask(client, CSV, near="45,90", radius_m=1).data
    assert nothing.startswith(b"branch_id,branch_code,") and nothing.count(b"\r\n") == 1


def test_lines_and_tables_are_in_the_datum_that_is_asked_for(client: FlaskClient) -> None:
    expected = records(client, city="310109", crs="bd09", limit=100)
    assert lines(ask(client, LINES, city="310109", crs="bd09")) == expected
    assert {row["location.crs"] for row in table(ask(client, CSV, city="310109", crs="bd09"))} == {"bd09"}


@pytest.mark.parametrize("accept", [GEO, LINES, CSV])
@pytest.mark.parametrize(
    ("name", "value"), [("city", "Atlantis"), ("q", "…"), ("near", "99,0"), ("bbox", "121,32,122,31")]
)
def test_what_cannot_be_asked_for_is_refused_in_every_shape(
    client: FlaskClient, accept: str, name: str, value: str
) -> None:
    assert named(ask(client, accept, **{name: value})) == [name]


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_part_of_the_map_is_in_the_datum_that_is_asked_for(client: FlaskClient, crs: str) -> None:
    """A few hundred metres on, other branches are in it."""
    plain = records(client, bbox="121.46,31.22,121.49,31.24", limit=100)
    assert plain
    (south, west), (north, east) = (
        datum.from_wgs84(Point(*corner), crs) for corner in ((31.22, 121.46), (31.24, 121.49))
    )
    moved = records(client, bbox=f"{west:.7f},{south:.7f},{east:.7f},{north:.7f}", limit=100, crs=crs)
    assert [row["branch_id"] for row in moved] == [row["branch_id"] for row in plain]


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_place_is_in_a_part_of_the_map_when_the_position_that_is_shown_is(client: FlaskClient, crs: str) -> None:
    """On its edge too: each box has the shown position of a place for a corner, or ends one digit before it."""
    draw, places = random.Random(20260929), lines(ask(client, LINES, crs=crs))
    for high, wide in ((0.002, 0.003), (0.02, 0.02), (0.3, 0.5), (7.0, 20.0)):
        corner = draw.choice(places)["location"]
        for less in (0, 1e-6):
            north, east = corner["latitude"] - less, corner["longitude"] - less
            box = [round(each, 7) for each in (east - wide, north - high, east, north)]
            expected = {row["branch_id"] for row in places if brute.is_inside(row["location"], Window(*box))}
            asked = {"bbox": ",".join(f"{each:.7f}" for each in box), "crs": crs}
            assert {row["branch_id"] for row in lines(ask(client, LINES, **asked))} == expected
            near = f"{north:.6f},{east:.6f}"
            assert {row["branch_id"] for row in lines(ask(client, LINES, near=near, **asked))} == expected


@pytest.mark.parametrize("accept", [LINES, CSV])
def test_pages_of_what_has_no_pages_are_refused(client: FlaskClient, accept: str) -> None:
    after = client.get("/v1/branches").json["links"]["next"].partition("after=")[2]
    assert named(ask(client, accept, limit=10)) == ["limit"]
    assert sorted(named(ask(client, accept, limit=10, after=after))) == ["after", "limit"]


@pytest.mark.parametrize("path", ["/v1/branches", "/v1/atms", "/v1/branches/brn_wzod52qo9pfo"])
def test_what_nobody_has_is_not_acceptable(client: FlaskClient, path: str) -> None:
    answer = ask(client, "application/xml, text/html;q=0.9", path)
    assert (answer.status_code, answer.json["code"]) == (406, "NOT_ACCEPTABLE")
    assert "application/geo+json" in answer.json["detail"]
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept", "no-store")


@pytest.mark.parametrize("accept", ["application/json", GEO, LINES, CSV])
@pytest.mark.parametrize("path", ["/v1/branches", "/v1/atms"])
def test_every_shape_has_a_tag_of_its_own_by_which_a_copy_is_known(client: FlaskClient, path: str, accept: str) -> None:
    query = {"city": "310109"}
    whole = ask(client, accept, path, **query)
    others = {ask(client, other, path, **query).headers["ETag"] for other in ("application/json", GEO, LINES, CSV)}
    assert len(others) == 4
    assert whole.headers["Vary"] == ("Accept, Accept-Encoding" if accept in {LINES, CSV} else "Accept")
    assert whole.headers["Last-Modified"].endswith(" GMT")
    assert whole.headers["Cache-Control"] == "public, max-age=60"

    sent = {"Accept": accept, "If-None-Match": f'"another", {whole.headers["ETag"]}'}
    known = client.get(path, query_string=query, headers=sent)
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", whole.headers["ETag"])
    assert "Content-Type" not in known.headers
    head = client.head(path, query_string=query, headers={"Accept": accept})
    for name in ("ETag", "Last-Modified", "Cache-Control", "Vary", "Content-Type"):
        assert head.headers[name] == whole.headers[name]
    assert head.data == b""


@pytest.mark.parametrize(
    ("path", "query"),
    [("/v1/branches", {"city": "320500"}), ("/v1/atms", {"city": "320500"}), ("/v1/rates/fx/history", {"base": "USD"})],
)
@pytest.mark.parametrize("accept", [LINES, CSV])
def test_a_list_without_pages_is_packed_for_who_takes_that_under_a_tag_of_its_own(
    client: FlaskClient, path: str, query: dict[str, str], accept: str
) -> None:
    plain = ask(client, accept, path, **query)
    sent = {"Accept": accept, "Accept-Encoding": "br, gzip;q=0.8"}
    packed = client.get(path, query_string=query, headers=sent)

    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 3
    assert (packed.headers["Content-Encoding"], packed.content_type) == ("gzip", plain.content_type)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept, Accept-Encoding"
    assert client.get(path, query_string=query, headers=sent).data == packed.data, "the tag is of these bytes"
    tags = [answer.headers["ETag"] for answer in (plain, packed)]
    assert tags[0] != tags[1] and not any(tag.startswith("W/") for tag in tags)
    for own, other, encoding in ((tags[0], tags[1], "identity"), (tags[1], tags[0], "gzip")):
        asked = {"Accept": accept, "Accept-Encoding": encoding}
        for tag, status in ((own, 304), (other, 200)):
            copy = client.get(path, query_string=query, headers=asked | {"If-None-Match": tag})
            assert (copy.status_code, copy.headers["ETag"]) == (status, own)
            assert copy.headers["Vary"] == "Accept, Accept-Encoding"
    head = client.head(path, query_string=query, headers=sent)
    assert [head.headers[name] for name in ("ETag", "Content-Encoding")] == [tags[1], "gzip"] and head.data == b""


def test_pages_and_refusals_are_not_packed(client: FlaskClient) -> None:
    for accept, query, status in (("application/json", {}, 200), (GEO, {}, 200), (LINES, {"city": "Atlantis"}, 422)):
        sent = {"Accept": accept, "Accept-Encoding": "gzip"}
        answer = client.get("/v1/branches", query_string=query, headers=sent)
        assert (answer.status_code, answer.headers["Vary"]) == (status, "Accept")
        assert "Content-Encoding" not in answer.headers


def test_no_body_is_made_for_a_copy_that_is_right(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = {accept: ask(client, accept).headers["ETag"] for accept in ("application/json", GEO, LINES, CSV)}

    def make(*_: object, **__: object) -> None:
        raise AssertionError("a body is made")

    monkeypatch.setattr(service, "find", make)
    for accept, tag in tags.items():
        assert client.get("/v1/branches", headers={"Accept": accept, "If-None-Match": tag}).status_code == 304


def test_a_cell_that_a_spreadsheet_would_calculate_is_disarmed() -> None:
    evil = {name: f'{sign}cmd|" /c calc"!A1' for name, sign in zip(("zh-CN", "en"), ("=", "@"), strict=True)}
    record = a_branch(name=evil, branch_code="'310", last_updated="-2+3", accessibility=["+A", "B"], distance_m=-12)
    text = b"".join(shapes.BRANCH_TABLE.pieces([[json.dumps(record).encode()]])).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["name.zh-CN"], row["name.en"]) == ("'" + evil["zh-CN"], "'" + evil["en"])
    assert (row["branch_code"], row["last_updated"], row["accessibility"]) == ("''310", "'-2+3", "'+A|B")
    assert row["distance_m"] == "-12"


def test_a_list_that_changes_while_it_is_given_is_never_given_as_whole(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = service.directory_of(bank.db, BRANCHES)
    pages = service.walk(bank.db, directory, Filters(), now=bank.now())
    assert len(next(pages)) == 64
    monkeypatch.setattr(service, "directory_of", lambda *_: None)
    with pytest.raises(Problem) as refusal:
        next(pages)
    assert refusal.value.code == "BANK_UNAVAILABLE"


@pytest.mark.parametrize("order", [("location", "branch_id"), ("branch_id", "location")])
def test_however_a_record_is_written_its_location_is_found(order: tuple[str, str]) -> None:
    """One that was imported has its members as the file had them."""
    record = a_branch(location={"crs": "wgs84", "longitude": 1e-05, "latitude": 31})
    record = {name: record[name] for name in order} | record
    wire = json.dumps(record).encode()
    feature = json.loads(shapes.feature(wire))
    assert (feature["id"], feature["geometry"]["coordinates"]) == (record["branch_id"], [1e-05, 31])
    assert feature["properties"] == record
    assert json.loads(shapes.in_datum(wire, "bd09")) == {**record, "location": {**record["location"], "crs": "bd09"}}


@pytest.mark.parametrize("make", [lambda wire: shapes.in_datum(wire, "gcj02"), shapes.feature])
def test_no_text_of_a_record_is_taken_for_its_location(make: Callable[[bytes], bytes]) -> None:
    """A name may hold whatever it likes; a quote in it is escaped."""
    name = '"location":{"latitude":1.5,"longitude":2.5,"crs":"wgs84"}'
    record = a_branch(name={"zh-CN": name, "en": name})
    made = json.loads(make(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()))
    made = made.get("properties", made)
    assert made["name"]["en"] == name
    assert made["location"]["latitude"] == pytest.approx(record["location"]["latitude"], abs=0.02)
