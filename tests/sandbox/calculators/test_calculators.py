"""The calculators over HTTP: what they cite, what they refuse and where they point, and the contract's own examples."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sandbox.rate_counter import Counter

from openteller_sandbox.contract import load

CALCULATORS = ("deposit", "loan", "fx")
IN_HAND = settings(max_examples=40, deadline=None)


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def result(counter: Counter, what: str, **body: Any) -> dict[str, Any]:
    response = counter.calculate(what, **body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def fault(counter: Counter, what: str, **body: Any) -> tuple[int, str, str]:
    """Status, place and code of what is wrong, which is one thing, if in several ways."""
    response = counter.calculate(what, **body)
    problem = response.get_json()
    (found,) = {(error["pointer"], error["code"]) for error in problem["errors"]}
    return response.status_code, *found


def examples() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Each example that the contract gives of both a request and its answer."""
    pairs = []
    for what in CALCULATORS:
        operation = load().document["paths"][f"/v1/calculators/{what}"]["post"]
        asked = operation["requestBody"]["content"]["application/json"]["examples"]
        answered = operation["responses"]["200"]["content"]["application/json"]["examples"]
        pairs += [(what, name, asked[name]["value"], answered[name]["value"]) for name in answered]
    return pairs


@pytest.mark.parametrize(
    ("what", "name", "body", "answer"), examples(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_examples_of_the_contract_are_what_the_bank_answers(
    counter: Counter, what: str, name: str, body: dict[str, Any], answer: dict[str, Any]
) -> None:
    assert result(counter, what, **body) == answer


def test_nothing_is_kept_and_no_copy_may_be(counter: Counter) -> None:
    response = counter.calculate("fx", side="SELL", amount=cny("1"), counter_currency="USD")

    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers


# --- deposits ---------------------------------------------------------------------------------------------------------


def test_a_past_start_uses_the_sheet_of_its_day(counter: Counter) -> None:
    answers = [
        result(counter, "deposit", product_code="TIME_CNY_1Y", amount=cny("10000"), start_date=day)
        for day in ("2024-01-02", "2026-09-29")
    ]

    assert [answer["rate"] for answer in answers] == ["0.0115", "0.0095"]
    assert [answer["interest"]["amount"] for answer in answers] == ["115.00", "95.00"]
    assert answers[0]["rate_sheet_id"] != answers[1]["rate_sheet_id"]


def test_left_out_dates_are_filled_in(counter: Counter) -> None:
    answer = result(counter, "deposit", product_code="TIME_CNY_3M", amount=cny("50"))

    assert (answer["start_date"], answer["end_date"], answer["days"]) == ("2026-09-29", "2026-12-29", 91)


@pytest.mark.parametrize(
    ("amount", "rate"), [("200000", "0.0135"), ("499999.99", "0.0135"), ("500000", "0.0140"), ("1000000", "0.0145")]
)
def test_a_certificate_pays_the_rate_of_its_tier_on_the_whole(counter: Counter, amount: str, rate: str) -> None:
    answer = result(counter, "deposit", product_code="CD_CNY_3Y", amount=cny(amount))

    assert answer["rate"] == rate
    assert Decimal(answer["interest"]["amount"]) == round(Decimal(amount) * Decimal(rate) * 3, 2)


def test_a_demand_deposit_in_dollars_pays_each_tier_on_its_part_and_says_the_average(counter: Counter) -> None:
    amount = {"amount": "20000.00", "currency": "USD"}
    answer = result(counter, "deposit", product_code="DEMAND_USD", amount=amount, end_date="2026-10-29")

    assert answer["rate"] == "0.00075"
    assert answer["interest"] == {"amount": "1.25", "currency": "USD"}


@IN_HAND
@given(
    product=st.sampled_from(
        ("TIME_CNY_3M", "TIME_CNY_5Y", "INSTALMENT_CNY_3Y", "DEMAND_CNY", "NOTICE_CNY_7D", "CD_CNY_2Y")
    ),
    fen=st.integers(20_000_000, 10**11),
    end=st.dates(date(2026, 9, 30), date(2036, 9, 29)),
)
def test_what_is_deposited_and_earned_is_what_is_paid_out(counter: Counter, product: str, fen: int, end: date) -> None:
    body: dict[str, Any] = {"product_code": product, "amount": cny(str(Decimal(fen).scaleb(-2)))}
    if product.startswith(("DEMAND", "NOTICE")):
        body["end_date"] = str(end)
    answer = result(counter, "deposit", **body)
    deposited, interest, value = (
        Decimal(answer[name]["amount"]) for name in ("deposited", "interest", "maturity_value")
    )

    assert deposited + interest == value == Decimal(answer["schedule"][-1]["balance"]["amount"])
    assert sum(Decimal(entry["deposit"]["amount"]) for entry in answer["schedule"]) == deposited
    assert interest > 0


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"product_code": "TIME_CNY_9Y"}, "/product_code"),
        ({"amount": {"amount": "1000", "currency": "USD"}}, "/amount/currency"),
        ({"amount": cny("49.99")}, "/amount/amount"),
        ({"amount": cny("1000000000.01")}, "/amount/amount"),
        ({"start_date": "2026-09-30"}, "/start_date"),
        ({"start_date": "2022-12-31"}, "/start_date"),
        ({"end_date": "2027-09-29"}, "/end_date"),
        ({"product_code": "DEMAND_CNY", "end_date": "2026-09-29"}, "/end_date"),
        ({"product_code": "DEMAND_CNY", "end_date": "2036-09-30"}, "/end_date"),
    ],
)
def test_what_a_deposit_product_does_not_allow_is_pointed_at(
    counter: Counter, changed: dict[str, Any], pointer: str
) -> None:
    body = {"product_code": "TIME_CNY_1Y", "amount": cny("1000"), **changed}

    assert fault(counter, "deposit", **body) == (422, pointer, "FIELD_INVALID")


