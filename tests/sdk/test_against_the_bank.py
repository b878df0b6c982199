"""One flow for each part of the client, against the real bank: by the blocking client, on asyncio and on trio.

A flow is written once, as an async program; the blocking client is put behind ``await`` for it.
"""

from __future__ import annotations

import datetime as dt
import inspect
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any, cast

import anyio
import pytest
from flask import Flask
from tests.payer import Payer

from openteller import AsyncOpenTeller, Money, OpenTeller, errors, hooks, user_ref
from openteller._async.paging import AsyncPager, AsyncRows
from openteller._sync.paging import Pager, Rows

BANK = "https://bank.test"
NUMBER = "3100000011"
ELECTRICITY = "SH-ELECTRICITY-01"
USER = user_ref("a key of the tests, kept as a secret", "weibo", "1")

Flow = Callable[["AsyncOpenTeller"], Awaitable[None]]


class Behind:
    """Something of the blocking client, to be awaited."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._later(found) if callable(found) else Behind(found)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._rows(iter(self._inner))

    async def _rows(self, rows: Iterator[Any]) -> AsyncIterator[Any]:
        for row in rows:
            yield row

    def _later(self, method: Callable[..., Any]) -> Callable[..., Any]:
        gives_a_list = inspect.signature(method).return_annotation
        if any(word in str(gives_a_list) for word in ("Rows[", "Pager[", "Iterator[")):
            return lambda *args, **kwargs: Behind(method(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            return method(*(_plain(one) for one in args), **kwargs)

        call.blocking = method  # type: ignore[attr-defined]
        return call


def _plain(value: Any) -> Any:
    """Give back the method behind a method, for ``raw``."""
    return getattr(value, "blocking", value)


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def play(request: pytest.FixtureRequest, flask_app: Flask) -> Callable[..., None]:
    """Play a flow as an app of its own, with a world of its own."""
    with OpenTeller(BANK, wsgi_app=flask_app) as anyone:
        app = anyone.sandbox.create_app(name="测试应用", return_urls=["https://bot.example/done"])

    def run(flow: Flow, **options: Any) -> None:
        known: dict[str, Any] = {"client_id": app.client_id, "client_secret": app.client_secret, "wsgi_app": flask_app}

        async def whole() -> None:
            if request.param == "blocking":
                with OpenTeller(BANK, **known, **options) as bank:
                    await flow(cast("AsyncOpenTeller", Behind(bank)))
            else:
                async with AsyncOpenTeller(BANK, **known, **options) as bank:
                    await flow(bank)

        anyio.run(whole, backend="asyncio" if request.param == "blocking" else request.param)

    return run


def driver_of(bank: Any) -> Any:
    return (bank._inner if isinstance(bank, Behind) else bank)._caller.driver


def test_branches_and_cash_machines(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        near = await bank.branches.list(near=(31.2304, 121.4737), radius_m=20_000, limit=5).to_list(at_most=12)
        distances = [branch.distance_m for branch in near if branch.distance_m is not None]
        assert len(distances) == 12 and distances == sorted(distances)
        assert all(distance <= 20_000 for distance in distances)

        branch = await bank.branches.get(near[0].branch_id)
        assert (branch.name, branch.location) == (near[0].name, near[0].location)
        assert branch.open_now in {True, False}
        same = await bank.branches.list(near=branch.location, limit=1).page()
        assert same.data[0].distance_m == 0

        open_ones = await bank.branches.list(city="上海", service="FOREIGN_EXCHANGE", open_now=True, limit=3).page()
        assert all(
            one.open_now and "FOREIGN_EXCHANGE" in [each.code for each in one.services] for one in open_ones.data
        )

        machine = await bank.atms.list(city="上海", service="CASH_DEPOSIT", limit=1).first()
        assert machine is not None and "CASH_DEPOSIT" in machine.atm_services
        assert (await bank.atms.get(machine.atm_id)).atm_id == machine.atm_id

        moved = await bank.branches.get(branch.branch_id, crs="bd09")
        assert moved.location.crs == "bd09" and moved.location != branch.location
        around = await bank.branches.list(near=moved.location, crs="bd09", limit=1).first()
        assert around is not None and around.distance_m == 0
        table = await bank.branches.export(near=branch.location, radius_m=500, crs="gcj02")
        assert table.startswith(b"branch_id,branch_code,") and b",gcj02," in table
        rows = [json.loads(line) for line in (await bank.atms.export("ndjson", city="310109")).splitlines()]
        assert [row["atm_id"] for row in rows] == [
            one.atm_id for one in await bank.atms.list(city="310109", limit=100).to_list(at_most=999)
        ]

    play(flow)


def test_rates(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        dollar = await bank.rates.fx.list(base="USD").first()
        assert dollar is not None and dollar.unit == 100
        assert dollar.notes_buy < dollar.tt_buy < dollar.middle < dollar.tt_sell
        assert isinstance(dollar.tt_buy, Decimal) and dollar.published_at.utcoffset() == dt.timedelta(hours=8)

        days = [
            quote.date
            async for quote in bank.rates.fx.history(
                base="USD", from_=dt.date(2026, 9, 1), to=dt.date(2026, 9, 10), limit=4
            )
        ]
        assert days == [dt.date(2026, 9, day) for day in range(1, 11)]

        sheet = await bank.rates.sheets.get(dollar.rate_sheet_id)
        assert sheet.kind == "FX"
        assert [one.kind async for one in bank.rates.sheets.list(kind="LOAN", limit=2).pages() for one in one.data][
            :1
        ] == ["LOAN"]
        deposits = await bank.rates.deposits.list(product_type="TIME", currency="CNY").page()
        assert {one.product_type for one in deposits.data} == {"TIME"}
        loans = await bank.rates.loans.list(loan_purpose="HOME_PURCHASE", date=dt.date(2026, 9, 1)).page()
        assert loans.data

    play(flow)


def test_calculators(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        product = await bank.rates.deposits.list(product_type="TIME").first()
        assert product is not None
        deposit = await bank.calculators.deposit(product_code=product.product_code, amount=Money("20000.00"))
        assert deposit.maturity_value == deposit.deposited + deposit.interest > Money("20000")

        loan_product = await bank.rates.loans.list().first()
        assert loan_product is not None
        loan = await bank.calculators.loan(
            product_code=loan_product.product_code,
            amount=loan_product.minimum_amount,
            term="P10Y",
            rate=loan_product.representative_rate,
            repayment_type="EQUAL_INSTALMENT",
            start_date=dt.date(2026, 9, 1),
        )
        assert len(loan.schedule) == 120

        change = await bank.calculators.fx(
            side="SELL", amount=Money("100", "USD"), counter_currency="CNY", settlement="TT"
        )
        assert (change.sell, change.buy.currency) == (Money("100.00", "USD"), "CNY")
        with pytest.raises(errors.InvalidRequest):
            await bank.calculators.fx(side="SELL", amount=Money("0.00", "USD"), counter_currency="CNY")

    play(flow)


def test_billers(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        kinds = [kind.category_code async for kind in bank.billers.categories()]
        assert "ELECTRICITY" in kinds
        found = await bank.billers.list(category_code="ELECTRICITY", city="上海", adcode="310000").to_list(at_most=5)
        assert {one.category_code for one in found} == {"ELECTRICITY"}
        biller = await bank.billers.get(found[0].biller_id)
        assert biller == found[0]
        schema = await bank.billers.input_schema(biller.biller_id)
        assert json.dumps(schema.to_dict())
        with pytest.raises(errors.NotFound):
            await bank.billers.get("blr_000000000000")

    play(flow)


async def biller_id(bank: AsyncOpenTeller, code: str = ELECTRICITY) -> str:
    biller = await bank.billers.list(q=code).first()
    assert biller is not None
    return biller.biller_id


async def number(bank: AsyncOpenTeller, scenario: str) -> dict[str, str]:
    values = bank.sandbox.magic_values(biller_id=await biller_id(bank))
    found = [dict(value.inputs) async for value in values if value.scenario == scenario]
    return found[0]


def test_bills(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        fetched = await bank.bills.fetch(
            biller_id=await biller_id(bank), inputs=await number(bank, "SEVERAL_BILLS"), end_user_ref=USER
        )
        assert fetched.status == "READY" and len(fetched.bills) == 3
        total = sum((bill.outstanding for bill in fetched.bills if bill.outstanding), start=Money(0))
        assert total > Money(0)
        assert (await bank.bills.get_fetch(fetched.bill_fetch_id)).bills == fetched.bills
        assert (await bank.bills.get(fetched.bills[0].bill_id)) == fetched.bills[0]

        with pytest.raises(errors.InvalidRequest) as caught:
            await bank.bills.fetch(
                biller_id=await biller_id(bank), inputs=await number(bank, "BLOCKED_ACCOUNT"), end_user_ref=USER
            )
        assert caught.value.code == "ACCOUNT_NOT_PAYABLE"
        assert caught.value.display_message is not None and caught.value.display_message.zh_cn

    play(flow)


def test_a_slow_biller_is_waited_for(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        inputs = await number(bank, "SLOW")
        at_once = await bank.bills.fetch(biller_id=await biller_id(bank), inputs=inputs, end_user_ref=USER)
        assert at_once.status == "PROCESSING"

        driver = driver_of(bank)
        begun: list[float] = []
        if isinstance(bank, Behind):

            def pass_time(seconds: float) -> None:
                begun.append(seconds)
                bank._inner.sandbox.advance_clock(seconds=4)

            driver.sleep = pass_time
        else:

            async def pass_time_async(seconds: float) -> None:
                begun.append(seconds)
                await bank.sandbox.advance_clock(seconds=4)

            driver.sleep = pass_time_async
        waited = await bank.bills.fetch(biller_id=await biller_id(bank), inputs=inputs, end_user_ref=USER, wait=600)
        assert waited.status == "READY"
        assert begun == [1.0, 1.5]

    play(flow)


def test_a_payment_from_link_to_receipt(play: Callable[..., None], payer: Callable[[str], Payer]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        fetched = await bank.bills.fetch(
            biller_id=await biller_id(bank), inputs={"account_number": NUMBER}, end_user_ref=USER
        )
        payment = await bank.payments.create(
            partner_reference="order-1",
            bill_ids=[bill.bill_id for bill in fetched.bills],
            return_url="https://bot.example/done",
            locale="zh-CN",
            expires_in=3600,
            metadata={"thread": "7"},
            context={"channel": "weibo", "conversation_ref": USER},
        )
        assert (payment.status, payment.money_at) == ("created", "PAYER")
        assert payment.allowed == ("authorising", "cancelled", "expired")
        assert payment.payment_link.url not in repr(payment)
        with pytest.raises(errors.Conflict) as caught:
            await bank.payments.receipt(payment.payment_id)
        assert caught.value.code == "RECEIPT_NOT_READY"

        page = payer(payment.payment_link.url).pay(NUMBER[-4:])
        assert page.answer.status_code == 200
        paid = await bank.payments.get(payment.payment_id)
        assert (paid.status, paid.money_at, paid.is_final) == ("succeeded", "BILLER", True)
        receipt = await bank.payments.receipt(payment.payment_id)
        assert receipt.amount == fetched.bills[0].amount
        assert NUMBER not in json.dumps(receipt.to_dict())
        assert pickle.loads(pickle.dumps(receipt)) == receipt

        with pytest.raises(errors.Conflict) as caught:
            await bank.payments.cancel(payment.payment_id)
        assert (caught.value.code, caught.value.allowed) == ("INVALID_TRANSITION", paid.allowed)
        listed = await bank.payments.list(status="succeeded", partner_reference="order-1").to_list(at_most=5)
        assert [one.payment_id for one in listed] == [payment.payment_id]

    play(flow)


def test_a_payment_that_is_made_twice(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        first = await bank.payments.create(partner_reference="order-1", category_code="WATER", idempotency_key="key-1")
        again = await bank.payments.create(partner_reference="order-1", category_code="WATER", idempotency_key="key-1")
        assert again == first
        with pytest.raises(errors.Conflict) as caught:
            await bank.payments.create(partner_reference="order-1", category_code="WATER")
        assert (caught.value.code, caught.value.payment_id) == ("DUPLICATE_REFERENCE", first.payment_id)
        assert caught.value.idempotency_key not in {None, "key-1"}
        cancelled = await bank.payments.cancel(first.payment_id)
        assert (cancelled.status, cancelled.allowed, cancelled.is_final) == ("cancelled", (), True)

    play(flow)


def test_events(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        for order in range(3):
            payment = await bank.payments.create(partner_reference=f"order-{order}")
        await bank.payments.cancel(payment.payment_id)
        events = await bank.events.list(limit=2).to_list(at_most=9)
        assert [event.type for event in events] == ["payment.created"] * 3 + ["payment.cancelled"]

        seen = []
        async for event in bank.events.follow(after=events[1].event_id):
            seen.append(event.event_id)
            if len(seen) == 2:
                break
        assert seen == [event.event_id for event in events[2:]]
        assert (await bank.events.list(type="payment.cancelled").first()) == events[3]

    play(flow)


def test_the_banks_health_and_its_accounts(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        status = await bank.status.get()
        assert (status.status, status.environment) == ("OPERATIONAL", "SANDBOX")
        accounts = await bank.status.official_accounts().page()
        assert accounts.data and accounts.payment_link_prefix.startswith("http")

    play(flow)


def test_the_sandbox(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        before = await bank.sandbox.clock()
        after = await bank.sandbox.advance_clock(seconds=86_400)
        assert dt.timedelta(days=1) <= after.bank_time - before.bank_time < dt.timedelta(days=1, minutes=5)
        to = after.bank_time + dt.timedelta(hours=1)
        assert (await bank.sandbox.advance_clock(to=to)).bank_time >= to
        with pytest.raises(errors.InvalidRequest, match="CLOCK_BACKWARD"):
            await bank.sandbox.advance_clock(to=before.bank_time)

        await bank.payments.create(partner_reference="order-1")
        world = await bank.sandbox.reset()
        assert world.deleted.payments == 1
        assert await bank.payments.list().first() is None
        values = await bank.sandbox.magic_values(biller_id=await biller_id(bank)).page()
        assert {value.scenario for value in values.data} >= {"DUE_BILL", "SLOW"} and values.demo_customers
        log = await bank.sandbox.requests(limit=3).page()
        assert log.data[0].operation_id

    play(flow)


def test_raw_answers_and_operations_without_a_method(play: Callable[..., None]) -> None:
    async def flow(bank: AsyncOpenTeller) -> None:
        raw = await bank.raw(bank.status.get)
        assert raw.parsed.status == "OPERATIONAL" and "ratelimit" in raw.headers and raw.request_id
        own = await bank.request("POST", "/v1/payments", body={"partner_reference": "order-1"}, idempotency_key="key-1")
        assert own.status == 201 and own.parsed["partner_reference"] == "order-1"

    play(flow)


def test_no_error_shows_an_account_number_a_token_or_a_secret(play: Callable[..., None]) -> None:
    events: list[hooks.Event] = []

    async def flow(bank: AsyncOpenTeller) -> None:
        caught: list[errors.OpenTellerError] = []
        blr = await biller_id(bank)
        wrong = [
            {"biller_id": blr, "inputs": {"account_number": NUMBER + "x"}, "end_user_ref": USER},
            {"biller_id": blr, "inputs": {NUMBER: NUMBER}, "end_user_ref": USER},
            {"biller_id": blr, "inputs": {"account_number": [NUMBER]}, "end_user_ref": USER},
            {"biller_id": NUMBER, "inputs": {"account_number": NUMBER}, "end_user_ref": NUMBER},
        ]
        for body in wrong:
            with pytest.raises(errors.InvalidRequest) as fetching:
                await bank.bills.fetch(**cast("Any", body))
            with pytest.raises(errors.InvalidRequest) as asking:
                await bank.request("POST", "/v1/bill-fetches", body=body)
            caught += [fetching.value, asking.value]

        token = driver_of(bank)._tokens._held.value
        secret = (bank._inner if isinstance(bank, Behind) else bank)._caller.setup.credentials.client_secret
        shown = [str(error) + repr(error) + str(error.errors) for error in caught]
        shown += [repr(event) for event in events if "'biller_id': '3" not in repr(event)]
        for word in (NUMBER, token, secret):
            assert [text for text in shown if word in text] == []

    play(flow, hooks=[events.append])


def test_rows_and_pages_are_what_the_flows_take_them_for() -> None:
    """The blocking client behind ``await`` is told by the names of these."""
    assert (Rows.__name__, Pager.__name__) == ("Rows", "Pager")
    assert (AsyncRows.__name__, AsyncPager.__name__) == ("AsyncRows", "AsyncPager")
