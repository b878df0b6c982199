"""The rate sheets of the seed: right against their sources, one unbroken chain per kind, and the same on each build."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.merge_specs import merge
from tools.seed import rates
from tools.seed.rate_products import LOANS

from openteller_sandbox.rates.boards import CURRENCIES

Record = dict[str, Any]
KINDS = {"DEPOSIT": "DepositRate", "LOAN": "LoanRate", "FX": "FxQuote"}
BERLIN = ZoneInfo("Europe/Berlin")


@cache
def sheets(kind: str) -> list[Record]:
    return [record for record in built()["rate_sheets.jsonl.gz"] if record["sheet"]["kind"] == kind]


@cache
def built() -> dict[str, list[Record]]:
    return rates.build()


def source(name: str) -> list[dict[str, str]]:
    with (rates.DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def boards() -> list[Record]:
    """The boards that stand: the one that was corrected has another's place."""
    corrected = {record["sheet"]["supersedes"] for record in sheets("FX") if "correction" in record["sheet"]}
    standing = [record for record in sheets("FX") if record["sheet"]["rate_sheet_id"] not in corrected]
    return sorted(standing, key=lambda record: instant(record["sheet"]["effective_from"]))


@cache
def quotes() -> list[Record]:
    return [row for record in boards() for row in record["rows"]]


merged = cache(merge)


def stored_validator(component: str) -> jsonschema_rs.Validator:
    """The component as it is stored: without its computed members, and with no member that it does not name."""
    contract = merged()
    schema = contract["components"]["schemas"][component]
    computed = {name for name, member in schema["properties"].items() if member.get("x-computed")}
    stored = {
        **schema,
        "required": [name for name in schema["required"] if name not in computed],
        "properties": {name: member for name, member in schema["properties"].items() if name not in computed},
        "additionalProperties": False,
        "components": contract["components"],
    }
    return jsonschema_rs.Draft202012Validator(stored, validate_formats=True)


# --- the wire --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_sheet_and_row_is_what_the_contract_says_without_computed_members(kind: str) -> None:
    sheet_validator, row_validator = stored_validator("RateSheet"), stored_validator(KINDS[kind])

    for record in sheets(kind):
        assert record.keys() == {"sheet", "rows"}
        sheet_validator.validate(record["sheet"])
        for row in record["rows"]:
            row_validator.validate(row)


def test_two_builds_are_the_same() -> None:
    first, second = (json.dumps(build(), ensure_ascii=False) for build in (built, rates.build))

    assert first == second