def test_a_deposit_that_is_withdrawn_early_earns_the_demand_rate_of_today(counter: Counter) -> None:
    answer = result(counter, "deposit", product_code="TIME_CNY_1Y", amount=cny("100000"),
                    early_withdrawal={"date": "2027-03-28"})  # fmt: skip

    assert answer["early_withdrawal"] == {
        "date": "2027-03-28",
        "rate": "0.0005",
        "day_count": "ACT_360",
        "rate_sheet_id": answer["rate_sheet_id"],
    }
    assert (answer["end_date"], answer["days"], answer["interest"]["amount"]) == ("2027-03-28", 180, "25.00")


def test_a_past_withdrawal_takes_the_demand_rate_of_its_day(counter: Counter) -> None:
    answer = result(counter, "deposit", product_code="TIME_CNY_1Y", amount=cny("100000"), start_date="2024-01-02",
                    early_withdrawal={"date": "2024-08-01", "amount": cny("40000")})  # fmt: skip
    (demand,) = counter.rows("/v1/rates/deposits", product_type="DEMAND", currency="CNY", date="2024-08-01")

    assert answer["rate"] == "0.0115"
    assert (answer["early_withdrawal"]["rate"], answer["early_withdrawal"]["rate_sheet_id"]) == (
        demand["rate"],
        demand["rate_sheet_id"],
    )
    assert answer["rate_sheet_id"] != demand["rate_sheet_id"]
    _, taken, last = answer["schedule"]
    assert Decimal(taken["withdrawn"]["amount"]) == 40000 + Decimal(taken["interest"]["amount"])
    assert last["interest"]["amount"] == "690.00", "what is left earns what was agreed"
    assert Decimal(answer["maturity_value"]["amount"]) == Decimal(taken["withdrawn"]["amount"]) + Decimal(
        last["balance"]["amount"]
    )


@pytest.mark.parametrize(
    ("product", "early", "pointer"),
    [
        ("TIME_CNY_1Y", {"date": "2026-09-29"}, "/early_withdrawal/date"),
        ("TIME_CNY_1Y", {"date": "2027-09-29"}, "/early_withdrawal/date"),
        ("TIME_CNY_1Y", {"date": "1900-01-01"}, "/early_withdrawal/date"),
        ("TIME_CNY_1Y", {"date": "2027-02-30"}, "/early_withdrawal/date"),
        ("TIME_CNY_1Y", {"date": "2027-01-01", "amount": cny("0")}, "/early_withdrawal/amount/amount"),
        ("TIME_CNY_1Y", {"date": "2027-01-01", "amount": cny("950.01")}, "/early_withdrawal/amount/amount"),
        ("TIME_CNY_1Y", {"date": "2027-01-01", "amount": cny("-1")}, "/early_withdrawal/amount/amount"),
        ("TIME_CNY_1Y", {"date": "2027-01-01", "amount": {"amount": "1", "currency": "USD"}},
         "/early_withdrawal/amount/currency"),
        ("INSTALMENT_CNY_1Y", {"date": "2027-01-01", "amount": cny("1")}, "/early_withdrawal/amount"),
    ],
)  # fmt: skip
def test_a_withdrawal_that_cannot_be_is_pointed_at(
    counter: Counter, product: str, early: dict[str, Any], pointer: str
) -> None:
    body = {"product_code": product, "amount": cny("1000"), "early_withdrawal": early}

    assert fault(counter, "deposit", **body) == (422, pointer, "FIELD_INVALID")


