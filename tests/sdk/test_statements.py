"""A statement and one's own books: what is believed, what differs, and what is no book at all."""

from __future__ import annotations

import csv
import datetime as dt
import io
import pickle
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import anyio
import msgspec
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer

from openteller import AsyncOpenTeller, Money, OpenTeller, errors
from openteller.models import Statement, StatementRow
from openteller.statements import Kind, OwnRow, Reconciliation, compare, read_own, verify
from openteller_sandbox.bank import Bank
from openteller_sandbox.statements.service import to_csv

CHINA = dt.timezone(dt.timedelta(hours=8))
DAY = dt.date(2026, 9, 29)
TOP_UP = "CN-MOBILE_TOPUP-01"
CUT = "2026-09-30T00:00:00+08:00"


def row(reference: str, amount: str = "50.00", **facts: Any) -> StatementRow:
    defaults: dict[str, Any] = {
        "type": "PAYMENT",
        "payment_id": "pay_0000",
        "fee": Money("0.00"),
        "status": "SUCCEEDED",
        "value_date": DAY,
        "available_at": dt.datetime(2026, 9, 29, 10, 30, tzinfo=CHINA),
    }
    return StatementRow(partner_reference=reference, amount=Money(amount), **(defaults | facts))


def statement_of(rows: Sequence[StatementRow], **facts: Any) -> Statement:
    """Make the statement of rows as the bank does, with the bank's own CSV."""
    records = [
        {
            "type": each.type,
            "payment_id": each.payment_id,
            "partner_reference": each.partner_reference,
            "amount": each.amount.to_dict(),
            "fee": each.fee.to_dict(),
            "status": each.status,
            "value_date": each.value_date.isoformat(),
        }
        | ({"available_at": each.available_at.isoformat()} if each.available_at else {})
        for each in rows
    ]
    defaults = {
        "statement_id": "stm_0000",
        "business_date": DAY,
        "timezone": "Asia/Shanghai",
        "cut_at": dt.datetime(2026, 9, 30, tzinfo=CHINA),
        "version": 1,
        "count": len(rows),
        "undecided": 0,
        "sum": sum((each.amount for each in rows), Money("0.00")),
        "fee_sum": sum((each.fee for each in rows), Money("0.00")),
        "sha256": sha256(to_csv(records).encode()).hexdigest(),
        "made_at": dt.datetime(2026, 9, 30, tzinfo=CHINA),
    }
    return Statement(**(defaults | facts))


def found(rows: Sequence[StatementRow], mine: Sequence[Any], **how: Any) -> list[tuple[str, str]]:
    result = compare(statement_of(rows), rows, mine, **how)
    return [(each.kind, each.partner_reference) for each in result.differences]


# What is believed.


def test_rows_are_believed_only_where_count_hash_and_sums_fit() -> None:
    rows = [row("a"), row("-b", "-20.00", type="REFUND", status="RETURNED"), row("c", status="UNDECIDED")]
    rows[2] = msgspec.structs.replace(rows[2], available_at=None)
    verify(statement_of(rows), rows)
    verify(statement_of([]), [])
    for wrong, rows_of_it, said in (
        (statement_of(rows), rows[:2], "has 3 rows, and has 2"),
        (statement_of(rows), [*rows, rows[0]], "has 3 rows, and has 4"),
        (statement_of(rows), [rows[1], rows[0], rows[2]], "another SHA-256"),
        (statement_of(rows), [rows[0], rows[1], row("c")], "another SHA-256"),
        (statement_of(rows, sum=Money("80.01")), rows, "the amounts of stm_0000 do not add up to CNY 80.01"),
        (statement_of(rows, fee_sum=Money("0.01")), rows, "the fees of stm_0000 do not add up"),
        (statement_of(rows, sum=Money("80.00", "USD")), rows, "the amounts of stm_0000 do not add up to USD"),
    ):
        with pytest.raises(errors.BrokenAnswer, match=said) as caught:
            compare(wrong, rows_of_it, [])
        assert caught.value.retryable == "later"


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True),
            st.integers(-(10**12), 10**12),
            st.integers(0, 10**6),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_the_client_writes_the_very_file_that_the_bank_has_hashed(facts: list[tuple[str, int, int, bool]]) -> None:
    rows = [
        row(
            reference,
            f"{Decimal(amount).scaleb(-2):.2f}",
            fee=Money(f"{Decimal(fee).scaleb(-2):.2f}"),
            available_at=dt.datetime(2026, 9, 29, 10, 30, tzinfo=CHINA) if known else None,
        )
        for reference, amount, fee, known in facts
    ]
    verify(statement_of(rows), rows)


