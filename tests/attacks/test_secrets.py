"""What is personal or secret stays where it belongs: searched for in all that leaves the bank by other ways.

One long walk, through the API and over the page, with every magic account number, and with such numbers in wrong
places too. Every logger of the process is at DEBUG, and every dataclass of the sandbox is asked for its ``repr`` when
it is made. What was typed, shown or handed out in confidence is then searched for in log lines, problem bodies,
addresses, standard output and every ``repr``.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from tests.conftest import Partner, make_partner
from tests.contract.observer import Observer
from tests.contract.walk import breaking_app
from tests.payer import POOR, Payer
from tests.sandbox.receipts.test_printing import Stub
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers import service as billers
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.payments import service as payments
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.receipts.printing import Printer

FETCHED, DIRECT = "SH-ELECTRICITY-01", "CN-MOBILE_TOPUP-01"
OTHERS = (
    "BJ-BROADBAND-01",
    "BJ-TUITION-01",
    "CC-SOCIAL_INSURANCE-01",
    "CC-GAS-01",
    "CN-DONATION-01",
    "BJ-TRAFFIC_FINE-01",
)
FEW = ("DUE_BILL", "SEVERAL_BILLS", "UNKNOWN_ACCOUNT", "BILLER_DOWN", "REVERSED")
SHORT = 6
"""Shorter texts (a term, a room) are no secrets, and would be found by chance."""
OPEN_ABOUT = {"Biller", "InputField"}
"""Made of published records, in which the account number of each biller's example stands."""


@dataclasses.dataclass
class Evidence:
    """All that may not hold a secret, and the secrets, each with what it is."""

    logged: list[str] = dataclasses.field(default_factory=list)
    printed: str = ""
    reprs: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)
    addresses: list[str] = dataclasses.field(default_factory=list)
    answers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    secrets: dict[str, str] = dataclasses.field(default_factory=dict)
    examples: set[str] = dataclasses.field(default_factory=set)

    def keep(self, what: str, *values: str) -> None:
        """Note secrets."""
        self.secrets |= {value: what for value in values if len(value) >= SHORT or not value.isascii()}

    def found(self, texts: Iterator[str] | list[str], *, but: Callable[[str], bool] = lambda _: False) -> set[str]:
        """Name the secrets that stand in some texts, and where."""
        whole = list(texts)
        return {
            f"{what} in {text[:200]!r}"
            for secret, what in self.secrets.items()
            if not but(secret)
            for text in whole
            if secret in text
        }