def test_what_has_no_term_cannot_end_early(counter: Counter) -> None:
    body = {"product_code": "DEMAND_CNY", "amount": cny("1000"), "end_date": "2027-09-29"}

    assert fault(counter, "deposit", **body, early_withdrawal={"date": "2027-01-01"})[1] == "/early_withdrawal"


def test_a_deposit_without_a_term_needs_an_end(counter: Counter) -> None:
    assert fault(counter, "deposit", product_code="DEMAND_CNY", amount=cny("1")) == (422, "/end_date", "FIELD_MISSING")


# --- loans ------------------------------------------------------------------------------------------------------------


def test_a_loan_without_choices_takes_the_products(counter: Counter) -> None:
    answer = result(counter, "loan", product_code="HOME_FIRST", amount=cny("1000000"), term="P30Y")

    assert (answer["rate"], answer["repayment_type"], answer["start_date"]) == (
        "0.0310",
        "EQUAL_INSTALMENT",
        "2026-09-29",
    )
    assert (answer["annualised_rate"], answer["first_payment"]["amount"]) == ("0.031444", "4270.16")
    assert (len(answer["schedule"]), answer["schedule"][-1]["due_date"]) == (360, "2056-09-29")
    assert answer["upfront_fee"] == cny("0.00")
    assert answer["is_carried_forward"] is True


def test_the_annualised_rate_of_the_sheet_is_the_calculators(counter: Counter) -> None:
    """A large amount over the longest term: rounding to cents moves the rate by less than one in the last place."""
    for product in counter.rows("/v1/rates/loans"):
        answer = result(
            counter,
            "loan",
            product_code=product["product_code"],
            amount=product["maximum_amount"],
            term=product["maximum_term"],
        )
        assert abs(Decimal(answer["annualised_rate"]) - Decimal(product["annualised_rate"])) <= Decimal("0.000001")


def test_a_fixed_period_is_followed_by_the_revert_rate(counter: Counter) -> None:
    answer = result(counter, "loan", product_code="HOME_FIRST_FIX3", amount=cny("500000"), term="P10Y")

    rates = [item["rate"] for item in answer["schedule"]]
    assert (answer["fixed_period"], answer["revert_rate"]) == ("P3Y", "0.0330")
    assert rates == ["0.0295"] * 36 + ["0.0330"] * 84


@pytest.mark.parametrize("term", ["P12M", "P1Y", "P1Y6M", "P5Y"])
def test_terms_of_years_and_months_are_taken(counter: Counter, term: str) -> None:
    assert result(counter, "loan", product_code="CAR", amount=cny("100000"), term=term)["term"] == term


