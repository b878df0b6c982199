"""The index and going through every record agree: on which rows, in which order, on which page, and on what is refused.

``make test`` asks some hundred questions; ``make soak``, which is a part of ``make bench``, ten thousand.
They are random, of several seeds, and each is asked for its first page and one from the middle.
"""

from __future__ import annotations

from functools import cache

import pytest
from tests.sandbox.branches.brute import Answer, Brute, questions

from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import service
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters, Places
from openteller_sandbox.http import Problem

KINDS = {"branches": BRANCHES, "atms": ATMS}
FEW, MANY, SEEDS = 60, 1_000, range(5)


@cache
def brute(name: str) -> Brute:
    return Brute(name)


def answer(bank: Bank, places: Places, filters: Filters, now: int, count: int, after: tuple[int, str] | None) -> Answer:
    directory = service.directory_of(bank.db, places)
    found = service.find(bank.db, directory, filters, now=now, count=count, after=after)
    return [(row.rank, row.code) for row in found]


def agree(bank: Bank, name: str, seed: int, count: int) -> int:
    """Ask both ways: the first page, one from the middle, and what follows it; give how many had an answer."""
    answered = 0
    for filters, now in questions(seed, brute(name), count):
        expected = brute(name).find(filters, now)
        if brute(name).contradicts(filters):
            with pytest.raises(Problem, match="FIELD_INVALID"):
                answer(bank, KINDS[name], filters, now, 10, None)
            continue
        answered += bool(expected)
        middle = len(expected) // 2
        for after in (None, expected[middle]) if expected else (None,):
            begin = 0 if after is None else middle + 1
            found = answer(bank, KINDS[name], filters, now, 10, after)
            assert found == expected[begin : begin + 10], (seed, filters.near, filters.bbox, filters.q, filters, now)
    return answered


@pytest.mark.both_engines
@pytest.mark.parametrize("name", KINDS)
def test_the_index_and_every_record_agree_on_random_questions(bank: Bank, name: str) -> None:
    assert agree(bank, name, 2026, FEW) > FEW // 4


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KINDS)
def test_the_index_and_every_record_agree_on_ten_thousand_random_questions(bank: Bank, name: str, seed: int) -> None:
    """Two kinds of place, five seeds, a thousand questions each, two pages of every list that has one."""
    assert agree(bank, name, seed, MANY) > MANY // 4


@pytest.mark.parametrize("name", KINDS)
def test_pages_of_a_random_question_repeat_nobody_and_leave_nobody_out(bank: Bank, name: str) -> None:
    for filters, now in questions(7, brute(name), 12):
        if brute(name).contradicts(filters):
            continue
        expected = brute(name).find(filters, now)[:60]
        walked: Answer = []
        while page := answer(bank, KINDS[name], filters, now, 7, walked[-1] if walked else None):
            walked += page
            if len(walked) >= len(expected):
                break
        assert walked[: len(expected)] == expected
