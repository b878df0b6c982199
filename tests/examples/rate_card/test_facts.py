"""What a card is made of, read from the real seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openteller import Money, OpenTeller
from openteller.errors import InvalidRequest
from openteller.models.common import LocalizedText
from openteller.models.rates import DepositRate, RateTier
from rate_card import wording
from rate_card.facts import BestRate, Both, Facts, Quote, best_rates, published, read_facts
from rate_card.faults import UnfitData, WrongOrder

TIME = DepositRate(
    rate_sheet_id="rsh_4x7h30rb8nt5",
    product_code="TIME_CNY_1Y",
    name=LocalizedText(zh_cn="整存整取（一年）", en="Time deposit, 1 year"),
    product_type="TIME",
    deposit_rate_type="FIXED",
    currency="CNY",
    term="P1Y",
    minimum_amount=Money("50.00"),
    rate=Decimal("0.0095"),
    interest_method="SIMPLE",
    day_count="THIRTY_360",
    tiers=(),
    conditions=(),
    published_at=dt.datetime(2025, 5, 20, 10, tzinfo=dt.UTC),
    effective_from=dt.datetime(2025, 5, 20, 16, tzinfo=dt.UTC),
)


@pytest.fixture
def teller(flask_app: Flask) -> Iterator[OpenTeller]:
    with OpenTeller("https://bank.test", wsgi_app=flask_app) as bank:
        yield bank


def _facts(teller: OpenTeller, *currencies: str, day: dt.date | None = None) -> Facts:
    held = published(teller, day=day, max_age_days=5)
    return read_facts(teller, held, currencies=currencies, channel="weibo")


def _tier(rate: str, minimum: str, method: str = "WHOLE_BALANCE") -> RateTier:
    return RateTier(
        name=LocalizedText(zh_cn="", en=""),
        unit_of_measure="AMOUNT",
        minimum_value=minimum,
        rate=Decimal(rate),
        rate_application_method=method,
    )


def test_the_morning_board_is_compared_with_the_middles_before_its_own_and_not_with_last_evening(
    teller: OpenTeller,
) -> None:
    """Yesterday evening's board has the very middles of this morning's: nothing would ever move."""
    facts = _facts(teller, "JPY", "USD")
    yen, dollar = facts.quotes
    assert (facts.day, facts.reference_date) == (dt.date(2026, 9, 29), dt.date(2026, 9, 28))
    assert facts.previous_date == dt.date(2026, 9, 25)
    assert (dollar.middle, dollar.previous_middle) == (Decimal("671.0494"), Decimal("671.3233"))
    assert yen.change and yen.change > 0
    assert dollar.change and dollar.change < 0
    assert facts.carried_forward
    assert not facts.indicative


def test_a_past_day_answers_for_its_end(teller: OpenTeller) -> None:
    facts = _facts(teller, "USD", day=dt.date(2026, 9, 28))
    assert (facts.reference_date, facts.indicative, facts.carried_forward) == (dt.date(2026, 9, 28), True, False)


def test_each_term_shows_its_best_rate_with_the_deposit_that_it_takes(teller: OpenTeller) -> None:
    best = {rate.term: rate for rate in _facts(teller, "USD").deposits}
    assert list(best) == ["P3M", "P6M", "P1Y", "P2Y", "P3Y", "P5Y"]
    three, five = best["P3Y"], best["P5Y"]
    assert (three.rate, three.minimum, three.product.zh) == (Decimal("0.0145"), Decimal(1_000_000), "大额存单（三年）")
    assert (five.rate, five.minimum) == (Decimal("0.0130"), Decimal(50))


def test_a_currency_that_is_not_on_the_board_is_named(teller: OpenTeller) -> None:
    with pytest.raises(WrongOrder, match="not on the board: XYZ; there are USD"):
        _facts(teller, "USD", "XYZ")


def test_a_day_before_the_first_board_is_refused_by_the_bank(teller: OpenTeller) -> None:
    with pytest.raises(InvalidRequest, match="Is before the first sheet"):
        published(teller, day=dt.date(2000, 1, 1), max_age_days=5)


def test_the_first_board_of_all_has_none_to_be_compared_with(teller: OpenTeller) -> None:
    facts = _facts(teller, "USD", day=dt.date(2024, 11, 1))
    assert (facts.reference_date, facts.previous_date, facts.quotes[0].previous_middle) == (
        dt.date(2024, 11, 1),
        None,
        None,
    )


def test_a_board_is_stale_by_its_reference_rates_and_not_by_its_publication(teller: OpenTeller) -> None:
    """The board was published an hour ago, with the rates of the day before."""
    assert published(teller, day=None, max_age_days=1).board_id
    with pytest.raises(UnfitData, match="reference rates are of 2026-09-28"):
        published(teller, day=None, max_age_days=0)


def test_a_platform_without_an_official_account_leaves_the_line_out(teller: OpenTeller) -> None:
    held = published(teller, day=None, max_age_days=5)
    assert read_facts(teller, held, currencies=["USD"], channel="nowhere").account is None
    weibo = read_facts(teller, held, currencies=["USD"], channel="weibo").account
    assert weibo == Both("@V缴费 · 示范银行 V缴费", "@V缴费 · Demo Bank V-Pay")


def test_of_equal_rates_the_one_for_the_smaller_deposit_is_better() -> None:
    large = replace(TIME, minimum_amount=Money("200000"))
    assert best_rates([large, TIME, large])[0].minimum == Decimal(50)


def test_a_tier_for_a_part_of_the_balance_is_no_best_rate() -> None:
    tiered = replace(TIME, tiers=(_tier("0.0500", "10000", "PER_TIER"), _tier("0.0100", "10000")))
    assert [(rate.rate, rate.minimum) for rate in best_rates([tiered])] == [(Decimal("0.0100"), Decimal(10_000))]


def test_a_tier_that_begins_below_the_smallest_deposit_takes_that_deposit() -> None:
    tiered = replace(TIME, tiers=(_tier("0.0100", "0.00"),))
    assert best_rates([tiered])[0].minimum == Decimal(50)


def test_demand_and_notice_deposits_have_no_term() -> None:
    assert best_rates([replace(TIME, term=None)]) == ()


_fractions = st.decimals(0, 1, places=6)
_terms = st.sampled_from(["P7D", "P1M", "P3M", "P18M", "P1Y", "P1Y6M", "P2Y", "P3Y", "P5Y", "P10Y"])


@given(st.lists(st.tuples(_terms, _fractions), min_size=1, max_size=40))
def test_whatever_is_offered_no_better_rate_of_a_shown_term_is_left_out(offers: list[tuple[str, Decimal]]) -> None:
    shown = best_rates(replace(TIME, term=term, rate=rate) for term, rate in offers)
    assert len(shown) <= 8
    assert [rate.length for rate in shown] == sorted(rate.length for rate in shown)
    for rate in shown:
        assert rate.rate == max(other for term, other in offers if term == rate.term)


@given(_fractions)
def test_a_percentage_loses_no_digit(fraction: Decimal) -> None:
    text = wording.percent(fraction)
    assert Decimal(text.removesuffix("%")) == fraction * 100
    assert len(text.removesuffix("%").partition(".")[2]) >= 2


def test_percentages_read_as_a_bank_writes_them() -> None:
    written = [wording.percent(Decimal(rate)) for rate in ("0.0145", "0.013", "0.01255", "0", "0.10")]
    assert written == ["1.45%", "1.30%", "1.255%", "0.00%", "10.00%"]


@pytest.mark.parametrize(
    ("minimum", "zh", "en"),
    [
        ("50.00", "50元起", "from ¥50"),
        ("9999.50", "9999.5元起", "from ¥9,999.5"),
        ("200000.00", "20万元起", "from ¥200,000"),
        ("1000000", "100万元起", "from ¥1,000,000"),
        ("12500", "1.25万元起", "from ¥12,500"),
    ],
)
def test_amounts_are_said_in_ten_thousands_in_chinese(minimum: str, zh: str, en: str) -> None:
    rate = BestRate("P1Y", Decimal("0.01"), Both("", ""), Decimal(minimum))
    assert wording.from_amount(rate) == Both(zh, en)


def test_terms_are_said_in_both_languages() -> None:
    said = [wording.term(BestRate(term, Decimal(0), Both("", ""), Decimal(0))) for term in ("P7D", "P1M", "P1Y6M")]
    assert said == [Both("7天", "7 days"), Both("1个月", "1 month"), Both("1年6个月", "1 year 6 months")]


@pytest.mark.parametrize(
    ("middle", "before", "said"),
    [
        ("101", "100", "1.00%"),
        ("99", "100", "1.00%"),
        ("100", "100", "—"),
        ("100", None, "—"),
        ("1", "1.00001", "<0.01%"),
    ],
)
def test_a_change_is_said_without_its_direction(middle: str, before: str | None, said: str) -> None:
    quote = Quote(
        code="USD",
        name=Both("美元", "US dollar"),
        unit=100,
        bank_buys=Decimal(1),
        bank_sells=Decimal(1),
        middle=Decimal(middle),
        previous_middle=Decimal(before) if before else None,
        reference_date=dt.date(2026, 9, 28),
        carried_forward=False,
    )
    assert wording.change(quote) == said


def test_what_cannot_be_seen_is_taken_out_of_the_banks_texts() -> None:
    text = LocalizedText(zh_cn="存\x00款\u202e利\n率", en="a\x1bb\u200bc d")
    assert Both.of(text) == Both("存款利率", "abc d")
