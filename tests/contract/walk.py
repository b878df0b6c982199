"""One walk through the whole contract: every documented answer of every operation, each error code by a real request.

The walk only sends; the observer judges each answer, and the tests ask the observer what it has seen.
"""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.contract.good_requests import HOOK, Good, approved_link, good_requests, paid, unknown_id
from tests.contract.observer import Observer
from tests.linked import POWER, Linked, link_customer, mandate, yuan

from openteller_sandbox.app import FEATURES, _module, create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.clock import DAY, to_wire
from openteller_sandbox.db import EngineUnavailable
from openteller_sandbox.deeds import store as deeds
from openteller_sandbox.disputes.schemas import TYPES
from openteller_sandbox.http import Call
from openteller_sandbox.http.api import Api
from openteller_sandbox.http.operations import Routes
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import LINKED_SCOPES
from openteller_sandbox.partners.service import SCOPES
from openteller_sandbox.settings import SEED_FOLDER, PaymentLimits, RateLimits

_numbers = itertools.count(1)
NOBODY = "blr_000000000000"
GAS = "CQ-GAS-01"
TOPUP, VALIDATING, IN_MAINTENANCE, SUSPENDED = "CN-MOBILE_TOPUP-01", "CD-GAS-01", "SZ-WATER-01", "CN-DONATION-05"

ENDINGS = (
    "DUE_BILL",
    "TIMEOUT_SUCCEEDED",
    "TIMEOUT_REFUNDED",
    "TIMEOUT_LATE",
    "POSTED_TWICE",
    "REVERSED",
    "POSTING_REJECTED",
    "INSUFFICIENT_FUNDS",
    "PAYER_GIVES_UP",
    "ACCOUNT_CLOSED",
    "DISPUTE_UPHELD",
    "UNANSWERED_POSTED",
    "UNANSWERED_NOT_POSTED",
    "LOST_BY_BILLER",
)


def observe(app: Flask) -> Observer:
    """Give a client of an app that judges what it sees."""
    return Observer(app, use_cookies=False)