@IN_HAND
@given(
    product=st.sampled_from(("HOME_FIRST", "HOME_FIRST_EP", "HOME_FIRST_FIX3", "HOME_SECOND")),
    fen=st.integers(5_000_000, 10**9),
    months=st.integers(60, 360),
    kind=st.sampled_from((None, "EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY")),
    fee=st.none() | st.integers(0, 400_000),
)
def test_totals_are_the_sums_of_the_schedule(
    counter: Counter, *, product: str, fen: int, months: int, kind: str | None, fee: int | None
) -> None:
    body: dict[str, Any] = {"product_code": product, "amount": cny(str(Decimal(fen).scaleb(-2))), "term": f"P{months}M"}
    body |= {"repayment_type": kind} if kind else {}
    body |= {"upfront_fee": cny(str(Decimal(fee).scaleb(-2)))} if fee is not None else {}
    answer = result(counter, "loan", **body)

    def total(name: str) -> Decimal:
        return sum((Decimal(item[name]["amount"]) for item in answer["schedule"]), Decimal(0))

    assert total("principal") == Decimal(answer["amount"]["amount"])
    assert total("interest") == Decimal(answer["total_interest"]["amount"])
    assert total("payment") == Decimal(answer["total_payment"]["amount"])


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"product_code": "YACHT"}, "/product_code"),
        ({"amount": cny("19999.99")}, "/amount/amount"),
        ({"amount": cny("1000000.01")}, "/amount/amount"),
        ({"amount": {"amount": "50000", "currency": "USD"}}, "/amount/currency"),
        ({"term": "P11M"}, "/term"),
        ({"term": "P5Y1M"}, "/term"),
        ({"term": "P99Y99M"}, "/term"),
        ({"rate": "0.0319"}, "/rate"),
        ({"rate": "0.0501"}, "/rate"),
        ({"rate": "-0.0300"}, "/rate"),
        ({"start_date": "2026-09-30"}, "/start_date"),
        ({"start_date": "2019-08-19"}, "/start_date"),
        ({"upfront_fee": cny("5000")}, "/upfront_fee/amount"),
        ({"upfront_fee": {"amount": "1", "currency": "USD"}}, "/upfront_fee/currency"),
        ({"repayment_type": "BALLOON"}, "/repayment_type"),
        ({"term": "P1W"}, "/term"),
    ],
)
def test_what_a_loan_product_does_not_allow_is_pointed_at(
    counter: Counter, changed: dict[str, Any], pointer: str
) -> None:
    body = {"product_code": "CAR", "amount": cny("50000"), "term": "P3Y", **changed}

    assert fault(counter, "loan", **body) == (422, pointer, "FIELD_INVALID")


def test_extra_repayments_and_changes_of_the_rate_are_echoed_and_in_the_schedule(counter: Counter) -> None:
    changes = [{"from_number": 13, "rate": "0.0300"}]
    extras = [
        {"number": 6, "amount": cny("10000.00"), "effect": "LOWER_PAYMENT"},
        {"number": 24, "amount": cny("20000.00"), "effect": "SHORTER_TERM"},
    ]
    body = {"product_code": "CAR", "amount": cny("100000"), "term": "P5Y"}
    plain = result(counter, "loan", **body)
    answer = result(counter, "loan", **body, rate_changes=changes, extra_repayments=extras)

    assert (answer["rate_changes"], answer["extra_repayments"]) == (changes, extras)
    assert not {"rate_changes", "extra_repayments"} & plain.keys()
    schedule = answer["schedule"]
    assert [item["number"] for item in schedule if "extra_repayment" in item] == [6, 24]
    assert [item["rate"] for item in schedule] == ["0.0360"] * 12 + ["0.0300"] * (len(schedule) - 12)
    assert schedule[-1]["balance"] == cny("0.00")
    assert len(schedule) < 60
    paid = sum(Decimal(item["payment"]["amount"]) for item in schedule) + 30_000
    assert paid == Decimal(answer["total_payment"]["amount"]) < Decimal(plain["total_payment"]["amount"])
    assert Decimal(answer["total_interest"]["amount"]) == paid - 100_000


def test_the_effect_of_an_extra_repayment_is_a_lower_payment_unless_told(counter: Counter) -> None:
    answer = result(counter, "loan", product_code="CAR", amount=cny("100000"), term="P5Y",
                    extra_repayments=[{"number": 1, "amount": cny("50000")}])  # fmt: skip

    assert answer["extra_repayments"][0]["effect"] == "LOWER_PAYMENT"
    assert len(answer["schedule"]) == 60