class Listener(logging.Handler):
    """Keeps each line as it would be written, with its traceback."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


@pytest.fixture(scope="module")
def evidence(bank: Bank, flask_app: Flask) -> Evidence:
    """Take the walk."""
    found = Evidence()
    warm_up(flask_app)
    with pytest.MonkeyPatch.context() as patch:
        listen(patch, found)
        look_at_every_repr(patch, found)
        watch(patch, found)
        partner = make_partner(Observer(flask_app, use_cookies=False), return_urls=["https://bot.example/done"])
        found.keep("token", partner.headers["Authorization"].removeprefix("Bearer "))
        found.keep("client secret", partner.app["client_secret"])
        found.keep("customer", *(customer.name for customer in CUSTOMERS))
        for scenario in Scenario:
            through_the_api(found, partner, FETCHED, scenario.name)
            over_the_page(found, flask_app, partner, FETCHED, scenario.name)
            through_the_api(found, partner, DIRECT, scenario.name)
        for biller in OTHERS:
            for scenario_name in FEW:
                over_the_page(found, flask_app, partner, biller, scenario_name)
                through_the_api(found, partner, biller, scenario_name)
        partner.advance(seconds=3 * 86_400)
        in_wrong_places(found, partner, bank)
        read_everything(partner)
        print_every_receipt(bank, partner)
        keep_what_the_database_knows(found, bank, partner)
    return found


def warm_up(flask_app: Flask) -> None:
    """Import all that is imported late, so that its loggers and dataclasses are there."""
    make_partner(flask_app.test_client())


def listen(patch: pytest.MonkeyPatch, found: Evidence) -> None:
    """Turn every logger to DEBUG, whatever it was set to."""
    handler = Listener(found.logged)
    for logger in (logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))):
        patch.setattr(logger, "level", logging.DEBUG)
        patch.setattr(logger, "propagate", True)
        patch.setattr(logger, "disabled", False)
        if isinstance(logger, logging.Logger):
            patch.setattr(logger, "_cache", {})
    patch.setattr(logging.getLogger(), "handlers", [handler])
    patch.setattr(sys, "stdout", _Written(found))
    patch.setattr(sys, "stderr", _Written(found))


class _Written:
    def __init__(self, found: Evidence) -> None:
        self._found = found

    def write(self, text: str) -> int:
        self._found.printed += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def look_at_every_repr(patch: pytest.MonkeyPatch, found: Evidence) -> None:
    """Ask each instance of each dataclass of the sandbox how it shows itself, as soon as it is made."""
    billers._model.cache_clear()  # other tests may have had them made
    for module in [module for name, module in sys.modules.items() if name.startswith("openteller_sandbox")]:
        for class_ in list(vars(module).values()):
            if isinstance(class_, type) and dataclasses.is_dataclass(class_) and class_.__module__ == module.__name__:
                patch.setattr(class_, "__init__", _shown(class_, found))


def _shown(class_: type, found: Evidence) -> Callable[..., None]:
    real = class_.__init__  # type: ignore[misc]
    seen = found.reprs.setdefault(class_.__name__, set())

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        seen.add(repr(self))

    return init


def watch(patch: pytest.MonkeyPatch, found: Evidence) -> None:
    """Keep every problem, every address in an answer, and every body."""
    real = Observer.open

    def opened(self: Observer, *args: Any, **kwargs: Any) -> TestResponse:
        answer = real(self, *args, **kwargs)
        found.addresses.append(answer.headers.get("Location", ""))
        found.answers.append((f"{answer.request.method} {answer.request.path}", answer.text))
        if answer.mimetype == "application/problem+json":
            found.problems.append(answer.text)
        elif answer.is_json:
            found.addresses += [str(link) for link in dict(answer.json).get("links", {}).values()]
        return answer

    patch.setattr(Observer, "open", opened)


def known_inputs(found: Evidence, partner: Partner, biller: str, scenario: str) -> dict[str, str] | None:
    values = partner.get("/sandbox/v1/magic-values", biller_id=partner.biller(biller)["biller_id"]).json["data"]
    inputs = next((value["inputs"] for value in values if value["scenario"] == scenario), None)
    if inputs is None:
        return None
    found.keep(f"account number ({biller}, {scenario})", *inputs.values())
    found.examples |= {each["example"] for each in partner.biller(biller)["input_fields"] if "example" in each}
    return dict(inputs)


def through_the_api(found: Evidence, partner: Partner, biller: str, scenario: str) -> None:
    """Fetch, and make links for what was found or for the account itself; pay some of it on the page."""
    inputs = known_inputs(found, partner, biller, scenario)
    if inputs is None:
        return
    biller_id = partner.biller(biller)["biller_id"]
    fetch = {"biller_id": biller_id, "inputs": inputs, "end_user_ref": "user-of-the-tests-1"}
    fetched = partner.post("/v1/bill-fetches", fetch)
    if fetched.status_code == 201 and fetched.json["bills"]:
        bills = [bill["bill_id"] for bill in fetched.json["bills"]]
        partner.post("/v1/payments", {"partner_reference": f"{biller}-{scenario}", "bill_ids": bills[:1]})
    link = {"biller_id": biller_id, "inputs": inputs, "amount": {"amount": "50.00", "currency": "CNY"}}
    made = partner.post("/v1/payments", {"partner_reference": f"direct-{biller}-{scenario}", **link})
    if made.status_code == 201:
        url = made.json["payment_link"]["url"]
        found.keep("link code", url.rpartition("/")[2])
        account = next(iter(inputs.values()))
        page = Payer(partner.client.application.test_client(), url).pay(account[-4:])
        keep_session(found, page)


def over_the_page(found: Evidence, app: Flask, partner: Partner, biller: str, scenario: str) -> None:
    """Open a biller's link and type everything: a wrong account, the right one, a wrong code, a poor customer's."""
    inputs = known_inputs(found, partner, biller, scenario)
    if inputs is None:
        return
    url = partner.pay_link(biller_id=partner.biller(biller)["biller_id"])["payment_link"]["url"]
    found.keep("link code", url.rpartition("/")[2])
    page = Payer(app.test_client(), url).send("start")
    named = {field["name"]: field for field in partner.biller(biller)["input_fields"]}
    typed = inputs | {
        name: field["example"]
        for name, field in named.items()
        if field["sensitivity"] == "HIGH" and field["required"] and name not in inputs
    }
    if "donor_name" in named:
        typed["donor_name"] = "\u8d75\u94b1\u5b59"
    found.keep(f"typed ({biller})", *typed.values())
    wrong = typed | {"account_number": typed["account_number"][:-1] + "9"}
    found.keep(f"typed wrongly ({biller})", wrong["account_number"])
    page.send("account", **{f"in_{name}": value for name, value in wrong.items()})
    if page.step == "account":
        page.send("account", **{f"in_{name}": value for name, value in typed.items()})
    if page.step == "sign_in":
        page.send("sign_in", customer_number="62000001", demo_code="975310")
        found.keep("wrong code", "975310")
    if page.step == "sign_in":
        page.sign_in(POOR)
    for _ in range(4):
        if page.step in {"bills", "amount", "confirm"}:
            page.send(page.step, **({"amount": "50.00"} if page.step == "amount" else {}))
    page.open("/receipt")
    page.open("/receipt.pdf")
    page.open("/qr.svg")
    keep_session(found, page)


def keep_session(found: Evidence, page: Payer) -> None:
    for form in page.forms.values():
        found.keep("form token", form.values.get("csrf", ""))
    cookie = page._client.get_cookie("openteller_pay", path=page.path)
    if cookie:
        found.keep("session", cookie.value)


def in_wrong_places(found: Evidence, partner: Partner, bank: Bank) -> None:
    """Account numbers where they do not belong, and a fault of ours while one is in hand."""
    account = "3100002124"
    found.keep("account number in a wrong place", account)
    biller_id = partner.biller(FETCHED)["biller_id"]
    fetch: dict[str, Any] = {"biller_id": biller_id, "inputs": {}, "end_user_ref": "user-of-the-tests-1"}
    bodies: list[Any] = [
        fetch | {"inputs": {account: account}},
        fetch | {"inputs": {"account_number": int(account)}},
        fetch | {"inputs": {"account_number": account, "surplus": account}},
        fetch | {"inputs": account},
        fetch | {"end_user_ref": account},
        fetch | {"biller_id": account},
        fetch | {account: account},
        account,
        [account],
    ]
    for body in bodies:
        partner.post("/v1/bill-fetches", body)
    order = {"partner_reference": "in-a-wrong-place"}
    odd: list[dict[str, Any]] = [{"bill_ids": [account]}, {"adcode": account}, {"context": {account: "x"}}]
    for more in (*odd, {"metadata": {f"{account} ": "x"}}):
        partner.post("/v1/payments", order | more)
    for numbers in ({"receipt_number": account, "verification_code": account}, {"compact": account}):
        partner.post("/v1/receipts:verify", numbers)
        partner.client.post("/receipt-check", data=numbers)
    partner.client.get(f"/R/{account}")
    partner.get(f"/v1/payments/{account}")
    partner.get(f"/v1/bills/{account}/of/it")
    partner.get("/v1/billers", **{account: "1"})
    partner.get("/v1/payments", status=account)
    partner.get("/v1/payments", after=account)
    partner.client.get("/v1/payments", headers={"Authorization": f"Bearer {account}"})
    partner.client.post(
        "/v1/payments", json=order, headers=partner.headers | {"Idempotency-Key": f"{account} {account}"}
    )
    partner.client.post("/v1/payments", data=f'{{"{account}', headers=partner.headers, content_type="application/json")
    broken = Partner(Observer(breaking_app(bank), use_cookies=False), partner.app, partner.headers)
    assert broken.post("/v1/bill-fetches", fetch | {"inputs": {"account_number": account}}).status_code == 500


def read_everything(partner: Partner) -> None:
    """Read back all that was made."""
    partner.events()
    for payment in partner.get("/v1/payments", limit=100).json["data"]:
        partner.payment(payment["payment_id"])
        partner.get(f"/v1/payments/{payment['payment_id']}/receipt")
    partner.get("/sandbox/v1/requests", limit=100)


def print_every_receipt(bank: Bank, partner: Partner) -> None:
    """With a press that fails once."""
    press = Stub(failures=1)
    for payment in partner.get("/v1/payments", status="succeeded", limit=100).json["data"]:
        held = payments.get(bank.db.read(), payment["payment_id"])
        assert held is not None
        receipts.ask_for_print(bank, held)
    assert Printer(bank, press).print_waiting()


def keep_what_the_database_knows(found: Evidence, bank: Bank, partner: Partner) -> None:
    """What nobody was shown: whole bill numbers, and the billers' own references."""
    world = partner.app["world_id"]
    for table, column in (("bills", "bill_number"), ("biller_postings", "reference")):
        rows = bank.db.read().all(Statement(metadata.tables[table].select()))
        found.keep(f"{table}.{column}", *(row[column] for row in rows if row["world_id"] == world))