# What differs.


def test_each_difference_is_named() -> None:
    rows = [
        row("agrees"),
        row("amount"),
        row("fee", fee=Money("1.50")),
        row("status"),
        row("twice"),
        row("yours", "-50.00", type="REFUND", status="RETURNED"),
    ]
    mine: list[Any] = [
        OwnRow("agrees", Money("50"), Money("0"), "succeeded"),
        OwnRow("amount", Money("50.01")),
        {"partner_reference": "fee", "amount": 50, "fee": Decimal("1.05")},
        {"partner_reference": "status", "amount": "50.00", "status": "NOT_POSTED"},
        OwnRow("twice", Money("50.00")),
        OwnRow("twice", Money("50.00")),
        OwnRow("never", Money("7.00")),
    ]
    result = compare(statement_of(rows), rows, mine)
    assert [(each.kind, each.type, each.partner_reference) for each in result.differences] == [
        (Kind.AMOUNT, "PAYMENT", "amount"),
        (Kind.FEE, "PAYMENT", "fee"),
        (Kind.MISSING_AT_BANK, "PAYMENT", "never"),
        (Kind.STATUS, "PAYMENT", "status"),
        (Kind.DUPLICATE_AT_MINE, "PAYMENT", "twice"),
        (Kind.MISSING_AT_MINE, "REFUND", "yours"),
    ]
    assert (result.matched, result.agrees) == (2, False)
    assert [str(each) for each in result.differences] == [
        "AMOUNT of PAYMENT amount: mine CNY 50.01, the bank's CNY 50.00",
        "FEE of PAYMENT fee: mine CNY 1.05, the bank's CNY 1.50",
        "MISSING_AT_BANK of PAYMENT never: mine CNY 7.00",
        "STATUS of PAYMENT status: mine NOT_POSTED, the bank's SUCCEEDED",
        "DUPLICATE_AT_MINE of PAYMENT twice: mine CNY 50.00",
        "MISSING_AT_MINE of REFUND yours: the bank's CNY -50.00",
    ]
    assert [each.bank for each in result.of("MISSING_AT_MINE")] == [rows[5]]
    assert result.of(Kind.AMOUNT)[0].mine == mine[1]
    assert pickle.loads(pickle.dumps(result)) == result


def test_one_row_may_differ_in_several_things() -> None:
    rows = [row("a", fee=Money("1.00"))]
    mine = [OwnRow("a", Money("49.00"), Money("0.00"), "UNDECIDED")]
    assert found(rows, mine) == [("AMOUNT", "a"), ("FEE", "a"), ("STATUS", "a")]


def test_an_amount_in_another_currency_is_another_amount() -> None:
    assert found([row("a")], [OwnRow("a", Money("50.00", "HKD"))]) == [("AMOUNT", "a")]


def test_rows_of_one_payment_are_put_together_where_they_agree() -> None:
    """A posting that came twice and was recovered on the same day is two adjustments of one reference."""
    rows = [
        row("a"),
        row("a", type="ADJUSTMENT", status="POSTED_TWICE"),
        row("a", "-50.00", type="ADJUSTMENT", status="RECOVERED"),
    ]
    mine = [OwnRow("a", each.amount, status=str(each.status), type=str(each.type)) for each in rows]
    assert found(rows, mine[::-1]) == []
    assert found(rows, mine[:2]) == [("MISSING_AT_MINE", "a")]
    assert found(rows, [mine[0], mine[2]], types=["PAYMENT"]) == []