# --- the chain -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_chain_can_be_verified_from_its_description_alone(kind: str) -> None:
    previous: Record = {}
    for record in sheets(kind):
        sheet = record["sheet"]
        facts = {name: value for name, value in sheet.items() if name != "hash"}
        lines = [
            json.dumps(part, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            for part in [facts, *record["rows"]]
        ]

        assert sheet["hash"] == hashlib.sha256("\n".join(lines).encode()).hexdigest()
        assert sheet.get("previous_hash") == previous.get("hash")
        previous = sheet


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_changes_in_a_sheet_changes_its_hash(kind: str) -> None:
    record = sheets(kind)[1]
    sheet, rows = record["sheet"], record["rows"]
    changed = [{**sheet, name: "2020-01-01T00:00:00+08:00"} for name in sheet if name != "hash"]

    assert rates.chain_hash(sheet, rows) == sheet["hash"]
    assert all(rates.chain_hash(other, rows) != sheet["hash"] for other in changed)
    assert (
        rates.chain_hash(sheet, [{**rows[0], "published_at": "2020-01-01T00:00:00+08:00"}, *rows[1:]]) != sheet["hash"]
    )
    assert rates.chain_hash(sheet, rows[:-1]) != sheet["hash"]


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_have_no_gap_and_times_only_grow_but_for_corrections(kind: str) -> None:
    chain = [record["sheet"] for record in sheets(kind)]

    assert [sheet["sequence"] for sheet in chain] == list(range(1, len(chain) + 1))
    for before, after in pairwise(chain):
        assert instant(before["published_at"]) < instant(after["published_at"])
    plain = [sheet for sheet in chain if "correction" not in sheet]
    for before, after in pairwise(plain):
        assert instant(before["effective_from"]) < instant(after["effective_from"])
    for sheet in plain:
        assert instant(sheet["published_at"]) <= instant(sheet["effective_from"])


def test_a_correction_differs_in_what_its_note_says_and_supersedes_the_wrong_sheet() -> None:
    for kind, code, name in (("FX", "JPY", "base"), ("DEPOSIT", "TIME_CNY_3Y", "product_code")):
        by_id = {record["sheet"]["rate_sheet_id"]: record for record in sheets(kind)}
        (right,) = [record for record in sheets(kind) if "correction" in record["sheet"]]
        wrong = by_id[right["sheet"]["supersedes"]]

        assert wrong["sheet"]["effective_from"] == right["sheet"]["effective_from"]
        own = {"rate_sheet_id", "published_at", "sequence"}
        pairs = [[{k: v for k, v in row.items() if k not in own} for row in one["rows"]] for one in (wrong, right)]
        assert [old[name] for old, new in zip(*pairs, strict=True) if old != new] == [code]


def test_identifiers_are_unique_over_all_kinds_and_each_row_cites_its_sheet() -> None:
    records = [record for kind in KINDS for record in sheets(kind)]

    assert len({record["sheet"]["rate_sheet_id"] for record in records}) == len(records)
    for record in records:
        for row in record["rows"]:
            for shared in ("rate_sheet_id", "published_at"):
                assert row[shared] == record["sheet"][shared]


def test_rows_hold_only_what_canonical_json_writes_like_python() -> None:
    """RFC 8785 and `json.dumps` differ in floating-point numbers and in the order of names beyond ASCII."""

    def check(value: Any) -> None:
        assert isinstance(value, str | bool | int | list | dict)
        if isinstance(value, dict):
            assert all(name.isascii() for name in value)
        for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(member)

    for kind in KINDS:
        for record in sheets(kind):
            check(record["rows"])


# --- foreign exchange ------------------------------------------------------------------------------------------------


def test_every_middle_is_the_cross_rate_of_the_ecb_file_half_even() -> None:
    """In whole numbers, so that no rounding of the test's own comes in: |middle - exact| is at most half a tick."""
    by_day = {row["date"]: row for row in source("fx_ecb.csv")}
    for quote in quotes():
        day = by_day[quote["reference_date"]]
        per_euro = Decimal(1) if quote["base"] == "EUR" else Decimal(day[quote["base"]])
        # middle = 100 * cny / per_euro, compared after multiplication with per_euro.
        off = abs(Decimal(quote["middle"]) * per_euro - 100 * Decimal(day["CNY"]))
        assert off <= Decimal("0.00005") * per_euro


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_tie_goes_to_the_even_digit(cny: int, per_euro: int) -> None:
    row = {"date": "2026-09-30", "CNY": f"{cny}E-4", "USD": f"{per_euro}E-4"}
    ticks, rest = divmod(cny * 1_000_000, per_euro)
    nearest = ticks + (2 * rest > per_euro or (2 * rest == per_euro and ticks % 2 == 1))

    assert rates._middles(row)["USD"] == Decimal(nearest).scaleb(-4)


def test_a_known_tie() -> None:
    middles = rates._middles({"date": "2026-09-30", "CNY": "1", "USD": "800000", "HKD": "266666.66666666666666666666"})

    assert (middles["USD"], middles["HKD"]) == (Decimal("0.0001"), Decimal("0.0004"))


def test_a_currency_without_a_reference_rate_has_no_quote() -> None:
    assert rates._middles({"date": "2026-09-30", "CNY": "7.6", "USD": "N/A"}).keys() == {"EUR"}


def test_the_bank_buys_below_the_middle_and_sells_above_it() -> None:
    for quote in quotes():
        tt_buy, middle, tt_sell = (Decimal(quote[name]) for name in ("tt_buy", "middle", "tt_sell"))
        assert 0 < tt_buy < middle < tt_sell
        if "notes_buy" in quote:
            assert 0 < Decimal(quote["notes_buy"]) < tt_buy
            assert tt_sell < Decimal(quote["notes_sell"])


def test_prices_have_four_decimals_for_a_hundred_units_of_every_currency() -> None:
    codes = [currency.code for currency in CURRENCIES]

    for record in sheets("FX"):
        assert [row["base"] for row in record["rows"]] == codes
    for quote in quotes():
        assert (quote["quote"], quote["unit"]) == ("CNY", 100)
        for name in ("tt_buy", "tt_sell", "middle"):
            assert re.fullmatch(r"[0-9]+[.][0-9]{4}", quote[name])
    assert set(source("fx_ecb.csv")[0]) - {"date", "CNY"} | {"EUR"} == set(codes)


def test_every_ecb_day_is_published_at_a_quarter_past_four_in_berlin() -> None:
    """16:15 is 22:15 in Beijing in summer and 23:15 in winter, always the same day."""
    published = {}
    for record in boards():
        if record["rows"][0]["indicative"]:
            published[record["rows"][0]["reference_date"]] = instant(record["sheet"]["effective_from"])

    assert list(published) == [row["date"] for row in source("fx_ecb.csv")]
    for day, moment in published.items():
        assert (str(moment.date()), moment.astimezone(BERLIN).time()) == (day, time(16, 15))
    assert {moment.time() for moment in published.values()} == {time(22, 15), time(23, 15)}


def test_every_working_day_has_two_boards_with_the_last_middles() -> None:
    opened: dict[date, list[time]] = {}
    for before, after in pairwise(boards()):
        row = after["rows"][0]
        if row["indicative"]:
            continue
        moment = instant(after["sheet"]["published_at"])
        opened.setdefault(moment.date(), []).append(moment.time())
        assert date.fromisoformat(row["reference_date"]) < moment.date()
        assert [r["middle"] for r in after["rows"]] == [r["middle"] for r in before["rows"]]

    first, last = date(2024, 11, 2), max(opened)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert list(opened) == [day for day in days if rates.is_working_day(day)]
    assert set(map(tuple, opened.values())) == {(time(9, 30), time(14, 0))}
    assert last == rates.next_working_day(date(2026, 9, 30)) == date(2026, 10, 8)


@pytest.mark.parametrize(
    ("day", "works"),
    [("2026-09-29", True), ("2026-10-01", False), ("2026-10-10", True), ("2026-09-26", False), ("2026-09-20", True)],
)
def test_holidays_and_make_up_days_override_the_week(day: str, works: bool) -> None:
    assert rates.is_working_day(date.fromisoformat(day)) is works


# --- loans -----------------------------------------------------------------------------------------------------------


def test_there_is_a_loan_sheet_for_each_publication_of_the_lpr() -> None:
    publications = source("lpr_history.csv")
    chain = sheets("LOAN")

    assert [record["sheet"]["published_at"][:10] for record in chain] == [row["publish_date"] for row in publications]
    for record, row in zip(chain, publications, strict=True):
        for loan in record["rows"]:
            reference = loan["reference_rate"]
            percent = row["lpr_1y"] if reference["code"] == "LPR_1Y" else row["lpr_5y"]
            assert Decimal(reference["rate"]) == Decimal(percent) / 100
            assert reference["reference_date"] == row["publish_date"]


def test_the_next_publication_is_the_following_sheet_and_the_last_one_is_due_on_the_twentieth() -> None:
    chain = sheets("LOAN")

    for before, after in pairwise(chain):
        assert before["rows"][0]["reference_rate"]["next_publication_date"] == after["sheet"]["published_at"][:10]
    # A Sunday, but a make-up working day.
    assert chain[-1]["rows"][0]["reference_rate"]["next_publication_date"] == "2026-09-20"


def test_a_loan_rate_is_the_reference_rate_and_its_spread_within_bounds() -> None:
    for record in sheets("LOAN"):
        for loan in record["rows"]:
            reference = loan["reference_rate"]
            tracked = Decimal(reference["rate"]) + reference["spread_bp"] * Decimal("0.0001")
            shown = loan["revert_rate"] if "fixed_period" in loan else loan["representative_rate"]
            assert Decimal(shown) == tracked
            low, middle, high = (Decimal(loan[f"{name}_rate"]) for name in ("minimum", "representative", "maximum"))
            assert 0 < low <= middle <= high


def test_the_annualised_rate_compounds_the_monthly_one() -> None:
    for record in sheets("LOAN"):
        for loan in record["rows"]:
            nominal, effective = Decimal(loan["representative_rate"]), Decimal(loan["annualised_rate"])
            if "fixed_period" in loan:
                revert = Decimal(loan["revert_rate"])
                assert (1 + nominal / 12) ** 12 - 1 < effective < (1 + revert / 12) ** 12 - 1
            else:
                exact = (1 + nominal / 12) ** 12 - 1
                assert effective == exact.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


def test_the_return_of_a_loan_with_two_rates_is_worth_what_was_lent() -> None:
    """Each month's payment, discounted one by one."""
    first, second = Decimal("0.0295") / 12, Decimal("0.0330") / 12
    monthly = rates._two_step_return(first, second, 360, 36)
    payment = 1 / rates._annuity(first, 360)
    later = payment * rates._annuity(first, 324) / rates._annuity(second, 324)

    worth = Decimal(0)
    for month in range(1, 361):
        worth += (payment if month <= 36 else later) / (1 + monthly) ** month

    assert abs(worth - 1) < Decimal("1e-9")


def test_every_loan_product_stands_on_every_sheet_once() -> None:
    for record in sheets("LOAN"):
        assert [loan["product_code"] for loan in record["rows"]] == [product.code for product in LOANS]


# --- deposits --------------------------------------------------------------------------------------------------------


def test_deposit_sheets_follow_the_moves_of_the_one_year_lpr_since_2023() -> None:
    days = [(record["sheet"]["published_at"], record["sheet"]["effective_from"]) for record in sheets("DEPOSIT")]

    assert days == [
        ("2022-12-31T18:00:00+08:00", "2023-01-01T00:00:00+08:00"),
        ("2023-06-20T18:00:00+08:00", "2023-06-21T00:00:00+08:00"),
        ("2023-08-21T18:00:00+08:00", "2023-08-22T00:00:00+08:00"),
        ("2024-07-22T18:00:00+08:00", "2024-07-23T00:00:00+08:00"),
        ("2024-10-21T18:00:00+08:00", "2024-10-22T00:00:00+08:00"),
        ("2024-10-23T15:00:00+08:00", "2024-10-22T00:00:00+08:00"),
        ("2025-05-20T18:00:00+08:00", "2025-05-21T00:00:00+08:00"),
    ]


def test_deposit_rates_are_plausible_in_2026() -> None:
    rate = {row["product_code"]: Decimal(row["rate"]) for row in sheets("DEPOSIT")[-1]["rows"]}

    terms = [rate[f"TIME_CNY_{term}"] for term in ("3M", "6M", "1Y", "2Y", "3Y", "5Y")]
    assert rate["DEMAND_CNY"] == Decimal("0.0005")
    assert rate["DEMAND_CNY"] < terms[0]
    assert terms == sorted(terms)
    assert Decimal("0.008") < rate["TIME_CNY_1Y"] < Decimal("0.013")
    assert rate["INSTALMENT_CNY_1Y"] < rate["TIME_CNY_1Y"] < rate["CD_CNY_1Y"]


def test_when_the_lpr_falls_no_deposit_rate_rises() -> None:
    for before, after in pairwise(sheets("DEPOSIT")):
        for old, new in zip(before["rows"], after["rows"], strict=True):
            assert old["product_code"] == new["product_code"]
            assert Decimal(new["rate"]) <= Decimal(old["rate"])


def test_tiers_touch_and_begin_with_the_products_own_rate() -> None:
    tiered = [row for record in sheets("DEPOSIT") for row in record["rows"] if row["tiers"]]

    assert {tier["rate_application_method"] for row in tiered for tier in row["tiers"]} == {"WHOLE_BALANCE", "PER_TIER"}
    for row in tiered:
        assert row["tiers"][0]["rate"] == row["rate"]
        assert "maximum_value" not in row["tiers"][-1]
        for lower, upper in pairwise(row["tiers"]):
            assert lower["maximum_value"] == upper["minimum_value"]
            assert Decimal(lower["rate"]) < Decimal(upper["rate"])


def test_every_sheet_says_what_is_the_demo_banks_own() -> None:
    for kind in KINDS:
        for record in sheets(kind):
            sheet = record["sheet"]
            assert "Demo Bank" in sheet["source"]
            assert "示范银行自定" in sheet["disclaimer"]["zh-CN"]
    assert all("ECB" in record["sheet"]["source"] for record in sheets("FX"))