def extra(number: int, amount: str = "1000", **more: Any) -> dict[str, Any]:
    return {"number": number, "amount": cny(amount), **more}


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"extra_repayments": [extra(36)]}, "/extra_repayments/0/number"),
        ({"extra_repayments": [extra(0)]}, "/extra_repayments/0/number"),
        ({"extra_repayments": [extra(-1)]}, "/extra_repayments/0/number"),
        ({"extra_repayments": [extra(9), extra(9)]}, "/extra_repayments/1/number"),
        ({"extra_repayments": [extra(9), extra(8)]}, "/extra_repayments/1/number"),
        ({"extra_repayments": [extra(3), extra(9, "0")]}, "/extra_repayments/1/amount/amount"),
        ({"extra_repayments": [extra(9, "49999.99")]}, "/extra_repayments/0/amount/amount"),
        ({"extra_repayments": [extra(9, "1" + "0" * 30)]}, "/extra_repayments/0/amount/amount"),
        ({"extra_repayments": [extra(9, effect="HOLIDAY")]}, "/extra_repayments/0/effect"),
        ({"extra_repayments": [{"number": 9, "amount": {"amount": "1", "currency": "USD"}}]},
         "/extra_repayments/0/amount/currency"),
        ({"extra_repayments": [extra(1, "45000", effect="SHORTER_TERM"), extra(30)]}, "/extra_repayments/1/number"),
        ({"repayment_type": "INTEREST_ONLY", "extra_repayments": [extra(9, effect="SHORTER_TERM")]},
         "/extra_repayments/0/effect"),
        ({"extra_repayments": [extra(1)] * 41}, "/extra_repayments"),
        ({"rate_changes": [{"from_number": 1, "rate": "0.0300"}]}, "/rate_changes/0/from_number"),
        ({"rate_changes": [{"from_number": 37, "rate": "0.0300"}]}, "/rate_changes/0/from_number"),
        ({"rate_changes": [{"from_number": 9, "rate": "0.0300"}] * 2}, "/rate_changes/1/from_number"),
        ({"rate_changes": [{"from_number": 9, "rate": "0.3601"}]}, "/rate_changes/0/rate"),
        ({"rate_changes": [{"from_number": 9, "rate": "-0.0100"}]}, "/rate_changes/0/rate"),
    ],
)  # fmt: skip
def test_what_cannot_happen_to_a_loan_is_pointed_at(counter: Counter, changed: dict[str, Any], pointer: str) -> None:
    body = {"product_code": "CAR", "amount": cny("50000"), "term": "P3Y", **changed}

    assert fault(counter, "loan", **body) == (422, pointer, "FIELD_INVALID")


# --- foreign exchange -------------------------------------------------------------------------------------------------


def test_a_cross_goes_by_way_of_the_renminbi(counter: Counter) -> None:
    answer = result(counter, "fx", side="SELL", amount={"amount": "1000", "currency": "USD"}, counter_currency="JPY")

    first, second = answer["legs"]
    assert (first["price_type"], second["price_type"]) == ("TT_BUY", "TT_SELL")
    assert first["buy"] == second["sell"] == cny("6696.40")
    assert answer["buy"] == second["buy"]
    assert answer["buy"]["currency"] == "JPY"
    assert "." not in answer["buy"]["amount"]
    assert answer["rounding"]["decimals"] == 0


def test_buying_says_what_it_costs_rounded_up(counter: Counter) -> None:
    answer = result(counter, "fx", side="BUY", amount={"amount": "50000", "currency": "JPY"}, counter_currency="CNY",
                    settlement="NOTES")  # fmt: skip
    price = Decimal(answer["legs"][0]["price"])
    cost = Decimal(answer["sell"]["amount"])

    assert answer["legs"][0]["price_type"] == "NOTES_SELL"
    assert cost - Decimal("0.01") < 50000 * price / 100 <= cost
    assert answer["rounding"]["mode"] == "UP"


def test_a_past_day_uses_the_board_at_its_end(counter: Counter) -> None:
    answer = result(counter, "fx", side="SELL", amount=cny("100"), counter_currency="USD", date="2026-09-26")
    quote = counter.rows("/v1/rates/fx", base="USD", date="2026-09-26")[0]

    assert {name: answer[name] for name in ("rate_sheet_id", "published_at", "reference_date", "date")} == {
        name: quote[name] for name in ("rate_sheet_id", "published_at", "reference_date", "date")
    }
    assert (answer["legs"][0]["price"], answer["settlement"]) == (quote["tt_sell"], "TT")


