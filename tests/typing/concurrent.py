"""What a type checker sees of the client for async programs. Read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, assert_type

from openteller import AsyncOpenTeller, Money, RawAnswer
from openteller.models import (
    BillFetch,
    Branch,
    BranchList,
    Event,
    FxQuote,
    Payment,
    PaymentList,
    Receipt,
    Statement,
    StatementRow,
)
from openteller.oauth import CustomerGrant
from openteller.statements import OwnRow, Reconciliation


async def main() -> None:
    async with AsyncOpenTeller(client_id="app_1", client_secret="secret-1", max_retries=0) as client:
        assert_type(client, AsyncOpenTeller)
        assert_type(client.with_options(deadline=1), AsyncOpenTeller)

        rows = client.branches.list(near="39.91,116.40")
        async for branch in rows:
            assert_type(branch, Branch)
        async for page in rows.pages():
            assert_type(page, BranchList)
        assert_type(await rows.page(), BranchList)
        assert_type(await rows.first(), Branch | None)
        assert_type(await rows.to_list(at_most=3), list[Branch])
        assert_type(aiter(rows), AsyncIterator[Branch])
        assert_type([row async for row in client.rates.fx.list()], list[FxQuote])

        assert_type(await client.bills.fetch(biller_id="blr_1", inputs={}, end_user_ref="ref"), BillFetch)
        payment = await client.payments.create(partner_reference="order-1", amount=Money("1.50"))
        assert_type(payment, Payment)
        assert_type(payment.allowed, tuple[str, ...])
        assert_type(await client.payments.receipt(payment.payment_id), Receipt)
        assert_type(await client.payments.list().page(), PaymentList)
        async for event in client.events.follow():
            assert_type(event, Event)

        assert_type(await client.statements.list().first(), Statement | None)
        assert_type([row async for row in client.statements.rows("stm_1")], list[StatementRow])
        assert_type(await client.statements.reconcile([OwnRow("order-1", Money("1.50"))]), Reconciliation)

        asked = await client.authorization.start(redirect_uri="https://bot.example/cb", scope=["bills:read"])
        assert_type(await client.authorization.finish("?code=1", state=asked.state, customer="user-1"), CustomerGrant)
        assert_type(client.for_customer("user-1"), AsyncOpenTeller)
        assert_type(await client.authorization.revoke("user-1"), None)

        raw = await client.raw(client.payments.get, payment.payment_id)
        assert_type(raw, RawAnswer[Payment])
        assert_type(await client.raw(rows.page), RawAnswer[BranchList])
        assert_type(await client.request("GET", "/v1/status"), RawAnswer[Any])
