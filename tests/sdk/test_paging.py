"""Lists: read page by page as they are asked for, and never anywhere but at the client's own bank."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.sdk.doubles import APP, BANK, Answer, Bank, answer, bank, example, refusal

from openteller import AsyncOpenTeller, OpenTeller, errors

ROW = example("listBillers")["data"][0]


def page(*names: str, following: str | None = None) -> Answer:
    rows = [ROW | {"biller_id": name} for name in names]
    meta = {"as_of": "2026-09-29T10:30:00+08:00", "count": len(rows)}
    return answer(200, {"data": rows, "links": {"self": "/v1/billers", "next": following, "prev": None}, "meta": meta})


def after(cursor: str) -> str:
    return f"/v1/billers?limit=2&after={cursor}"


def three_pages() -> Bank:
    return bank(page("a", "b", following=after("b")), page("c", "d", following=after("d")), page("e"))


def client(app: Bank, **options: Any) -> OpenTeller:
    return OpenTeller(BANK, wsgi_app=app, max_retries=0, **options)


def test_iterating_reads_every_row_once() -> None:
    app = three_pages()

    assert [row.biller_id for row in client(app).billers.list(limit=2, q="电")] == ["a", "b", "c", "d", "e"]
    assert app.addresses == [
        "/v1/billers?q=%E7%94%B5&limit=2",
        "/v1/billers?q=%E7%94%B5&after=b&limit=2",
        "/v1/billers?q=%E7%94%B5&after=d&limit=2",
    ]


@pytest.mark.anyio
async def test_async_iterating_reads_every_row_once() -> None:
    app = three_pages()
    async with AsyncOpenTeller(BANK, wsgi_app=app) as asked:
        assert [row.biller_id async for row in asked.billers.list(limit=2)] == ["a", "b", "c", "d", "e"]

    assert len(app.seen) == 3


def test_nothing_is_asked_before_it_is_read() -> None:
    app = three_pages()
    rows = client(app).billers.list()
    assert app.seen == []

    reading = iter(rows)
    next(reading), next(reading)
    assert len(app.seen) == 1
    next(reading)
    assert len(app.seen) == 2


@pytest.mark.anyio
async def test_whoever_stops_halfway_leaves_nothing_behind() -> None:
    """Trio would warn of a generator that was not closed, and a warning is an error here."""
    app = three_pages()
    async with AsyncOpenTeller(BANK, wsgi_app=app) as asked:
        async for row in asked.billers.list():
            if row.biller_id == "c":
                break
        async for _ in asked.billers.list().pages():
            break

    assert len(app.seen) == 3


def test_pages_tell_what_else_they_say() -> None:
    pages = list(client(three_pages()).billers.list().pages())

    assert [one.meta.count for one in pages] == [2, 2, 1]
    assert pages[-1].links.next is None


@pytest.mark.anyio
async def test_async_pages() -> None:
    async with AsyncOpenTeller(BANK, wsgi_app=three_pages()) as asked:
        assert [one.meta.count async for one in asked.billers.list().pages()] == [2, 2, 1]


def test_one_page_is_one_request() -> None:
    app = three_pages()

    assert client(app).billers.list().page().meta.count == 2
    assert len(app.seen) == 1


def test_the_first_row_is_one_request() -> None:
    app = three_pages()
    first = client(app).billers.list().first()

    assert first is not None and first.biller_id == "a"
    assert len(app.seen) == 1
    assert client(bank(page())).billers.list().first() is None


@pytest.mark.parametrize(("at_most", "rows", "requests"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (3, 3, 2), (99, 5, 3)])
def test_a_list_has_so_many_rows_and_no_more(at_most: int, rows: int, requests: int) -> None:
    app = three_pages()

    assert len(client(app).billers.list().to_list(at_most=at_most)) == rows
    assert len(app.seen) == requests


@pytest.mark.anyio
async def test_an_async_list_has_so_many_rows_and_no_more() -> None:
    app = three_pages()
    async with AsyncOpenTeller(BANK, wsgi_app=app) as asked:
        assert len(await asked.billers.list().to_list(at_most=3)) == 3
        first = await asked.billers.list().first()

    assert len(app.seen) == 3 and first is not None


def test_each_iteration_begins_anew() -> None:
    app = bank(page("a"))
    rows = client(app).billers.list()

    assert len(list(rows)) == len(list(rows)) == 1
    assert len(app.seen) == 2


def test_an_empty_page_in_between_does_not_end_the_list() -> None:
    app = bank(page(following=after("x")), page("a"))

    assert [row.biller_id for row in client(app).billers.list()] == ["a"]


def test_an_error_between_two_pages_can_be_gone_on_from() -> None:
    app = bank(page("a", following=after("a")), refusal(503), page("b"))
    reading = iter(client(app).billers.list())
    assert next(reading).biller_id == "a"
    with pytest.raises(errors.BankFailure):
        next(reading)

    assert [row.biller_id for row in reading] == ["b"]
    assert app.addresses[-1] == "/v1/billers?after=a"


def test_the_end_stays_the_end() -> None:
    app = bank(page("a"))
    reading = iter(client(app).billers.list())

    assert [next(reading, None) is None for _ in range(3)] == [False, True, True]
    assert len(app.seen) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.test/v1/billers?after=b",
        "//elsewhere.test/v1/billers?after=b",
        "http://bank.test@elsewhere.test/?after=b",
        "/v1/payments?after=b&limit=9999&q=x",
        "?after=b",
    ],
)
def test_only_the_cursor_is_taken_from_a_link(link: str) -> None:
    """Wherever it points, the token stays with the client's own bank, and so do the question's own filters."""
    app = bank(page("a", following=link), page("b"))
    rows = [row.biller_id for row in client(app, **APP).billers.list(city="上海")]

    assert rows == ["a", "b"]
    assert app.addresses[1] == f"{app.addresses[0]}&after=b"
    assert {environ["HTTP_HOST"] for environ in app.seen} == {"bank.test"}


def test_a_cursor_is_sent_as_it_came() -> None:
    app = bank(page("a", following="/v1/billers?after=a%2Bb%26c%3D%20d"), page("b"))
    list(client(app).billers.list())

    assert app.addresses[1] == "/v1/billers?after=a%2Bb%26c%3D+d"


@pytest.mark.parametrize(
    "link", ["", "/v1/billers", "?after=", "?after=a&after=b", "http://[", "https://[::1", "after"]
)
def test_a_link_without_a_cursor_is_a_broken_answer_after_its_rows(link: str) -> None:
    reading = iter(client(bank(page("a", following=link))).billers.list())
    assert next(reading).biller_id == "a"
    with pytest.raises(errors.BrokenAnswer, match=r"listBillers: .*links\.next has no new cursor") as caught:
        next(reading)

    assert caught.value.retryable == "never"


def test_the_same_cursor_twice_does_not_go_on_for_ever() -> None:
    reading = iter(client(bank(page("a", following=after("b")))).billers.list())

    assert [next(reading).biller_id for _ in range(2)] == ["a", "a"]
    with pytest.raises(errors.BrokenAnswer, match="no new cursor"):
        next(reading)


def test_cursors_in_a_circle_do_not_go_on_for_ever() -> None:
    pages = [page("a", following=after("b")), page("b", following=after("c"))] * 3
    reading = iter(client(bank(*pages)).billers.list())

    assert [next(reading).biller_id for _ in range(3)] == ["a", "b", "a"]
    with pytest.raises(errors.BrokenAnswer, match="no new cursor"):
        next(reading)


def test_the_callers_own_cursor_is_not_used_twice() -> None:
    reading = iter(client(bank(page("a", following=after("b")))).billers.list(after="b"))
    next(reading)

    with pytest.raises(errors.BrokenAnswer, match="no new cursor"):
        next(reading)


@pytest.mark.anyio
async def test_async_lists_are_as_careful() -> None:
    async with AsyncOpenTeller(BANK, wsgi_app=bank(page("a", following="https://[")), **APP) as asked:
        with pytest.raises(errors.BrokenAnswer, match="no new cursor"):
            [row async for row in asked.billers.list()]


def test_lists_are_iterables_of_the_language() -> None:
    rows = client(three_pages()).billers.list()
    assert isinstance(iter(rows), Iterator) and isinstance(iter(rows.pages()), Iterator)

    others = AsyncOpenTeller(BANK, wsgi_app=three_pages()).billers.list()
    assert isinstance(aiter(others), AsyncIterator) and isinstance(aiter(others.pages()), AsyncIterator)
