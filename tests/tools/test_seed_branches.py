"""The demo bank's branches and ATMs: as many as promised, at plausible places, whole, and the same on every run."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
from tools.merge_specs import merge
from tools.seed.branches import build
from tools.seed.opening import DAYS
from tools.seed.places import english_name, load_places, short_name
from tools.seed.sites import english_street

from openteller_sandbox import contract

Record = dict[str, Any]


@cache
def seed() -> dict[str, list[Record]]:
    return build()


def branches() -> list[Record]:
    return seed()["branches.jsonl.gz"]


def atms() -> list[Record]:
    return seed()["atms.jsonl.gz"]


def everything() -> list[Record]:
    return [*branches(), *atms()]


def availabilities() -> list[Record]:
    """Every availability of every record, those of single services included."""
    own = [record["availability"] for record in everything()]
    return own + [
        offer["availability"] for branch in branches() for offer in branch["services"] if "availability" in offer
    ]


def test_there_are_at_least_3000_branches_and_2000_atms() -> None:
    assert len(branches()) >= 3_000
    assert len(atms()) >= 2_000


def test_every_record_fits_the_contract_and_holds_nothing_computed() -> None:
    law = contract.Contract(merge())
    for name, records in (("Branch", branches()), ("Atm", atms())):
        for record in records:
            law.check_record(name, record)


@pytest.mark.parametrize("field", ["branch_id", "branch_code"])
def test_what_names_a_branch_names_one(field: str) -> None:
    assert len({branch[field] for branch in branches()}) == len(branches())


def test_names_are_unique_in_both_languages() -> None:
    """A chat shows the name alone. Pinyin without tones may make two Chinese names one in English, but seldom."""
    assert len({record["name"]["zh-CN"] for record in everything()}) == len(everything())
    assert len({record["name"]["en"] for record in everything()}) > 0.98 * len(everything())


def test_no_two_records_share_a_point() -> None:
    assert len({tuple(record["location"].values()) for record in everything()}) == len(everything())


def test_points_lie_in_mainland_china_near_their_county() -> None:
    """Swapped or copied coordinates, the usual slips of such data, would fail here."""
    places = {place.adcode: place for place in load_places()}
    for record in everything():
        latitude, longitude = record["location"]["latitude"], record["location"]["longitude"]
        place = places[record["postal_address"]["adcode"]]
        assert 18 < latitude < 54
        assert 73 < longitude < 135.5
        assert abs(latitude - place.latitude) < 0.07
        assert abs(longitude - place.longitude) < 0.12


def test_there_are_more_branches_where_more_people_live() -> None:
    per_city = Counter(branch["postal_address"]["town_name"] for branch in branches())
    assert [city for city, _ in per_city.most_common(4)] == ["上海市", "北京市", "深圳市", "广州市"]
    assert per_city["上海市"] > 20 * per_city["嘉峪关市"]


def test_every_city_with_a_place_has_a_head_branch() -> None:
    heads = {branch["postal_address"]["adcode"] for branch in branches() if "parent_branch_id" not in branch}
    cities = {place.adcode: place.city_code for place in load_places()}
    assert {cities[adcode] for adcode in heads} == set(cities.values())
    assert len(heads) == len(set(cities.values()))


def test_every_type_and_status_occurs() -> None:
    assert {branch["branch_type"] for branch in branches()} == {"PHYSICAL", "COMMUNITY", "SELF_SERVICE", "MOBILE"}
    assert {branch["status"] for branch in branches()} == {"OPEN", "TEMPORARILY_CLOSED", "RELOCATED", "CLOSED"}
    assert {atm["status"] for atm in atms()} == {"IN_SERVICE", "OUT_OF_SERVICE", "CASH_OUT"}


def test_every_branch_that_another_record_names_exists_and_is_of_use() -> None:
    by_id = {branch["branch_id"]: branch for branch in branches()}
    for branch in branches():
        if "parent_branch_id" in branch:
            parent = by_id[branch["parent_branch_id"]]
            assert (parent["branch_type"], parent["status"]) == ("PHYSICAL", "OPEN")
        assert ("moved_to" in branch) == (branch["status"] == "RELOCATED")
        if "moved_to" in branch:
            assert by_id[branch["moved_to"]]["status"] == "OPEN"
    at_branches = [atm for atm in atms() if "branch_id" in atm]
    assert 0 < len(at_branches) < len(atms())
    assert all(by_id[atm["branch_id"]]["status"] in {"OPEN", "TEMPORARILY_CLOSED"} for atm in at_branches)


def test_whatever_serves_has_hours_and_whatever_ended_has_none() -> None:
    for branch in branches():
        assert bool(branch["availability"]["standard"]) == (branch["status"] in {"OPEN", "TEMPORARILY_CLOSED"})
    assert all(atm["availability"]["standard"] for atm in atms())


def test_hours_are_in_order_apart_and_on_the_days_that_they_name() -> None:
    for availability in availabilities():
        weeks = [availability["standard"], *(special["days"] for special in availability["special"])]
        for week in weeks:
            names = [day["day"] for day in week]
            assert len(set(names)) == len(names)
            assert set(names) <= set(DAYS)
            for day in week:
                times = [time for hours in day["opening_hours"] for time in (hours["opens"], hours["closes"])]
                assert times == sorted(set(times))


def test_corporate_counters_close_at_weekends() -> None:
    offers = [offer for branch in branches() for offer in branch["services"] if offer["code"] == "CORPORATE"]
    weeks = [[day["day"] for day in offer["availability"]["standard"]] for offer in offers if "availability" in offer]
    assert len(weeks) > 500
    assert all(week == list(DAYS[:5]) for week in weeks)


def test_special_days_follow_the_holiday_calendar() -> None:
    """National Day 2026 is off from 1 to 7 October; Saturday 10 October is worked for it, with weekday hours."""
    branch = next(branch for branch in branches() if branch["branch_type"] == "PHYSICAL" and branch["status"] == "OPEN")
    special = branch["availability"]["special"]
    monday = next(day for day in branch["availability"]["standard"] if day["day"] == "MONDAY")
    assert special[0]["start_date"] == "2026-10-01"
    assert special[0]["closed"] is True
    assert special[-1]["start_date"] == special[-1]["end_date"] == "2026-10-10"
    assert special[-1]["days"] == [{"day": "SATURDAY", "opening_hours": monday["opening_hours"]}]


def test_the_calendar_has_holidays_and_make_up_days() -> None:
    days = {row["date"]: row["off"] for row in seed()["workdays.jsonl"]}
    assert days["2026-10-01"] is True
    assert days["2026-10-10"] is False
    assert "2026-10-09" not in days


def test_atms_that_are_always_accessible_say_so_twice() -> None:
    for atm in atms():
        hours = {
            (hours["opens"], hours["closes"])
            for day in atm["availability"]["standard"]
            for hours in day["opening_hours"]
        }
        always = hours == {("00:00", "24:00")} and len(atm["availability"]["standard"]) == 7
        assert atm["access_24h"] == always


def test_every_record_has_its_search_terms() -> None:
    terms = {row["id"]: row for row in seed()["search_terms.jsonl.gz"]}
    assert set(terms) == {record.get("atm_id", record.get("branch_id")) for record in everything()}
    huangpu = next(branch for branch in branches() if branch["postal_address"]["adcode"] == "310101")
    row = terms[huangpu["branch_id"]]
    assert {"huangpu", "hp", "huang", "pu", "shanghaihuangpu", "shhp"} <= set(row["terms"].split())
    assert set(row["cities"]) == {"上海市", "上海", "shanghai"}


def test_a_record_stays_small() -> None:
    sizes = sorted(len(json.dumps(branch, ensure_ascii=False, separators=(",", ":")).encode()) for branch in branches())
    assert sizes[len(sizes) // 2] < 2_100
    assert sizes[-1] < 3_600


def test_two_runs_give_the_same_records() -> None:
    assert build() == seed()


@pytest.mark.parametrize(
    ("name", "short", "english"),
    [
        ("上海市", "上海", "Shanghai"),
        ("西安市", "西安", "Xi'an"),
        ("吕梁市", "吕梁", "Lüliang"),
        ("长治市", "长治", "Changzhi"),
        ("朝阳区", "朝阳", "Chaoyang"),
        ("哈尔滨市", "哈尔滨", "Harbin"),
        ("万柏林区", "万柏林", "Wanbailin"),
        ("赵县", "赵县", "Zhaoxian"),
        ("阿拉善左旗", "阿拉善左旗", "Alashanzuoqi"),
        ("前郭尔罗斯蒙古族自治县", "前郭尔罗斯", "Qianguo'erluosi"),
        ("双江拉祜族佤族布朗族傣族自治县", "双江", "Shuangjiang"),
        ("东乡族自治县", "东乡", "Dongxiang"),
        ("瀍河回族区", "瀍河", "Chanhe"),
        ("神农架林区", "神农架", "Shennongjia"),
    ],
)
def test_divisions_are_called_what_people_call_them(name: str, short: str, english: str) -> None:
    assert short_name(name) == short
    assert english_name(name) == english


def test_streets_are_written_in_english_with_their_direction() -> None:
    assert english_street("人民东路") == "Renmin East Road"
    assert english_street("解放大道") == "Jiefang Avenue"
    assert english_street("北京路") == "Beijing Road"
