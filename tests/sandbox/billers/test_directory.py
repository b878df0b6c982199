"""The directory over HTTP: finding a biller, reading it, and paging through all of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service

Record = dict[str, Any]


def listed(client: FlaskClient, **query: str | int) -> list[Record]:
    """Every biller that a query finds, over all pages."""
    url: str | None = "/v1/billers?" + "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    rows: list[Record] = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        rows += answer.json["data"]
        url = answer.json["links"]["next"]
    return rows


def codes(rows: list[Record]) -> list[str]:
    return [row["biller_code"] for row in rows]


def test_a_menu_of_categories_comes_in_one_page(client: FlaskClient) -> None:
    body = client.get("/v1/biller-categories").json

    assert [row["category_code"] for row in body["data"]][:3] == ["ELECTRICITY", "WATER", "GAS"]
    assert body["meta"]["count"] == len(body["data"])
    assert body["links"]["next"] is None


@pytest.mark.parametrize("limit", [1, 7, 25, 100])
def test_paging_gives_each_biller_once_whatever_the_size_of_the_page(client: FlaskClient, limit: int) -> None:
    if limit == 1:
        found = codes(listed(client, limit=limit, category_code="WATER"))
        assert len(found) == 30
    else:
        found = codes(listed(client, limit=limit))
        assert len(found) >= 200
    assert found == sorted(set(found))


def test_a_cursor_fits_the_filters_that_it_was_made_for_only(client: FlaskClient) -> None:
    after = client.get("/v1/billers?limit=2&category_code=GAS").json["links"]["next"]

    answer = client.get(after.replace("GAS", "WATER"))

    assert answer.status_code == 400
    assert answer.json["code"] == "REQUEST_MALFORMED"


def test_shanghai_electricity_is_one_biller(client: FlaskClient) -> None:
    assert codes(listed(client, city="上海", category_code="ELECTRICITY")) == ["SH-ELECTRICITY-01"]


@pytest.mark.parametrize("city", ["上海", "上海市", " 上海 ", "shanghai", "Shang Hai"])
def test_a_city_is_found_with_and_without_its_suffix(client: FlaskClient, city: str) -> None:
    assert "SH-WATER-01" in codes(listed(client, city=city))


def test_a_city_is_served_by_the_billers_of_its_province_and_the_nation_too(client: FlaskClient) -> None:
    """Zhuhai has no biller of its own in the seed."""
    found = listed(client, city="珠海")

    assert {row["coverage"] for row in found} == {"PROVINCE", "NATIONAL"}
    assert "GZ-BROADBAND-01" in codes(found)


@pytest.mark.parametrize(("city", "code"), [("朝阳", "CY-WATER-01"), ("吉林", "JL-WATER-01")])
def test_a_city_that_shares_its_name_with_another_kind_of_division_is_the_city(
    client: FlaskClient, city: str, code: str
) -> None:
    """朝阳 is a district of Beijing, too, and 吉林 a province."""
    assert codes(listed(client, city=city, category_code="WATER")) == [code]


def test_a_city_that_does_not_exist_has_no_billers(client: FlaskClient) -> None:
    assert listed(client, city="不存在") == []


@pytest.mark.parametrize(
    ("adcode", "expected"),
    [
        ("310000", {"SH-WATER-01"}),
        ("310115", {"SH-WATER-01"}),  # a district of the municipality
        ("220200", {"JL-WATER-01"}),
        ("220204", {"JL-WATER-01"}),  # a district of the city
        ("220000", {"CC-WATER-01", "JL-WATER-01"}),  # a province has those of its cities
        ("630000", set()),
    ],
)
def test_a_division_finds_who_serves_it(client: FlaskClient, adcode: str, expected: set[str]) -> None:
    assert set(codes(listed(client, adcode=adcode, category_code="WATER"))) == expected


def test_national_billers_serve_every_division(client: FlaskClient) -> None:
    assert len(listed(client, adcode="632221", category_code="MOBILE_TOPUP")) == 4


@pytest.mark.parametrize(
    ("q", "code"),
    [
        ("沪电力", "SH-ELECTRICITY-01"),
        ("上海电费", "SH-ELECTRICITY-01"),
        ("上海 电费", "SH-ELECTRICITY-01"),
        ("电费　上海", "SH-ELECTRICITY-01"),
        ("shanghai ELECTRICITY", "SH-ELECTRICITY-01"),
        ("ＳＨ-electricity", "SH-ELECTRICITY-01"),
        ("huting power", "SH-ELECTRICITY-01"),
    ],
)
def test_words_find_names_aliases_and_codes_however_they_are_written(client: FlaskClient, q: str, code: str) -> None:
    assert codes(listed(client, q=q)) == [code]


@pytest.mark.parametrize(
    ("q", "code"),
    [
        ("交上海电费", "SH-ELECTRICITY-01"),
        ("我想交一下上海的电费，谢谢！", "SH-ELECTRICITY-01"),
        ("上海電費", "SH-ELECTRICITY-01"),
        ("繳上海電費", "SH-ELECTRICITY-01"),
        ("shanghai dianfei", "SH-ELECTRICITY-01"),
        ("ShanghaiDianfei", "SH-ELECTRICITY-01"),
        ("shang hai dian fei", "SH-ELECTRICITY-01"),
        ("pay my Shanghai electricity bill", "SH-ELECTRICITY-01"),
        ("浦东水费", "SH-WATER-01"),  # a district of the city
        ("昆山煤气", "SZ-GAS-01"),  # a city of the city
        ("珠海宽带", "GZ-BROADBAND-01"),  # who serves the province
        ("瀋陽 電費", "SY-ELECTRICITY-01"),
        ("烏魯木齊水費", "URC-WATER-01"),
        ("xi'an heating", "XA-HEATING-01"),
        ("xian heating", "XA-HEATING-01"),
        ("交沪电费", "SH-ELECTRICITY-01"),
        ("上海沪汀电费", "SH-ELECTRICITY-01"),
    ],
)
def test_a_chat_users_words_find_the_biller(client: FlaskClient, q: str, code: str) -> None:
    assert codes(listed(client, q=q)) == [code]


@pytest.mark.parametrize("q", ["电费", "電費", "dianfei", "electricity", "交電費"])
def test_a_kind_of_bill_alone_finds_every_biller_of_the_kind(client: FlaskClient, q: str) -> None:
    found = listed(client, q=q)
    assert len(found) == 30
    assert {row["category_code"] for row in found} == {"ELECTRICITY"}


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("吉林电费", ["JL-ELECTRICITY-01", "CC-ELECTRICITY-01"]),  # the city, and the province of the same name
        ("朝阳电费", ["CY-ELECTRICITY-01", "BJ-ELECTRICITY-01"]),  # the city, and a district of Beijing
        ("上海话费", ["CN-MOBILE_TOPUP-01", "CN-MOBILE_TOPUP-02"]),  # who serves the whole country
        ("话费", ["CN-MOBILE_TOPUP-01", "CN-MOBILE_TOPUP-02"]),  # before those of 电话费
        ("长沙宽带", ["CS-BROADBAND-01"]),  # suspended, and the only one
    ],
)
def test_the_best_match_comes_first(client: FlaskClient, q: str, first: list[str]) -> None:
    assert codes(listed(client, q=q))[: len(first)] == first


def test_who_takes_no_payments_comes_after_those_who_do(client: FlaskClient) -> None:
    statuses = [row["status"] for row in listed(client, q="公益")]
    assert statuses == ["ACTIVE"] * 5 + ["SUSPENDED"]


def test_a_place_alone_finds_its_own_billers_and_not_those_of_the_whole_country(client: FlaskClient) -> None:
    found = listed(client, q="上海")
    assert {row["region"]["city"] for row in found} == {"上海市"}
    assert {row["coverage"] for row in found} == {"CITY"}


@pytest.mark.parametrize("limit", [1, 7, 25])
def test_paging_through_the_best_matches_gives_each_once(client: FlaskClient, limit: int) -> None:
    whole = codes(listed(client, q="话费", limit=100))
    assert codes(listed(client, q="话费", limit=limit)) == whole
    assert len(set(whole)) == len(whole) == 14


@pytest.mark.parametrize("q", ["珠海电费", "上海哈尔滨电费", "上海不存在电费", "，。", "缴费"])
def test_what_nobody_collects_finds_nobody(client: FlaskClient, q: str) -> None:
    assert listed(client, q=q) == []


@pytest.mark.parametrize("q", ["上海 沈阳", "%", "上_电费", "\\", "上%费", "'; --"])
def test_words_that_are_not_there_find_nothing_and_are_never_patterns(client: FlaskClient, q: str) -> None:
    assert listed(client, q=q) == []


def test_filters_narrow_each_other(client: FlaskClient) -> None:
    assert codes(listed(client, q="水", city="上海", adcode="310000", category_code="WATER")) == ["SH-WATER-01"]
    assert listed(client, city="上海", adcode="220200", category_code="WATER") == []
    assert listed(client, category_code="LOTTERY") == []


@given(q=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_words_are_asked_for_are_answered(client: FlaskClient, q: str) -> None:
    assert client.get(f"/v1/billers?limit=1&q={quote(q)}").status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=ten", 422),
        ("adcode=31", 422),
        ("adcode=３１００００", 422),
        ("category_code=water", 422),
        ("q=", 422),
        ("city=" + "沪" * 41, 422),
        ("after=!", 422),
        ("after=abc", 400),
        ("category=WATER", 400),
        ("q=a&q=b", 400),
    ],
)
def test_a_bad_query_is_refused(client: FlaskClient, query: str, status: int) -> None:
    answer = client.get(f"/v1/billers?{query}")

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["errors"]


def test_a_biller_is_read_by_its_identifier(client: FlaskClient) -> None:
    (row,) = listed(client, q="沪电力")

    assert client.get(f"/v1/billers/{row['biller_id']}").json == row


@pytest.mark.parametrize("tail", ["", "/input-schema"])
def test_an_unknown_biller_is_not_found_by_its_own_code(client: FlaskClient, tail: str) -> None:
    answer = client.get(f"/v1/billers/blr_nobody000{tail}")

    assert (answer.status_code, answer.json["code"]) == (404, "BILLER_NOT_FOUND")


@pytest.mark.parametrize("url", ["/v1/biller-categories", "/v1/billers", "/v1/billers?q=%E7%94%B5&limit=3"])
def test_who_has_the_right_copy_gets_no_body(client: FlaskClient, url: str) -> None:
    first = client.get(url)

    again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Last-Modified" in first.headers
    assert first.headers["Access-Control-Allow-Origin"] == "*"


def test_every_biller_has_an_input_schema_that_takes_its_open_examples(client: FlaskClient) -> None:
    """Where only the page can complete the inputs, what may be sent is still described."""
    for biller in listed(client, limit=100):
        schema = client.get(f"/v1/billers/{biller['biller_id']}/input-schema").json
        fields = {field["name"]: field for field in biller["input_fields"]}
        examples = {name: fields[name]["example"] for name in schema["required"]}
        if "oneOf" in schema:
            examples["account_number"] = fields["account_number"]["example"]
        examples = examples or {"account_number": fields["account_number"]["example"]}

        validator = jsonschema_rs.validator_for(schema)
        assert validator.is_valid(examples), biller["biller_code"]
        assert not validator.is_valid({**examples, "unknown": "1"})
        assert all(fields[name]["sensitivity"] == "LOW" for name in schema["properties"])


def test_an_input_schema_says_what_goes_together_and_what_excludes_each_other(
    client: FlaskClient, directory: Bank
) -> None:
    flats = next(row for row in listed(client, category_code="PROPERTY_FEE") if row["input_groups"])
    meters = next(row for row in listed(client, category_code="ELECTRICITY") if row["input_groups"])
    fines = listed(client, category_code="TRAFFIC_FINE")[0]

    together = client.get(f"/v1/billers/{flats['biller_id']}/input-schema").json
    either = client.get(f"/v1/billers/{meters['biller_id']}/input-schema").json
    account_only = client.get(f"/v1/billers/{fines['biller_id']}/input-schema").json

    assert together["dependentRequired"] == {"building": ["room"], "room": ["building"]}
    assert either["oneOf"] == [{"required": ["account_number"]}, {"required": ["meter_number"]}]
    # A plate is for the page of the bank, and the day of the offence is nothing without a plate.
    assert list(account_only["properties"]) == ["account_number"]


def test_other_features_get_a_biller_as_a_model_that_is_read_once(directory: Bank, client: FlaskClient) -> None:
    (row,) = listed(client, q="沪电力")
    tx = directory.db.read()

    assert service.get(tx, row["biller_id"]).facts == row
    assert service.get(tx, row["biller_id"]) is service.get(tx, row["biller_id"])
