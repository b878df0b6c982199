"""Partners, payers, clocks and disks that try to move money where it does not belong."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.payer import Payer

from openteller_sandbox import clock
from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank, Due, DueHandler, World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.due import service as due
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.settings import AnswerCheck

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"
END_USER = "user-of-the-attacks"


@pytest.fixture(scope="module")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a bank's file, to be copied."""
    bank = make_bank(tmp_path_factory.mktemp("new"), WallClock(), engine="sqlite")
    bank.db.close()
    return Path(bank.db.path)


@pytest.fixture
def own_bank(new_database: Path, tmp_path: Path) -> Iterator[Bank]:
    """Open a bank that may come to harm."""
    shutil.copy(new_database, tmp_path)
    opened = make_bank(tmp_path, WallClock(), engine="sqlite", check_answers=AnswerCheck.OFF)
    yield opened
    opened.db.close()


def _books_are_right(bank: Bank, partner: Partner) -> bool:
    world = World(partner.app["world_id"])
    balances = ledger.balances(bank.db.read(), world)
    rich = customers.CUSTOMERS[0].customer_id
    booked = balances[ledger.customer(rich)]
    return (
        ledger.is_balanced(bank.db.read())
        and not any(balances.get(account, 0) for account in (ledger.HOLDS, ledger.CLEARING, ledger.REFUNDS))
        and booked == customers.available(bank.db.read(), world, rich).minor
    )


# A malicious partner.


@pytest.mark.abuse("enumeration", "asks with half of what names an account")
def test_half_of_what_the_page_asks_for_is_no_account(partner: Partner) -> None:
    """A traffic fine is found by its number, or by plate and day; a day alone would fetch a bill of nobody."""
    biller_id = partner.biller("SH-TRAFFIC_FINE-01")["biller_id"]
    body = {"biller_id": biller_id, "inputs": {"violation_date": "2026-09-01"}, "end_user_ref": END_USER}
    refused = partner.post("/v1/bill-fetches", body)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/inputs/violation_date")
    published = partner.get(f"/v1/billers/{biller_id}/input-schema").json["properties"]
    assert set(published) == {"account_number"}


@pytest.mark.abuse("replay", "reads purged bills by sending an old key again")
def test_a_purged_fetch_is_not_read_any_more_by_sending_its_key_again(partner: Partner) -> None:
    inputs = partner.magic(POWER, "DUE_BILL")
    body = {"biller_id": partner.biller(POWER)["biller_id"], "inputs": inputs, "end_user_ref": END_USER}
    first, replayed = (partner.post("/v1/bill-fetches", body, key="fetch-1") for _ in range(2))
    assert replayed.data == first.data
    partner.advance(seconds=86_400)
    assert partner.get(first.headers["Location"]).status_code == 404
    later = partner.post("/v1/bill-fetches", body, key="fetch-1")
    assert later.json["bill_fetch_id"] != first.json["bill_fetch_id"]
    assert partner.get(later.headers["Location"]).status_code == 200


# A biller that does not do as it says.


@pytest.mark.abuse("bills", "pays a bill again that was posted late")
def test_a_bill_that_was_posted_late_is_not_paid_a_second_time(partner: Partner, payer: Payers) -> None:
    account = partner.magic(POWER, "TIMEOUT_LATE")["account_number"]
    links = [
        partner.pay_link(bill_ids=[bill["bill_id"] for bill in partner.fetch(scenario="TIMEOUT_LATE").json["bills"]])
        for _ in range(2)
    ]
    page = payer(links[1]["payment_link"]["url"]).send("start").sign_in().send("digits", digits=account[-4:])
    payer(links[0]["payment_link"]["url"]).pay(account[-4:])
    partner.advance(seconds=3 * 3600)
    assert [note["type"] for note in partner.payment(links[0]["payment_id"])["exceptions"]] == ["LATE_POSTING"]
    assert partner.fetch(scenario="TIMEOUT_LATE").json["status"] == "NO_BILL"
    page.open()
    assert "BILL_ALREADY_PAID" in page.text


# The clock.


@pytest.mark.parametrize(
    ("evening", "scenario"),
    [
        ("2026-09-30T21:00:00+08:00", "DUE_BILL"),
        ("2026-09-30T21:00:00+08:00", "SLOW"),
        ("2026-11-30T21:00:00+08:00", "DUE_BILL"),
        ("2027-02-28T21:00:00+08:00", "DUE_BILL"),
    ],
)
def test_a_bill_found_on_the_last_day_of_a_month_is_paid_on_the_first_of_the_next(
    partner: Partner, payer: Payers, evening: str, scenario: str
) -> None:
    partner.advance(to=evening)
    location = partner.fetch(scenario=scenario).headers["Location"]
    partner.advance(seconds=10)
    found = partner.get(location).json["bills"]
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in found])
    partner.advance(seconds=4 * 3600)
    page = payer(payment["payment_link"]["url"]).pay(partner.magic(POWER, scenario)["account_number"][-4:])
    assert partner.payment(payment["payment_id"])["status"] == "succeeded", page.text


