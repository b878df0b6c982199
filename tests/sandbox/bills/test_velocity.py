"""Accounts cannot be tried out: what is counted, what is refused, until when, and who is not hit by accident."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner
from tests.payer import Payer
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills.neighbours import longest_run
from openteller_sandbox.bills.store import fetch_asks
from openteller_sandbox.bills.velocity import plain
from openteller_sandbox.clock import DAY, parse
from openteller_sandbox.db import Statement
from openteller_sandbox.settings import FetchLimits

POWER = "SH-ELECTRICITY-01"
LIMITS = FetchLimits()
NewPartner = Callable[..., Partner]
Payers = Callable[[str], Payer]
on_both_engines = pytest.mark.both_engines


class Asking:
    """An app that asks about accounts of the power company, by serial number."""

    def __init__(self, bank: Bank, partner: Partner, code: str = POWER) -> None:
        self.partner = partner
        self.biller_id = partner.biller(code)["biller_id"]
        self._field = billers.get(bank.db.read(), self.biller_id).input_fields[0]

    def number(self, serial: int) -> str:
        number = self._field.with_serial(serial)
        assert number is not None
        return number

    def about(self, serial: int, user: str | int = "one", partner: Partner | None = None) -> TestResponse:
        inputs = {self._field.name: self.number(serial)}
        body = {"biller_id": self.biller_id, "inputs": inputs, "end_user_ref": f"hmac-of-the-user-{user}"}
        return (partner or self.partner).post("/v1/bill-fetches", body)


@pytest.fixture
def asking(bank: Bank, partner: Partner) -> Asking:
    return Asking(bank, partner)


def limit(answer: TestResponse) -> str | None:
    """Give which limit refused, having looked at what else is told; None where it was answered."""
    if answer.status_code in {201, 202}:
        return None
    problem: dict[str, Any] = answer.json
    assert (answer.status_code, problem["code"], problem["retryable"]) == (429, "FETCH_LIMIT", "later")
    wait_s = int(answer.headers["Retry-After"])
    assert 0 < wait_s <= 86_400
    assert problem["display_message"]["zh-CN"]
    return str(problem["limit"])


def until(answer: TestResponse) -> str:
    return str(answer.json["resets_at"])


@pytest.mark.abuse("enumeration", "asks about one account after the other as one end user")
@on_both_engines
def test_an_end_user_asks_about_five_new_accounts_a_day(asking: Asking, bank: Bank) -> None:
    for serial in range(5000, 9000, 800):
        assert limit(asking.about(serial)) is None
    before = snapshot(bank)
    refused = asking.about(9001)
    assert (limit(refused), until(refused)) == ("NEW_ACCOUNTS_PER_END_USER", "2026-09-30T00:00:00+08:00")
    assert refused.headers["Retry-After"] == str(13 * 3600 + 1800)
    assert snapshot(bank) == before, "what is refused is not counted"
    assert limit(asking.about(5000)) is None, "an account that was asked about is not new"
    assert limit(asking.about(9001, user="two")) is None, "another user has a count of their own"
    asking.partner.advance(seconds=23 * 3600)
    assert limit(asking.about(9001)) is None, "the day is over"


def test_an_account_is_known_to_its_user_for_thirty_days(asking: Asking) -> None:
    asking.about(7000)
    asking.partner.advance(seconds=29 * 86_400)
    for serial in (1100, 2300, 3700, 4900, 8200):
        assert limit(asking.about(serial)) is None
    assert limit(asking.about(7000)) is None
    asking.partner.advance(seconds=31 * 86_400)
    for serial in (1500, 2700, 3100, 4300, 8600):
        assert limit(asking.about(serial)) is None
    assert limit(asking.about(7000)) == "NEW_ACCOUNTS_PER_END_USER"


@pytest.mark.abuse("enumeration", "asks about one account again and again, through several apps and users")
@on_both_engines
def test_an_account_is_fetched_ten_times_a_day_over_all_partners_and_users(
    asking: Asking, new_partner: NewPartner, payer: Payers, client: Any
) -> None:
    other = new_partner(headers=asking.partner.headers, join="world")
    for turn in range(LIMITS.per_account):
        assert limit(asking.about(6000, user=turn, partner=(asking.partner, other)[turn % 2])) is None
    for turn, each in enumerate((asking.partner, other)):
        assert limit(asking.about(6000, user=100 + turn, partner=each)) == "FETCHES_PER_ACCOUNT"
    stranger = new_partner()
    assert limit(asking.about(6000, partner=stranger)) is None, "of another world"
    page = payer(asking.partner.pay_link(biller_id=asking.biller_id)["payment_link"]["url"])
    page.send("start").send("account", in_account_number=asking.number(6000)).sign_in()
    assert page.step in {"confirm", "bills", ""}, page.text
    assert "LIMIT" not in page.text


@pytest.mark.abuse("enumeration", "tells accounts that nobody has by how often they may be asked about")
def test_an_account_that_nobody_has_is_refused_by_the_same_count(asking: Asking, partner: Partner) -> None:
    """Otherwise the eleventh answer would tell which accounts there are."""
    number = partner.magic(POWER, "UNKNOWN_ACCOUNT")
    body = {"biller_id": asking.biller_id, "inputs": number}
    answers = [
        partner.post("/v1/bill-fetches", body | {"end_user_ref": f"hmac-of-the-user-{turn}"}).json["code"]
        for turn in range(LIMITS.per_account + 1)
    ]
    assert answers == ["ACCOUNT_NOT_PAYABLE"] * LIMITS.per_account + ["FETCH_LIMIT"]


def miss(partner: Partner, times: int, since: int = 0) -> TestResponse:
    """Ask about so many accounts that nobody has, a few times each."""
    codes = [each["biller_code"] for each in partner.get("/v1/billers", category_code="WATER", limit=100).json["data"]]
    missing, answer = times, None
    for number, code in enumerate(codes):
        biller = partner.biller(code)
        if biller["fetch_mode"] != "FETCH" or biller["status"] != "ACTIVE":
            continue
        for turn in range(min(9, missing)):
            user = f"hmac-of-the-user-{since}-{number}-{turn}"
            body = {"biller_id": biller["biller_id"], "inputs": partner.magic(code, "UNKNOWN_ACCOUNT")}
            answer = partner.post("/v1/bill-fetches", body | {"end_user_ref": user})
            if answer.json["code"] in {"BILLER_MAINTENANCE", "BILLER_CUTOFF"}:
                break
            missing -= 1
        if not missing:
            break
    assert answer is not None
    assert not missing
    return answer


@pytest.mark.abuse("enumeration", "guesses numbers, and misses most of the time")
@on_both_engines
def test_more_misses_than_one_in_five_suspend_an_apps_fetches(asking: Asking, new_partner: NewPartner) -> None:
    partner = asking.partner
    assert miss(partner, LIMITS.misses).json["code"] == "ACCOUNT_NOT_PAYABLE"
    assert limit(asking.about(6100)) is None, "forty of two hundred are allowed"
    assert miss(partner, 1, since=1).json["code"] == "ACCOUNT_NOT_PAYABLE"
    refused = asking.about(6200)
    assert (limit(refused), until(refused)) == ("MISSES", "2026-09-30T10:30:00+08:00")
    other = new_partner(headers=partner.headers, join="world")
    assert limit(asking.about(6200, partner=other)) is None, "another app is not suspended"
    assert partner.pay_link(biller_id=asking.biller_id)["status"] == "created", "links still work"
    partner.advance(seconds=86_399)
    assert limit(asking.about(6200)) == "MISSES"
    partner.advance(seconds=1)
    assert limit(asking.about(6200)) is None
    assert miss(partner, LIMITS.misses, since=2).json["code"] == "ACCOUNT_NOT_PAYABLE", "misses of before are forgotten"
    assert limit(asking.about(6300, user="x")) is None
    miss(partner, 1, since=3)
    assert until(asking.about(6200)) == "2026-10-07T10:30:00+08:00", "a week, as it happened again"


def test_a_reset_of_the_world_ends_a_suspension(asking: Asking) -> None:
    miss(asking.partner, LIMITS.misses + 1)
    assert limit(asking.about(6200)) == "MISSES"
    assert asking.partner.post("/sandbox/v1/reset", {}, key=None).status_code in {200, 204}
    assert limit(asking.about(6200)) is None


@pytest.mark.abuse("enumeration", "hides its misses behind a slow biller")
def test_a_miss_of_a_slow_biller_counts_when_its_answer_comes(asking: Asking, bank: Bank, partner: Partner) -> None:
    fault = {"match": {"leg": "query"}, "effect": {"delay_ms": 5000}, "times": 1}
    assert partner.post("/sandbox/v1/faults", fault, key=None).status_code == 201
    body = {"biller_id": asking.biller_id, "inputs": partner.magic(POWER, "BLOCKED_ACCOUNT")}
    fetched = partner.post("/v1/bill-fetches", body | {"end_user_ref": "hmac-of-the-user-1"})
    assert fetched.status_code == 202
    assert rows(bank, partner)[0]["missed"] == 0
    partner.advance(seconds=10)
    assert partner.get(fetched.headers["Location"]).json["status"] == "FAILED"
    assert rows(bank, partner)[0]["missed"] == 1


def rows(bank: Bank, partner: Partner) -> list[Any]:
    world_id = partner.app["world_id"]
    return bank.db.read().all(Statement(select(fetch_asks).where(fetch_asks.c.world_id == world_id)))


SHUFFLED = random.Random(4).sample(range(4000, 4050, 5), 10)


@pytest.mark.parametrize(
    "serials",
    [
        pytest.param(range(4000, 4010), id="one by one"),
        pytest.param(range(4009, 3999, -1), id="downwards"),
        pytest.param(range(4000, 4100, 10), id="in steps that are near"),
        pytest.param(range(3000, 13_000, 1000), id="in steps that are large"),
        pytest.param(range(90_000, 30_000, -6000), id="in large steps downwards"),
        pytest.param(SHUFFLED, id="shuffled"),
        pytest.param([4000, 4500, 4001, 4002, 4501, 4003, 4004, 4502, 4005, 4006, 4007, 4008, 4009], id="among others"),
    ],
)
def test_a_run_of_numbers_suspends_an_apps_fetches_whatever_users_it_names(asking: Asking, serials: Any) -> None:
    """Each number has right check digits, and another user asks."""
    *all_but_one, last = serials
    for user, serial in enumerate(all_but_one):
        assert limit(asking.about(serial, user=user)) is None
    refused = asking.about(last, user="last")
    assert (limit(refused), until(refused)) == ("NEIGHBOURING_NUMBERS", "2026-09-30T10:30:00+08:00")
    assert limit(asking.about(77_777, user="another")) == "NEIGHBOURING_NUMBERS", "the app is suspended"
    asking.partner.advance(seconds=86_400)
    assert limit(asking.about(77_777, user="another")) is None


def test_a_run_over_two_billers_is_none(asking: Asking, bank: Bank, partner: Partner) -> None:
    other = Asking(bank, partner, "GZ-ELECTRICITY-01")
    for user in range(LIMITS.run):
        assert limit((asking, other)[user % 2].about(4000 + user, user=user)) is None


def test_magic_accounts_stand_side_by_side_and_are_no_run(asking: Asking, partner: Partner) -> None:
    for user, serial in enumerate(range(9, 24)):
        answer = asking.about(serial, user=user)
        assert answer.status_code in {201, 202}, answer.text


def test_the_flats_of_a_property_manager_are_no_run_once_they_are_known(asking: Asking) -> None:
    """Fifteen neighbouring flats: five new ones a day, then all of them each month."""
    for day in range(3):
        for flat in range(5):
            assert limit(asking.about(2000 + 5 * day + flat, user="manager")) is None
        asking.partner.advance(seconds=86_400)
    for _ in range(2):
        for flat in range(15):
            assert limit(asking.about(2000 + flat, user="manager")) is None
        asking.partner.advance(seconds=86_400)


def test_many_users_with_accounts_of_their_own_meet_no_limit(asking: Asking) -> None:
    """An account for a chat: three hundred users of one app in a morning, with one or two accounts each, and typing
    errors that check digits find before a biller is asked.
    """
    chance = random.Random(20260929)
    serials = chance.sample(range(1000, 99_000), 450)
    for user in range(300):
        assert limit(asking.about(serials.pop(), user=user)) is None
        if user % 3 == 0:
            assert limit(asking.about(serials.pop(), user=user)) is None


@pytest.mark.abuse("enumeration", "asks sixteen times at once, before any question is counted")
@on_both_engines
@pytest.mark.parametrize("same", ["account", "user"])
def test_of_questions_at_once_no_more_get_through_than_one_by_one(
    same: str, asking: Asking, flask_app: Flask, partner: Partner
) -> None:
    together = Barrier(16)

    def ask(turn: int) -> str | None:
        caller = Partner(flask_app.test_client(use_cookies=False), {}, partner.headers)
        together.wait()
        if same == "account":
            return limit(asking.about(6000, user=turn, partner=caller))
        return limit(asking.about(1000 + 4111 * turn + turn**2, user="one", partner=caller))

    with ThreadPoolExecutor(16) as pool:
        met = Counter(pool.map(ask, range(16)))
    expected = {"account": {None: 10, "FETCHES_PER_ACCOUNT": 6}, "user": {None: 5, "NEW_ACCOUNTS_PER_END_USER": 11}}
    assert met == expected[same]


def test_what_names_an_account_is_forgotten_after_a_day(asking: Asking, bank: Bank) -> None:
    assert limit(asking.about(4321)) is None
    (row,) = rows(bank, asking.partner)
    assert row["number"] == 4321
    assert asking.number(4321) not in str(tuple(row))
    asking.partner.advance(seconds=DAY // 1000)
    (row,) = rows(bank, asking.partner)
    assert row["number"] is None
    asking.partner.advance(seconds=29 * DAY // 1000)
    asking.about(88_888)
    asking.partner.advance(seconds=2 * DAY // 1000)
    assert [each["asked_at"] > parse("2026-10-01T00:00:00+08:00") for each in rows(bank, asking.partner)] == [True]


def again(page: Payer) -> Payer:
    """Go back to the account, from wherever the page is, as a forged form can."""
    way = next(name for name in ("again", "leave", "language") if name in page.forms)
    return page.send(way, step="again")


@pytest.mark.abuse("enumeration", "signs in and looks accounts up on the bank's page")
@on_both_engines
def test_a_payer_looks_up_twenty_accounts_a_day_and_is_told_until_when(
    asking: Asking, partner: Partner, payer: Payers
) -> None:
    page = payer(partner.pay_link(biller_id=asking.biller_id)["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=asking.number(4000)).sign_in()
    for serial in range(4001, 4000 + LIMITS.page_accounts):
        again(page).send("account", in_account_number=asking.number(serial))
        assert "每天最多查询" not in page.text
    again(page).send("account", in_account_number=asking.number(5000))
    assert page.step == "account", "another account can be typed"
    assert "未扣款。 一位付款人每天最多查询 20 个账户，2026-09-30 00:00 起可继续。" in page.text
    page.send("language")
    page.send("account", in_account_number=asking.number(5001))
    assert "A payer may look up 20 accounts a day; go on at 2026-09-30 00:00." in page.text
    page.send("account", in_account_number=asking.number(4000))
    assert page.step != "account", "one that was looked up before is free"
    another = payer(partner.pay_link(biller_id=asking.biller_id)["payment_link"]["url"]).send("start")
    another.send("account", in_account_number=asking.number(5000)).sign_in(("62000002", "135791"))
    assert another.step != "account", "another payer has a count of their own"


numbers = st.integers(0, 10**6)


def reference_run(number: int, others: set[int], distance: int) -> int:
    """Work it out the long way."""
    every = sorted(others | {number})
    chain = [number]
    for side in (1, -1):
        at = number
        while near := [each for each in every if 0 < (each - at) * side <= distance]:
            at = min(near, key=lambda each: abs(each - at))
            chain.append(at)
    best = len(chain)
    for step in {abs(each - number) for each in every} - {0}:
        row = 1
        for side in (step, -step):
            at = number
            while at + side in every:
                at, row = at + side, row + 1
        best = max(best, row)
    return best


@given(st.integers(0, 300), st.sets(st.integers(0, 300), max_size=30), st.integers(1, 12))
def test_the_longest_run_is_that_of_the_long_way(number: int, others: set[int], distance: int) -> None:
    assert longest_run(number, others, distance) == reference_run(number, others, distance)


@given(numbers, st.integers(-5000, 5000).filter(bool), st.integers(2, 30), st.randoms(use_true_random=False))
def test_even_steps_are_a_run_of_their_length_in_whatever_order(
    first: int, step: int, length: int, chance: random.Random
) -> None:
    row = [first + step * index for index in range(length)]
    chance.shuffle(row)
    assert longest_run(row[0], set(row[1:]), 1) == length


@pytest.mark.abuse("enumeration", "writes one account in many ways, each counted alone")
@given(st.text("0123456789abcXYZ", min_size=1), st.randoms(use_true_random=False))
def test_an_account_is_counted_alike_however_it_is_typed(account: str, chance: random.Random) -> None:
    def typed(char: str) -> str:
        wide = chr(ord(char) + 0xFEE0)
        return chance.choice((char, char.upper(), char.lower(), wide, f"{char} ", f"-{char}", f"\u3000{char}"))

    assert plain("".join(map(typed, account))) == plain(account)
