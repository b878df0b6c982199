"""Lists over HTTP: what they find, in which order, on which page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner
from tests.sandbox.branches.conftest import Record, seed

EARTH_RADIUS_M = 6_371_008.8
NEAR = "31.2336,121.4692"
SPOTS = {
    "Shanghai": (31.2336, 121.4692),
    "Urumqi": (43.8256, 87.6168),
    "the sea": (30.0, 126.5),
    "Tibet": (33.0, 84.0),
    "New York": (40.7, -74.0),
    "the South Pole": (-90.0, 0.0),
}


def records(client: FlaskClient, path: str = "/v1/branches", **query: Any) -> list[Record]:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    assert answer.json["meta"]["count"] == len(answer.json["data"])
    return list(answer.json["data"])


def refused(client: FlaskClient, path: str = "/v1/branches", **query: Any) -> list[str]:
    """The parameters that an answer of 422 names."""
    answer = client.get(path, query_string=query)
    assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID"), answer.text
    assert {fault["in"] for fault in answer.json["errors"]} == {"query"}
    return list(dict.fromkeys(fault["name"] for fault in answer.json["errors"]))


def walk(client: FlaskClient, path: str = "/v1/branches", **query: Any) -> list[Record]:
    """Follow every next link."""
    url: str | None = f"{path}?" + "&".join(f"{name}={value}" for name, value in query.items())
    found: list[Record] = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        found += answer.json["data"]
        url = answer.json["links"]["next"]
    return found


def metres(spot: tuple[float, float], record: Record) -> float:
    """Spherical law of cosines, which is good enough at these distances and not the formula under test."""
    north, east = map(math.radians, spot)
    place = record["location"]
    latitude, longitude = math.radians(place["latitude"]), math.radians(place["longitude"])
    cosine = math.sin(north) * math.sin(latitude) + math.cos(north) * math.cos(latitude) * math.cos(longitude - east)
    return EARTH_RADIUS_M * math.acos(max(-1.0, min(1.0, cosine)))


def by_distance(spot: tuple[float, float], *, wanted: Callable[[Record], bool] = lambda _: True) -> list[Record]:
    return sorted(filter(wanted, seed("branches")), key=lambda record: metres(spot, record))


@pytest.mark.both_engines
@pytest.mark.parametrize("spot", SPOTS.values(), ids=SPOTS)
def test_the_nearest_are_those_that_measuring_all_of_them_finds(client: FlaskClient, spot: tuple[float, float]) -> None:
    found = records(client, near=f"{spot[0]},{spot[1]}", limit=20)
    expected = by_distance(spot)[:20]

    assert [record["branch_id"] for record in found] == [record["branch_id"] for record in expected]
    for record in found:
        assert record["distance_m"] == pytest.approx(metres(spot, record), abs=1)


def test_without_a_position_there_is_no_distance(client: FlaskClient) -> None:
    assert all("distance_m" not in record for record in records(client))


def test_pages_by_distance_with_filters_go_through_everything_once(client: FlaskClient) -> None:
    """Foreign exchange in the whole country, by distance from Shanghai, seven rows at a time."""
    offers = [
        record for record in seed("branches") if any(each["code"] == "FOREIGN_EXCHANGE" for each in record["services"])
    ]
    found = walk(client, near=NEAR, service="FOREIGN_EXCHANGE", limit=7)

    assert len(found) == len(offers)
    assert {record["branch_id"] for record in found} == {record["branch_id"] for record in offers}
    distances = [record["distance_m"] for record in found]
    assert distances == sorted(distances)


def test_pages_by_code_go_through_everything_once(client: FlaskClient) -> None:
    for path, name, code in (("/v1/branches", "branches", "branch_code"), ("/v1/atms", "atms", "atm_code")):
        codes = [record[code] for record in walk(client, path, limit=100)]
        assert codes == sorted(record[code] for record in seed(name))


def test_the_last_page_has_no_next_and_a_later_one_links_back(client: FlaskClient) -> None:
    first = client.get("/v1/branches", query_string={"city": "310109", "limit": 3}).json
    assert first["links"]["prev"] is None
    assert parse_qs(urlsplit(first["links"]["next"]).query)["city"] == ["310109"]

    last = client.get("/v1/branches", query_string={"city": "310109", "limit": 100}).json
    assert last["links"]["next"] is None
    assert client.get(first["links"]["next"]).json["links"]["prev"] is not None


@pytest.mark.parametrize("radius", [1, 900, 2_500, 40_000])
def test_a_radius_bounds_the_list(client: FlaskClient, radius: int) -> None:
    found = walk(client, near=NEAR, radius_m=radius, limit=9)
    expected = by_distance(SPOTS["Shanghai"], wanted=lambda record: metres(SPOTS["Shanghai"], record) <= radius)
    assert [record["branch_id"] for record in found] == [record["branch_id"] for record in expected]


def test_a_radius_around_nothing_is_refused(client: FlaskClient) -> None:
    answer = client.get("/v1/branches", query_string={"radius_m": 500})
    assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID")
    assert [(fault["in"], fault["name"]) for fault in answer.json["errors"]] == [("query", "radius_m")]


@pytest.mark.parametrize("name", ["上海", "上海市", "Shanghai", "shang hai", "SHANGHAI", "310000", "310100"])
def test_a_city_has_many_names(client: FlaskClient, name: str) -> None:
    expected = [record["branch_code"] for record in seed("branches") if record["branch_code"].startswith("31")]
    if name == "310100":  # of a municipality: its districts, not its counties
        expected = [code for code in expected if code.startswith("3101")]
    assert [record["branch_code"] for record in walk(client, city=name, limit=100)] == expected


def test_a_county_a_prefecture_and_a_province_are_found_by_code(client: FlaskClient) -> None:
    for code, beginning in (("330106", "330106"), ("330100", "3301"), ("330000", "33")):
        found = walk(client, city=code, limit=100)
        expected = [record for record in seed("branches") if record["postal_address"]["adcode"].startswith(beginning)]
        assert [record["branch_id"] for record in found] == [record["branch_id"] for record in expected]


def test_two_cities_of_one_pinyin_are_both_found(client: FlaskClient) -> None:
    towns = {record["postal_address"]["town_name"] for record in walk(client, city="suzhou", limit=100)}
    assert towns == {"苏州市", "宿州市"}


@pytest.mark.parametrize("query", [{"city": "三沙"}, {"adcode": "460300"}, {"city": "460300"}])
def test_a_city_without_branches_has_none(client: FlaskClient, query: dict[str, str]) -> None:
    assert records(client, **query) == []


@pytest.mark.parametrize("name", ["火星", "999999", "市", "!"])
def test_a_city_that_there_is_not_is_refused(client: FlaskClient, name: str) -> None:
    """That there are no branches would be the answer to another question."""
    assert refused(client, city=name) == ["city"]


@pytest.mark.parametrize(
    "q", ["虹口", "hongkou", "hong kou", "HONGKOU", "hk", "虹口 上海", "上海hongkou", "示范银行 虹口", "ＨＯＮＧＫＯＵ"]
)
def test_a_district_is_found_by_what_people_type(client: FlaskClient, q: str) -> None:
    """Chinese of two characters, pinyin in one word and in two, initials, English, and mixtures."""
    expected = {record["branch_id"] for record in seed("branches") if record["branch_code"].startswith("310109")}
    assert expected <= {record["branch_id"] for record in walk(client, q=q, city="上海", limit=100)}


def test_every_word_must_be_found(client: FlaskClient) -> None:
    found = walk(client, q="上海 自助银行", limit=100)
    assert found
    assert all("上海" in row["name"]["zh-CN"] and "自助银行" in row["name"]["zh-CN"] for row in found)
    assert records(client, q="上海 北京分行") == []


@pytest.mark.parametrize(
    ("q", "said"), [("", "at least 1 "), ("行" * 65, "at most 64 "), ("a\tb", "control characters")]
)
def test_of_words_that_are_too_short_or_too_long_nothing_else_is_said(client: FlaskClient, q: str, said: str) -> None:
    (fault,) = client.get("/v1/branches", query_string={"q": q}).json["errors"]
    assert said in fault["message"]


@pytest.mark.parametrize("q", ["！？", "...", "　。"])
def test_a_query_without_a_word_is_refused(client: FlaskClient, q: str) -> None:
    assert refused(client, q=q) == ["q"]


def test_a_branch_is_found_by_its_whole_name_in_both_languages(client: FlaskClient) -> None:
    """On a sample of the seed: nothing of a name is lost in cutting it into words."""
    for record in seed("branches")[::400]:
        for name in record["name"].values():
            found = walk(
                client, q=name.removeprefix("Demo Bank ")[:64], city=record["postal_address"]["adcode"], limit=100
            )
            assert record["branch_id"] in {row["branch_id"] for row in found}


def test_atms_are_found_by_service_place_and_words(client: FlaskClient) -> None:
    found = walk(client, "/v1/atms", near=NEAR, radius_m=20_000, service="CASH_DEPOSIT", q="超市", limit=5)
    expected = [
        record
        for record in seed("atms")
        if metres(SPOTS["Shanghai"], record) <= 20_000
        and "CASH_DEPOSIT" in record["atm_services"]
        and "超市" in record["name"]["zh-CN"] + "".join(record["postal_address"]["address_lines"])
    ]
    assert found
    assert {record["atm_id"] for record in found} == {record["atm_id"] for record in expected}


def test_open_now_false_is_the_same_as_leaving_it_out(client: FlaskClient) -> None:
    assert records(client, open_now="false", limit=5) == records(client, limit=5)


def test_all_filters_combine(client: FlaskClient) -> None:
    query = {"near": NEAR, "radius_m": 30_000, "city": "上海", "q": "支行", "service": "CORPORATE", "open_now": "true"}
    found = walk(client, **query, limit=4)
    assert len(found) > 4
    for record in found:
        assert record["open_now"]
        assert record["distance_m"] <= 30_000
        assert record["postal_address"]["town_name"] == "上海市"
        assert "CORPORATE" in {each["code"] for each in record["services"]}


# --- which words fit best ---------------------------------------------------------------------------------------------


def test_whose_name_has_the_words_comes_before_who_has_them_in_the_address(client: FlaskClient) -> None:
    """Of each kind those with the shortest names, and of those by code: over pages, too."""
    found = walk(client, q="中山路", limit=7)
    kinds = ["中山路" in row["name"]["zh-CN"] for row in found]
    assert set(kinds) == {True, False}
    assert kinds == sorted(kinds, reverse=True)
    ranks = [
        (not named, len(row["name"]["zh-CN"]), row["branch_code"]) for named, row in zip(kinds, found, strict=True)
    ]
    assert ranks == sorted(ranks)
    assert len({row["branch_id"] for row in found}) == len(found)


@pytest.mark.parametrize("q", ["fhl", "fenghuanglu", "feng huang"])
def test_whose_name_is_called_so_comes_before_whose_address_is(client: FlaskClient, q: str) -> None:
    """By pinyin and by initials, over pages, as by characters."""
    found = walk(client, q=q, adcode="310000", limit=3)
    kinds = ["凤凰" not in row["name"]["zh-CN"] for row in found]
    assert set(kinds) == {True, False}
    assert kinds == sorted(kinds)


def test_a_city_that_a_name_begins_with_is_not_what_the_place_is_called(client: FlaskClient) -> None:
    """静安, 晋安 and 吉安分行 are `ja`; what else is in 吉安, and what is `ja` by its address alone, comes after."""
    names = [row["name"]["zh-CN"].removeprefix("示范银行") for row in walk(client, q="ja", limit=100)]
    first = [names.index(name) for name in ("吉安分行", "上海静安支行", "福州晋安支行", "上海静安东风路支行")]
    then = [names.index(name) for name in names if name.startswith(("六安", "吉安吉州", "吉安永新"))]
    assert then
    assert max(first) < min(then)


def test_a_word_in_one_piece_comes_before_one_whose_pieces_are_apart(client: FlaskClient) -> None:
    """唐山路南振兴路支行 has 山路, 路支 and 支行; over pages and with filters, too."""
    found = walk(client, q="山路支行", adcode="130000", limit=4)
    names = [row["name"]["zh-CN"] for row in found]
    kinds = ["山路支行" not in name for name in names]
    assert set(kinds) == {True, False}
    assert kinds == sorted(kinds)
    first = sum(not kind for kind in kinds)
    assert "示范银行唐山路南振兴路支行" in names[first:]
    for part in (found[:first], found[first:]):
        ranks = [(len(row["name"]["zh-CN"]), row["branch_code"]) for row in part if "山路" in row["name"]["zh-CN"]]
        assert ranks == sorted(ranks)
    assert len(set(names)) == len(names)
    assert records(client, q="山路支行", adcode="130000", type="PHYSICAL", limit=100) == [
        row for row in records(client, q="山路支行", adcode="130000", limit=100) if row["branch_type"] == "PHYSICAL"
    ]


def test_a_whole_name_comes_first(client: FlaskClient) -> None:
    for record in seed("branches")[::700]:
        name = record["name"]["zh-CN"]
        assert records(client, q=name, limit=1)[0]["name"]["zh-CN"] == name


def test_a_word_of_the_name_counts_for_more_than_none(client: FlaskClient) -> None:
    """A name that has one of two words stands between those that have both and those that have none."""
    found = walk(client, q="上海 文化街", limit=100)
    kinds = [sum(word in row["name"]["zh-CN"] for word in ("上海", "文化街")) for row in found]
    assert kinds == sorted(kinds, reverse=True)


def test_with_a_position_the_nearest_come_first_whatever_fits(client: FlaskClient) -> None:
    distances = [row["distance_m"] for row in walk(client, near=NEAR, q="中山路", limit=50)]
    assert distances == sorted(distances)


# --- what is open then ------------------------------------------------------------------------------------------------


def test_what_is_open_at_an_instant_says_until_when(client: FlaskClient) -> None:
    """2026-10-10 is a Saturday that is worked for National Day."""
    found = records(client, city="上海", type="PHYSICAL", open_at="2026-10-10T10:00:00+08:00", limit=100)
    assert found
    for row in found:
        assert row["open_at"]["at"] == "2026-10-10T10:00:00+08:00"
        assert row["open_at"]["until"] > "2026-10-10T10:00:00+08:00"
        assert "provisional" not in row["open_at"]
    at_three = records(client, city="上海", type="PHYSICAL", open_at="2026-10-10T03:00:00+08:00")
    assert at_three == []


def test_one_instant_in_two_zones_is_one_question(client: FlaskClient) -> None:
    asked = ("2026-10-10T10:00:00+08:00", "2026-10-10T02:00:00Z")
    here, there = (records(client, open_at=instant, limit=30) for instant in asked)
    assert here == there


def test_beyond_the_known_holidays_what_depends_on_them_is_provisional(client: FlaskClient) -> None:
    """Those that are always open do not."""
    found = records(client, city="上海", open_at="2027-02-08T10:00:00+08:00", limit=100)
    marked = {row["branch_type"]: row["open_at"].get("provisional", False) for row in found}
    assert marked["PHYSICAL"] is True
    atms = records(client, "/v1/atms", city="上海", open_at="2027-02-08T03:00:00+08:00", limit=100)
    assert atms
    assert not any("provisional" in row["open_at"] for row in atms if row["access_24h"])


def test_only_who_asks_for_an_instant_hears_of_it(client: FlaskClient) -> None:
    assert not any("open_at" in row for row in records(client, open_now="true"))


def test_what_is_open_follows_the_clock_of_the_world(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    query = {"city": "上海", "service": "CORPORATE", "open_now": "true"}
    assert partner.get("/v1/branches", **query).json["data"]
    partner.advance(to="2026-09-29T22:00:00+08:00")
    assert partner.get("/v1/branches", **query).json["data"] == []


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"radius_m": "500", "bbox": "121,31,122,32"}, ["radius_m"]),
        ({"open_now": "true", "open_at": "2026-10-01T10:00:00+08:00"}, ["open_at"]),
        ({"city": "上海", "adcode": "310000"}, ["adcode"]),
        ({"adcode": "999999"}, ["adcode"]),
        ({"adcode": "31010"}, ["adcode"]),
        ({"adcode": "上海"}, ["adcode"]),
        ({"bbox": "31.1,121.3,31.4,121.6"}, ["bbox"]),
        ({"bbox": "121.3,31.4,121.6,31.1"}, ["bbox"]),
        ({"bbox": "121.3,31.1,121.3,31.4"}, ["bbox"]),
        ({"bbox": "121.3,31.1,121.6,31.1"}, ["bbox"]),
        ({"bbox": "121.3,31.1,121.6"}, ["bbox"]),
        ({"bbox": "121.3,31.1,121.6,31.4,9"}, ["bbox"]),
        ({"bbox": "181,31.1,121.6,31.4"}, ["bbox"]),
        ({"bbox": "121.3,-91,121.6,31.4"}, ["bbox"]),
        ({"bbox": "1e2,31.1,121.6,31.4"}, ["bbox"]),
        ({"bbox": "nan,nan,nan,nan"}, ["bbox"]),
        ({"accessibility": "LIFT"}, ["accessibility"]),
        ({"segment": "EVERYBODY"}, ["segment"]),
        ({"type": "physical"}, ["type"]),
        ({"type": "RETAILER_OUTLET"}, ["type"]),
        ({"open_at": "2026-10-01"}, ["open_at"]),
        ({"open_at": "2026-10-01T10:00:00"}, ["open_at"]),
        ({"open_at": "2026-10-01T10:00:00 08:00"}, ["open_at"]),
        ({"open_at": "2026-02-30T10:00:00Z"}, ["open_at"]),
        ({"open_at": "1999-12-31T10:00:00Z"}, ["open_at"]),
        ({"open_at": "2100-01-01T00:00:00+08:00"}, ["open_at"]),
        ({"open_at": "0001-01-01T00:00:00+14:00"}, ["open_at"]),
        ({"open_at": "9999-12-31T23:59:59-12:00"}, ["open_at"]),
        ({"open_at": "now"}, ["open_at"]),
        ({"near": "121.4692,31.2336"}, ["near"]),
        ({"near": "31.2,121.4", "radius_m": "99999999999999999999"}, ["radius_m"]),
        (
            {
                "radius_m": "5",
                "city": "上海",
                "adcode": "310000",
                "open_now": "true",
                "open_at": "2026-10-01T10:00:00Z",
            },
            ["radius_m", "adcode", "open_at"],
        ),
    ],
)
def test_what_contradicts_itself_or_cannot_be_is_422_and_named(
    client: FlaskClient, query: dict[str, str], names: list[str]
) -> None:
    assert refused(client, **query) == names


IN_BEIJING, IN_SUZHOU = "116.2,39.7,116.6,40.1", "120.58,31.27,120.68,31.35"
URUMQI_TURNED = "87.6168,43.8256"


@pytest.mark.parametrize("kind", ["branches", "atms"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"near": URUMQI_TURNED}, ["near"]),
        ({"near": URUMQI_TURNED, "radius_m": "500"}, ["near"]),
        ({"near": URUMQI_TURNED, "q": "上海", "open_now": "true", "crs": "gcj02"}, ["near"]),
        ({"near": URUMQI_TURNED, "city": "乌鲁木齐", "limit": "1"}, ["near"]),
        ({"bbox": "43,87,44,88"}, ["bbox"]),
        ({"bbox": "43,87,44,88", "near": NEAR}, ["bbox"]),
        ({"bbox": "43,87,44,88", "adcode": "650000", "crs": "bd09"}, ["bbox"]),
        ({"near": NEAR, "radius_m": "5000", "bbox": IN_BEIJING}, ["bbox"]),
        ({"near": NEAR, "radius_m": "5000", "bbox": IN_BEIJING, "city": "上海", "crs": "bd09"}, ["bbox"]),
        ({"city": "上海", "bbox": IN_BEIJING}, ["bbox"]),
        ({"city": "上海", "bbox": IN_SUZHOU}, ["bbox"]),
        ({"city": "上海", "bbox": "-10,50,-9,51"}, ["bbox"]),
        ({"adcode": "310000", "bbox": IN_BEIJING, "open_at": "2026-10-01T03:00:00+08:00"}, ["bbox"]),
        ({"city": "北京", "near": NEAR, "radius_m": "500000"}, ["radius_m"]),
        ({"city": "北京", "near": NEAR, "radius_m": "500", "bbox": "121,31,122,32"}, ["bbox", "radius_m"]),
    ],
)
def test_a_position_the_wrong_way_round_and_places_that_are_elsewhere_are_422_and_named(
    client: FlaskClient, kind: str, query: dict[str, str], names: list[str]
) -> None:
    assert refused(client, f"/v1/{kind}", **query) == names


@pytest.mark.parametrize(
    "query",
    [
        {
            "near": "78.2232,15.6267"
        },  # Longyearbyen: people live there, and no branch is where the numbers lead exchanged
        {"near": "80.8,47.6"},  # Nagurskoye
        {"near": "-1.2921,36.8219", "radius_m": "500000"},
        {"near": URUMQI_TURNED, "city": "上海"},  # of which it is no mistake
        {"near": NEAR, "city": "北京"},
        {"near": NEAR, "radius_m": "1", "city": "上海"},
        {"near": "31.30,121.12", "radius_m": "900", "city": "上海"},  # just outside, where a branch of Kunshan may be
        {"bbox": "122.3,30.9,122.5,31.1", "city": "上海"},  # the sea before it
        {"bbox": "121,31,122,32", "city": "三沙"},  # which has none anywhere
        {"bbox": "-30,40,-20,41"},
        {"bbox": "78,15,79,16"},
        {"near": "0,-179.9", "radius_m": "50000", "bbox": "179.8,-1,-179.99,1"},
    ],
)
def test_who_is_far_away_or_finds_nothing_near_is_answered(client: FlaskClient, query: dict[str, str]) -> None:
    found = records(client, **query, limit=2)
    assert bool(found) is ("near" in query and "radius_m" not in query)


@pytest.mark.parametrize("query", [{"segment": "PERSONAL"}, {"type": "PHYSICAL"}])
def test_atms_know_no_customers_and_have_places_of_their_own(client: FlaskClient, query: dict[str, str]) -> None:
    answer = client.get("/v1/atms", query_string=query)
    assert answer.status_code in {400, 422}
    assert [fault["name"] for fault in answer.json["errors"]] == list(query)


@pytest.mark.parametrize(
    "query", [{"open_now": "false", "open_at": "2026-10-09T10:00:00Z"}, {"near": NEAR, "bbox": "121,31,122,32"}]
)
def test_what_does_go_together_is_answered(client: FlaskClient, query: dict[str, str]) -> None:
    assert records(client, **query)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"near": "31.2"}, 422),
        ({"near": "91,121"}, 422),
        ({"near": "31.2,181"}, 422),
        ({"near": "31.2, 121.4"}, 422),
        ({"near": "nan,nan"}, 422),
        ({"near": "٣١,١٢١"}, 422),
        ({"near": NEAR, "radius_m": "0"}, 422),
        ({"near": NEAR, "radius_m": "500001"}, 422),
        ({"near": NEAR, "radius_m": "1e3"}, 422),
        ({"service": "HAIRCUT"}, 422),
        ({"open_now": "yes"}, 422),
        ({"limit": "101"}, 422),
        ({"q": ""}, 422),
        ({"q": "x" * 65}, 422),
        ({"city": "上\x00海"}, 422),
        ({"open_on": "2026-09-29"}, 400),
        ({"after": "bm90IGEgY3Vyc29y"}, 400),
    ],
)
def test_what_cannot_be_is_refused_and_named(client: FlaskClient, query: dict[str, str], status: int) -> None:
    answer = client.get("/v1/branches", query_string=query)
    assert answer.status_code == status
    assert answer.json["errors"]
    assert all(fault["in"] == "query" for fault in answer.json["errors"])


def test_a_cursor_fits_its_own_list_only(client: FlaskClient) -> None:
    answer = client.get("/v1/branches", query_string={"city": "上海", "limit": 2}).json
    cursor = parse_qs(urlsplit(answer["links"]["next"]).query)["after"][0]
    for path, query in (("/v1/branches", {"city": "北京"}), ("/v1/branches", {}), ("/v1/atms", {"city": "上海"})):
        refused = client.get(path, query_string={**query, "after": cursor})
        assert (refused.status_code, refused.json["code"]) == (400, "REQUEST_MALFORMED")
    assert client.get("/v1/branches", query_string={"city": "上海", "after": cursor, "limit": 9}).status_code == 200


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ({"q": "瀋陽"}, {"q": "沈阳"}),
        ({"q": "廈門 銀行"}, {"q": "厦门 银行"}),
        ({"city": "臺州"}, {"city": "台州"}),
        ({"city": "烏魯木齊市"}, {"city": "乌鲁木齐市"}),
    ],
)
def test_traditional_characters_find_what_simplified_ones_find(
    client: FlaskClient, query: dict[str, str], same: dict[str, str]
) -> None:
    found, wanted = (client.get("/v1/branches", query_string={"limit": 100, **each}).json for each in (query, same))
    assert found["data"] == wanted["data"]
    assert found["data"]


@pytest.mark.parametrize("path", ["/v1/branches", "/v1/atms"])
def test_what_serves_nobody_at_any_hour_is_left_out_where_that_is_asked_for(partner: Partner, path: str) -> None:
    def states(**query: str) -> set[str]:
        lines = partner.client.get(path, query_string=query, headers={"Accept": "application/x-ndjson"}).text
        return {json.loads(line)["status"] for line in lines.splitlines()}

    serving = {"OPEN"} if path == "/v1/branches" else {"IN_SERVICE", "CASH_OUT"}
    assert states(serving="true") == serving
    assert states(serving="false") == states() > serving