def test_the_walk_has_seen_what_it_should(evidence: Evidence) -> None:
    """Else the searches below would find nothing because there is nothing."""
    kinds = {what.split(" (")[0] for what in evidence.secrets.values()}
    assert kinds >= {
        "token",
        "client secret",
        "customer",
        "link code",
        "session",
        "form token",
        "account number",
        "typed",
    }
    assert len(evidence.secrets) > 150
    assert len(evidence.logged) > 500
    assert len(evidence.problems) > 50
    made = {name for name, shown in evidence.reprs.items() if shown}
    assert made >= {
        "Answer",
        "App",
        "Attempt",
        "Biller",
        "Call",
        "Caller",
        "Choice",
        "DueBill",
        "FetchedBill",
        "Held",
        "NewApp",
        "Paper",
        "Payment",
        "Posting",
        "PostingAnswer",
        "Question",
        "Quote",
        "Session",
        "Visit",
    }


@pytest.mark.abuse("credentials", "reads secrets and account numbers in logs")
def test_no_log_line_shows_a_secret(evidence: Evidence) -> None:
    assert not evidence.found(evidence.logged)


def test_nothing_is_printed(evidence: Evidence) -> None:
    assert not evidence.found([evidence.printed])


@pytest.mark.abuse("credentials", "provokes errors that repeat what somebody sent")
def test_no_problem_shows_a_secret(evidence: Evidence) -> None:
    assert not evidence.found(evidence.problems)


