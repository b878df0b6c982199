"""What a type checker sees of the blocking client. Read by mypy and pyright, never run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

from openteller import CurrencyMismatch, Money, OpenTeller, OpenTellerError, RawAnswer, errors, hooks, user_ref
from openteller.models import (
    App,
    Atm,
    Bill,
    Biller,
    BillerList,
    BillFetch,
    Branch,
    BranchList,
    Clock,
    Event,
    EventType,
    FxCalculation,
    FxQuote,
    InputSchema,
    LocalizedText,
    Payment,
    PaymentLink,
    PaymentList,
    PaymentStatus,
    ProblemItem,
    RateSheet,
    Receipt,
    ServiceStatus,
    Statement,
    StatementRow,
    StatementRowType,
)
from openteller.oauth import (
    AuthorizationRequest,
    CustomerGrant,
    DeviceAuthorization,
    Kept,
    MemoryTokenStore,
    RedisTokenStore,
    RegisteredClient,
    SigningKey,
    SqliteTokenStore,
    TokenStore,
)
from openteller.statements import Kind, OwnRow, Reconciliation


def redis_client() -> Any:
    """Give what the package redis would."""


client = OpenTeller(
    "https://bank.example",
    client_id="app_1",
    client_secret="secret-1",
    timeout=5,
    deadline=30.0,
    max_retries=2,
    headers={"X-Team": "bills"},
    hooks=[hooks.log(), print],
)
assert_type(client.with_options(timeout=1), OpenTeller)
with client as same:
    assert_type(same, OpenTeller)

# Lists
rows = client.branches.list(near=(39.91, 116.40), service="CASH", open_now=True, limit=3)
for branch in rows:
    assert_type(branch, Branch)
    assert_type(branch.name, LocalizedText)
    assert_type(branch.distance_m, int | None)
    assert_type(branch.next_change_at, dt.datetime | None)
    client.branches.list(near=branch.location)
for page in rows.pages():
    assert_type(page, BranchList)
    assert_type(page.data, tuple[Branch, ...])
    assert_type(page.links.next, str | None)
assert_type(rows.page(), BranchList)
assert_type(rows.first(), Branch | None)
assert_type(rows.to_list(at_most=3), list[Branch])
assert_type(iter(rows), Iterator[Branch])
assert_type(client.atms.get("atm_1"), Atm)
news = client.branches.changes(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
assert_type(news.changed, tuple[Branch, ...])
assert_type(news.removed[0].removed_at, dt.datetime)
assert_type(news.next_changed_since, dt.datetime)
assert_type(client.billers.list().page(), BillerList)
assert_type(list(client.billers.list()), list[Biller])
assert_type(client.billers.input_schema("blr_1"), InputSchema)

# Rates and calculators
quote = client.rates.fx.list(base="USD", date=dt.date(2026, 9, 29)).first()
assert_type(quote, FxQuote | None)
if quote is not None:
    assert_type(quote.tt_buy, Decimal)
    assert_type(quote.reference_date, dt.date)
assert_type(client.rates.sheets.get("rsh_1"), RateSheet)
assert_type(client.calculators.fx(side="SELL", amount=Money("1", "USD"), counter_currency="CNY"), FxCalculation)

# Bills and payments
fetched = client.bills.fetch(
    biller_id="blr_1", inputs={"account_number": "1"}, end_user_ref=user_ref("k" * 16, "weibo", "1"), wait=10
)
assert_type(fetched, BillFetch)
assert_type(fetched.bills, tuple[Bill, ...])
payment = client.payments.create(partner_reference="order-1", bill_ids=["bil_1"], amount=Money("1.50"), locale="zh-CN")
assert_type(payment, Payment)
assert_type(payment.allowed, tuple[str, ...])
assert_type(payment.is_final, bool)
assert_type(payment.payment_link, PaymentLink)
assert_type(payment.to_dict(), dict[str, Any])
if payment.status == PaymentStatus.SUCCEEDED:
    assert_type(client.payments.receipt(payment.payment_id), Receipt)
assert_type(client.payments.cancel(payment.payment_id, idempotency_key="key-1"), Payment)
assert_type(client.payments.list(status="succeeded").page(), PaymentList)

# Events, status, sandbox
for event in client.events.follow(after="evt_1", interval=2):
    assert_type(event, Event)
    is_paid: bool = event.type == EventType.PAYMENT_SUCCEEDED
    break
assert_type(client.status.get(), ServiceStatus)
assert_type(client.sandbox.create_app(name="Bot", join="world"), App)
assert_type(client.sandbox.advance_clock(seconds=60), Clock)

# Raw answers
raw = client.raw(client.payments.get, "pay_1")
assert_type(raw, RawAnswer[Payment])
assert_type(raw.parsed, Payment)
assert_type(raw.headers, Mapping[str, str])
assert_type(client.raw(client.billers.list().page), RawAnswer[BillerList])
assert_type(client.request("GET", "/v1/status"), RawAnswer[Any])

# Statements
assert_type(client.statements.list(business_date=dt.date(2026, 9, 29)).first(), Statement | None)
for row in client.statements.rows("stm_1"):
    assert_type(row, StatementRow)
    assert_type(row.type, StatementRowType | str)
assert_type(client.statements.download("stm_1"), bytes)
mine: list[OwnRow | Mapping[str, object]] = [OwnRow("order-1", Money("1.50")), {"partner_reference": "order-2"}]
compared = client.statements.reconcile(mine, types=["PAYMENT"])
assert_type(compared, Reconciliation)
assert_type(client.statements.reconcile(OwnRow(str(number), Money(number)) for number in range(3)), Reconciliation)
assert_type(client.statements.reconcile([{"partner_reference": "order-2", "amount": "1.50"}]).agrees, bool)
for difference in compared.differences:
    assert_type(difference.kind, Kind)
    assert_type(difference.mine, OwnRow | None)
    assert_type(difference.bank, StatementRow | None)

# Money
total = Money("1.50") + Money("2") * 3 - Money(Decimal("0.1"))
assert_type(total, Money)
assert_type(sum([Money(1), Money(2)], start=Money(0)), Money)
assert_type(total.amount, Decimal)
assert_type(total < Money(3), bool)
assert_type(-total, Money)
assert_type(2 * total, Money)

# Customers
key = SigningKey.generate()
OpenTeller(client_id="app_1", private_key=key, token_store=SqliteTokenStore("tokens.db"))
OpenTeller(client_id="app_1", private_key=Path("key.json"), token_store=RedisTokenStore(redis_client()))
asked = client.authorization.start(redirect_uri="https://bot.example/cb", scope=["bills:read"], locale="en")
assert_type(asked, AuthorizationRequest)
assert_type(client.authorization.finish("?code=1", state=asked.state, customer="user-1"), CustomerGrant)
assert_type(client.for_customer("user-1"), OpenTeller)
assert_type(client.authorization.get("user-1"), CustomerGrant | None)
assert_type(client.authorization.introspect("user-1").sub, str | None)
assert_type(client.authorization.register(name="Bot", jwks={"keys": [key.public_jwk()]}), RegisteredClient)
assert_type(client.authorization.start_device(scope=["open-data"]), DeviceAuthorization)
store: TokenStore = MemoryTokenStore()
assert_type(store.load("customer:user-1"), Kept | None)

# Errors
try:
    client.status.get()
except errors.RateLimited as error:
    assert_type(error.retry_after, float | None)
except errors.InvalidCallback as error:
    assert_type(error.reason, str)
except errors.MandateExceeded as error:
    assert_type(error.limit, str | None)
except errors.BankError as error:
    assert_type(error.errors, tuple[ProblemItem, ...])
    assert_type(error.display_message, LocalizedText | None)
    assert_type(error.payment_id, str | None)
except CurrencyMismatch as error:
    assert_type(error.currencies, tuple[str, str])
except OpenTellerError as error:
    assert_type(error.code, str)
    assert_type(error.idempotency_key, str | None)
    assert_type(error.attempts, int)


def watch(event: hooks.Event) -> None:
    match event:
        case hooks.Sending():
            assert_type(event.parameters, Mapping[str, object])
        case hooks.Answered():
            assert_type(event.seconds, float)
        case hooks.Failed():
            assert_type(event.error, OpenTellerError)


client.with_options(hooks=[watch])