def test_books_that_have_payments_only_are_compared_by_type() -> None:
    rows = [row("a"), row("a", "-50.00", type="REVERSAL", status="RETURNED")]
    assert found(rows, [OwnRow("a", Money("50.00"))]) == [("MISSING_AT_MINE", "a")]
    assert found(rows, [OwnRow("a", Money("50.00"))], types=("PAYMENT",)) == []
    with pytest.raises(errors.ConfigurationError, match="a collection of types"):
        found(rows, [], types="PAYMENT")


@pytest.mark.parametrize(
    ("mine", "bank", "fits"),
    [
        ("succeeded", "SUCCEEDED", True),
        ("succeeded", "UNDECIDED", False),
        ("unknown", "UNDECIDED", True),
        ("processing", "SUCCEEDED", False),
        ("refunded", "NOT_POSTED", True),
        ("refunded", "SUCCEEDED", True),
        ("refund_failed", "UNDECIDED", False),
        ("cancelled", "SUCCEEDED", False),
        ("SUCCEEDED", "SUCCEEDED", True),
        ("A_WORD_TO_COME", "A_WORD_TO_COME", True),
    ],
)
def test_a_status_is_compared_in_the_words_of_either_side(mine: str, bank: str, fits: bool) -> None:
    assert found([row("a", status=bank)], [OwnRow("a", Money("50.00"), status=mine)]) == (
        [] if fits else [("STATUS", "a")]
    )


@pytest.mark.parametrize(
    ("status", "agrees"),
    [("created", True), ("expired", True), ("refunded", True), ("succeeded", False), ("unknown", False), (None, False)],
)
def test_what_was_never_debited_agrees_with_a_statement_that_does_not_know_it(status: str, agrees: bool) -> None:
    mine = [OwnRow("a", Money("50.00"), status=status)]
    assert found([], mine) == ([] if agrees else [("MISSING_AT_BANK", "a")])
    assert found([], [OwnRow("a", Money("-50.00"), status=status, type="REFUND")]) == [("MISSING_AT_BANK", "a")]


_REFERENCES = st.sampled_from(["a", "b", "c", "-d"])
_BOOKS = st.lists(st.tuples(st.sampled_from(["PAYMENT", "REFUND"]), _REFERENCES, st.integers(1, 3)), max_size=12)


def _own(books: list[tuple[str, str, int]]) -> list[OwnRow]:
    return [OwnRow(reference, Money(amount), type=type_) for type_, reference, amount in books]


@given(_BOOKS, st.randoms())
def test_whoever_has_the_banks_books_agrees_in_any_order(books: list[tuple[str, str, int]], random: Any) -> None:
    rows = [row(reference, str(amount), type=type_) for type_, reference, amount in books]
    mine = _own(books)
    random.shuffle(mine)
    result = compare(statement_of(rows), rows, mine)
    assert (result.agrees, result.matched) == (True, len(books))


@given(_BOOKS, _BOOKS)
def test_no_row_of_either_side_is_lost_or_counted_twice(
    ours: list[tuple[str, str, int]], theirs: list[tuple[str, str, int]]
) -> None:
    rows = [row(reference, str(amount), type=type_) for type_, reference, amount in theirs]
    result = compare(statement_of(rows), rows, _own(ours))
    mine = [each for each in result.differences if each.mine is not None]
    bank = [each for each in result.differences if each.bank is not None]
    assert result.matched + len(mine) == len(ours)
    assert result.matched + len(bank) == len(theirs)
    assert result.agrees is (sorted(ours) == sorted(theirs))
    total_of_mine = sum((each.mine.amount for each in mine if each.mine), Money(0))
    total_of_bank = sum((each.bank.amount for each in bank if each.bank), Money(0))
    assert sum((one.amount for one in _own(ours)), Money(0)) - total_of_mine == (
        sum((one.amount for one in rows), Money(0)) - total_of_bank
    )