def test_no_address_in_an_answer_shows_a_secret(evidence: Evidence) -> None:
    """Where something was made, and the pages of a list. (The payment link itself is an address, and is its code.)"""
    assert not evidence.found(evidence.addresses)


@pytest.mark.parametrize("class_name", ["Biller and InputField", "every other dataclass"])
def test_no_repr_shows_a_secret(class_name: str, evidence: Evidence) -> None:
    """Billers are published, with an example of an account number each; nothing else may show even that."""
    known = class_name.startswith("Biller")
    for name, shown in evidence.reprs.items():
        if (name in OPEN_ABOUT) is known:
            holds_a_biller = any("Biller(facts=" in text for text in shown)
            public = evidence.examples if known or holds_a_biller else set()
            assert not evidence.found(list(shown), but=public.__contains__), name


def test_a_customer_shows_neither_name_nor_code() -> None:
    for customer in CUSTOMERS:
        assert customer.name not in repr(customer)
        assert customer.demo_code not in repr(customer)


@pytest.mark.abuse("credentials", "finds a secret in an answer where nobody expects one")
def test_an_answer_shows_a_secret_only_where_it_is_what_was_asked_for(evidence: Evidence) -> None:
    """Magic values give the account numbers, a new app its secret, a payment its link; nothing gives anything else."""
    gives = {
        "GET /sandbox/v1/magic-values": ("account number", "typed"),
        "POST /sandbox/v1/apps": ("client secret",),
        "POST /oauth/token": ("token",),
        "GET /v1/billers": ("account number", "typed"),  # the published example
    }
    for asked, text in evidence.answers:
        given = gives.get(asked, ("link code",) if asked.partition(" ")[2].startswith("/v1/payments") else ())
        for secret, what in evidence.secrets.items():
            if secret in text:
                assert what.startswith(given), (asked, what)


def test_stored_records_show_no_secret(evidence: Evidence, bank: Bank) -> None:
    """Records are what partners read; account numbers stand beside them, in columns of their own."""
    for name, table in metadata.tables.items():
        if "wire" in table.c and name not in {"billers", "branches", "atms", "biller_categories", "rate_sheets"}:
            rows = bank.db.read().all(Statement(table.select()))
            texts = [json.dumps(json.loads(row["wire"]), ensure_ascii=False) for row in rows]
            assert not evidence.found(texts), name
