"""The four ways of creating a payment, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Partner

pytestmark = pytest.mark.both_engines

TOP_UP = "CN-MOBILE_TOPUP-01"
POWER = "SH-ELECTRICITY-01"


def _refused(partner: Partner, status: int, code: str, **form: object) -> dict:
    answer = partner.post("/v1/payments", {"partner_reference": "refused-1", **form})
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert partner.get("/v1/payments").json["data"] == []
    return dict(answer.json)


def test_an_open_link_needs_nothing_but_a_reference(partner: Partner) -> None:
    payment = partner.pay_link()
    assert "amount" not in payment
    assert "biller_id" not in payment
    assert payment["payment_link"]["status"] == "ACTIVE"


def test_hints_are_kept(partner: Partner) -> None:
    payment = partner.pay_link(category_code="WATER", adcode="310000", locale="en", metadata={"page": "autumn"})
    assert (payment["category_code"], payment["adcode"], payment["locale"], payment["metadata"]) == (
        "WATER",
        "310000",
        "en",
        {"page": "autumn"},
    )


@pytest.mark.parametrize(
    ("hint", "pointer"),
    [
        ({"category_code": "LOTTERY"}, "/category_code"),
        ({"adcode": "990000"}, "/adcode"),
        ({"adcode": "310199", "category_code": "WATER"}, "/adcode"),
        ({"adcode": "710000"}, "/adcode"),
    ],
)
def test_a_hint_that_names_nothing_is_refused_with_its_place(
    partner: Partner, hint: dict[str, str], pointer: str
) -> None:
    refused = _refused(partner, 422, "FIELD_INVALID", **hint)
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert all(value not in refused["errors"][0]["message"] for value in hint.values())


@pytest.mark.parametrize("adcode", ["310000", "310115", "220000", "220204", "469021", "320583"])
def test_a_province_a_city_and_a_county_are_hints(partner: Partner, adcode: str) -> None:
    assert partner.pay_link(adcode=adcode)["adcode"] == adcode


def test_a_biller_link_names_the_biller(partner: Partner) -> None:
    biller = partner.biller(POWER)
    assert partner.pay_link(biller_id=biller["biller_id"])["category_code"] == "ELECTRICITY"


def test_a_direct_payment_shows_its_amount_and_masks_the_account(partner: Partner) -> None:
    biller, inputs = partner.biller(TOP_UP), partner.magic(TOP_UP, "DUE_BILL")
    amount = biller["plans"][0]["amount"]
    payment = partner.pay_link(biller_id=biller["biller_id"], inputs=inputs, amount=amount)
    assert payment["amount"] == payment["total"] == amount
    assert payment["account_ref_masked"].startswith("*********")


def test_a_bill_payment_shows_what_the_bills_add_up_to(partner: Partner) -> None:
    bills = partner.fetch(scenario="SEVERAL_BILLS").json["bills"]
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in bills])
    assert sum(round(float(bill["outstanding"]["amount"]) * 100) for bill in bills) == round(
        float(payment["amount"]["amount"]) * 100
    )


def test_amounts_that_a_partner_may_not_see_are_not_shown(partner: Partner) -> None:
    biller = next(
        b
        for b in partner.get("/v1/billers", limit=100).json["data"]
        if b["presentment"] == "EXISTENCE" and b["fetch_mode"] == "FETCH"
    )
    code = biller["biller_code"]
    fetched = partner.fetch(code).json
    assert "amount" not in fetched["bills"][0]
    payment = partner.pay_link(bill_ids=[fetched["bills"][0]["bill_id"]])
    assert not {"amount", "total"} & set(payment)


def test_forms_do_not_mix(partner: Partner) -> None:
    biller_id = partner.biller(POWER)["biller_id"]
    _refused(partner, 422, "FIELD_INVALID", biller_id=biller_id, category_code="WATER")
    _refused(partner, 422, "FIELD_INVALID", bill_ids=["bil_aaaaaaaa"], biller_id=biller_id)
    _refused(partner, 422, "FIELD_MISSING", biller_id=biller_id, inputs={"account_number": "1"})


def test_an_unknown_biller_is_not_found(partner: Partner) -> None:
    _refused(partner, 404, "BILLER_NOT_FOUND", biller_id="blr_aaaaaaaaaaaa")


@pytest.mark.abuse("bills", "makes links for a biller that is suspended")
def test_a_suspended_biller_takes_nothing(partner: Partner) -> None:
    suspended = partner.biller("KM-CABLE_TV-01")
    assert suspended["status"] == "SUSPENDED"
    _refused(partner, 409, "BILLER_INACTIVE", biller_id=suspended["biller_id"])


def test_a_wrong_check_digit_is_named_without_the_number(partner: Partner) -> None:
    biller, inputs = partner.biller(TOP_UP), partner.magic(TOP_UP, "DUE_BILL")
    number = inputs["account_number"]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    problem = _refused(
        partner,
        422,
        "FIELD_INVALID",
        biller_id=biller["biller_id"],
        inputs={"account_number": wrong},
        amount=biller["plans"][0]["amount"],
    )
    assert problem["errors"][0]["pointer"] == "/inputs/account_number"
    assert "check digit" in problem["errors"][0]["message"]
    assert wrong not in str(problem)


@pytest.mark.abuse("amounts", "asks for an amount below, above or beside what the biller takes")
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"amount": "0.00", "currency": "CNY"}, "AMOUNT_OUT_OF_RANGE"),
        ({"amount": "99999999.00", "currency": "CNY"}, "AMOUNT_OUT_OF_RANGE"),
        ({"amount": "50.00", "currency": "USD"}, "AMOUNT_OUT_OF_RANGE"),
        ({"amount": "50.01", "currency": "CNY"}, "AMOUNT_NOT_EXACT"),
    ],
)
def test_an_amount_that_the_biller_does_not_take_is_refused_with_those_that_it_takes(
    partner: Partner, amount: dict, code: str
) -> None:
    biller, inputs = partner.biller(TOP_UP), partner.magic(TOP_UP, "DUE_BILL")
    problem = _refused(partner, 422, code, biller_id=biller["biller_id"], inputs=inputs, amount=amount)
    least, most = biller["min_amount"]["amount"], biller["max_amount"]["amount"]
    plans = ", ".join(plan["amount"]["amount"] for plan in biller["plans"])
    range_ = f"The biller takes {least} to {most} CNY"
    expected = {"AMOUNT_OUT_OF_RANGE": range_, "AMOUNT_NOT_EXACT": f"The biller takes {plans}"}
    assert problem["detail"].startswith(expected[code])


def test_a_fetching_biller_takes_no_direct_payment(partner: Partner) -> None:
    inputs = partner.magic(POWER, "DUE_BILL")
    amount = {"amount": "1.00", "currency": "CNY"}
    _refused(partner, 422, "FIELD_INVALID", biller_id=partner.biller(POWER)["biller_id"], inputs=inputs, amount=amount)


@pytest.mark.abuse("bills", "has bills of two accounts paid as one")
def test_bills_of_two_fetches_do_not_go_together(partner: Partner) -> None:
    bills = [partner.fetch().json["bills"][0]["bill_id"] for _ in range(2)]
    _refused(partner, 422, "BILLS_NOT_PAYABLE_TOGETHER", bill_ids=bills)


@pytest.mark.abuse("bills", "pays the newest bill and leaves the oldest")
def test_the_selection_rule_of_the_biller_holds(partner: Partner) -> None:
    bills = partner.fetch(scenario="SEVERAL_BILLS").json["bills"]
    _refused(partner, 422, "BILLS_NOT_PAYABLE_TOGETHER", bill_ids=[bills[-1]["bill_id"]])


@pytest.mark.abuse("bills", "links to a bill of the day before")
def test_a_bill_is_payable_for_24_hours(partner: Partner) -> None:
    bill = partner.fetch().json["bills"][0]
    partner.advance(seconds=86_400 + 1)
    answer = partner.post("/v1/payments", {"partner_reference": "late-1", "bill_ids": [bill["bill_id"]]})
    assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID")
    assert partner.get(f"/v1/bills/{bill['bill_id']}").status_code == 404


@pytest.mark.abuse("link", "has a payer return to an address that is not registered")
def test_a_return_url_must_be_registered_to_the_letter(partner: Partner) -> None:
    assert partner.pay_link(return_url="https://bot.example/done")["return_url"] == "https://bot.example/done"
    for url in ("https://bot.example/done/", "https://bot.example/done?x=1", "https://evil.example/done"):
        answer = partner.post("/v1/payments", {"partner_reference": "url-1", "return_url": url})
        assert answer.json["code"] == "RETURN_URL_NOT_REGISTERED"


def test_a_reference_is_unique_for_a_partner_and_names_its_payment(
    partner: Partner, new_partner: Callable[..., Partner]
) -> None:
    first = partner.pay_link(partner_reference="mine-1")
    again = partner.post("/v1/payments", {"partner_reference": "mine-1"})
    assert (again.status_code, again.json["code"], again.json["payment_id"]) == (
        409,
        "DUPLICATE_REFERENCE",
        first["payment_id"],
    )
    sibling = new_partner(headers=partner.headers, join="partner")
    assert sibling.post("/v1/payments", {"partner_reference": "mine-1"}).json["code"] == "DUPLICATE_REFERENCE"
    neighbour = new_partner(headers=partner.headers, join="world")
    assert neighbour.pay_link(partner_reference="mine-1")["payment_id"] != first["payment_id"]


def test_the_same_key_replays_the_first_answer_and_makes_one_payment(partner: Partner) -> None:
    body = {"partner_reference": "once-1"}
    first, second = (partner.post("/v1/payments", body, key="k-1") for _ in range(2))
    assert (first.status_code, first.data, first.headers["Location"]) == (
        second.status_code,
        second.data,
        second.headers["Location"],
    )
    assert len(partner.get("/v1/payments").json["data"]) == 1
    assert len(partner.events()) == 1


@pytest.mark.abuse("replay", "sends a used key with another body")
def test_the_same_key_with_another_body_is_a_mismatch(partner: Partner) -> None:
    partner.post("/v1/payments", {"partner_reference": "once-2"}, key="k-2")
    changed = partner.post("/v1/payments", {"partner_reference": "once-3"}, key="k-2")
    assert (changed.status_code, changed.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")


def test_a_refused_request_keeps_no_key(partner: Partner) -> None:
    assert (
        partner.post("/v1/payments", {"partner_reference": "x", "biller_id": "blr_aaaaaaaaaaaa"}, key="k-3").status_code
        == 404
    )
    assert partner.post("/v1/payments", {"partner_reference": "x"}, key="k-3").status_code == 201


def test_a_key_is_needed(partner: Partner) -> None:
    answer = partner.post("/v1/payments", {"partner_reference": "x"}, key=None)
    assert (answer.status_code, answer.json["code"], answer.json["errors"][0]["name"]) == (
        422,
        "FIELD_MISSING",
        "Idempotency-Key",
    )


def test_a_key_is_forgotten_a_day_after_the_payment_is_final(partner: Partner) -> None:
    partner.post("/v1/payments", {"partner_reference": "k-old", "expires_in": 60}, key="k-4")
    partner.advance(seconds=86_400)
    assert (
        partner.post("/v1/payments", {"partner_reference": "k-new"}, key="k-4").json["code"] == "IDEMPOTENCY_MISMATCH"
    )
    partner.advance(seconds=120)
    assert partner.post("/v1/payments", {"partner_reference": "k-new"}, key="k-4").status_code == 201


def test_cancelling_twice_with_one_key_replays_and_with_another_is_refused(partner: Partner) -> None:
    path = f"/v1/payments/{partner.pay_link()['payment_id']}:cancel"
    first, replay = (partner.post(path, key="c-1") for _ in range(2))
    assert first.data == replay.data
    refused = partner.post(path, key="c-2")
    assert (refused.status_code, refused.json["code"], refused.json["allowed"]) == (409, "INVALID_TRANSITION", [])


def test_payments_are_listed_newest_first_without_gap_or_repeat(partner: Partner) -> None:
    made = [partner.pay_link()["payment_id"] for _ in range(7)]
    seen, path = [], "/v1/payments?limit=3"
    while path:
        answer = partner.client.get(path, headers=partner.headers).json
        seen += [payment["payment_id"] for payment in answer["data"]]
        if len(seen) == 3:
            partner.pay_link()
        path = answer["links"]["next"]
    assert seen == made[::-1]


def test_payments_are_found_by_status_and_reference(partner: Partner) -> None:
    one = partner.pay_link(partner_reference="find-me")
    partner.pay_link()
    partner.post(f"/v1/payments/{one['payment_id']}:cancel")
    assert [p["payment_id"] for p in partner.get("/v1/payments", status="cancelled").json["data"]] == [
        one["payment_id"]
    ]
    assert [p["payment_id"] for p in partner.get("/v1/payments", partner_reference="find-me").json["data"]] == [
        one["payment_id"]
    ]


def test_a_receipt_is_there_only_after_posting(partner: Partner) -> None:
    answer = partner.get(f"/v1/payments/{partner.pay_link()['payment_id']}/receipt")
    assert (answer.status_code, answer.json["code"]) == (409, "RECEIPT_NOT_READY")


def test_a_payment_that_ended_without_being_posted_has_no_receipt_to_wait_for(partner: Partner) -> None:
    payment_id = partner.pay_link()["payment_id"]
    partner.post(f"/v1/payments/{payment_id}:cancel")
    answer = partner.get(f"/v1/payments/{payment_id}/receipt")
    assert (answer.status_code, answer.json["code"], answer.json["retryable"]) == (
        404,
        "RECEIPT_NOT_AVAILABLE",
        "never",
    )
    assert answer.json["detail"].startswith("The payment is cancelled")
