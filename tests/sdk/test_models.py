"""The records: a tolerant reader of names, a strict one of numbers, and silent about what is personal."""

from __future__ import annotations

import copy
import datetime as dt
import json
import pickle
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk import doubles
from tests.sdk.doubles import answer, example

from openteller import Money, models
from openteller._core.decoding import decode, problem_of
from openteller._core.wire import Answer, Outcome
from openteller.errors import BrokenAnswer
from openteller.models import (
    App,
    BillFetch,
    BillFetchStatus,
    Branch,
    DepositRateList,
    FxQuote,
    LoanCalculation,
    Payment,
    PaymentStatus,
    Receipt,
    Reminder,
    WebhookEndpoint,
)


def read(model: type[Any], body: object, **headers: str) -> Any:
    return decode("anOperation", model, Outcome(answer(200, body, **headers), 1, None))


def shown_models() -> Iterator[tuple[str, type[Any], Any]]:
    """Give each example of an answer with its model."""
    for _, _, operation in doubles.operations():
        for status, said in operation["responses"].items():
            media = said.get("content", {}).get("application/json") if status.startswith("2") else None
            if media:
                name = media["schema"]["$ref"].rpartition("/")[2]
                for label, one in media["examples"].items():
                    yield f"{operation['operationId']}-{label}", getattr(models, name), one["value"]


SHOWN = list(shown_models())


