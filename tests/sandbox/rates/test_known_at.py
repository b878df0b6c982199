"""What held when, by what had been published by when: corrections, and what they leave as it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sandbox.rate_counter import Counter

from openteller_sandbox import clock
from openteller_sandbox.rates import service
from openteller_sandbox.rates.chain import Chain, ChainError, sheet_hash

FX, HISTORY, SHEETS, DEPOSITS = "/v1/rates/fx", "/v1/rates/fx/history", "/v1/rates/sheets", "/v1/rates/deposits"
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
# Of the seed: the yen of that evening was wrong until it was corrected on the next morning, between two boards.
WRONG_EVENING, BEFORE, CORRECTED = "2025-06-11", "2025-06-12T10:39:59+08:00", "2025-06-12T10:40:00+08:00"
WRONG, RIGHT = "4.9697", "4.9451"


def yen(counter: Counter, **query: str) -> dict[str, Any]:
    (row,) = counter.rows(FX, base="JPY", **query)
    return row


def test_a_correction_holds_for_the_time_of_the_wrong_sheet_and_for_no_other(counter: Counter) -> None:
    corrected = yen(counter, date=WRONG_EVENING)

    assert (corrected["middle"], corrected["published_at"]) == (RIGHT, CORRECTED)
    assert yen(counter, as_of="2025-06-11T22:14:59+08:00")["middle"] == WRONG, "the middle of the day before"
    assert yen(counter, as_of="2025-06-12T09:29:59+08:00")["published_at"] == CORRECTED
    assert yen(counter, as_of="2025-06-12T10:41:00+08:00")["published_at"] == "2025-06-12T09:30:00+08:00"


def test_what_had_been_published_by_then_is_what_was_answered_then(counter: Counter) -> None:
    with counter.at(BEFORE):
        answered = yen(counter, date=WRONG_EVENING)

    assert answered["middle"] == WRONG
    assert yen(counter, date=WRONG_EVENING, known_at=BEFORE) == answered
    assert yen(counter, date=WRONG_EVENING, known_at=CORRECTED)["middle"] == RIGHT


def test_a_range_is_corrected_with_its_days(counter: Counter) -> None:
    days = {"base": "JPY", "from_": "2025-06-10", "to": "2025-06-12"}
    now, then = counter.rows(HISTORY, **days), counter.rows(HISTORY, **days, known_at=BEFORE)

    assert [row["middle"] for row in now][1] == RIGHT
    assert [row["middle"] for row in then][1] == WRONG
    assert then[2]["published_at"] == "2025-06-12T09:30:00+08:00", "the evening board of that day was not known"


def test_the_wrong_sheet_stays_and_says_what_corrects_it(counter: Counter) -> None:
    wrong = yen(counter, date=WRONG_EVENING, known_at=BEFORE)["rate_sheet_id"]
    right = yen(counter, date=WRONG_EVENING)["rate_sheet_id"]
    with counter.at(BEFORE):
        before = counter.client.get(f"{SHEETS}/{wrong}")
    after = counter.client.get(f"{SHEETS}/{wrong}")

    assert "corrected_by" not in before.get_json()
    assert after.get_json() == before.get_json() | {"corrected_by": right, "effective_to": "2025-06-12T09:30:00+08:00"}
    assert after.headers["ETag"] != before.headers["ETag"]
    correction = counter.client.get(f"{SHEETS}/{right}").get_json()
    assert (correction["supersedes"], correction["effective_from"]) == (wrong, after.get_json()["effective_from"])
    assert correction["correction"]["zh-CN"]


def test_a_copy_of_a_day_or_a_range_is_no_longer_right_once_it_is_corrected(counter: Counter) -> None:
    asked = ((FX, {"date": WRONG_EVENING}), (HISTORY, {"base": "JPY", "to": WRONG_EVENING}))
    for path, query in asked:
        with counter.at(BEFORE):
            before = counter.get(path, **query).headers["ETag"]
        with counter.at(CORRECTED):
            assert counter.get(path, **query).headers["ETag"] != before


def test_a_misprinted_deposit_rate_is_the_right_one_in_retrospect(counter: Counter) -> None:
    def three_years(**query: str) -> str:
        rates = {row["product_code"]: row["rate"] for row in counter.rows(DEPOSITS, date="2024-10-22", **query)}
        return str(rates["TIME_CNY_3Y"])

    assert (three_years(known_at="2024-10-23T14:59:59+08:00"), three_years()) == ("0.0155", "0.0135")


def test_the_sheets_of_an_instant_are_those_that_hold_then(counter: Counter) -> None:
    as_of = "2025-06-12T08:00:00+08:00"
    held = counter.rows(SHEETS, as_of=as_of)
    known = counter.rows(SHEETS, as_of=as_of, known_at=as_of, kind="FX")

    assert sorted(sheet["kind"] for sheet in held) == ["DEPOSIT", "FX", "LOAN"]
    assert [sheet["published_at"] for sheet in held if sheet["kind"] == "FX"] == [CORRECTED]
    assert [sheet["published_at"] for sheet in known] == ["2025-06-11T22:15:00+08:00"]
    assert "effective_to" not in known[0], "the next board was not known then"


def test_the_list_of_what_was_known_is_the_list_of_then(counter: Counter) -> None:
    with counter.at(BEFORE):
        then = counter.rows(SHEETS, kind="FX", limit=3)

    assert counter.rows(SHEETS, kind="FX", limit=3, known_at=BEFORE) == then
    assert counter.rows(SHEETS, kind="FX", limit=3, known_at=CORRECTED)[0]["correction"]


@SHARED
@given(st.integers(0, 60 * 24 * 685), st.integers(0, 60 * 24 * 10))
def test_whatever_was_answered_can_be_asked_for_again(counter: Counter, minute: int, earlier: int) -> None:
    """``as_of`` and ``known_at`` give what was answered then: of that moment, of one before it, and of a past day."""
    now = datetime.fromisoformat("2024-11-12T00:00:00+08:00") + timedelta(minutes=minute)
    then = (now - timedelta(minutes=earlier)).isoformat()
    day = (now - timedelta(minutes=earlier)).date().isoformat()
    with counter.at(now.isoformat()):
        answers = [counter.rows(FX, base="JPY"), counter.rows(FX, base="JPY", as_of=then), counter.rows(FX, date=day)]

    known_at = now.isoformat()
    assert counter.rows(FX, base="JPY", as_of=known_at, known_at=known_at) == answers[0]
    assert counter.rows(FX, base="JPY", as_of=then, known_at=known_at) == answers[1]
    end = min(now, datetime.fromisoformat(f"{day}T23:59:59+08:00")).isoformat()
    assert counter.rows(FX, as_of=end, known_at=known_at) == answers[2]


def test_the_sheet_that_holds_is_the_one_that_a_plain_search_finds(counter: Counter) -> None:
    """Against the definition, over the weeks of both corrections: the last in effect, of those the last published."""
    tx, now = counter.bank.db.read(), counter.now
    for kind, middle in (("FX", CORRECTED), ("DEPOSIT", "2024-10-23T15:00:00+08:00")):
        sheets = counter.rows(SHEETS, kind=kind, limit=100, known_at=_later(middle, days=9))
        around = clock.parse(middle)
        for known_at in range(around - 2 * clock.DAY, around + 2 * clock.DAY, 5 * clock.HOUR + 20 * clock.MINUTE):
            for instant in range(around - 4 * clock.DAY, around + 4 * clock.DAY, 7 * clock.HOUR):
                able = [
                    sheet
                    for sheet in sheets
                    if clock.parse(sheet["published_at"]) <= known_at
                    and clock.parse(sheet["effective_from"]) <= instant
                ]
                best = max(able, key=lambda one: (clock.parse(one["effective_from"]), one["sequence"]))
                found = service.sheet_at(tx, kind, min(instant, now), known_at)
                assert found is not None and found.rate_sheet_id == best["rate_sheet_id"]


def _later(text: str, *, days: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(days=days)).isoformat()


# --- the chain -------------------------------------------------------------------------------------------------------


def sheet(sequence: int, hour: int, effective: int | None = None, **more: str) -> dict[str, Any]:
    def at(number: int) -> str:
        return f"2026-01-01T{number:02}:00:00+08:00"

    return {
        "rate_sheet_id": f"rsh_{sequence:04}",
        "kind": "FX",
        "sequence": sequence,
        "effective_from": at(hour if effective is None else effective),
        "published_at": at(hour),
        **more,
    }


def sealed(previous: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    linked = one | ({"previous_hash": previous["hash"]} if previous else {})
    return linked | {"hash": sheet_hash(linked, [])}


FIRST = sealed({}, sheet(1, 9))
SECOND = sealed(FIRST, sheet(2, 14, supersedes="rsh_0001"))


def test_a_correction_may_follow_the_sheet_after_the_wrong_one() -> None:
    chain = Chain()
    correction = sealed(SECOND, sheet(3, 15, 9, supersedes="rsh_0001", correction="wrong"))
    again = sealed(correction, sheet(4, 16, 9, supersedes="rsh_0003", correction="still wrong"))

    for one in (FIRST, SECOND, correction, again):
        chain.take(one, [])


@pytest.mark.parametrize(
    ("third", "why"),
    [
        (sealed(SECOND, sheet(4, 16, supersedes="rsh_0002")), "sequence"),
        (sealed(FIRST, sheet(3, 16, supersedes="rsh_0002")), "previous_hash"),
        (sealed(SECOND, sheet(3, 14, 16, supersedes="rsh_0002")), "published after"),
        (sealed(SECOND, sheet(3, 16, 14, supersedes="rsh_0002")), "takes effect before"),
        (sealed(SECOND, sheet(3, 16, supersedes="rsh_0001")), "supersede"),
        (sealed(SECOND, sheet(3, 16, 10, supersedes="rsh_0001", correction="no")), "corrects no sheet"),
        (sealed(SECOND, sheet(3, 16, 9, supersedes="rsh_0002", correction="no")), "corrects no sheet"),
        (sealed(SECOND, sheet(3, 16, supersedes="rsh_0002")) | {"source": "mine"}, "its hash"),
    ],
)
def test_a_sheet_that_does_not_fit_the_chain_is_refused_by_name(third: dict[str, Any], why: str) -> None:
    chain = Chain()
    chain.take(FIRST, [])
    chain.take(SECOND, [])

    with pytest.raises(ChainError, match=f"^{third['rate_sheet_id']}: .*{why}"):
        chain.take(third, [])