# What is no book.


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("a", 1), "row 2 of yours: it is neither an OwnRow nor a mapping"),
        (None, "row 2 of yours: it is neither"),
        ({"amount": "1.00"}, "row 2 of yours: it has no partner_reference"),
        ({"partner_reference": "", "amount": "1.00"}, "it has no partner_reference"),
        ({"partner_reference": 7, "amount": "1.00"}, "its partner_reference is no string"),
        ({"partner_reference": "a"}, "it has no amount"),
        ({"partner_reference": "a", "amount": ""}, "it has no amount"),
        ({"partner_reference": "a", "amount": 1.5}, "its amount is a float: an amount is Money, a Decimal"),
        ({"partner_reference": "a", "amount": True}, "an amount is a Decimal, a string or an int"),
        ({"partner_reference": "a", "amount": "1e3"}, "plain digits"),
        ({"partner_reference": "a", "amount": "１２"}, "plain digits"),
        ({"partner_reference": "a", "amount": " 1.00"}, "plain digits"),
        ({"partner_reference": "a", "amount": Decimal("NaN")}, "a finite number"),
        ({"partner_reference": "a", "amount": "1.00", "fee": 0.5}, "its fee is a float"),
        ({"partner_reference": "a", "amount": "1.00", "currency": "yuan"}, "three capital letters"),
        ({"partner_reference": "a", "amount": "1.00", "status": "paid"}, "a status is a word of the statement"),
        ({"partner_reference": "a", "amount": "1.00", "type": "payment"}, "a type is PAYMENT"),
        (OwnRow("a", "1.00", status="paid"), "a status is a word of the statement"),  # type: ignore[arg-type]
    ],
)
def test_an_entry_that_is_no_row_is_named_and_says_why(entry: Any, said: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        read_own([OwnRow("good", Money("1.00")), entry])
    assert said in caught.value.message
    assert caught.value.message.startswith("row 2 of yours: ")


@pytest.mark.parametrize("mine", [None, 7, "order-1", b"order-1", {"partner_reference": "a", "amount": "1"}])
def test_what_is_no_collection_of_rows_is_refused(mine: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="mine is an iterable of rows"):
        read_own(mine)


def test_a_row_of_a_csv_is_read_with_what_is_empty_left_out_and_the_apostrophe_taken_away() -> None:
    entry = {"partner_reference": "'-2-3", "amount": "50.00", "fee": "", "status": "", "type": "", "note": "x"}
    assert read_own([entry]) == [OwnRow("-2-3", Money("50.00"))]
    assert read_own([{"partner_reference": "'a", "amount": "50.00"}]) == [OwnRow("'a", Money("50.00"))]


# With a bank.

Pay = Callable[..., str]


@pytest.fixture
def pay(bank: Bank, partner: Partner) -> Pay:
    def paid(scenario: str = "DUE_BILL", **form: Any) -> str:
        payment = partner.pay_link(
            biller_id=partner.biller(TOP_UP)["biller_id"],
            inputs=partner.magic(TOP_UP, scenario),
            amount={"amount": "50.00", "currency": "CNY"},
            **form,
        )
        DirectPayer(bank).pay(payment["payment_id"])
        return str(payment["partner_reference"])

    return paid


def client(kind: type[Any], flask_app: Any, partner: Partner) -> Any:
    app = partner.app
    return kind(
        "http://127.0.0.1:8080", client_id=app["client_id"], client_secret=app["client_secret"], wsgi_app=flask_app
    )


@pytest.fixture
def sdk(flask_app: Flask, partner: Partner) -> OpenTeller:
    sdk: OpenTeller = client(OpenTeller, flask_app, partner)
    return sdk


def test_all_pages_of_a_day_are_read_and_compared(partner: Partner, pay: Pay, sdk: OpenTeller) -> None:
    mine = [OwnRow(pay(), Money("50.00"), Money("0.00"), "succeeded") for _ in range(103)]
    partner.advance(to=CUT)
    result = sdk.statements.reconcile(mine, business_date=DAY)
    assert (result.agrees, result.matched, result.statement.count) == (True, 103, 103)
    assert len(sdk.statements.rows(result.statement.statement_id, limit=50).to_list(at_most=1000)) == 103


def test_a_whole_table_of_orders_is_compared_by_what_payments_say(partner: Partner, pay: Pay, sdk: OpenTeller) -> None:
    for scenario in ("DUE_BILL", "POSTING_REJECTED", "REVERSED", "UNANSWERED_POSTED", "INSUFFICIENT_FUNDS"):
        pay(scenario)
    partner.advance(to=CUT)
    payments = sdk.payments.list().to_list(at_most=100)
    mine = [OwnRow(one.partner_reference, one.amount, status=str(one.status)) for one in payments if one.amount]
    assert len(mine) == 5
    result = sdk.statements.reconcile(mine, types=["PAYMENT"])
    assert [str(each) for each in result.differences] == []
    assert [each.kind for each in sdk.statements.reconcile(mine).differences] == ["MISSING_AT_MINE"] * 2


def test_the_version_of_a_day_that_counts_is_taken_and_an_earlier_one_where_it_is_named(
    partner: Partner, pay: Pay, sdk: OpenTeller
) -> None:
    mine = [OwnRow(pay("UNANSWERED_POSTED"), Money("50.00"), status="succeeded")]
    partner.advance(to="2026-09-30T04:00:00+08:00")
    second, first = sdk.statements.list(business_date=DAY).to_list(at_most=5)
    assert (sdk.statements.reconcile(mine).agrees, sdk.statements.reconcile(mine).statement) == (True, second)
    earlier = sdk.statements.reconcile(mine, statement_id=first.statement_id)
    assert [each.kind for each in earlier.differences] == ["STATUS"]
    assert second.supersedes == first.statement_id == sdk.statements.get(first.statement_id).statement_id
    with pytest.raises(errors.ConfigurationError, match="not both"):
        sdk.statements.reconcile(mine, business_date=DAY, statement_id=first.statement_id)


def test_whoever_hands_the_banks_file_back_agrees_also_with_a_reference_like_a_formula(
    partner: Partner, pay: Pay, sdk: OpenTeller
) -> None:
    pay("REVERSED", partner_reference="-1-1")
    partner.advance(to=CUT)
    statement = sdk.statements.list().first()
    assert statement
    file = sdk.statements.download(statement.statement_id)
    books = csv.DictReader(io.StringIO(file.decode(), newline=""))
    result = sdk.statements.reconcile(list(books))
    assert (result.agrees, result.matched) == (True, 2)
    assert sha256(file).hexdigest() == statement.sha256


def test_a_status_that_nobody_knows_is_a_slip_and_no_difference(partner: Partner, pay: Pay, sdk: OpenTeller) -> None:
    mine = {"partner_reference": pay(), "amount": "50.00"}
    partner.advance(to=CUT)
    with pytest.raises(errors.ConfigurationError, match="row 1 of yours: a status is"):
        sdk.statements.reconcile([mine | {"status": "SUCCEDED"}])
    (found,) = sdk.statements.reconcile([mine | {"status": "UNDECIDED"}]).differences
    assert found.kind == "STATUS"


def test_nothing_is_sent_where_the_books_cannot_be_read(flask_app: Flask, partner: Partner) -> None:
    def unreachable(*_: Any) -> Any:
        raise AssertionError("asked")

    with pytest.raises(errors.ConfigurationError, match="row 1 of yours"):
        client(OpenTeller, unreachable, partner).statements.reconcile([{"amount": 1}])


def test_a_day_without_a_statement_is_not_found(sdk: OpenTeller, partner: Partner) -> None:
    with pytest.raises(errors.NotFound, match="no statement of any day yet"):
        sdk.statements.reconcile([])
    with pytest.raises(errors.NotFound, match="no statement of 2026-09-29 yet"):
        sdk.statements.reconcile([], business_date=DAY)
    with pytest.raises(errors.NotFound):
        sdk.statements.rows("stm_0000").first()


def test_an_app_without_the_scope_is_told_so(new_partner: Callable[..., Partner], flask_app: Flask) -> None:
    blind = new_partner(scopes=["payments:read"])
    with pytest.raises(errors.OpenTellerError) as caught:
        client(OpenTeller, flask_app, blind).statements.list().first()
    assert "statements:read" in str(caught.value)


class Meddler:
    """Stands between, and changes what comes back of a path."""

    def __init__(self, app: Flask, path_end: str, change: Callable[[bytes], bytes]) -> None:
        self.app, self.path_end, self.change = app, path_end, change

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            told.extend([status, headers])

        body = b"".join(self.app(environ, start))
        if environ["PATH_INFO"].endswith(self.path_end):
            body = self.change(body)
        headers = [(name, value) for name, value in told[1] if name.lower() != "content-length"]
        start_response(told[0], headers)
        return [body]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: body.replace(b'"50.00"', b'"60.00"'), "another SHA-256"),
        (lambda body: body.replace(b"SUCCEEDED", b"UNDECIDED"), "another SHA-256"),
        (lambda body: b'{"data":[]' + body[body.index(b'],"links"') + 1 :], "has 1 rows, and has 0"),
    ],
)
def test_rows_that_were_changed_on_their_way_are_not_compared(
    change: Callable[[bytes], bytes], said: str, partner: Partner, pay: Pay, flask_app: Flask
) -> None:
    reference = pay()
    partner.advance(to=CUT)
    sdk = client(OpenTeller, Meddler(flask_app, "/rows", change), partner)
    with pytest.raises(errors.BrokenAnswer, match=said):
        sdk.statements.reconcile([OwnRow(reference, Money("60.00"))])


