"""Partners and payers under whom a bank is killed: they repeat what got no answer, and remember what did.

A partner is a thread with an app and a world of its own. It creates payments, repeating each with its idempotency key
until it is answered, cancels some, has most of them paid on the bank's page, disputes some, and moves its clock.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from itertools import count
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from tests.payer import RICH, Payer

from openteller import Money, OpenTeller, errors
from openteller.models import App, Biller, Payment
from openteller_sandbox.billers.model import Biller as BillerRules

PATIENCE_S = 120.0
_PAUSE_S = 0.02
_TOP_UP, _POWER = "CN-MOBILE_TOPUP-01", "SH-ELECTRICITY-01"
_SCENARIOS = (
    *["DUE_BILL"] * 8,
    "TIMEOUT_SUCCEEDED",
    "TIMEOUT_REFUNDED",
    "TIMEOUT_LATE",
    "POSTED_TWICE",
    "REVERSED",
    "POSTING_REJECTED",
    "UNANSWERED_POSTED",
    "UNANSWERED_NOT_POSTED",
    "LOST_BY_BILLER",
)
_DISPUTES = ("DUPLICATE", "SERVICE_NOT_RECEIVED", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED")
_NOT_PAID = frozenset({"created", "authorising", "cancelled", "expired", "failed"})
_STEPS = frozenset({"start", "sign_in", "digits", "bills", "confirm", "retry"})
_MOST_STEPS = 12
_MOST_VISITS = 8
T = TypeVar("T")


@dataclass
class Page:
    """An answer as ``tests.payer`` reads one."""

    status_code: int
    text: str


class Browser:
    """Gets and posts the pages of one link, with cookies; a connection for each, as a bank that dies leaves none."""

    def __init__(self, netloc: str) -> None:
        self._netloc = netloc
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> Page:
        """Load a page."""
        return self._exchange("GET", path, None)

    def post(self, path: str, data: Any) -> Page:
        """Send a form; the redirect is left to the caller."""
        return self._exchange("POST", path, urlencode(list(data.items(multi=True))))

    def _exchange(self, method: str, path: str, body: str | None) -> Page:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "Accept": "text/html",
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(http.client.HTTPConnection(self._netloc, timeout=PATIENCE_S)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for line in answer.headers.get_all("Set-Cookie", []):
                self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return Page(answer.status, text)


@dataclass
class Memory:
    """What a partner was told. created: payment by reference; paid: payments whose money the bank has taken."""

    created: dict[str, str] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)
    did: Counter[str] = field(default_factory=Counter)


class Partner(threading.Thread):
    """Works until it is told to stop.

    Args:
        url: of the bank.
        app: whose credentials it has.
        random: draws what it does next.
        stop: says when to stop.
    """

    def __init__(self, url: str, app: App, random: Random, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.memory = Memory()
        self.failed = ""
        self.answered_at = time.monotonic()
        self.client = OpenTeller(
            url, client_id=app.client_id, client_secret=app.client_secret, max_retries=0, timeout=PATIENCE_S
        )
        self._netloc = urlsplit(url).netloc
        self._random = random
        self._stop_asked = stop
        self._name = app.app_id[-6:]
        self._accounts = count(2000)

    def run(self) -> None:
        """Make payments, one after the other."""
        try:
            self._top_up, self._power = self._biller(_TOP_UP), self._biller(_POWER)
            values = self.again(lambda: list(self.client.sandbox.magic_values(biller_id=self._top_up.biller_id)))
            self._numbers = {value.scenario: dict(value.inputs) for value in values}
            serials = count()
            while not self._stop_asked.is_set():
                self._one(f"kill-{self._name}-{next(serials)}")
        except Exception as error:  # noqa: BLE001 - told in the report
            self.failed = repr(error)

    def again(self, call: Callable[[], T]) -> T:
        """Repeat until there is an answer, be it a refusal."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = call()
            except (errors.TransportError, errors.BankFailure):
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
            else:
                self.answered_at = time.monotonic()
                return answer

    def _one(self, reference: str) -> None:
        kind = self._random.choices(("top-up", "bill", "cancel", "nobody pays", "clock"), (55, 25, 8, 6, 6))[0]
        self.memory.did[kind] += 1
        self.answered_at = time.monotonic()
        if kind == "clock":
            seconds = self._random.choice((40, 61, 301, 1801, 7200, 40_000))
            self._refusable(lambda: self.client.sandbox.advance_clock(seconds=seconds))
            return
        found = self._bill() if kind == "bill" else self._top_up_form()
        if found is None:
            return
        form, digits = found
        payment = self._refusable(
            lambda: self.client.payments.create(partner_reference=reference, idempotency_key=reference, **form)
        )
        if payment is None:
            return
        self.memory.created[reference] = payment.payment_id
        if kind == "cancel":
            self._cancel(payment)
        elif kind != "nobody pays":
            self._have_paid(payment, digits)

    def _top_up_form(self) -> tuple[dict[str, Any], str]:
        """Give what a direct payment is made of, and the last digits of its account."""
        inputs = self._numbers[self._random.choice(_SCENARIOS)]
        form = {"biller_id": self._top_up.biller_id, "inputs": inputs, "amount": Money("50.00")}
        return form, next(iter(inputs.values()))[-4:]

    def _bill(self) -> tuple[dict[str, Any], str] | None:
        """Fetch what an ordinary account owes; None where it owes nothing, or the bank does not say."""
        number = self._number_of(self._power)
        asked = {"inputs": {"account_number": number}, "end_user_ref": f"user-of-the-rig-{self._name}"}
        fetched = self._refusable(lambda: self.client.bills.fetch(biller_id=self._power.biller_id, **asked))
        bills = [bill.bill_id for bill in fetched.bills if bill.status == "OPEN"] if fetched else []
        return ({"bill_ids": bills[:1]}, number[-4:]) if bills else None

    def _cancel(self, payment: Payment) -> None:
        key = f"cancel-{payment.payment_id}"
        done = self._refusable(lambda: self.client.payments.cancel(payment.payment_id, idempotency_key=key))
        if done is not None:
            self.memory.cancelled.add(payment.payment_id)

    def _have_paid(self, payment: Payment, digits: str) -> None:
        assert payment.payment_link
        browser = Browser(self._netloc)
        for _ in range(_MOST_VISITS):
            self.again(lambda: self._visit(browser, payment.payment_link.url, digits))
            status = self.again(lambda: self.client.payments.get(payment.payment_id)).status
            if status not in _NOT_PAID:
                self.memory.paid.add(payment.payment_id)
                if status == "succeeded" and self._random.random() < 0.1:
                    self._dispute(payment)
                return
        self.memory.did["page gave up"] += 1

    def _visit(self, browser: Browser, url: str, digits: str) -> None:
        """Follow the link as far as it leads."""
        try:
            payer = Payer(browser, url)  # type: ignore[arg-type] # it has what is asked of one
            fill: Mapping[str, Mapping[str, str]] = {
                "sign_in": {"customer_number": RICH[0], "demo_code": RICH[1]},
                "digits": {"digits": digits},
            }
            for _ in range(_MOST_STEPS):
                step = payer.step
                if step not in _STEPS:
                    return
                payer.send(step, **fill.get(step, {}))
        except (OSError, http.client.HTTPException):
            time.sleep(_PAUSE_S)

    def _dispute(self, payment: Payment) -> None:
        key, type_ = f"dispute-{payment.payment_id}", self._random.choice(_DISPUTES)
        made = self._refusable(
            lambda: self.client.disputes.create(payment_id=payment.payment_id, type=type_, idempotency_key=key)
        )
        if made is not None:
            self.memory.disputed.add(made.dispute_id)

    def _refusable(self, call: Callable[[], T]) -> T | None:
        """Repeat until there is an answer; None where it is a refusal."""
        try:
            return self.again(call)
        except errors.BankError as error:
            self.memory.did[f"refused: {error.code}"] += 1
            return None

    def _biller(self, code: str) -> Biller:
        return next(
            each for each in self.again(lambda: list(self.client.billers.list(q=code))) if each.biller_code == code
        )

    def _number_of(self, biller: Biller) -> str:
        facts = {"input_fields": [_facts(each) for each in biller.input_fields]}
        number = BillerRules(facts).input_fields[0].with_serial(next(self._accounts))
        assert number is not None
        return number


def _facts(input_field: Any) -> dict[str, Any]:
    return {name: getattr(input_field, name) for name in ("name", "pattern", "check_digit", "sensitivity")}
