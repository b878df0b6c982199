"""Quotas: counted by app or by address, told in every answer, and never fooled by a header that anybody can send."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import WallClock, make_bank, make_partner

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.http.limits import TokenBuckets
from openteller_sandbox.settings import RateLimits


@pytest.fixture(scope="module")
def wall() -> WallClock:
    return WallClock()


@pytest.fixture(scope="module")
def small_bank(tmp_path_factory: pytest.TempPathFactory, wall: WallClock) -> Iterator[Bank]:
    limits = RateLimits(app=20, anonymous=5, window_s=60)
    opened = make_bank(
        tmp_path_factory.mktemp("quota"), wall, rate_limits=limits, trusted_proxies=frozenset({"10.0.0.1"})
    )
    yield opened
    opened.db.close()


@pytest.fixture
def visitor(small_bank: Bank, wall: WallClock) -> FlaskClient:
    wall.advance(3600)
    return create_app(small_bank).test_client(use_cookies=False)


def _ask(visitor: FlaskClient, address: str = "192.0.2.1", **headers: str) -> int:
    return visitor.get("/v1/status", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code


def test_an_address_has_its_quota_and_gets_it_back_in_time(visitor: FlaskClient, wall: WallClock) -> None:
    assert [_ask(visitor) for _ in range(7)] == [200] * 5 + [429] * 2
    assert _ask(visitor, "192.0.2.2") == 200
    wall.advance(12)
    assert [_ask(visitor) for _ in range(2)] == [200, 429]


def test_a_refusal_says_how_long_to_wait(visitor: FlaskClient) -> None:
    for _ in range(5):
        _ask(visitor)
    refused = visitor.get("/v1/status", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert (refused.json["code"], refused.headers["Retry-After"]) == ("RATE_LIMITED", "12")
    assert refused.headers["RateLimit"] == '"anonymous";r=0;t=60'
    assert refused.headers["RateLimit-Policy"] == '"anonymous";q=5;w=60'


def test_an_app_has_a_larger_quota_of_its_own(visitor: FlaskClient) -> None:
    partner = make_partner(visitor)
    assert [partner.get("/v1/status").status_code for _ in range(22)].count(200) == 20


@pytest.mark.abuse("credentials", "writes another address into X-Forwarded-For to get a quota of its own")
def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(visitor: FlaskClient) -> None:
    liar = [_ask(visitor, "192.0.2.9", **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(7)]
    assert liar.count(429) == 2
    behind = [
        _ask(visitor, "10.0.0.1", **{"X-Forwarded-For": f"203.0.113.1, 198.51.100.{number}"}) for number in range(7)
    ]
    assert behind == [200] * 7


@pytest.mark.abuse("enumeration", "tries link codes and client secrets without end")
def test_the_payment_page_and_the_token_endpoint_are_counted_too(visitor: FlaskClient) -> None:
    answers = [visitor.get("/pay/unknown").status_code for _ in range(4)] + [
        visitor.post("/oauth/token").status_code for _ in range(2)
    ]
    assert answers == [404] * 4 + [400, 429]


@given(st.lists(st.integers(0, 5000), max_size=200))
def test_no_more_than_the_limit_passes_in_any_window(waits_ms: list[int]) -> None:
    buckets = TokenBuckets("app", 10, 10)
    now, passed = 0, []
    for wait in waits_ms:
        now += wait
        if not buckets.take("somebody", now).wait_s:
            passed.append(now)
    for first in passed:
        assert sum(first <= moment < first + 10_000 for moment in passed) <= 20


@pytest.mark.abuse("credentials", "waits for a clock that jumps back to get its quota again")
@given(st.integers(-(10**9), 10**9))
def test_a_wall_clock_that_jumps_back_frees_nobody_and_breaks_nothing(jump_ms: int) -> None:
    buckets = TokenBuckets("app", 3, 10)
    for _ in range(3):
        buckets.take("somebody", 10**9)
    quota = buckets.take("somebody", 10**9 + min(jump_ms, 0))
    assert quota.wait_s > 0
    assert quota.remaining == 0