@pytest.mark.abuse("bills", "has a penalty taken that grew after the showing")
def test_a_penalty_that_grows_at_midnight_is_not_taken_unseen(partner: Partner, payer: Payers) -> None:
    partner.advance(to="2026-12-31T21:00:00+08:00")
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in partner.fetch().json["bills"]])
    partner.advance(seconds=4 * 3600)
    page = payer(payment["payment_link"]["url"]).pay(partner.magic(POWER, "DUE_BILL")["account_number"][-4:])
    assert "账单金额有变化" in page.text
    assert partner.payment(payment["payment_id"])["debit"]["status"] == "NOT_STARTED"


def test_what_is_due_at_the_end_of_a_leap_february_is_due_on_its_29th(partner: Partner) -> None:
    for _ in range(2):
        partner.advance(seconds=250 * 86_400)
    partner.advance(to="2028-03-01T12:00:00+08:00")
    bill = partner.fetch().json["bills"][0]
    assert (bill["period"], bill["bill_date"], bill["due_date"]) == (
        {"from": "2028-02-01", "to": "2028-02-29"},
        "2028-03-01",
        "2028-03-31",
    )


def test_an_act_that_always_fails_does_not_hold_up_an_advance_by_400_days(
    bank: Bank, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def sick(_: Bank, act: Due) -> None:
        tries.append(act.at)
        raise RuntimeError("sick")

    monkeypatch.setitem(bank.due_handlers, "payment.forget_context", sick)
    payment = partner.pay_link(context={"channel": "weibo"})
    partner.advance(seconds=400 * 86_400)
    assert 10 < len(tries) < 1000
    assert partner.payment(payment["payment_id"])["status"] == "expired"


def test_thousands_of_links_expire_in_an_advance_by_400_days(own_bank: Bank) -> None:
    partner = make_partner(create_app(own_bank).test_client(use_cookies=False))
    for _ in range(1000):
        partner.pay_link(context={"channel": "weibo"})
    partner.advance(seconds=400 * 86_400)
    assert due.waiting(own_bank.db.read(), World(partner.app["world_id"]))[0] == 1, "the daily purge"
    assert partner.get("/v1/payments", limit=1, status="created").json["data"] == []
    assert len(partner.get("/v1/payments", limit=100, status="expired").json["data"]) == 100


def test_a_world_reaches_the_end_of_the_century_and_still_takes_payments(own_bank: Bank) -> None:
    own_bank.clock.base_offset_ms = clock.parse("2099-12-31T23:00:00+08:00") - own_bank.clock.wall()
    app = create_app(own_bank)
    partner = make_partner(app.test_client(use_cookies=False))
    account = partner.magic(POWER, "REVERSED")["account_number"]
    bills = [bill["bill_id"] for bill in partner.fetch(scenario="REVERSED").json["bills"]]
    payment = partner.pay_link(bill_ids=bills)
    Payer(app.test_client(), payment["payment_link"]["url"]).pay(account[-4:])
    paid = partner.payment(payment["payment_id"])
    assert (paid["status"], paid["value_date"]) == ("succeeded", "2099-12-31")
    partner.advance(seconds=2 * 3600)
    returned = partner.payment(payment["payment_id"])
    assert (returned["status"], returned["updated_at"][:10]) == ("refunded", "2100-01-01")
    assert _books_are_right(own_bank, partner)


# The operator: kills, two processes, a disk without room.

ENDINGS = {
    "DUE_BILL": ("succeeded", ["authorise", "send", "post"]),
    "TIMEOUT_SUCCEEDED": ("succeeded", ["authorise", "send", "post"]),
    "TIMEOUT_REFUNDED": ("refunded", ["authorise", "send", "give back", "return"]),
    "TIMEOUT_LATE": ("refunded", ["authorise", "send", "give back", "return", "post late", "recover"]),
    "POSTED_TWICE": ("succeeded", ["authorise", "send", "post", "post twice", "recover"]),
    "REVERSED": ("refunded", ["authorise", "send", "post", "reverse", "give back", "return"]),
    "POSTING_REJECTED": ("refunded", ["authorise", "send", "give back", "return"]),
}


def test_an_act_that_is_done_twice_counts_once(
    bank: Bank, partner: Partner, payer: Payers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between an act and the end of its note, or a second process, does it again."""

    def twice(handler: DueHandler) -> DueHandler:
        def do(bank_: Bank, act: Due) -> None:
            for _ in range(2):
                handler(bank_, act)

        return do

    for kind, handler in list(bank.due_handlers.items()):
        monkeypatch.setitem(bank.due_handlers, kind, twice(handler))
    biller_id = partner.biller(POWER)["biller_id"]
    paid = {scenario: partner.pay_link(biller_id=biller_id) for scenario in ENDINGS}
    for scenario, payment in paid.items():
        page = payer(payment["payment_link"]["url"]).send("start")
        page.send("account", in_account_number=partner.magic(POWER, scenario)["account_number"]).sign_in()
        page.send("confirm")
    partner.advance(seconds=3 * 86_400)
    world = World(partner.app["world_id"])
    for scenario, payment in paid.items():
        lines = ledger.lines_of(bank.db.read(), world, payment["payment_id"])
        entries = [reason for reason, _, gain in lines if gain < 0]
        assert (partner.payment(payment["payment_id"])["status"], entries) == ENDINGS[scenario]
    told = [event["data"]["rate_sheet_id"] for event in partner.events() if event["type"] == "rate.changed"]
    assert len(told) == len(set(told)) > 0
    assert due.waiting(bank.db.read(), world)[0] == 3, "the daily purge, the next statements and the next rates"


def test_a_database_that_somebody_else_has_locked_does_not_end_the_server(own_bank: Bank) -> None:
    partner = make_partner(create_app(own_bank).test_client(use_cookies=False))
    payment = partner.pay_link(expires_in=60)
    own_bank.clock.base_offset_ms += 60_000
    own_bank.db.read()._connection.execute("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(own_bank.db.path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        assert due.run_all(own_bank) == 0
    assert due.run_all(own_bank) == 1
    assert partner.payment(payment["payment_id"])["status"] == "expired"


def test_a_full_disk_loses_no_money(own_bank: Bank) -> None:
    app = create_app(own_bank)
    partner = make_partner(app.test_client(use_cookies=False))
    biller_id = partner.biller(POWER)["biller_id"]
    pages = []
    for scenario in ("DUE_BILL", "POSTED_TWICE", "REVERSED", "TIMEOUT_LATE", "POSTING_REJECTED", "TIMEOUT_SUCCEEDED"):
        page = Payer(app.test_client(), partner.pay_link(biller_id=biller_id)["payment_link"]["url"]).send("start")
        page.send("account", in_account_number=partner.magic(POWER, scenario)["account_number"]).sign_in()
        pages.append(page)
    disk = own_bank.db.read()._connection
    disk.execute(f"PRAGMA max_page_count={disk.execute('PRAGMA page_count').fetchone()[0]}")
    answers = [page.send("confirm").answer.status_code for page in pages]
    assert 503 in answers, "the disk was not full"
    due.run_all(own_bank)
    disk.execute("PRAGMA max_page_count=4294967294")
    for page in pages:
        if page.open() and page.step == "confirm":
            page.send("confirm")
    partner.advance(seconds=3 * 3600)
    statuses = [payment["status"] for payment in partner.get("/v1/payments").json["data"]]
    assert set(statuses) <= {"succeeded", "refunded"}
    assert _books_are_right(own_bank, partner)


def _at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Do each act in a thread of its own, all at the same moment."""
    barrier = Barrier(len(acts))

    def do(act: Callable[[], Any]) -> Any:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


@pytest.mark.both_engines
def test_two_processes_on_one_database_pay_a_bill_once_and_make_a_payment_once(engine: str, tmp_path: Path) -> None:
    own_bank = make_bank(tmp_path, WallClock(), engine=engine, check_answers=AnswerCheck.OFF)
    same = own_bank.settings.database
    second_bank = make_bank(tmp_path, WallClock(), database=same, check_answers=AnswerCheck.OFF)
    apps = [create_app(own_bank), create_app(second_bank)]
    partner = make_partner(apps[0].test_client(use_cookies=False))
    other_door = Partner(apps[1].test_client(use_cookies=False), partner.app, partner.headers)
    body = {"partner_reference": "only-once"}
    doors = (partner, other_door)
    made = _at_once([partial(door.post, "/v1/payments", body, key="k-1") for door in doors])
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].data == made[1].data
    for scenario in ("DUE_BILL", "REVERSED", "POSTED_TWICE", "TIMEOUT_LATE"):
        digits = partner.magic(POWER, scenario)["account_number"][-4:]
        bills = [bill["bill_id"] for bill in partner.fetch(scenario=scenario).json["bills"]]
        links = [partner.pay_link(bill_ids=bills) for _ in range(2)]
        pages = []
        for app, link in itertools.product(apps, links):
            page = Payer(app.test_client(), link["payment_link"]["url"]).send("start").sign_in()
            pages.append(page.send("digits", digits=digits))
        _at_once([partial(page.send, "confirm") for page in pages])
        paid = [partner.payment(link["payment_id"])["debit"]["status"] for link in links]
        assert sorted(paid) == ["DEBITED", "NOT_STARTED"]
    own_bank.clock.base_offset_ms += 4 * 3_600_000
    second_bank.clock.base_offset_ms += 4 * 3_600_000
    while sum(_at_once([partial(due.run_all, each) for each in (own_bank, second_bank)])):
        pass
    assert _books_are_right(own_bank, partner)
    notes = [note["type"] for payment in partner.get("/v1/payments").json["data"] for note in payment["exceptions"]]
    assert sorted(notes) == ["BILLER_REVERSED", "DOUBLE_POSTING", "LATE_POSTING"]
    for bank in (own_bank, second_bank):
        bank.db.close()
