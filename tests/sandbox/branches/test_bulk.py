"""Importing files of branches and ATMs: all or nothing, seen at once, and nothing that was there is lost."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import WallClock, make_bank, make_partner
from tests.sandbox.branches.conftest import a_branch, an_atm, seed
from werkzeug.test import create_environ

from openteller_sandbox import app, clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import bulk, service
from openteller_sandbox.branches.service import BRANCHES
from openteller_sandbox.db import DatabaseError, EngineUnavailable, Statement, open_database
from openteller_sandbox.http.front import PARKING, Turn, Waiting, finished
from openteller_sandbox.imports.files import opened
from openteller_sandbox.imports.outcome import Limit, Outcome, Watch, Wish
from openteller_sandbox.imports.refusals import Refusal, SourceError

Record = dict[str, Any]
FEW = [
    {name: value for name, value in record.items() if name != "parent_branch_id"} for record in seed("branches")[:60]
]


@pytest.fixture(scope="module")
def own_bank(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Bank]:
    """A bank with a few of the seed's places, which these tests change."""
    folder = tmp_path_factory.mktemp("imports")
    bank = make_bank(folder, WallClock(), engine=engine)
    (folder / "few").write_text("\n".join(map(json.dumps, FEW)))
    with opened(str(folder / "few")) as source:
        assert app.import_file(bank, "branches", source, Wish(replace=True), Watch()).total == len(FEW)
    yield bank
    bank.db.close()


@pytest.fixture(scope="module")
def anyone(own_bank: Bank) -> FlaskClient:
    return app.create_app(own_bank).test_client(use_cookies=False)


@pytest.fixture
def bring(own_bank: Bank, tmp_path: Path) -> Callable[..., Outcome]:
    """Import a text, or records as JSON lines."""

    def bring(what: str | bytes | list[Record], *, kind: str = "branches", refused: Any = None, **wish: Any) -> Outcome:
        file = tmp_path / "file"
        if isinstance(what, list):
            what = "\n".join(json.dumps(record, ensure_ascii=False) for record in what)
        file.write_bytes(what if isinstance(what, bytes) else what.encode())
        with opened(str(file)) as source:
            watch = Watch(refused=refused.append if refused is not None else lambda _: None)
            return app.import_file(own_bank, kind, source, Wish(**wish), watch)

    return bring


def a_new(number: int, **members: Any) -> Record:
    """A branch that only these tests know."""
    record = a_branch(number, **members)
    record["branch_code"] = record.get("branch_code") if "branch_code" in members else f"9{number:09d}"
    return record


def listed(anyone: FlaskClient, path: str = "/v1/branches", **query: Any) -> list[Record]:
    """Every place of a list."""
    found, after = [], {}
    while True:
        page = anyone.get(path, query_string={"limit": 100, **query, **after}).json
        found += page["data"]
        if page["links"]["next"] is None:
            return found
        after = {"after": dict(parse_qsl(urlsplit(page["links"]["next"]).query))["after"]}


def gone_since(bank: Bank, since: int) -> dict[str, int]:
    places = service.directory_of(bank.db, BRANCHES).places
    rows = bank.db.read().all(places.GONE_SINCE, since=since, after="~", count=1000)
    return {row["place_id"]: row["gone_at"] for row in rows}


def codes(outcome_faults: list[Refusal]) -> set[str]:
    return {fault.code for fault in outcome_faults}


