"""A good request for each operation: what it takes to get a 2xx answer, with identifiers of one app's own things."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer
from tests.linked import Linked, link_customer, mandate
from werkzeug.test import TestResponse

from openteller_sandbox import clock
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.contract import Operation
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.payments import service as payments
from openteller_sandbox.statements import service as statements

_numbers = itertools.count(1)

BILLER = "SH-ELECTRICITY-01"
TOP_UP = "CN-MOBILE_TOPUP-01"
END_USER = "user-of-the-walk-1"
HOOK = "http://127.0.0.1:9/"
"""Where nobody listens."""
RECEIPT_NUMBERS = ("receipt_number", "verification_code")


@dataclass(frozen=True)
class Good:
    """A request that an operation answers with 2xx. The body is made anew for each sending where it must be unique.

    user: an app with a customer's token, where the operation needs that: its owner's own token gives way to it.
    """

    operation: Operation
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    user: Linked | None = None

    @property
    def keyed(self) -> bool:
        """Whether it needs an Idempotency-Key."""
        return any(
            parameter.name == "Idempotency-Key" and parameter.required for parameter in self.operation.parameters
        )

    def headers(self, token: Mapping[str, str]) -> dict[str, str]:
        return {**token, **({"Idempotency-Key": f"good-{next(_numbers)}"} if self.keyed else {})}

    def send(self, partner: Partner, **changed: Any) -> TestResponse:
        """Send it as an app; changed: arguments of the client that replace its own."""
        arguments: dict[str, Any] = {
            "method": self.operation.method,
            "query_string": dict(self.query),
            "headers": self.headers(partner.headers),
        }
        body = self.fresh_body()
        if body is not None:
            arguments["json"] = body
        arguments |= changed
        own = self.user.owner.headers["Authorization"] if self.user else None
        if self.user and arguments["headers"].get("Authorization") == own:
            arguments["headers"] = arguments["headers"] | self.user.headers
        return partner.client.open(self.path, **arguments)

    def fresh_body(self) -> Any:
        if isinstance(self.body, dict) and "partner_reference" in self.body:
            return self.body | {"partner_reference": f"good-{next(_numbers)}"}
        return self.body


def good_requests(bank: Bank, partner: Partner) -> dict[str, Good]:
    """Make what the requests need (a fetch, a paid payment, an open one) and give one request for each operation.

    ``cancelPayment``, ``confirmAccountLink``, ``createDispute``, ``deleteWebhookEndpoint``, ``deleteSavedBiller``,
    ``payReminder`` and ``declineReminder`` can succeed once for each call of this function.
    """
    biller = partner.biller(BILLER)
    inputs = partner.magic(BILLER, "DUE_BILL")
    fetched = partner.fetch(BILLER, "SEVERAL_BILLS").json
    bill_id = fetched["bills"][0]["bill_id"]
    settled = partner.pay_link(bill_ids=[bill_id])["payment_id"]
    DirectPayer(bank).pay(settled)
    disputed, disputable, rejected = (
        paid(bank, partner, scenario) for scenario in ("DUE_BILL", "DISPUTE_UPHELD", "POSTING_REJECTED")
    )
    dispute = partner.post("/v1/disputes", {"payment_id": disputed, "type": "WRONG_AMOUNT"}).json["dispute_id"]
    refund = partner.payment(rejected)["refunds"][0]["refund_id"]
    receipt = partner.get(f"/v1/payments/{settled}/receipt").json
    statement = made_statement(bank, partner)
    opened = partner.pay_link(category_code="ELECTRICITY", adcode="310000")["payment_id"]
    endpoint, removed = (
        partner.post("/v1/webhook-endpoints", {"url": HOOK, "signatures": ["v1", "v1a"]}).json["webhook_endpoint_id"]
        for _ in range(2)
    )
    partner.pay_link()
    writer, nonce = approved_link(bank, partner)
    link = partner.post("/v1/account-links:find", writer, key=None).json["account_link_id"]
    another = {"channel": "qq", "actor_ref": f"writer-of-the-walk-{next(_numbers)}"}
    delivery = partner.get("/v1/webhook-deliveries", webhook_endpoint_id=endpoint).json["data"][0][
        "webhook_delivery_id"
    ]
    moving = partner.pay_link(category_code="ELECTRICITY")["payment_id"]
    branch = partner.get("/v1/branches", limit=1).json["data"][0]["branch_id"]
    line = {"service": "CASH", "end_user_ref": f"somebody-in-line-{next(_numbers)}"}
    ticket = partner.post(f"/v1/branches/{branch}/tickets", line).json["ticket_id"]
    partner.post(f"/v1/tickets/{ticket}:cancel", key=None)  # the line stays short, however often this is called
    atm = partner.get("/v1/atms", limit=1).json["data"][0]["atm_id"]
    sheet = partner.get("/v1/rates/sheets", limit=1).json["data"][0]["rate_sheet_id"]
    deposit = partner.get("/v1/rates/deposits", product_type="TIME").json["data"][0]
    loan = partner.get("/v1/rates/loans").json["data"][0]
    yuan = {"amount": "20000.00", "currency": "CNY"}
    fault = {"match": {"leg": "reconcile"}, "effect": {"drop": "BEFORE"}, "times": 1}
    ordered, _ = (partner.post("/sandbox/v1/faults", fault).json["fault_id"] for _ in range(2))
    user = link_customer(partner, mandate(partner))
    ended, lasting = link_customer(partner).consent_id, link_customer(partner, lasts_seconds=864_000).consent_id
    longer = {"consent_expires_at": clock.to_wire(bank.clock.wall() + 100 * clock.DAY)}
    extension = partner.post(f"/v1/consents/{lasting}/extensions", longer).json["extension_id"]
    saved, forgotten, due = user.save(TOP_UP), user.save(TOP_UP, "REVERSED"), user.save(BILLER)
    power = {"biller_id": biller["biller_id"], "inputs": partner.magic(BILLER, "NO_BILL")}
    for account in (due, user.save(BILLER, "SEVERAL_BILLS")):
        looked = partner.post("/sandbox/v1/events/bill.issued:trigger", {"saved_biller_id": account}, key=None)
        assert looked.status_code == 200, looked.text
    declined, payable, reminded = (
        f"/v1/reminders/{reminder['reminder_id']}" for reminder in user.get("/v1/reminders").json["data"]
    )
    fifty = {"amount": "50.00", "currency": "CNY"}
    requests: dict[str, tuple[Any, ...]] = {
        "listBranches": ("/v1/branches", {"near": "31.230,121.470", "limit": 2}, None),
        "getBranch": (f"/v1/branches/{branch}", {}, None),
        "createTicket": (f"/v1/branches/{branch}/tickets", {}, line),
        "getTicket": (f"/v1/tickets/{ticket}", {}, None),
        "cancelTicket": (f"/v1/tickets/{ticket}:cancel", {}, None),
        "listAtms": ("/v1/atms", {"city": "上海市", "limit": 2}, None),
        "getAtm": (f"/v1/atms/{atm}", {}, None),
        "listRateSheets": ("/v1/rates/sheets", {"kind": "FX", "limit": 2}, None),
        "getRateSheet": (f"/v1/rates/sheets/{sheet}", {}, None),
        "listDepositRates": ("/v1/rates/deposits", {}, None),
        "listLoanRates": ("/v1/rates/loans", {}, None),
        "listFxQuotes": ("/v1/rates/fx", {}, None),
        "listFxHistory": ("/v1/rates/fx/history", {"base": "USD", "limit": 3}, None),
        "calculateDeposit": ("/v1/calculators/deposit", {}, {"product_code": deposit["product_code"], "amount": yuan}),
        "calculateLoan": (
            "/v1/calculators/loan",
            {},
            {"product_code": loan["product_code"], "amount": loan["minimum_amount"], "term": "P10Y"},
        ),
        "calculateFx": ("/v1/calculators/fx", {}, {"side": "SELL", "amount": yuan, "counter_currency": "USD"}),
        "listBillerCategories": ("/v1/biller-categories", {}, None),
        "listBillers": ("/v1/billers", {"city": "上海", "category_code": "ELECTRICITY"}, None),
        "getBiller": (f"/v1/billers/{biller['biller_id']}", {}, None),
        "getBillerInputSchema": (f"/v1/billers/{biller['biller_id']}/input-schema", {}, None),
        "createBillFetch": (
            "/v1/bill-fetches",
            {},
            {"biller_id": biller["biller_id"], "inputs": inputs, "end_user_ref": END_USER},
        ),
        "getBillFetch": (f"/v1/bill-fetches/{fetched['bill_fetch_id']}", {}, None),
        "getBill": (f"/v1/bills/{bill_id}", {}, None),
        "listPayments": ("/v1/payments", {}, None),
        "createPayment": ("/v1/payments", {}, {"partner_reference": "made-anew", "category_code": "WATER"}),
        "getPayment": (f"/v1/payments/{settled}", {}, None),
        "getPaymentReceipt": (f"/v1/payments/{settled}/receipt", {}, None),
        "verifyReceipt": ("/v1/receipts:verify", {}, {name: receipt[name] for name in RECEIPT_NUMBERS}),
        "listReceiptKeys": ("/v1/receipt-keys", {}, None),
        "cancelPayment": (f"/v1/payments/{opened}:cancel", {}, None),
        "listDisputes": ("/v1/disputes", {}, None),
        "createDispute": ("/v1/disputes", {}, {"payment_id": disputable, "type": "DUPLICATE"}),
        "getDispute": (f"/v1/disputes/{dispute}", {}, None),
        "getRefund": (f"/v1/refunds/{refund}", {}, None),
        "listStatements": ("/v1/statements", {"business_date": "2026-09-27"}, None),
        "getStatement": (f"/v1/statements/{statement}", {}, None),
        "listStatementRows": (f"/v1/statements/{statement}/rows", {"limit": 2}, None),
        "downloadStatement": (f"/v1/statements/{statement}/csv", {}, None),
        "startAccountLink": ("/v1/account-links", {}, another | {"actor_label": "小明"}),
        "listAccountLinks": ("/v1/account-links", {"limit": 2}, None),
        "findAccountLink": ("/v1/account-links:find", {}, writer),
        "getAccountLink": (f"/v1/account-links/{link}", {}, None),
        "confirmAccountLink": ("/v1/account-links:confirm", {}, writer | {"nonce": nonce}),
        "unlinkAccountLink": (f"/v1/account-links/{started_link(partner)}:unlink", {}, None),
        "listConsents": ("/v1/consents", {"status": "ACTIVE", "limit": 2}, None),
        "getConsent": (f"/v1/consents/{user.consent_id}", {}, None),
        "revokeConsent": (f"/v1/consents/{ended}:revoke", {}, None),
        "createConsentExtension": (f"/v1/consents/{lasting}/extensions", {}, longer),
        "getConsentExtension": (f"/v1/consents/{lasting}/extensions/{extension}", {}, None),
        "getConsentUsage": (f"/v1/consents/{user.consent_id}/usage", {}, None),
        "listSavedBillers": ("/v1/saved-billers", {"limit": 2}, None, user),
        "createSavedBiller": ("/v1/saved-billers", {}, power, user),
        "getSavedBiller": (f"/v1/saved-billers/{saved}", {}, None, user),
        "deleteSavedBiller": (f"/v1/saved-billers/{forgotten}", {}, None, user),
        "createSavedBillerFetch": (f"/v1/saved-billers/{due}/bill-fetches", {}, None, user),
        "createMandatePayment": (
            "/v1/mandate-payments",
            {},
            {"partner_reference": "made-anew", "saved_biller_id": saved, "amount": fifty},
            user,
        ),
        "listReminders": ("/v1/reminders", {"status": "OPEN", "limit": 2}, None, user),
        "getReminder": (reminded, {}, None, user),
        "payReminder": (f"{payable}:pay", {}, {"partner_reference": "made-anew"}, user),
        "postponeReminder": (f"{reminded}:postpone", {}, {"remind_on": "2026-09-30"}, user),
        "declineReminder": (f"{declined}:decline", {}, None, user),
        "listEvents": ("/v1/events", {"type": "payment.succeeded"}, None),
        "createWebhookEndpoint": ("/v1/webhook-endpoints", {}, {"url": HOOK, "event_types": ["payment.*"]}),
        "listWebhookEndpoints": ("/v1/webhook-endpoints", {"limit": 2}, None),
        "getWebhookEndpoint": (f"/v1/webhook-endpoints/{endpoint}", {}, None),
        "updateWebhookEndpoint": (f"/v1/webhook-endpoints/{endpoint}", {}, {"description": "The walk's"}),
        "deleteWebhookEndpoint": (f"/v1/webhook-endpoints/{removed}", {}, None),
        "rotateWebhookSecret": (f"/v1/webhook-endpoints/{endpoint}:rotate-secret", {}, None),
        "listWebhookDeliveries": ("/v1/webhook-deliveries", {"webhook_endpoint_id": endpoint, "limit": 2}, None),
        "getWebhookDelivery": (f"/v1/webhook-deliveries/{delivery}", {}, None),
        "testWebhookEndpoint": (f"/sandbox/v1/webhook-endpoints/{endpoint}:test", {}, None),
        "resendWebhookDelivery": (f"/sandbox/v1/webhook-deliveries/{delivery}:resend", {}, None),
        "getStatus": ("/v1/status", {}, None),
        "listOutages": ("/v1/outages", {}, None),
        "listOfficialAccounts": ("/v1/official-accounts", {}, None),
        "createSandboxConsent": ("/sandbox/v1/consents", {}, {"authorization_details": [mandate(partner)]}),
        "createApp": ("/sandbox/v1/apps", {}, {"name": "走查应用", "join": "world"}),
        "listMagicValues": ("/sandbox/v1/magic-values", {"biller_id": biller["biller_id"]}, None),
        "getClock": ("/sandbox/v1/clock", {}, None),
        "advanceClock": ("/sandbox/v1/clock:advance", {}, {"seconds": 1}),
        "resetWorld": ("/sandbox/v1/reset", {}, None),
        "listRequests": ("/sandbox/v1/requests", {"limit": 5}, None),
        "getWorld": ("/sandbox/v1/worlds/current", {}, None),
        "listWorldLog": ("/sandbox/v1/worlds/current/log", {"limit": 2}, None),
        "replayWorld": ("/sandbox/v1/worlds/current:replay", {}, None),
        "listScenarios": ("/sandbox/v1/scenarios", {}, None),
        "runScenario": ("/sandbox/v1/scenarios/biller-slow:run", {}, None),
        "transitionPayment": (f"/sandbox/v1/payments/{moving}:transition", {}, {"to": "authorising"}),
        "triggerEvent": ("/sandbox/v1/events/payment.created:trigger", {}, {"new": True}),
        "createFault": ("/sandbox/v1/faults", {}, fault),
        "listFaults": ("/sandbox/v1/faults", {}, None),
        "deleteFault": (f"/sandbox/v1/faults/{ordered}", {}, None),
    }
    operations = bank.contract.operations
    assert requests.keys() == operations.keys()
    return {name: Good(operations[name], *request) for name, request in requests.items()}


def paid(bank: Bank, partner: Partner, scenario: str) -> str:
    """Top up a magic account; give the payment."""
    payment = partner.pay_link(
        biller_id=partner.biller(TOP_UP)["biller_id"],
        inputs=partner.magic(TOP_UP, scenario),
        amount={"amount": "50.00", "currency": "CNY"},
    )
    DirectPayer(bank).pay(payment["payment_id"])
    return str(payment["payment_id"])


def started_link(partner: Partner) -> str:
    """Start a link for somebody new; give it."""
    writer = {"channel": "weibo", "actor_ref": f"writer-of-the-walk-{next(_numbers)}"}
    started = partner.post("/v1/account-links", writer | {"actor_label": "@小明"}, key=None)
    return str(started.json["account_link_id"])


def approved_link(bank: Bank, partner: Partner) -> tuple[dict[str, str], str]:
    """Start a link for somebody new, and approve it; give who that is, and the nonce."""
    writer = {"channel": "weibo", "actor_ref": f"writer-of-the-walk-{next(_numbers)}"}
    started = partner.post("/v1/account-links", writer | {"actor_label": "@小明"}, key=None)
    link = account_links.get(bank.db.read(), started.json["account_link_id"])
    assert link is not None
    world = World(partner.app["world_id"])
    assert account_links.answer(bank, world, link.account_link_id, CUSTOMERS[0].customer_id, approves=True)
    return writer, account_links.nonce_of(bank, link)


def made_statement(bank: Bank, partner: Partner) -> str:
    """Make the statement of a day that is not over, so that the clock can stay where it is; give its identifier."""
    world = World(partner.app["world_id"])
    now = bank.now(world)
    statements.make(bank, Due(world, payments.CLOSE_DAY, clock.bank_date(now).isoformat(), now))
    return str(partner.get("/v1/statements", limit=1).json["data"][0]["statement_id"])


def unknown_id(good: Good) -> str | None:
    """Give the path of a good request with an identifier that nobody has; None where the path has none."""
    template, filled = good.operation.path.split("/"), good.path.split("/")
    for index, part in enumerate(template):
        if "{" in part:
            own, colon, verb = filled[index].partition(":")
            filled[index] = f"{own[:-4]}zzzz{colon}{verb}"
            return "/".join(filled)
    return None