@pytest.mark.parametrize(("model", "body"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_a_record_goes_back_to_what_it_was_read_from(model: type[Any], body: Any) -> None:
    record = read(model, body)

    assert plain(record.to_dict()) == plain(body)
    assert read(model, record.to_dict()) == record
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.deepcopy(record) == record
    json.dumps(record.to_dict())


def plain(value: Any) -> Any:
    """Drop two ways to say the same: a member that may be left out may be null as well, and +00:00 is Z."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, str):
        return re.sub(r"(T[0-9:.]+)\+00:00$", r"\1Z", value)
    return [plain(part) for part in value] if isinstance(value, list) else value


# --- what a later release may send


@pytest.mark.parametrize(("model", "body"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_members_that_are_not_known_are_no_error(model: type[Any], body: Any) -> None:
    assert read(model, with_more(body, model)) == read(model, body)


def with_more(value: Any, kind: Any = None) -> Any:
    """Put an unknown member into every record; maps, whose names are data, stay as they are."""
    if isinstance(value, dict):
        is_map = not value or any(name in {"inputs", "metadata", "properties"} for name in value)
        more = {} if is_map else {"member_of_tomorrow": {"deep": [1]}}
        kept = {"inputs", "metadata", "properties", "data", "context"}
        inner = {
            name: part if name in kept and isinstance(part, dict) else with_more(part) for name, part in value.items()
        }
        return inner | more
    return [with_more(part) for part in value] if isinstance(value, list) else value


def test_values_that_are_not_known_arrive_as_they_are() -> None:
    body = example("getPayment", "created") | {"status": "teleported", "money_at": "MOON"}
    payment = read(Payment, body)

    assert (payment.status, payment.money_at) == ("teleported", "MOON")
    assert (payment.allowed, payment.is_final) == ((), False)


def test_known_values_have_names() -> None:
    payment = read(Payment, example("getPayment", "created"))

    assert payment.status == PaymentStatus.CREATED == "created"
    assert payment.allowed == ("authorising", "cancelled", "expired")
    assert BillFetchStatus("PROCESSING") is BillFetchStatus.PROCESSING


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        ("created", False),
        ("unknown", False),
        ("refund_failed", False),
        ("succeeded", True),
        ("refunded", True),
        ("failed", True),
        ("cancelled", True),
        ("expired", True),
    ],
)
def test_a_payment_knows_whether_more_is_expected(status: str, is_final: bool) -> None:
    assert read(Payment, example("getPayment") | {"status": status}).is_final is is_final


def test_the_moves_of_a_payment_are_those_of_the_contract() -> None:
    table = doubles.contract()["components"]["schemas"]["PaymentStatus"]["x-transitions"]
    for status, following in table.items():
        assert read(Payment, example("getPayment") | {"status": status}).allowed == tuple(following)


@pytest.mark.parametrize("status", ["OPEN", "POSTPONED", "PAYING", "PAID", "DECLINED", "WITHDRAWN", "FROM_TOMORROW"])
def test_a_reminder_knows_what_may_follow_and_whether_it_asks(status: str) -> None:
    table = doubles.contract()["components"]["schemas"]["ReminderStatus"]["x-transitions"]
    reminder = read(Reminder, example("getReminder") | {"status": status})
    assert reminder.allowed == tuple(table.get(status, ()))
    assert reminder.is_answerable is (status in {"OPEN", "POSTPONED"})


def test_a_member_that_is_not_required_is_none_when_it_is_not_there() -> None:
    body = example("getBranch")
    body.pop("next_change_at", None)

    assert read(Branch, body).next_change_at is None


# --- what no release may send


@pytest.mark.parametrize(
    "rate",
    ["NaN", "Infinity", "1_000", "١٢", "１", "1e5", "", " 1", "1\n", "+1", 1.5, 1, True, None, ["1"], {"amount": "1"}],
)
def test_a_number_that_is_no_decimal_string_is_refused(rate: object) -> None:
    body = example("listFxQuotes", "dollar")["data"][0] | {"tt_buy": rate}

    with pytest.raises(BrokenAnswer, match="not what the contract says") as caught:
        read(FxQuote, body)

    assert "tt_buy" in str(caught.value)


@pytest.mark.parametrize(
    "outstanding",
    [
        "1.00",
        1,
        {},
        {"amount": "1"},
        {"amount": 1.5, "currency": "CNY"},
        {"amount": "NaN", "currency": "CNY"},
        {"amount": "1", "currency": "yuan"},
        {"amount": "1", "currency": 156},
        {"amount": None, "currency": "CNY"},
        {"amount": "9" * 101, "currency": "CNY"},
        {"currency": "CNY"},
    ],
)
def test_money_that_is_none_is_refused(outstanding: object) -> None:
    body = example("getBillFetch")
    body["bills"][0]["outstanding"] = outstanding

    with pytest.raises(BrokenAnswer, match="outstanding"):
        read(BillFetch, body)


@pytest.mark.parametrize(
    "instant", ["2026-09-29T10:30:00", "2026-09-29", "yesterday", 1_790_000_000, "2026-13-01T00:00:00Z", None]
)
def test_an_instant_without_its_zone_is_refused(instant: object) -> None:
    with pytest.raises(BrokenAnswer, match="created_at"):
        read(Payment, example("getPayment") | {"created_at": instant})


@pytest.mark.parametrize("count", ["1.5", '"1"', "true", "null", "-1e400", "1" + "0" * 5000], ids=lambda text: text[:6])
def test_a_count_that_is_no_whole_number_is_refused(count: str) -> None:
    body = example("listDepositRates")
    text = json.dumps(body | {"meta": body["meta"] | {"count": 123_456}}).replace("123456", count)
    outcome = Outcome(Answer(200, {"content-type": "application/json"}, text.encode()), 1, None)

    with pytest.raises(BrokenAnswer, match="not what the contract says"):
        decode("anOperation", DepositRateList, outcome)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"data": "\xed\xa0\x80"}', b"[" * 100_000, b"{}", b"<html>"],
    ids=lambda body: repr(body[:8]),
)
def test_a_body_that_is_no_record_is_refused(body: bytes) -> None:
    outcome = Outcome(Answer(200, {"content-type": "application/json", "x-request-id": "rqs_1"}, body), 2, "key-1")
    with pytest.raises(BrokenAnswer) as caught:
        decode("createPayment", Payment, outcome)

    error = caught.value
    assert (error.status, error.request_id, error.attempts) == (200, "rqs_1", 2)
    assert (error.idempotency_key, error.retryable) == ("key-1", "same_key")
    assert error.__cause__ is None and error.__context__ is None


@given(st.binary(max_size=60))
def test_no_body_raises_anything_else(body: bytes) -> None:
    said = Answer(400, {"content-type": "application/json"}, body)
    problem_of(said)
    with pytest.raises(BrokenAnswer):
        decode("anOperation", Payment, Outcome(said, 1, None))


@pytest.mark.parametrize("media", ["application/json", "Application/JSON; charset=UTF-8", "application/hal+json"])
def test_json_is_json_by_any_of_its_names(media: str) -> None:
    assert read(Branch, example("getBranch"), content_type=media).branch_id


@pytest.mark.parametrize("media", ["text/html; charset=utf-8", "", "text/plain"])
def test_what_does_not_say_that_it_is_json_is_not_read(media: str) -> None:
    with pytest.raises(BrokenAnswer, match="is base_url right"):
        read(Branch, example("getBranch"), content_type=media)


# --- numbers and times


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-999, max_value=999))
def test_a_rate_goes_back_as_it_came(rate: Decimal) -> None:
    """Without an exponent too: as text, Python's Decimal of 0.0000001 is 1E-7, which the contract does not know."""
    body = example("listFxQuotes", "dollar")["data"][0] | {"tt_buy": f"{rate:f}"}
    quote = read(FxQuote, body)

    assert quote.tt_buy == rate and type(quote.tt_buy) is Decimal
    assert quote.to_dict()["tt_buy"] == f"{rate:f}"


@given(st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=8))])))
def test_an_instant_knows_its_zone(instant: dt.datetime) -> None:
    payment = read(Payment, example("getPayment") | {"created_at": instant.isoformat()})

    assert payment.created_at == instant
    assert payment.created_at.utcoffset() == instant.utcoffset()
    assert dt.datetime.fromisoformat(payment.to_dict()["created_at"]) == instant