@IN_HAND
@given(
    fen=st.integers(1, 10**11),
    currencies=st.lists(
        st.sampled_from(("CNY", "USD", "EUR", "JPY", "IDR", "KRW")), min_size=2, max_size=2, unique=True
    ),
    settlement=st.sampled_from(("TT", "NOTES")),
)
def test_nobody_gains_by_going_there_and_back(
    counter: Counter, fen: int, currencies: list[str], settlement: str
) -> None:
    one, other = currencies
    amount = str((fen + 99) // 100) if one in ("JPY", "KRW") else str(Decimal(fen).scaleb(-2))

    def sell(given: dict[str, str], wanted: str) -> dict[str, str] | None:
        """What the customer gets; None where that is less than there are coins for."""
        body = {"side": "SELL", "amount": given, "counter_currency": wanted, "settlement": settlement}
        response = counter.calculate("fx", **body)
        if response.status_code == 422:
            assert "Comes to less than" in response.text
            return None
        got: dict[str, str] = response.get_json()["buy"]
        assert Decimal(got["amount"]) > 0
        return got

    there = sell({"amount": amount, "currency": one}, other)
    if there is None or Decimal(there["amount"]) > 10**9:
        return
    back = sell(there, one)

    assert back is None or Decimal(back["amount"]) <= Decimal(amount)


def test_a_rest_that_is_too_small_for_instalments_is_refused_and_all_that_is_owed_named(counter: Counter) -> None:
    body = {"product_code": "CAR", "amount": cny("50000"), "term": "P3Y"}
    owed = Decimal(result(counter, "loan", **body)["schedule"][8]["balance"]["amount"])
    response = counter.calculate("loan", **body, extra_repayments=[extra(9, str(owed - Decimal("0.05")))])
    (error,) = response.get_json()["errors"]

    assert (response.status_code, error["pointer"]) == (422, "/extra_repayments/0/amount/amount")
    assert "Leaves 0.05" in error["message"] and str(owed) in error["message"]
    assert len(result(counter, "loan", **body, extra_repayments=[extra(9, str(owed))])["schedule"]) == 9


@pytest.mark.parametrize(
    ("side", "amount", "currency", "other", "said"),
    [
        ("SELL", "1", "JPY", "USD", "Comes to less than 0.01 USD."),
        ("SELL", "0.01", "CNY", "USD", "Comes to less than 0.01 USD."),
        ("SELL", "0.01", "CNY", "JPY", "Comes to less than 1 JPY."),
        ("SELL", "1", "IDR", "JPY", "Comes to less than 0.01 CNY."),
    ],
)
def test_nobody_gives_money_for_nothing(
    counter: Counter, side: str, amount: str, currency: str, other: str, said: str
) -> None:
    response = counter.calculate(
        "fx", side=side, amount={"amount": amount, "currency": currency}, counter_currency=other
    )
    (error,) = response.get_json()["errors"]
    assert (response.status_code, error["pointer"], error["message"]) == (422, "/amount/amount", said)
    bought = result(counter, "fx", side="BUY", amount={"amount": amount, "currency": currency}, counter_currency=other)
    assert Decimal(bought["sell"]["amount"]) > 0, "what is wanted is paid for, however little it is"


def test_an_instant_uses_the_board_that_held_then(counter: Counter) -> None:
    """Of the day's boards, the one that had taken effect by then, not the last one."""
    body = {"side": "SELL", "amount": {"amount": "100", "currency": "USD"}, "counter_currency": "CNY"}
    answers = {}
    for as_of in ("2026-09-28T09:45:00+08:00", "2026-09-28T16:30:00+08:00"):
        quote = counter.rows("/v1/rates/fx", base="USD", as_of=as_of)[0]
        answer = answers[as_of] = result(counter, "fx", **body, as_of=as_of)
        assert {name: answer[name] for name in ("rate_sheet_id", "published_at", "date")} == {
            name: quote[name] for name in ("rate_sheet_id", "published_at", "date")
        }
        assert answer["as_of"] == as_of
    assert len({answer["rate_sheet_id"] for answer in answers.values()}) == 2
    assert "as_of" not in result(counter, "fx", **body)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"amount": {"amount": "1", "currency": "XAU"}}, "/amount/currency"),
        ({"counter_currency": "XAU"}, "/counter_currency"),
        ({"counter_currency": "USD"}, "/counter_currency"),
        ({"amount": {"amount": "0.00", "currency": "USD"}}, "/amount/amount"),
        ({"amount": {"amount": "1000000000.01", "currency": "USD"}}, "/amount/amount"),
        ({"amount": {"amount": "100.50", "currency": "JPY"}}, "/amount/amount"),
        ({"counter_currency": "MYR", "settlement": "NOTES"}, "/settlement"),
        ({"date": "2026-09-30"}, "/date"),
        ({"date": "2024-10-31"}, "/date"),
        ({"as_of": "2026-09-29T10:30:01+08:00"}, "/as_of"),
        ({"as_of": "2024-10-31T12:00:00+08:00"}, "/as_of"),
        ({"as_of": "0001-01-01T00:00:00+23:59"}, "/as_of"),
        ({"as_of": "2026-09-28T12:00:00"}, "/as_of"),
        ({"as_of": "2026-09-28"}, "/as_of"),
        ({"as_of": "2026-09-28T12:00:00+08:00", "date": "2026-09-28"}, "/as_of"),
        ({"side": "HOLD"}, "/side"),
    ],
)
def test_what_the_board_does_not_have_is_pointed_at(counter: Counter, changed: dict[str, Any], pointer: str) -> None:
    body = {"side": "SELL", "amount": {"amount": "1", "currency": "USD"}, "counter_currency": "CNY", **changed}

    assert fault(counter, "fx", **body) == (422, pointer, "FIELD_INVALID")


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", CALCULATORS)
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"amount": 1, "amount": 2}', "application/json", 400),
        ("[" * 500 + "]" * 500, "application/json", 400),
        ("[]", "application/json", 422),
        ("null", "application/json", 422),
        ("{}", "application/json", 422),
        ("{}", "text/plain", 415),
        ("x" * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    counter: Counter, what: str, body: str, content_type: str, status: int
) -> None:
    response = counter.client.post(f"/v1/calculators/{what}", data=body, content_type=content_type)

    assert response.status_code == status
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e9", "-1", "1,000", "١٢", "1.001", " 1", "1\n", 1, None])
def test_an_amount_is_plain_digits(counter: Counter, amount: object) -> None:
    body = {"side": "SELL", "amount": {"amount": amount, "currency": "USD"}, "counter_currency": "CNY"}

    assert fault(counter, "fx", **body) == (422, "/amount/amount", "FIELD_INVALID")