def test_a_file_that_was_damaged_on_its_way_is_not_given(partner: Partner, pay: Pay, flask_app: Flask) -> None:
    pay()
    partner.advance(to=CUT)
    sdk = client(OpenTeller, Meddler(flask_app, "/csv", lambda body: body.replace(b"50.00", b"60.00")), partner)
    statement = sdk.statements.list().first()
    with pytest.raises(errors.BrokenAnswer, match="not what its Content-Digest says") as caught:
        sdk.statements.download(statement.statement_id)
    assert caught.value.retryable == "later"


def test_the_async_client_does_the_same(partner: Partner, pay: Pay, flask_app: Flask) -> None:
    reference = pay()
    partner.advance(to=CUT)

    async def all_of_it() -> tuple[Reconciliation, bytes, list[StatementRow]]:
        async with client(AsyncOpenTeller, flask_app, partner) as sdk:
            result = await sdk.statements.reconcile([{"partner_reference": reference, "amount": 49}])
            name = result.statement.statement_id
            return result, await sdk.statements.download(name), [one async for one in sdk.statements.rows(name)]

    result, file, rows = anyio.run(all_of_it)
    (difference,) = result.differences
    assert (difference.kind, difference.bank) == (Kind.AMOUNT, rows[0])
    assert sha256(file).hexdigest() == result.statement.sha256


def test_rows_that_come_asynchronously_are_refused_clearly(sdk: OpenTeller) -> None:
    async def mine() -> AsyncIterator[Mapping[str, object]]:
        yield {"partner_reference": "a", "amount": 1}

    with pytest.raises(errors.ConfigurationError, match="mine is an iterable of rows"):
        sdk.statements.reconcile(mine())  # type: ignore[arg-type]