def test_a_days_date_is_a_date() -> None:
    assert isinstance(read(FxQuote, example("listFxQuotes")["data"][0]).reference_date, dt.date)


def test_amounts_are_money() -> None:
    fetched = read(BillFetch, example("getBillFetch"))

    assert isinstance(fetched.bills[0].outstanding, Money)
    assert fetched.bills[0].amount >= fetched.bills[0].outstanding


# --- what a record does not do


def test_a_record_does_not_change() -> None:
    payment = read(Payment, example("getPayment"))

    with pytest.raises(AttributeError):
        payment.status = "succeeded"


def test_a_record_is_equal_to_its_like() -> None:
    body = example("calculateLoan")

    assert read(LoanCalculation, body) == read(LoanCalculation, body)


def test_a_repr_shows_neither_secrets_nor_what_is_personal() -> None:
    app = read(App, example("createApp"))
    payment = read(Payment, example("getPayment", "created"))

    assert app.client_secret not in repr(app) and "client_secret=…" in repr(app)
    assert app.name in repr(app)
    assert payment.payment_link.url not in repr(payment) and payment.payment_link.code4 in repr(payment)


def test_a_repr_shows_nothing_that_opens_a_receipt_or_speaks_to_a_partners_server() -> None:
    body = example("getPaymentReceipt", "electricity")
    receipt = read(Receipt, body)
    endpoint = read(WebhookEndpoint, example("createWebhookEndpoint") | {"url": "https://bot.example/in?token=s3cret"})

    assert body["verification_code"] not in repr(receipt) and receipt.receipt_number in repr(receipt)
    assert body["signature"]["compact"] not in repr(receipt)
    assert "s3cret" not in repr(endpoint) and endpoint.webhook_endpoint_id in repr(endpoint)


@pytest.mark.parametrize(("model", "body"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_no_repr_shows_a_value_that_the_contract_marks(model: type[Any], body: Any) -> None:
    """Found by putting a word of its own into each marked string of the example, wherever it is."""
    marked, words = _marked(body, {"$ref": f"#/components/schemas/{model.__name__}"}, [])
    shown = repr(read(model, marked))

    assert [word for word in words if word in shown] == []


def _marked(value: Any, node: dict[str, Any], words: list[str], is_hidden: bool = False) -> tuple[Any, list[str]]:
    target = doubles.contract()["components"]["schemas"].get(node.get("$ref", "").rpartition("/")[2], {})
    sensitivity = node.get("x-sensitivity") or target.get("x-sensitivity")
    is_hidden = is_hidden or sensitivity in {"PERSONAL", "SECRET"}
    schema = {**target, **node}
    if isinstance(value, dict):
        members = schema.get("properties", {})
        more = schema.get("additionalProperties") if isinstance(schema.get("additionalProperties"), dict) else {}
        return {
            name: _marked(part, members.get(name) or more or {}, words, is_hidden)[0] for name, part in value.items()
        }, words
    if isinstance(value, list):
        return [_marked(part, schema.get("items", {}), words, is_hidden)[0] for part in value], words
    if is_hidden and isinstance(value, str) and schema.get("format") not in {"date", "date-time", "decimal"}:
        words.append(f"hidden-{len(words)}-word")
        return words[-1], words
    return value, words


def test_all_models_can_be_had_from_one_place() -> None:
    for name in models.__all__:
        assert getattr(models, name).__name__ == name
    assert set(dir(models)) == set(models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Unicorn'"):
        models.Unicorn  # noqa: B018


def test_every_model_is_frozen_and_takes_keywords_only() -> None:
    for name in models.__all__:
        model = getattr(models, name)
        if isinstance(model, type) and issubclass(model, msgspec.Struct) and name != "Model":
            assert model.__struct_config__.frozen and model.__doc__