class Walk:
    """The walk over a bank. ``seen`` has, in the end, what every operation has answered."""

    def __init__(self, bank: Bank, app: Flask, wall: WallClock, folder: Path) -> None:
        self.bank = bank
        self.wall = wall
        self.folder = folder
        self.seen = observe(app)
        self.partner = make_partner(self.seen, return_urls=["https://bot.example/done"])
        self.good = good_requests(bank, self.partner)

    def run(self) -> Observer:
        """Take every step."""
        self.refusals_that_any_operation_can_give()
        self.scopes()
        self.quotas()
        self.faults_of_ours()
        self.a_full_disk()
        self.fetches()
        self.payments()
        self.bills()
        self.limit()
        self.disputes()
        self.account_links()
        self.mandates()
        self.reminders()
        self.keys()
        self.tickets()
        self.control()
        self.webhooks()
        self.good_answers()
        return self.seen

    def good_answers(self) -> None:
        """Every 2xx, and 304 where there are copies to keep. The reset comes last."""
        for name, good in sorted(self.good.items(), key=lambda item: item[0] == "resetWorld"):
            answer = good.send(self.partner)
            assert answer.status_code in {200, 201, 204}, f"{name}: {answer.text}"
            if "ETag" in answer.headers:
                copy = {"If-None-Match": answer.headers["ETag"]}
                assert good.send(self.partner, headers=self.partner.headers | copy).status_code == 304, name
            for media_type in good.operation.media_types[1:]:
                paging = set() if media_type.endswith("+json") else {"limit", "after"}  # the others have no pages
                asked = {name: value for name, value in good.query.items() if name not in paging}
                headers = self.partner.headers | {"Accept": media_type}
                shaped = good.send(self.partner, headers=headers, query_string=dict(asked))
                assert (shaped.status_code, shaped.content_type) == (200, media_type), name

    def refusals_that_any_operation_can_give(self) -> None:
        for good in self.good.values():
            self._refused(good, 400, query_string={**good.query, "nearby": "1"})
            self._refused(good, 401, headers=good.headers({"Authorization": "Bearer ota_unknown"}))
            if not good.operation.anonymous:
                self._refused(good, 401, headers=good.headers({}))
            if (nobody := unknown_id(good)) is not None:
                assert self._send(good, nobody).status_code == 404
            if good.operation.media_types:
                self._refused(good, 406, headers=good.headers({**self.partner.headers, "Accept": "application/xml"}))
            if good.body is not None:
                self._refused(good, 413, json={"filler": "x" * 70_000})
                self._refused(good, 415, json=None, data="a=b", content_type="application/x-www-form-urlencoded")
                self._refused(good, 422, json={"surplus": 1})
                self._refused(good, 422, json={})
            for name, value in (("limit", 0), ("biller_id", "no identifier"), ("base", "usd")):
                if name in good.operation.query_names:
                    self._refused(good, 422, query_string={**good.query, name: value})
            self._long_headers(good)
        assert self.seen.put("/v1/payments").status_code == 405

    def scopes(self) -> None:
        """An app that holds every scope but the one that is needed; none has what only a customer gives."""
        for scope in SCOPES:
            lacking = make_partner(self.seen, scopes=[name for name in SCOPES if name != scope])
            for good in self.good.values():
                if good.operation.scopes == {scope} or good.operation.scopes <= set(LINKED_SCOPES):
                    assert good.send(lacking).json["code"] == "INSUFFICIENT_SCOPE"

    def quotas(self) -> None:
        """A bank that allows one request in a minute."""
        tight = replace(self.bank, settings=replace(self.bank.settings, rate_limits=RateLimits(app=1, anonymous=1)))
        limited = self._like(observe(create_app(tight)))
        for good in self.good.values():
            answer = good.send(limited)
            if answer.status_code != 429:
                answer = good.send(limited)
            assert answer.json["code"] == "RATE_LIMITED"
            assert int(answer.headers["Retry-After"]) > 0

    def faults_of_ours(self) -> None:
        """Handlers that break."""
        broken = self._like(observe(breaking_app(self.bank)))
        for good in self.good.values():
            answer = good.send(broken)
            assert answer.json["code"] == "INTERNAL_ERROR", answer.text

    def a_full_disk(self) -> None:
        """A database that refuses for now."""
        full = self._like(observe(breaking_app(self.bank, EngineUnavailable("database or disk is full"))))
        for good in self.good.values():
            answer = good.send(full)
            assert answer.json["code"] == "BANK_UNAVAILABLE", answer.text
            assert int(answer.headers["Retry-After"]) > 0

    def fetches(self) -> None:
        partner = self.partner
        fetch = {"biller_id": NOBODY, "inputs": {"account_number": "1"}, "end_user_ref": "user-of-the-walk-1"}
        self._code(partner.post("/v1/bill-fetches", fetch), "BILLER_NOT_FOUND")
        self._code(partner.fetch(IN_MAINTENANCE), "BILLER_MAINTENANCE")
        self._code(partner.fetch("CS-BROADBAND-01"), "BILLER_INACTIVE")
        self._code(partner.fetch(scenario="BILLER_DOWN"), "BILLER_QUERY_FAILED")
        self._code(partner.fetch(scenario="UNKNOWN_ACCOUNT"), "ACCOUNT_NOT_PAYABLE")
        curious = make_partner(self.seen)
        for _ in range(10):
            curious.fetch()
        refused = self._code(curious.fetch(), "FETCH_LIMIT")
        assert (refused["limit"], refused["resets_at"]) == ("FETCHES_PER_ACCOUNT", "2026-09-30T00:00:00+08:00")
        slow = partner.fetch(scenario="SLOW")
        assert slow.status_code == 202
        assert partner.get(slow.headers["Location"]).json["status"] == "PROCESSING"
        assert partner.fetch(scenario="NO_BILL").json["status"] == "NO_BILL"
        for presentment in ("BJ-BROADBAND-01", "BJ-TUITION-01"):  # EXISTENCE and FULL
            assert partner.fetch(presentment).status_code == 201
        late = make_partner(self.seen)
        late.fetch(scenario="SLOW")
        late.advance(to="2026-09-29T23:45:00+08:00")
        self._code(late.fetch(), "BILLER_CUTOFF")

    def payments(self) -> None:
        partner = self.partner
        topup, account = partner.biller(TOPUP)["biller_id"], partner.magic(TOPUP, "DUE_BILL")
        direct = {"biller_id": topup, "inputs": account}
        yuan = {"amount": "50.00", "currency": "CNY"}
        self._refuse("BILLER_NOT_FOUND", biller_id=NOBODY)
        self._refuse("BILLER_INACTIVE", biller_id=partner.biller(SUSPENDED)["biller_id"])
        self._refuse("AMOUNT_NOT_EXACT", **direct, amount=yuan | {"amount": "51.00"})
        self._refuse("AMOUNT_OUT_OF_RANGE", **direct, amount=yuan | {"currency": "USD"})
        self._refuse("RETURN_URL_NOT_REGISTERED", return_url="https://bot.example/other")
        taken = partner.pay_link(return_url="https://bot.example/done", metadata={"page": "autumn"}, locale="en")
        again = self._refuse("DUPLICATE_REFERENCE", partner_reference=taken["partner_reference"])
        assert again["payment_id"] == taken["payment_id"]
        self._code(partner.get(f"/v1/payments/{taken['payment_id']}/receipt"), "RECEIPT_NOT_READY")
        assert partner.post(f"/v1/payments/{taken['payment_id']}:cancel").status_code == 200
        self._code(partner.get(f"/v1/payments/{taken['payment_id']}/receipt"), "RECEIPT_NOT_AVAILABLE")
        refused = self._code(partner.post(f"/v1/payments/{taken['payment_id']}:cancel"), "INVALID_TRANSITION")
        assert refused["allowed"] == []
        self._every_ending(direct | {"amount": yuan})

    def bills(self) -> None:
        partner = make_partner(self.seen)
        several = [bill["bill_id"] for bill in partner.fetch(scenario="SEVERAL_BILLS").json["bills"]]
        self._refuse("BILLS_NOT_PAYABLE_TOGETHER", partner, bill_ids=several[1:])
        DirectPayer(self.bank).pay(partner.pay_link(bill_ids=several[:1])["payment_id"])
        self._refuse("BILL_ALREADY_PAID", partner, bill_ids=several[:1])
        partner.advance(seconds=25 * 3600)
        self._refuse("BILL_EXPIRED", partner, bill_ids=several[:1])

    def limit(self) -> None:
        """A biller that takes more than the bank's limit: the seed has none."""
        bank = make_bank(self.folder, self.wall, seed=seed_with_rich_biller(self.folder))
        try:
            client = observe(create_app(bank))
            partner = make_partner(client)
            form = {"biller_id": partner.biller(TOPUP)["biller_id"], "inputs": partner.magic(TOPUP, "DUE_BILL")}
            self._refuse("LIMIT_EXCEEDED", partner, **form, amount={"amount": "50000.01", "currency": "CNY"})
            user = link_customer(partner, mandate(partner, most=60_000))
            self._code(user.pay(user.save(), 50_001), "LIMIT_EXCEEDED")
            self.seen.answers += client.answers
            self.seen.codes += client.codes
            self.seen.faults |= client.faults
        finally:
            bank.db.close()

    def disputes(self) -> None:
        """Each type about each ending, decided, and what no dispute is possible about."""
        partner = make_partner(self.seen)
        topup = {"biller_id": partner.biller(TOPUP)["biller_id"], "amount": {"amount": "50.00", "currency": "CNY"}}
        payer = DirectPayer(self.bank)
        unpaid = partner.pay_link()["payment_id"]
        self._code(partner.post("/v1/disputes", {"payment_id": unpaid, "type": "DUPLICATE"}), "DISPUTE_NOT_POSSIBLE")
        for scenario in ("DUE_BILL", "POSTED_TWICE", "DISPUTE_UPHELD"):
            for type_ in TYPES:
                paid = partner.pay_link(**topup, inputs=partner.magic(TOPUP, scenario))["payment_id"]
                payer.pay(paid)
                body = {"payment_id": paid, "type": type_, "description": "说明"}
                assert partner.post("/v1/disputes", body).status_code == 201
                again = self._code(partner.post("/v1/disputes", body), "DISPUTE_OPEN")
                assert partner.get(f"/v1/disputes/{again['dispute_id']}").json["status"] == "ASSIGNED"
        partner.advance(seconds=25 * 3600)
        for dispute in partner.get("/v1/disputes", limit=100).json["data"]:
            assert partner.get(f"/v1/disputes/{dispute['dispute_id']}").json["status"] != "ASSIGNED"
            refund = dispute["resolution"].get("refund_id")
            assert refund is None or partner.get(f"/v1/refunds/{refund}").status_code == 200
        partner.events()

    def account_links(self) -> None:
        """Each way in which one ends, and what is refused on the way."""
        partner = make_partner(self.seen)
        (writer, nonce), (other, foreign) = (approved_link(self.bank, partner) for _ in range(2))
        self._code(
            partner.post("/v1/account-links:confirm", writer | {"nonce": "BCDF" * 4}), "ACCOUNT_LINK_NONCE_INVALID"
        )
        confirmed = partner.post("/v1/account-links:confirm", writer | {"nonce": foreign})
        self._code(confirmed, "ACCOUNT_LINK_ACTOR_MISMATCH")
        assert partner.post("/v1/account-links:find", other, key=None).status_code == 404
        body = writer | {"nonce": nonce}
        assert partner.post("/v1/account-links:confirm", body, key="walk-link").status_code == 200
        changed = partner.post("/v1/account-links:confirm", body | {"nonce": foreign}, key="walk-link")
        self._code(changed, "IDEMPOTENCY_MISMATCH")
        again = writer | {"actor_label": "小明"}
        self._code(partner.post("/v1/account-links", again, key=None), "ACCOUNT_LINK_EXISTS")
        elsewhere = again | {"return_url": "https://elsewhere.example/done"}
        self._code(partner.post("/v1/account-links", elsewhere, key=None), "RETURN_URL_NOT_REGISTERED")
        for link in partner.get("/v1/account-links").json["data"]:
            partner.post(f"/v1/account-links/{link['account_link_id']}:unlink", key=None)
        partner.events()

    def mandates(self) -> None:
        """What a customer's mandate does not allow, and what is refused of payments under it."""
        partner = make_partner(self.seen)
        user = link_customer(partner, mandate(partner, POWER, TOPUP, VALIDATING, most=500, valid_to="2026-09-30"))
        saved, power = user.save(), user.save(POWER)
        cooling = link_customer(partner, mandate(partner), cooling=True)
        self._code(cooling.pay(cooling.save()), "MANDATE_NOT_IN_FORCE")
        self._code(link_customer(partner, mandate(partner, POWER)).pay(saved), "CONSENT_REQUIRED")
        tight = link_customer(partner, mandate(partner, most=10))
        assert self._code(tight.pay(saved), "MANDATE_EXCEEDED")["limit"] == "MAXIMUM_INDIVIDUAL_AMOUNT"
        self._code(user.pay(saved, 51), "AMOUNT_NOT_EXACT")
        self._code(user.pay(user.save(VALIDATING), "0.01"), "AMOUNT_OUT_OF_RANGE")
        self._code(user.pay(user.save(VALIDATING, "UNKNOWN_ACCOUNT")), "ACCOUNT_NOT_PAYABLE")
        self._code(user.pay(user.save(VALIDATING, "BILLER_DOWN")), "BILLER_QUERY_FAILED")
        self._code(user.pay(user.save(TOPUP, "INSUFFICIENT_FUNDS")), "PAYER_NOT_COMPLETED")
        assert user.pay(saved, partner_reference="walk-once", key="walk-mandate").status_code == 201
        self._code(user.pay(saved, partner_reference="walk-other", key="walk-mandate"), "IDEMPOTENCY_MISMATCH")
        self._code(user.pay(saved, partner_reference="walk-once"), "DUPLICATE_REFERENCE")
        several = user.save(POWER, "SEVERAL_BILLS")
        fetched = self._fetch_saved(user, several).json["bills"]
        ids = [bill["bill_id"] for bill in fetched]
        self._code(user.pay(several, 1, bill_ids=ids[1:]), "BILLS_NOT_PAYABLE_TOGETHER")
        self._code(user.pay(several, 1, bill_ids=ids), "BILL_CHANGED")
        due = self._fetch_saved(user, power).json["bills"][0]
        whole = {"bill_ids": [due["bill_id"]]}
        assert user.pay(power, due["outstanding"]["amount"], **whole).status_code == 201
        self._code(user.pay(power, due["outstanding"]["amount"], **whole), "BILL_ALREADY_PAID")
        self._code(self._fetch_saved(user, user.save(POWER, "UNKNOWN_ACCOUNT")), "ACCOUNT_NOT_PAYABLE")
        self._code(self._fetch_saved(user, user.save(POWER, "BILLER_DOWN")), "BILLER_QUERY_FAILED")
        assert self._fetch_saved(user, user.save(POWER, "SLOW")).status_code == 202
        closed = user.save(IN_MAINTENANCE)
        self._code(self._fetch_saved(user, closed), "BILLER_MAINTENANCE")
        careless = link_customer(partner, mandate(partner, IN_MAINTENANCE))
        self._code(careless.pay(closed, 1), "BILLER_MAINTENANCE")
        self._saved_billers(user)
        partner.advance(to="2026-09-29T23:45:00+08:00")
        self._code(self._fetch_saved(user, power), "BILLER_CUTOFF")
        self._code(user.pay(power, 1, **whole), "BILLER_CUTOFF")
        partner.advance(to="2026-10-01T09:00:00+08:00")
        self._code(user.pay(saved), "CONSENT_EXPIRED")
        self._code(user.pay(power, 1, **whole), "BILL_EXPIRED")
        self._extensions(user)

    def _extensions(self, user: Linked) -> None:
        """An extension that is asked for twice, too far, for another address, and of what has ended."""
        partner, path = self.partner, f"/v1/consents/{link_customer(self.partner).consent_id}/extensions"
        until = {"consent_expires_at": to_wire(self.bank.clock.wall() + 200 * DAY)}
        assert partner.post(path, until, key="walk-extension").status_code == 201
        again = until | {"return_url": "https://bot.example/done"}
        self._code(partner.post(path, again, key="walk-extension"), "IDEMPOTENCY_MISMATCH")
        self._code(
            partner.post(path, again | {"return_url": "https://elsewhere.example/"}), "RETURN_URL_NOT_REGISTERED"
        )
        far = {"consent_expires_at": to_wire(self.bank.clock.wall() + 367 * DAY)}
        self._code(partner.post(path, far), "EXTENSION_OUT_OF_RANGE")
        user.owner.post(f"/v1/consents/{user.consent_id}:revoke", key=None)
        self._code(user.owner.post(f"/v1/consents/{user.consent_id}/extensions", until), "CONSENT_NOT_ACTIVE")

    def _saved_billers(self, user: Linked) -> None:
        """Too many of them, and a biller that is not there, or takes no payments."""
        partner = user.owner
        inputs = partner.magic(TOPUP, "DUE_BILL")
        create = {"biller_id": NOBODY, "inputs": inputs}
        self._code(user.post("/v1/saved-billers", create), "BILLER_NOT_FOUND")
        suspended = create | {"biller_id": partner.biller(SUSPENDED)["biller_id"]}
        self._code(user.post("/v1/saved-billers", suspended), "BILLER_INACTIVE")
        power = billers.get(self.bank.db.read(), partner.biller(POWER)["biller_id"])
        (field,) = power.input_fields
        accounts = (
            {"biller_id": power.biller_id, "inputs": {field.name: field.with_serial(n)}} for n in range(200, 260)
        )
        assert user.post("/v1/saved-billers", next(accounts)).status_code == 201
        many = [user.post("/v1/saved-billers", account) for account in accounts]
        self._code(many[-1], "SAVED_BILLERS_EXCEEDED")
        curious = link_customer(make_partner(self.seen))
        saved = curious.save(POWER)
        for _ in range(10):
            self._fetch_saved(curious, saved)
        self._code(self._fetch_saved(curious, saved), "FETCH_LIMIT")

    def _fetch_saved(self, user: Linked, saved_biller_id: str) -> Any:
        return user.post(f"/v1/saved-billers/{saved_biller_id}/bill-fetches")

    def reminders(self) -> None:
        """What is refused of the answers to a reminder."""
        partner = make_partner(self.seen)
        user = link_customer(partner, mandate(partner, POWER, GAS))
        (gas,), several = self._reminded(user, GAS), self._reminded(user, POWER, "SEVERAL_BILLS")
        ((poor,), (changing,)) = (self._reminded(user, POWER, it) for it in ("INSUFFICIENT_FUNDS", "BILL_CHANGES"))
        self._code(self._pay(user, several[0]), "BILLS_NOT_PAYABLE_TOGETHER")
        self._code(self._pay(user, several[-1], amount=1), "AMOUNT_NOT_EXACT")
        self._code(self._pay(user, gas, amount=1), "AMOUNT_OUT_OF_RANGE")
        self._code(self._pay(user, poor), "PAYER_NOT_COMPLETED")
        self._code(self._pay(user, gas, return_url="https://elsewhere.example/"), "RETURN_URL_NOT_REGISTERED")
        self._code(self._pay(user, changing), "BILL_CHANGED")
        partner.post("/sandbox/v1/faults", {"match": {"leg": "query"}, "effect": {"status": 500}, "times": 1})
        self._code(self._pay(user, gas), "BILLER_QUERY_FAILED")
        tight = replace(self.bank.settings, payment_limits=PaymentLimits(day_yuan=0))
        limited = self._like(observe(create_app(replace(self.bank, settings=tight))))
        self._code(self._pay(replace(user, client=limited.client), gas), "LIMIT_EXCEEDED")
        assert self._pay(user, gas, reference="walk-gas", key="walk-gas").status_code == 201
        self._code(self._pay(user, gas, reference="walk-other", key="walk-gas"), "IDEMPOTENCY_MISMATCH")
        for answer in (self._pay(user, gas), *(self._answer(user, gas, verb) for verb in ("postpone", "decline"))):
            assert self._code(answer, "INVALID_TRANSITION")["allowed"] == ["OPEN"]
        self._code(self._pay(user, several[-1], reference="walk-gas"), "DUPLICATE_REFERENCE")
        while (refused := self._pay(user, poor)).json["code"] == "PAYER_NOT_COMPLETED":
            pass
        self._code(refused, "FETCH_LIMIT")
        other = link_customer(partner, mandate(partner, POWER), customer_number="62000004")
        saved = other.save(POWER, "UNANSWERED_POSTED")
        (unknown,) = self._reminded(other, POWER, "UNANSWERED_POSTED")
        bill = self._fetch_saved(other, saved).json["bills"][0]
        other.pay(saved, bill["outstanding"]["amount"], bill_ids=[bill["bill_id"]])
        self._code(self._pay(other, unknown), "BILL_ALREADY_PAID")
        (closed,) = self._reminded(other, GAS, "REVERSED")
        self._code(self._pay(other, closed, key="a" * 65), "FIELD_INVALID")
        partner.advance(to="2026-09-29T23:45:00+08:00")
        self._code(self._pay(other, closed), "BILLER_CUTOFF")
        partner.advance(to="2026-09-30T02:00:00+08:00")
        self._code(self._pay(other, closed), "BILLER_MAINTENANCE")

    def _reminded(self, user: Linked, code: str, scenario: str = "DUE_BILL") -> list[str]:
        """Save an account, and have the bank look at it; give its reminders, newest first."""
        saved = user.save(code, scenario)
        user.owner.post("/sandbox/v1/events/bill.issued:trigger", {"saved_biller_id": saved}, key=None)
        return [each["reminder_id"] for each in user.get("/v1/reminders", saved_biller_id=saved).json["data"]]

    def _pay(self, user: Linked, reminder_id: str, amount: float = 0, key: str = "new", **body: Any) -> Any:
        body = {"partner_reference": body.pop("reference", f"walk-{next(_numbers)}"), **body}
        return self._answer(user, reminder_id, "pay", body | ({"amount": yuan(amount)} if amount else {}), key)

    def _answer(self, user: Linked, reminder_id: str, verb: str, body: Any = None, key: str | None = None) -> Any:
        body = {"remind_on": "2026-09-30"} if verb == "postpone" else body
        return user.post(f"/v1/reminders/{reminder_id}:{verb}", body, key=key)

    def keys(self) -> None:
        partner = self.partner
        fetch = self.good["createBillFetch"].body
        order = {"partner_reference": "walk-with-one-key"}
        opened = self.good["cancelPayment"].path
        other = partner.pay_link()["payment_id"]
        dispute = {"payment_id": paid(self.bank, partner, "DUE_BILL"), "type": "WRONG_AMOUNT"}
        for path, body, changed in (
            ("/v1/bill-fetches", fetch, fetch | {"end_user_ref": "another-user-of-it"}),
            ("/v1/payments", order, order | {"locale": "en"}),
            ("/v1/disputes", dispute, dispute | {"type": "DUPLICATE"}),
        ):
            first = partner.post(path, body, key=f"walk{path}")
            assert partner.post(path, body, key=f"walk{path}").data == first.data
            self._code(partner.post(path, changed, key=f"walk{path}"), "IDEMPOTENCY_MISMATCH")
        assert partner.post(f"/v1/payments/{other}:cancel", key="walk-cancel").status_code == 200
        self._code(partner.post(opened, key="walk-cancel"), "IDEMPOTENCY_MISMATCH")

    def tickets(self) -> None:
        """Numbers in a line: twice, too many, of what is not done there, after closing, and given back too late."""
        partner = make_partner(self.seen)
        rows = partner.get("/v1/branches", city="上海", type="PHYSICAL", service="CASH", open_now="true").json["data"]
        paths = [f"/v1/branches/{row['branch_id']}/tickets" for row in rows[:3]]
        asked = {"service": "CASH", "end_user_ref": "a-user-of-the-walk"}
        held = partner.post(paths[0], asked, key="walk-ticket").json["ticket_id"]
        self._code(partner.post(paths[0], asked | {"service": "CARD"}, key="walk-ticket"), "IDEMPOTENCY_MISMATCH")
        self._code(partner.post(paths[0], asked), "TICKET_HELD")
        partner.post(paths[1], asked)
        self._code(partner.post(paths[2], asked), "TICKET_LIMIT")
        partner.advance(to="2026-09-29T22:00:00+08:00")
        self._code(partner.post(f"/v1/tickets/{held}:cancel", key=None), "INVALID_TRANSITION")
        self._code(partner.post(paths[0], asked), "BRANCH_CLOSED")
        machines = partner.get("/v1/branches", type="SELF_SERVICE", open_now="true", limit=1).json["data"][0]
        self._code(partner.post(f"/v1/branches/{machines['branch_id']}/tickets", asked), "SERVICE_NOT_OFFERED")

    def control(self) -> None:
        partner = self.partner
        self._code(partner.post("/sandbox/v1/clock:advance", {"to": "2026-09-01T00:00:00+08:00"}), "CLOCK_BACKWARD")
        self._code(partner.get("/sandbox/v1/magic-values", biller_id=NOBODY), "BILLER_NOT_FOUND")
        paid = self.good["getPayment"].path.rpartition("/")[2]
        self._code(partner.post(f"/sandbox/v1/payments/{paid}:transition", {"to": "created"}), "INVALID_TRANSITION")
        told = partner.post("/sandbox/v1/events/payment.created:trigger", {"payment_id": paid})
        self._code(told, "INVALID_TRANSITION")
        silent = make_partner(self.seen)
        silent.post("/sandbox/v1/faults", {"match": {"leg": "query"}, "effect": {"status": 500}})
        self._code(silent.post("/sandbox/v1/scenarios/biller-slow:run"), "NO_SCENARIO_ACCOUNT")
        assert silent.get("/v1/outages", limit=1).json["links"]["next"]
        older = make_partner(self.seen)
        with self.bank.db.act(older.app["world_id"]) as tx:
            tx.run(deeds.RESET, world_id=older.app["world_id"])
        self._code(older.post("/sandbox/v1/worlds/current:replay"), "WORLD_LOG_INCOMPLETE")
        crowded = make_partner(self.seen)
        for effect in ({"status": 500}, {"delay_ms": 1}, {"drop": "AFTER"}, {"code": "RATE_LIMITED"}) * 25:
            crowded.post("/sandbox/v1/faults", {"match": {"path": "/v1/nothing/*"}, "effect": effect})
        self._code(crowded.post("/sandbox/v1/faults", self.good["createFault"].body), "FAULT_LIMIT")
        assert crowded.get("/sandbox/v1/faults", limit=100).json["meta"]["count"] == 100

    def webhooks(self) -> None:
        partner = make_partner(self.seen)
        create = "/v1/webhook-endpoints"
        self._code(partner.post(create, {"url": "http://10.0.0.1/hook"}), "WEBHOOK_URL_REFUSED")
        for _ in range(16):
            made = partner.post(create, {"url": HOOK, "event_types": ["payment.created"]}).json["webhook_endpoint_id"]
        self._code(partner.post(create, {"url": HOOK}), "WEBHOOK_ENDPOINTS_EXCEEDED")
        own = f"{create}/{made}"
        moved = partner.client.patch(own, json={"url": "http://u@bot.example/"}, headers=partner.headers)
        self._code(moved, "WEBHOOK_URL_REFUSED")
        partner.pay_link()
        sent = partner.get("/v1/webhook-deliveries", webhook_endpoint_id=made).json["data"][0]["webhook_delivery_id"]
        assert partner.client.patch(own, json={"enabled": False}, headers=partner.headers).json["enabled"] is False
        self._code(partner.post(f"/sandbox/v1/webhook-deliveries/{sent}:resend"), "WEBHOOK_ENDPOINT_DISABLED")
        self._refused(self.good["listWebhookDeliveries"], 422, query_string={"status": "LOST"})
        self._refused(self.good["listWebhookEndpoints"], 422, query_string={"limit": 0})

    def _every_ending(self, direct: dict[str, Any]) -> None:
        """Payments in every status that can be reached, each read and listed; time goes on in a world of its own."""
        partner = make_partner(self.seen)
        payer = DirectPayer(self.bank)
        for scenario in ENDINGS:
            payer.pay(partner.pay_link(**direct | {"inputs": partner.magic(TOPUP, scenario)})["payment_id"])
        given_up = partner.pay_link()["payment_id"]
        for _ in range(5):
            payer.sign_in(given_up, code="000000")
        partner.pay_link(expires_in=60)
        for hours in (0, 1, 4, 48):
            for payment in partner.get("/v1/payments", limit=100).json["data"]:
                assert partner.payment(payment["payment_id"])["status"] == payment["status"]
            partner.events()
            if hours:
                partner.advance(seconds=hours * 3600)

    def _refuse(self, code: str, partner: Partner | None = None, **form: Any) -> dict[str, Any]:
        body = {"partner_reference": f"refused-{code}", **form}
        return self._code((partner or self.partner).post("/v1/payments", body), code)

    def _code(self, answer: Any, code: str) -> dict[str, Any]:
        assert answer.json.get("code") == code, answer.text
        return dict(answer.json)

    def _refused(self, good: Good, status: int, **changed: Any) -> None:
        answer = good.send(self.partner, **changed)
        assert answer.status_code == status, f"{good.operation.operation_id}: {answer.text}"

    def _send(self, good: Good, path: str) -> Any:
        return replace(good, path=path).send(self.partner)

    def _long_headers(self, good: Good) -> None:
        for parameter in good.operation.parameters:
            if parameter.part == "header":
                self._refused(good, 422, headers=self.partner.headers | {parameter.name: "x" * 600})
                if parameter.required:
                    self._refused(good, 422, headers=self.partner.headers)

    def _like(self, client: Observer) -> Partner:
        """The same app at another server of the bank; what is seen there counts."""
        client.answers, client.codes, client.faults = self.seen.answers, self.seen.codes, self.seen.faults
        return Partner(client, self.partner.app, self.partner.headers)