@pytest.mark.parametrize("amount", ["1" + "0" * 30, "1e30", "9" * 400])
def test_an_amount_beyond_all_money_is_pointed_at(counter: Counter, amount: str) -> None:
    huge = cny(amount)
    bodies: dict[str, dict[str, Any]] = {
        "deposit": {"product_code": "TIME_CNY_1Y", "amount": huge},
        "loan": {"product_code": "CAR", "amount": huge, "term": "P3Y"},
        "fx": {"side": "SELL", "amount": huge, "counter_currency": "USD"},
    }
    for what, body in bodies.items():
        assert fault(counter, what, **body) == (422, "/amount/amount", "FIELD_INVALID")
    fee = {"product_code": "CAR", "amount": cny("50000"), "term": "P3Y", "upfront_fee": huge}
    assert fault(counter, "loan", **fee) == (422, "/upfront_fee/amount", "FIELD_INVALID")


@pytest.mark.parametrize("term", ["P-3M", "-P3M", "P0M", "P0Y", "P", "P3D", "P1000M", "P3.5Y", "3", "", 3])
def test_a_term_that_is_none_is_pointed_at(counter: Counter, term: object) -> None:
    body = {"product_code": "CAR", "amount": cny("50000"), "term": term}

    assert fault(counter, "loan", **body) == (422, "/term", "FIELD_INVALID")


@pytest.mark.parametrize("day", ["0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "soon"])
def test_a_day_out_of_range_is_pointed_at(counter: Counter, day: str) -> None:
    for what, body, pointer in (
        ("deposit", {"product_code": "TIME_CNY_1Y", "amount": cny("1000"), "start_date": day}, "/start_date"),
        ("deposit", {"product_code": "DEMAND_CNY", "amount": cny("1000"), "end_date": day}, "/end_date"),
        ("loan", {"product_code": "CAR", "amount": cny("50000"), "term": "P3Y", "start_date": day}, "/start_date"),
        ("fx", {"side": "SELL", "amount": cny("1"), "counter_currency": "USD", "date": day}, "/date"),
    ):
        assert fault(counter, what, **body) == (422, pointer, "FIELD_INVALID")


def test_an_unknown_member_is_refused(counter: Counter) -> None:
    body = {"product_code": "TIME_CNY_1Y", "amount": cny("1000"), "currency": "CNY"}

    assert fault(counter, "deposit", **body) == (422, "/currency", "FIELD_UNKNOWN")
