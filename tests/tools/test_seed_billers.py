"""The directory of billers: what the issue promises of it, and that its published formats hold together."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from tools.merge_specs import SPECS, load_document
from tools.seed.biller_tables import CATEGORIES, CITIES, PROFILES
from tools.seed.billers import build

from openteller_sandbox.billers.account_numbers import is_valid
from openteller_sandbox.contract import load

Record = dict[str, Any]
FILES = build()
BILLERS: list[Record] = FILES["billers.jsonl.gz"]
BY_CODE = {biller["biller_code"]: biller for biller in BILLERS}
FIELDS = [(biller["biller_code"], field) for biller in BILLERS for field in biller["input_fields"]]
HEATED = {city.adcode[:2] for city in CITIES if city.has_heating}


def test_there_are_at_least_200_billers_in_30_cities_and_10_categories() -> None:
    cities = {(biller["region"]["province"], biller["region"]["city"]) for biller in BILLERS}

    assert len(BILLERS) >= 200
    assert len(cities) >= 30
    assert {("上海市", "上海市"), ("北京市", "北京市"), ("吉林省", "吉林市"), ("辽宁省", "朝阳市")} <= cities
    assert len({biller["category_code"] for biller in BILLERS}) >= 10


def test_the_seed_is_the_same_each_time() -> None:
    assert build() == FILES


@pytest.mark.parametrize(
    ("file", "component"), [("billers.jsonl.gz", "Biller"), ("biller_categories.jsonl", "BillerCategory")]
)
def test_every_record_fits_the_contract(file: str, component: str) -> None:
    contract = load()

    for record in FILES[file]:
        contract.check_record(component, record)


@pytest.mark.parametrize("key", ["biller_id", "biller_code"])
def test_identifiers_are_unique_and_billers_stand_in_order_of_code(key: str) -> None:
    assert len({biller[key] for biller in BILLERS}) == len(BILLERS)
    assert list(BY_CODE) == sorted(BY_CODE)


def test_every_company_says_that_it_is_invented() -> None:
    for biller in BILLERS:
        assert "示范" in biller["name"]["zh-CN"]
        assert "Demo" in biller["name"]["en"]
    assert len({biller["name"]["zh-CN"] for biller in BILLERS}) == len(BILLERS)


def test_people_find_a_biller_by_the_words_that_they_use() -> None:
    assert {"上海电费", "沪电力", "Shanghai electricity"} <= set(BY_CODE["SH-ELECTRICITY-01"]["aliases"])
    assert {"吉林电费", "吉林市电费"} <= set(BY_CODE["JL-ELECTRICITY-01"]["aliases"])
    assert "话费" in BY_CODE["CN-MOBILE_TOPUP-01"]["aliases"]


def test_heating_is_billed_in_the_north_only() -> None:
    heating = [biller for biller in BILLERS if biller["category_code"] == "HEATING"]

    assert len(heating) >= 10
    assert {biller["region"]["adcode"][:2] for biller in heating} <= HEATED


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("fetch_mode", {"FETCH", "VALIDATE", "DIRECT"}),
        ("presentment", {"NONE", "EXISTENCE", "AMOUNT", "FULL"}),
        ("exactness", {"EXACT", "EXACT_UP", "EXACT_DOWN", "ANY", "RANGE"}),
        ("selection", {"ONE", "MANY", "ALL", "OLDEST_FIRST"}),
        ("coverage", {"NATIONAL", "PROVINCE", "CITY"}),
        ("status", {"ACTIVE", "SUSPENDED", "DEACTIVATED"}),
        ("supports_pending", {True, False}),
    ],
)
def test_every_behaviour_has_its_billers(key: str, values: set[Any]) -> None:
    assert {biller[key] for biller in BILLERS} == values


def test_fees_cutoffs_groups_plans_and_maintenance_all_occur() -> None:
    fees = [fee for biller in BILLERS for fee in biller["fees"]]
    slabs = [slab for fee in fees for slab in fee["slabs"]]

    assert {fee["type"] for fee in fees} == {"PAYER_FEE", "COMMISSION"}
    assert any(slab["rate"] != "0" for slab in slabs)
    assert any(slab["flat"]["amount"] != "0.00" for slab in slabs)
    assert sum(not biller["fees"] for biller in BILLERS) > len(BILLERS) / 2
    assert {biller["cutoff"]["after"] for biller in BILLERS if "cutoff" in biller} == {"REJECT", "NEXT_DAY"}
    assert {group["rule"] for biller in BILLERS for group in biller["input_groups"]} == {"ONE_OF", "ALL_OF"}
    assert any(biller["maintenance_windows"] for biller in BILLERS)
    assert all(biller["plans"] for biller in BILLERS if biller["fetch_mode"] == "DIRECT")


@pytest.mark.parametrize("code", [biller["biller_code"] for biller in BILLERS if biller["fees"]])
def test_the_slabs_of_a_fee_cover_the_range_of_amounts_without_gap_or_overlap(code: str) -> None:
    biller = BY_CODE[code]
    for fee in biller["fees"]:
        bounds = [(_fen(slab["min"]), _fen(slab["max"])) for slab in fee["slabs"]]
        assert bounds[0][0] == _fen(biller["min_amount"])
        assert bounds[-1][1] == _fen(biller["max_amount"])
        assert all(high + 1 == low for (_, high), (low, _) in pairwise(bounds))


def _fen(money: Record) -> int:
    return int(money["amount"].replace(".", ""))


@pytest.mark.parametrize(("code", "field"), FIELDS, ids=[f"{code}-{field['name']}" for code, field in FIELDS])
def test_the_example_of_a_field_has_the_published_format(code: str, field: Record) -> None:
    example = field["example"]

    assert field["min_length"] <= len(example) <= field["max_length"]
    assert re.fullmatch(field.get("pattern", ".*"), example)
    if "check_digit" in field:
        assert is_valid(field["check_digit"], example)
    if field["data_type"] == "ENUM":
        assert example in {choice["value"] for choice in field["values"]}


def test_account_numbers_come_first_have_10_to_16_digits_and_name_a_check_digit() -> None:
    for biller in BILLERS:
        account = biller["input_fields"][0]
        assert account["name"] == "account_number"
        assert account["sensitivity"] == "LOW"
        assert 10 <= account["min_length"] == account["max_length"] <= 16
        assert "check_digit" in account
    used = Counter(field["check_digit"] for _, field in FIELDS if "check_digit" in field)
    assert set(used) == {"LUHN", "ISO7064_MOD11_10", "ISO7064_MOD97_10"}


def test_no_account_number_fits_the_format_of_another_biller_of_its_category() -> None:
    """A number that is typed at the wrong biller is found before anyone is asked."""
    for biller in BILLERS:
        example = biller["input_fields"][0]["example"]
        fitting = [other["biller_code"] for other in BILLERS if other["category_code"] == biller["category_code"]
                   and re.fullmatch(other["input_fields"][0]["pattern"], example)]  # fmt: skip
        assert fitting == [biller["biller_code"]]


def test_the_example_account_is_the_magic_account_of_scenario_01() -> None:
    for biller in BILLERS:
        account = biller["input_fields"][0]
        body = account["example"][: -2 if account["check_digit"] == "ISO7064_MOD97_10" else -1]
        lead = account["pattern"][1:].partition("[")[0]
        assert int(body.removeprefix(lead)) == 1
        assert len(body.removeprefix(lead)) >= 5


def test_full_presentment_needs_a_second_field() -> None:
    for biller in BILLERS:
        if biller["presentment"] == "FULL":
            assert sum(field["required"] and field["sensitivity"] == "LOW" for field in biller["input_fields"]) >= 2


def test_groups_name_fields_of_their_biller_that_are_not_required_by_themselves() -> None:
    for biller in BILLERS:
        optional = {field["name"] for field in biller["input_fields"] if not field["required"]}
        for group in biller["input_groups"]:
            assert set(group["fields"]) <= optional


def test_some_billers_ask_for_what_only_the_page_of_the_bank_may_take() -> None:
    sensitive = {field["name"] for _, field in FIELDS if field["sensitivity"] == "HIGH"}

    assert {"mobile_number", "identity_card", "plate_number"} <= sensitive


def test_categories_count_the_billers_that_are_not_deactivated() -> None:
    counts = {category["category_code"]: category["biller_count"] for category in FILES["biller_categories.jsonl"]}

    assert sum(counts.values()) == sum(biller["status"] != "DEACTIVATED" for biller in BILLERS)
    assert list(counts) == [category.code for category in CATEGORIES]
    assert set(counts) == set(PROFILES)


def test_the_biller_that_the_contract_shows_is_one_of_the_seed() -> None:
    """Who copies an example into a request gets an answer."""
    paths = load_document(SPECS / "bill-payment.yaml")["paths"]
    shown = paths["/v1/billers/{biller_id}"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]

    assert shown["electricity"]["value"] == BY_CODE["SH-ELECTRICITY-01"]


def test_every_kind_of_bill_is_known_by_what_its_billers_are_called() -> None:
    """The aliases of billers are made of these words: a question with one of them must mean the kind."""
    known = {(row["word"], row["category_code"]) for row in FILES["biller_words.jsonl"]}

    for category in CATEGORIES:
        assert {(word, category.code) for word in category.called} <= known
    assert {code for _, code in known} == {category.code for category in CATEGORIES}
    assert len(known) == len(FILES["biller_words.jsonl"])


def test_every_division_of_the_mainland_is_known_by_its_names() -> None:
    places = {place["adcode"]: place for place in FILES["divisions.jsonl"]}

    assert places["310115"] == {
        "adcode": "310115",
        "name": "浦东新区",
        "short": "浦东",
        "en": "Pudong",
        "pinyin": "pudong",
    }
    assert places["150000"]["short"] == "内蒙古"
    assert {region["adcode"] for biller in BILLERS for region in [biller["region"]]} <= places.keys()
    assert not {code[:2] for code in places} & {"71", "81", "82"}