def breaking_app(bank: Bank, error: Exception | None = None) -> Flask:
    """Make an app in which every handler fails, unless told otherwise with a text that must not get out."""

    def fail(call: Call) -> NoReturn:
        raise error or RuntimeError(f"a text with {call.raw_body!r}")

    app = Flask("breaking", static_folder=None)
    api = Api(app, bank, oauth.identify)
    features = []
    for feature in FEATURES:
        routes = Routes()
        routes.bound = [replace(bound, handler=fail) for bound in _module(feature, "routes").routes.bound]
        features.append(routes)
    api.mount(features)
    app.extensions["openteller"] = api
    return app


def seed_with_rich_biller(folder: Path) -> Path:
    """Copy the seed, but with a top-up biller of free amounts up to a million."""
    seed = folder / "seed"
    seed.mkdir()
    for path in SEED_FOLDER.iterdir():
        if not path.name.startswith("billers."):
            (seed / path.name).symlink_to(path)
    lines = gzip.decompress((SEED_FOLDER / "billers.jsonl.gz").read_bytes()).decode().splitlines()
    billers = [json.loads(line) for line in lines]
    for biller in billers:
        if biller["biller_code"] == TOPUP:
            biller |= {"max_amount": {"amount": "1000000.00", "currency": "CNY"}, "exactness": "RANGE"}
            biller.pop("amount_multiple", None)
    (seed / "billers.jsonl").write_text("\n".join(json.dumps(biller, ensure_ascii=False) for biller in billers))
    return seed
