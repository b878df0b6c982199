"""Who must come again is told when: 202, 429 and 503 carry ``Retry-After``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Partner, WallClock, make_bank

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import render
from openteller_sandbox.settings import RateLimits

pytestmark = pytest.mark.both_engines

CLOSED = "SZ-WATER-01"  # its maintenance ends at 12:00


def test_the_answer_of_a_slow_biller_is_there_after_the_seconds_that_were_told(partner: Partner) -> None:
    fetched = partner.fetch(scenario="SLOW")
    assert (fetched.status_code, fetched.headers["Retry-After"]) == (202, "8")
    partner.advance(seconds=7)
    assert partner.get(fetched.headers["Location"]).json["status"] == "PROCESSING"
    partner.advance(seconds=1)
    assert partner.get(fetched.headers["Location"]).json["status"] == "READY"


def test_a_repeat_is_told_what_is_left_to_wait(partner: Partner) -> None:
    body = {
        "biller_id": partner.biller("SH-ELECTRICITY-01")["biller_id"],
        "inputs": partner.magic("SH-ELECTRICITY-01", "SLOW"),
        "end_user_ref": "user-of-the-tests-1",
    }
    waits = []
    for _ in range(4):
        answer = partner.post("/v1/bill-fetches", body, key="slow-1")
        assert answer.status_code == 202
        waits.append(answer.headers["Retry-After"])
        partner.advance(seconds=3)
    assert waits == ["8", "5", "2", "1"]


def test_maintenance_says_when_it_is_over(partner: Partner) -> None:
    closed = partner.fetch(CLOSED)
    assert (closed.status_code, closed.json["code"], closed.headers["Retry-After"]) == (
        503,
        "BILLER_MAINTENANCE",
        "5400",
    )


def test_a_used_up_quota_says_when_to_come_again_on_every_path(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, WallClock(), rate_limits=RateLimits(app=1, anonymous=1))
    client = create_app(bank).test_client(use_cookies=False)
    for path in ("/v1/branches", "/link-check", "/pay/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/v1/payments"):
        refused = client.get(path)
        if refused.status_code == 200:
            refused = client.get(path)
        assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (429, True), path
    bank.db.close()


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_that_forgets_to_say_when_says_so_all_the_same(bank: Bank, status: int) -> None:
    codes = [row.code for row in bank.contract.error_codes.values() if row.status == status]
    assert codes
    for code in codes:
        _, _, headers = render(Problem(code), bank.contract, "http://bank.example", "rqs_1")
        assert int(headers["Retry-After"]) >= 1