@pytest.mark.both_engines
def test_what_a_file_adds_is_found_in_every_way_and_what_was_there_still_is(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    before = listed(anyone, q="dongcheng")
    place = {"latitude": 20.0171, "longitude": 110.3492, "crs": "wgs84"}
    first = anyone.get("/v1/branches")

    outcome = bring([a_new(1, location=place, name={"zh-CN": "示范银行海口钟楼支行", "en": "Bell Tower Sub-branch"})])

    assert (outcome.kept, outcome.added, outcome.unchanged, outcome.removed) == (True, 1, len(FEW), 0)
    assert anyone.get("/v1/branches", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    (named,) = listed(anyone, q="钟楼")
    assert named["branch_id"] == "brn_test1"
    assert listed(anyone, q="bell tower")[0]["name"] == named["name"]
    assert anyone.get("/v1/branches", query_string={"near": "20.0171,110.3492", "limit": 1}).json["data"][0] == {
        **named,
        "distance_m": 0,
    }
    assert anyone.get("/v1/branches/brn_test1").json == named
    assert before
    assert listed(anyone, q="dongcheng") == [*before, named]  # its address is there
    assert len(listed(anyone, city="110100", service="CASH")) > 1


def test_the_same_again_changes_nothing_and_what_callers_have_stays_right(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    record = a_new(2)
    bring([record])
    held = anyone.get("/v1/branches").headers["ETag"]

    again = bring([record, *FEW[:5]])

    assert (again.added, again.changed, again.removed, again.kept) == (0, 0, 0, True)
    assert anyone.get("/v1/branches", headers={"If-None-Match": held}).status_code == 304


def test_a_known_code_is_changed_and_keeps_its_identifier_and_what_it_is_found_by(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    record = dict(next(one for one in FEW if "CASH" in str(one["services"])))
    found_by = [one["branch_id"] for one in listed(anyone, q="beijing")]
    before = anyone.get(f"/v1/branches/{record['branch_id']}")
    without = {name: value for name, value in record.items() if name not in {"branch_id", "last_updated"}}

    outcome = bring([{**without, "services": [{"code": "SAFE_DEPOSIT"}]}])

    assert (outcome.changed, outcome.added) == (1, 0)
    after = anyone.get(f"/v1/branches/{record['branch_id']}", headers={"If-None-Match": before.headers["ETag"]})
    assert after.json["services"] == [{"code": "SAFE_DEPOSIT"}]
    assert after.json["last_updated"] != record["last_updated"]
    assert [one["branch_id"] for one in listed(anyone, q="beijing")] == found_by
    in_city = {"city": record["postal_address"]["adcode"][:4] + "00"}
    assert record["branch_id"] in {one["branch_id"] for one in listed(anyone, service="SAFE_DEPOSIT", **in_city)}
    assert record["branch_id"] not in {one["branch_id"] for one in listed(anyone, service="CASH", **in_city)}


def test_one_refused_row_keeps_all_others_out_unless_the_operator_lets_some_be_left_out(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    rows = [a_new(10), a_new(11), {**a_new(12), "location": {"latitude": 121.4, "longitude": 31.2, "crs": "wgs84"}}]
    faults: list[Refusal] = []

    assert not bring(rows, refused=faults).kept
    assert anyone.get("/v1/branches/brn_test10").status_code == 404
    assert codes(faults) >= {"COORDINATES_SWAPPED"}
    assert {fault.where for fault in faults} == {"line 3"}
    assert not bring(rows, limit=Limit(percent=33.0)).kept
    assert not bring(rows, dry_run=True, limit=Limit(rows=1)).kept
    assert bring(rows, limit=Limit(percent=34.0)).kept
    assert anyone.get("/v1/branches/brn_test10").status_code == 200
    assert anyone.get("/v1/branches/brn_test12").status_code == 404


@pytest.mark.both_engines
def test_replacing_takes_away_what_the_file_does_not_have_and_not_what_was_refused(
    own_bank: Bank, bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    bring([a_new(20), a_new(21), a_new(22)])
    everything = [row for row in listed(anyone) if row["branch_id"] not in {"brn_test21", "brn_test22"}]
    bad = {**a_new(22), "timezone": "Mars/Olympus"}

    outcome = bring([*everything, bad], replace=True, limit=Limit(rows=1))

    assert (outcome.removed, outcome.added, outcome.changed, outcome.refused) == (1, 0, 0, 1)
    assert gone_since(own_bank, outcome.version - 1) == {"brn_test21": outcome.version}
    assert gone_since(own_bank, outcome.version) == {}
    assert "ATMs name branches that are not there any more" in outcome.notes[0]
    assert anyone.get("/v1/branches/brn_test21").status_code == 404
    assert anyone.get("/v1/branches/brn_test22").status_code == 200
    bring([a_new(23)])
    assert gone_since(own_bank, outcome.version - 1)["brn_test21"] == outcome.version
    bring([a_new(21)])
    assert "brn_test21" not in gone_since(own_bank, outcome.version - 1)


def test_atms_name_branches_that_are_there(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    faults: list[Refusal] = []
    lost = an_atm(1, branch_id="brn_nowhere")
    assert not bring([lost], kind="atms", refused=faults).kept
    assert codes(faults) == {"REFERENCE_UNKNOWN"}
    assert bring([an_atm(1, branch_id=FEW[0]["branch_id"])], kind="atms").added == 1
    assert anyone.get("/v1/atms/atm_test1").status_code == 200


def test_a_branch_that_names_a_refused_one_is_refused_too(bring: Callable[..., Outcome]) -> None:
    faults: list[Refusal] = []
    rows = [a_new(30, parent_branch_id="brn_test31"), a_new(31, parent_branch_id="brn_test32")]
    outcome = bring([*rows, a_new(32, status="ASLEEP")], refused=faults, limit=Limit(rows=9))
    assert (outcome.refused, outcome.added) == (3, 0)
    assert [fault.code for fault in faults] == ["CODE_UNKNOWN", "REFERENCE_UNKNOWN", "REFERENCE_UNKNOWN"]


def test_branches_of_a_file_may_name_each_other_in_any_order(bring: Callable[..., Outcome]) -> None:
    assert bring([a_new(33, parent_branch_id="brn_test34"), a_new(34)]).added == 2


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"location": {"latitude": 121.47, "longitude": 31.23}}, "COORDINATES_SWAPPED"),
        ({"location": {"latitude": 51.5, "longitude": -0.12}}, "OUTSIDE_COUNTRY"),
        ({"location": {"latitude": 31.23, "longitude": 31.23}}, "COORDINATES_COPIED"),
        ({"location": {"latitude": 0, "longitude": 0}}, "COORDINATES_COPIED"),
        ({"location": {"latitude": "15.681.524", "longitude": 121.1}}, "COORDINATE_MALFORMED"),
        ({"location": {"latitude": "31,23", "longitude": 121.1}}, "COORDINATE_MALFORMED"),
        ({"name": {}}, "NAME_MISSING"),
        ({"name": {"zh-CN": "名" * 501}}, "FIELD_INVALID"),
        ({"name": {"zh-CN": "示范\u0007银行"}}, "TEXT_CONTROL"),
        ({"name": {"zh-CN": "=HYPERLINK(1)"}}, "TEXT_FORMULA"),
        ({"branch_type": "CASTLE"}, "CODE_UNKNOWN"),
        ({"services": [{"code": "HAIRCUT"}]}, "CODE_UNKNOWN"),
        ({"colour": "red"}, "FIELD_UNKNOWN"),
        ({"branch_code": FEW[0]["branch_code"]}, "ID_OTHER"),
        ({"branch_id": FEW[0]["branch_id"]}, "CODE_OTHER"),
        ({"timezone": "Mars/Olympus"}, "HOURS_INVALID"),
        ({"moved_to": "brn_nowhere"}, "REFERENCE_UNKNOWN"),
        ({"services": [1] * 300_000}, "ITEMS_TOO_MANY"),
        (
            {"availability": {"standard": [{"day": "MONDAY", "opening_hours": [{}] * 99}], "special": []}},
            "ITEMS_TOO_MANY",
        ),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_with_its_member(
    bring: Callable[..., Outcome], members: Record, code: str
) -> None:
    faults: list[Refusal] = []
    assert not bring([a_new(40, **members)], refused=faults).kept
    assert codes(faults) >= {code}
    assert all(fault.field and fault.where == "line 1" for fault in faults)


@pytest.mark.parametrize(
    "hours",
    [
        [{"opens": "25:00", "closes": "26:00"}],
        [{"opens": "17:00", "closes": "09:00"}],
        [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "17:00"}],
    ],
)
def test_hours_that_no_clock_shows_overlap_or_end_before_they_begin_are_refused(
    bring: Callable[..., Outcome], hours: list[Record]
) -> None:
    faults: list[Refusal] = []
    week = {"standard": [{"day": "MONDAY", "opening_hours": hours}], "special": []}
    assert not bring([a_new(41, availability=week)], refused=faults).kept
    assert codes(faults) == {"HOURS_INVALID"}


def test_two_rows_of_one_code_or_one_identifier_are_refused_with_both_places(bring: Callable[..., Outcome]) -> None:
    faults: list[Refusal] = []
    other_id = {**a_new(42), "branch_id": "brn_other"}
    other_code = {**a_new(42), "branch_code": "9999999999"}
    bring([a_new(42), other_id, other_code], refused=faults)
    assert [(fault.where, fault.code) for fault in faults] == [("line 2", "CODE_DUPLICATE"), ("line 3", "ID_DUPLICATE")]
    assert all("line 1" in fault.message for fault in faults)


def test_a_table_is_read_with_usual_and_with_mapped_columns(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["网点编号", "叫什么", "地址", "城市", "行政区划代码", "纬度", "经度", "营业时间", "电话", "颜色"])
    week = "周一至周五 09:00-12:00,13:30-17:00; Sa 22:00-02:00"
    rows.writerow(
        ["9500000001", "示范银行成都茶馆支行", "成都市茶馆路1号", "成都市", "510104", "30.65", "104.08", week, "", "红"]
    )

    outcome = bring(text.getvalue().encode("gb18030"), chosen={"name.zh-CN": "叫什么"})

    assert (outcome.added, outcome.ignored) == (1, ["颜色"])
    (found,) = listed(anyone, q="茶馆", city="成都")
    assert found["timezone"] == "Asia/Shanghai"
    standard = {day["day"]: day["opening_hours"] for day in found["availability"]["standard"]}
    assert standard["SATURDAY"] == [{"opens": "22:00", "closes": "24:00"}]
    assert standard["SUNDAY"] == [{"opens": "00:00", "closes": "02:00"}]
    assert len(standard["MONDAY"]) == 2


@pytest.mark.both_engines
def test_places_with_chinese_names_are_found_by_pinyin_and_by_initials(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    name = {"zh-CN": "示範銀行荔灣陳家祠支行", "en": "Chen Clan"}
    address = {"address_lines": ["廣州市荔灣區中山七路1號"], "town_name": "廣州市", "country": "CN", "adcode": "440103"}
    assert bring([a_new(95, name=name, postal_address=address)]).added == 1
    for q in (
        "chenjiaci",
        "cjc",
        "chen jia ci",
        "zhongshanqilu",
        "zsql",
        "liwan cjc",
        "guangzhouliwan",
        "gz cjc",
        "陈家祠",
    ):
        assert "brn_test95" in {one["branch_id"] for one in listed(anyone, q=q)}, q
    assert "brn_test95" in {one["branch_id"] for one in listed(anyone, q="cjc", city="guangzhou")}
    assert listed(anyone, q="chenjiaci shanghai") == []

    other = {**address, "address_lines": ["廣州市荔灣區陳家祠道9號"]}
    bring([a_new(94, name={"zh-CN": "示范银行芳村支行", "en": "Fangcun"}, postal_address=other)])
    for q in ("cjc", "chenjiaci", "chen jia ci"):  # whose name is called so comes first, though it is longer
        assert [one["branch_id"] for one in listed(anyone, q=q)] == ["brn_test95", "brn_test94"]


@pytest.mark.both_engines
def test_no_number_in_line_is_given_out_twice_on_a_day_whose_hours_an_import_changes(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    """Later hours make a line in which fewer have been; the next numbers would be those of before."""
    partner, numbers = make_partner(anyone), []
    partner.advance(to="2026-09-30T15:00:00+08:00")
    for user, opens in enumerate(["08:00", "14:30", "08:00", "14:00"]):
        span = [{"opens": opens, "closes": "21:00"}]
        days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
        week = {"standard": [{"day": day, "opening_hours": span} for day in days], "special": []}
        record = a_new(96, branch_type="PHYSICAL", services=[{"code": "CASH"}], availability=week)
        assert bring([{**record, "last_updated": f"2026-09-29T10:00:0{user}+08:00"}]).kept
        for twin in ("a", "b"):
            body = {"service": "CASH", "end_user_ref": f"who-waits-in-line-{user}{twin}"}
            answer = partner.post("/v1/branches/brn_test96/tickets", body, key=None)
            assert answer.status_code == 201, answer.text
            numbers.append(int(answer.json["ticket_number"][1:]))
    assert numbers == sorted(set(numbers))


@pytest.mark.both_engines
def test_who_asks_for_the_nearest_after_an_import_waits_beside_others_and_hears_of_the_next_one(
    own_bank: Bank, bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    """What is near is worked out in another thread; when the places are others by then, once more."""

    def asked(path: str, query: str = "") -> Waiting | None:
        parking: list[Any] = []
        environ = create_environ(path, query_string=query) | {PARKING: parking}
        b"".join(anyone.application.wsgi_app(environ, lambda *_: None))
        return parking[0] if parking else None

    there = {"latitude": 20.5, "longitude": 110.5, "crs": "wgs84"}
    assert bring([a_new(97, location=there)]).added == 1
    waiting = asked("/v1/branches", "near=20.5,110.5&limit=2")
    assert waiting is not None and waiting.turn is Turn.COMPUTING
    assert asked("/v1/branches", "limit=1") is None, "others do not wait"
    assert bring([a_new(98, location=there)]).added == 1
    with ThreadPoolExecutor(1) as beside:
        again = waiting.resume(beside.submit(waiting.wait).result(60))
        assert isinstance(again, Waiting)
        status, _, body = finished(again.resume(beside.submit(again.wait).result(60)))
    assert status == 200
    assert [row["branch_id"] for row in json.loads(body)["data"]] == ["brn_test97", "brn_test98"]
    assert asked("/v1/branches", "near=20.5,110.5&limit=2") is None
    assert asked("/v1/branches", "bbox=110,20,111,21&limit=2") is None


def test_geojson_and_the_lists_of_the_api_itself_are_read(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    geometry = {"type": "Point", "coordinates": [104.06, 30.66]}
    properties = {"ref": "9600000001", "name": "示范银行宽巷子支行", "addr:street": "宽巷子", "addr:city": "成都市"}
    properties |= {"opening_hours": "24/7"}
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    assert bring(json.dumps({"type": "FeatureCollection", "features": [feature]})).added == 1
    (found,) = listed(anyone, q="宽巷子")
    assert found["location"] == {"latitude": 30.66, "longitude": 104.06, "crs": "wgs84"}

    page = anyone.get("/v1/branches", query_string={"near": "30.66,104.06", "limit": 20}).json
    again = bring(json.dumps(page, ensure_ascii=False))
    assert (again.read, again.added, again.changed) == (20, 0, 0)


def test_the_uk_open_data_of_branches_and_atms_is_read(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    point = {"GeographicCoordinates": {"Latitude": "51.5136", "Longitude": "-0.0890"}}
    address = {"AddressLine": ["1 Bank Street"], "TownName": "London", "Country": "GB", "PostCode": "ec2r 8ah"}
    address |= {"GeoLocation": point}
    day = {"Name": "Monday", "OpeningHours": [{"OpeningTime": "09:30", "ClosingTime": "16:30"}]}
    branch = {"Identification": "LB1140", "Name": "Bank Street", "Type": "Physical", "CustomerSegment": ["Personal"]}
    differs = {"Name": "Christmas", "FromDate": "2026-12-25", "ToDate": "2026-12-26", "Day": []}
    week = {"StandardAvailability": {"Day": [day]}, "NonStandardAvailability": [differs, {"Name": "Bank holidays"}]}
    branch |= {"PostalAddress": address, "Availability": week}
    branch |= {"ServiceAndFacility": ["BureauDeChange", "PremierCounter"], "Accessibility": ["InductionLoop"]}
    atm = {"Identification": "LFA1140", "SupportedCurrencies": ["GBP"], "MinimumPossibleAmount": "20000"}
    atm |= {"Access24HoursIndicator": True, "ATMServices": ["CashWithdrawal", "PINChange"]}
    atm |= {"Location": {"LocationCategory": ["BranchExternal"], "PostalAddress": address, "Site": {"Name": "Bank"}}}

    def file(member: str, record: Record) -> str:
        meta = {"LastUpdated": "2026-01-01T00:00:00.000Z", "License": "x"}
        return json.dumps({"meta": meta, "data": [{"Brand": [{"BrandName": "Any", member: [record]}]}]})

    faults: list[Refusal] = []
    outcome = bring(file("Branch", branch), refused=faults)
    assert outcome.added == 1, faults
    assert outcome.notes == ["Nothing is made of: NonStandardAvailability without dates (1)."]
    assert bring(file("ATM", atm), kind="atms").added == 1
    (found,) = listed(anyone, near="51.5136,-0.089", radius_m=10)
    assert (found["branch_code"], found["timezone"]) == ("LB1140", "Europe/London")
    assert [one["end_date"] for one in found["availability"]["special"]] == ["2026-12-26"]
    assert found["postal_address"]["post_code"] == "EC2R 8AH"
    assert [one["code"] for one in found["other_services"]] == ["PREMIER_COUNTER"]
    machine = listed(anyone, "/v1/atms", near="51.5136,-0.089", radius_m=10)[0]
    assert machine["minimum_amount"] == {"amount": "20000.00", "currency": "GBP"}
    assert machine["access_24h"] is True


@pytest.mark.both_engines
def test_an_imported_place_abroad_keeps_its_own_week_on_days_that_the_mainland_moves(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    """National Day is worked in London, and the Saturday that makes up for it is not."""
    address = {"address_lines": ["2 Bank Street"], "town_name": "London", "country": "GB"}
    place = {"latitude": 51.52, "longitude": -0.1, "crs": "wgs84"}
    bring([a_new(62, timezone="Europe/London", postal_address=address, location=place)])

    near = {"near": "51.52,-0.1", "radius_m": 10}
    (monday,) = listed(anyone, open_at="2026-10-05T10:30:00+01:00", **near)
    assert monday["open_at"] == {"at": "2026-10-05T17:30:00+08:00", "until": "2026-10-06T00:00:00+08:00"}
    assert listed(anyone, open_at="2026-10-10T10:30:00+01:00", **near) == []
    (far_ahead,) = listed(anyone, open_at="2027-02-08T10:30:00+00:00", **near)
    assert "provisional" not in far_ahead["open_at"]


def state(bank: Bank) -> tuple[int, int, int]:
    directory = service.directory_of(bank.db, BRANCHES)
    return (
        directory.version,
        len(bank.db.read().all(directory.places.NUMBERS, after=-1, count=10_000)),
        id(directory.places),
    )


class Stop(Exception):
    """What ends an import in its middle."""


@pytest.mark.both_engines
@pytest.mark.parametrize("at", [1, 2])
def test_an_import_that_ends_in_its_middle_leaves_everything_as_it_was(
    own_bank: Bank, bring: Callable[..., Outcome], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = 0
    write = bulk._Import._write

    def stop(self: Any, statement: Statement, rows: list[Any]) -> None:
        nonlocal acts
        acts += 1
        if acts == at:
            raise Stop
        write(self, statement, rows)

    before = state(own_bank)
    with monkeypatch.context() as patch:
        patch.setattr(bulk._Import, "_write", stop)
        with pytest.raises(Stop):
            bring([a_new(50)])
    assert state(own_bank) == before
    assert bring([a_new(50 + at)]).added == 1
    assert state(own_bank)[1] == before[1] + 1


_HOLD = """
import sys
from openteller_sandbox.db import open_database
with open_database(sys.argv[1]).alone_of_all("import"):
    print("held", flush=True)
    sys.stdin.read()
"""


def in_a_process(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a script as another process would."""
    path = os.pathsep.join(["sandbox", "sdk", "."])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env={**os.environ, "PYTHONPATH": path}, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.mark.both_engines
def test_of_two_imports_at_once_the_second_is_refused(own_bank: Bank, bring: Callable[..., Outcome]) -> None:
    with in_a_process(_HOLD, own_bank.settings.database) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DatabaseError, match="import: wait until it is done"):
            bring([a_new(60)])
        other.communicate()
    assert bring([a_new(60)]).added == 1


_KILLED = """
import os, signal, sys
from openteller_sandbox import app
from openteller_sandbox.branches import bulk
from openteller_sandbox.imports.files import opened
from openteller_sandbox.imports.outcome import Watch, Wish
from openteller_sandbox.settings import Settings

act, count = bulk._Import._mine_still, 0
def counted(self):
    global count
    count += 1
    if count == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return act(self)
bulk._Import._mine_still = counted
with opened(sys.argv[2]) as source:
    app.import_file(app.create_bank(Settings(database=sys.argv[1])), "branches", source, Wish(), Watch())
"""


@pytest.mark.both_engines
def test_an_import_that_is_killed_leaves_everything_as_it_was(
    own_bank: Bank, bring: Callable[..., Outcome], tmp_path: Path
) -> None:
    before, at = state(own_bank), 4
    file = tmp_path / "killed"
    file.write_text(json.dumps(a_new(80 + at), ensure_ascii=False), encoding="utf-8")
    with in_a_process(_KILLED, own_bank.settings.database, str(file), str(at)) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    assert state(own_bank) == before
    assert bring([a_new(80 + at)]).added == 1


@pytest.mark.both_engines
def test_an_import_that_another_has_overtaken_keeps_nothing(
    own_bank: Bank, bring: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = bulk._Import._keep_sets

    def overtaken(self: Any, *arguments: Any) -> None:
        with own_bank.db.act("import:branches") as tx:
            tx.run(bulk.store.CLAIM, kind="branches", by="another")
        keep(self, *arguments)

    before = state(own_bank)
    monkeypatch.setattr(bulk._Import, "_keep_sets", overtaken)
    with pytest.raises(bulk.Overtaken):
        bring([a_new(61)])
    assert state(own_bank) == before


def test_bank_time_that_stands_still_makes_a_new_version_all_the_same(
    own_bank: Bank, bring: Callable[..., Outcome]
) -> None:
    first, second = bring([a_new(70)]), bring([a_new(71)])
    assert second.version > first.version >= clock.parse("2026-09-29T00:00:00+08:00")


def test_a_full_disk_keeps_everything_as_it_was(own_bank: Bank, bring: Callable[..., Outcome], tmp_path: Path) -> None:
    if own_bank.db.shared:
        pytest.skip("the disk is the server's")
    bring([a_new(90)])  # of the tables that nobody reads now, as few pages can be used again as others have
    before, file = state(own_bank), tmp_path / "other"
    file.write_text("\n".join(json.dumps(a_new(9_000 + number)) for number in range(100)), encoding="utf-8")
    filling = open_database(own_bank.settings.database)
    connection = filling._connection()
    connection.execute("VACUUM")
    connection.execute(f"PRAGMA max_page_count={connection.execute('PRAGMA page_count').fetchone()[0]}")
    with closing(filling), opened(str(file)) as source, pytest.raises(EngineUnavailable, match="full"):
        bulk.load(own_bank, filling, "branches", source, Wish(), Watch())
    assert state(own_bank) == before


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
CELLS = st.one_of(
    TEXT, st.sampled_from(["31.2", "121.4", "=1", "Mo-Fr 09:00-17:00", "25:00", '"', "900001", "[1", "{}"])
)
MEMBERS = st.one_of(
    TEXT,
    st.sampled_from(["branch_code", "branch_id", "name", "location", "availability", "services", "postal_address"]),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(MEMBERS, inner, max_size=4)),
    max_leaves=12,
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, max_size=6), max_size=4).map(
        lambda rows: "\n".join(["code,name,lat,lon,hours,services", *(",".join(row) for row in rows)]).encode()
    ),
    st.lists(JSON, max_size=4).map(lambda values: "\n".join(map(json.dumps, values)).encode()),
    JSON.map(lambda value: json.dumps([value]).encode()),
    JSON.map(lambda value: json.dumps({"type": "FeatureCollection", "features": [value]}).encode()),
    JSON.map(lambda value: json.dumps({"data": [{"Brand": [{"Branch": [value]}]}]}).encode()),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=FILES)
def test_whatever_a_file_holds_is_kept_or_refused_and_never_lost(bring: Callable[..., Outcome], file: bytes) -> None:
    faults: list[Refusal] = []
    try:
        outcome = bring(file, refused=faults, dry_run=True, limit=Limit(percent=100.0))
    except SourceError:
        return  # and nothing of it is kept
    assert outcome.read == outcome.refused + outcome.added + outcome.changed
    assert len({fault.where for fault in faults}) == outcome.refused


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson", "application/geo+json"])
@pytest.mark.parametrize("path", ["/v1/branches", "/v1/atms"])
def test_what_the_bank_gives_away_it_can_take_back(
    bring: Callable[..., Outcome], anyone: FlaskClient, path: str, media_type: str
) -> None:
    """Every shape has all of a record: nothing changes. Most of the seed's machines stand at branches that this bank
    has not.
    """
    query = {"limit": 100} if media_type.endswith("geo+json") else {}
    given = anyone.get(path, query_string=query, headers={"Accept": media_type})
    assert given.status_code == 200, given.text
    faults: list[Refusal] = []
    outcome = bring(given.data, kind=path.rpartition("/")[2], refused=faults)
    assert codes(faults) <= ({"REFERENCE_UNKNOWN"} if path == "/v1/atms" else set())
    assert (outcome.added, outcome.changed) == (0, 0)
    assert outcome.read > 50


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson"])
def test_what_was_given_away_in_another_datum_is_as_before(
    bring: Callable[..., Outcome], anyone: FlaskClient, crs: str, media_type: str
) -> None:
    given = anyone.get("/v1/branches", query_string={"crs": crs}, headers={"Accept": media_type})
    outcome = bring(given.data)
    assert (outcome.added, outcome.changed, outcome.refused, outcome.ignored) == (0, 0, 0, [])


def test_what_another_datum_moves_by_less_than_it_can_say_stays_where_it_is(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    """Written with six decimals, a position in BD-09 may come back as the one beside it."""
    place = {"latitude": 31.299227, "longitude": 120.585227, "crs": "wgs84"}
    corners = [
        {**place, "latitude": place["latitude"] + step / 997, "longitude": place["longitude"] + step / 991}
        for step in range(60)
    ]
    new = [
        a_new(
            500 + number, location={**at, "latitude": round(at["latitude"], 6), "longitude": round(at["longitude"], 6)}
        )
        for number, at in enumerate(corners)
    ]
    assert bring(new).added == len(new)
    before = {one["branch_id"]: one["location"] for one in listed(anyone)}
    given = anyone.get("/v1/branches", query_string={"crs": "bd09"}, headers={"Accept": "application/x-ndjson"})
    rows = [json.loads(line) for line in given.text.splitlines()]
    assert bring(rows).changed == 0

    rows[0]["name"] = {"zh-CN": "示范银行改名支行", "en": "Renamed"}
    rows[1]["location"]["latitude"] = round(rows[1]["location"]["latitude"] + 2e-6, 6)
    assert bring(rows).changed == 2
    after = {one["branch_id"]: one["location"] for one in listed(anyone)}
    assert [name for name in before if before[name] != after[name]] == [rows[1]["branch_id"]]


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson", "application/geo+json", "application/json"])
@pytest.mark.parametrize(("kind", "other"), [("branches", "atms"), ("atms", "branches")])
def test_a_file_of_the_other_kind_is_told_once(
    bring: Callable[..., Outcome], anyone: FlaskClient, kind: str, other: str, media_type: str
) -> None:
    given = anyone.get(
        f"/v1/{other}",
        query_string={"city": "北京"} if media_type in {"text/csv", "application/x-ndjson"} else {"limit": 2},
        headers={"Accept": media_type},
    )
    with pytest.raises(SourceError, match=f"(?i)these are {other}: use openteller sandbox import {other}"):
        bring(given.data, kind=kind)


def test_a_name_that_was_disarmed_is_as_it_was(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    """What begins as a formula does is refused; an apostrophe is a letter of some names."""
    names = {"zh-CN": "示范银行海角支行", "en": "'t Zand"}
    faults: list[Refusal] = []
    assert (bring([a_new(77, name=names)], refused=faults).added, faults) == (1, [])
    given = anyone.get("/v1/branches", query_string={"q": "海角"}, headers={"Accept": "text/csv"}).data
    assert b",''t Zand," in given
    outcome = bring(given)
    assert (outcome.changed, outcome.refused) == (0, 0)


@pytest.mark.both_engines
def test_what_imports_bring_and_take_away_is_told_to_whoever_keeps_a_copy(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    """Page by page, whatever comes between; a place that comes back is gone no longer."""
    copy = {record["branch_id"]: record["name"]["en"] for record in listed(anyone)}
    then = [
        anyone.get("/v1/branches", query_string={"changed_since": "2026-01-01T00:00:00Z"}).json["next_changed_since"]
    ]

    def follow() -> int:
        url, query, told = "/v1/branches", {"changed_since": then[-1], "limit": 2}, 0
        while url:
            page = anyone.get(url, query_string=query or None).json
            copy.update({row["branch_id"]: row["name"]["en"] for row in page["data"]})
            told += len(page["data"]) + len(page["removed"])
            for gone in page["removed"]:
                copy.pop(gone["branch_id"], None)
            url, query = page["links"]["next"], {}
        then.append(page["next_changed_since"])
        assert copy == {record["branch_id"]: record["name"]["en"] for record in listed(anyone)}
        return told

    before = listed(anyone)
    bring([a_new(number, name={"zh-CN": "新", "en": f"New {number}"}) for number in range(801, 806)])
    assert follow() >= 5
    facts = [{name: value for name, value in row.items() if name != "parent_branch_id"} for row in before]
    bring(facts, replace=True)  # takes the five away again
    assert follow() >= 5 and "brn_test801" not in copy
    bring([a_new(801)])
    assert follow() >= 1 and "brn_test801" in copy
    assert [follow(), then[-1]] == [0, then[-2]], "what was told is not told again"
