"""Lists that are fetched as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar

from openteller._core.paging import PageModel, following

__all__ = ["AsyncPager", "AsyncRows"]

P = TypeVar("P", bound=PageModel)
R = TypeVar("R")


class AsyncPager(Generic[P]):
    """The pages of a list. Nothing is fetched before it is iterated, and each iteration begins anew."""

    def __init__(
        self, fetch: Callable[[Mapping[str, object]], Awaitable[P]], query: Mapping[str, object], name: str
    ) -> None:
        self._fetch = fetch
        self._query = query
        self._name = name

    async def first(self) -> P:
        """Fetch the first page."""
        return await self._fetch(self._query)

    def __aiter__(self) -> AsyncIterator[P]:
        return AsyncPageReader(self._fetch, self._query, self._name)


class AsyncPageReader(Generic[P]):
    """One reading of a list. No generator: whoever stops halfway leaves nothing behind that wants to be closed.

    After an error it can be asked again, and goes on where it was.
    """

    def __init__(
        self, fetch: Callable[[Mapping[str, object]], Awaitable[P]], query: Mapping[str, object], name: str
    ) -> None:
        self._fetch = fetch
        self._query = query
        self._name = name
        self._page: P | None = None
        self._used: set[object] = set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P:
        query: Mapping[str, object] | None = self._query
        if self._page is not None:
            query = following(self._name, self._page, self._query, self._used)
        if query is None:
            raise StopAsyncIteration
        self._page = page = await self._fetch(query)
        self._query = query
        self._used.add(query.get("after"))
        return page


class AsyncRows(Generic[P, R]):
    """The rows of a list: ``async for row in rows`` reads them all, page by page.

    ``rows.pages()`` gives whole pages, with what else they say; ``await rows.page()`` the first one only.
    """

    def __init__(self, pager: AsyncPager[P], _: type[R]) -> None:
        self._pager = pager

    async def page(self) -> P:
        """Fetch the first page, and no other."""
        return await self._pager.first()

    def pages(self) -> AsyncPager[P]:
        """Give the pages, fetched as they are read."""
        return self._pager

    def __aiter__(self) -> AsyncIterator[R]:
        return AsyncRowReader(aiter(self._pager))

    async def first(self) -> R | None:
        """Give the first row, or None where there is none. It costs one request."""
        rows: tuple[Any, ...] = (await self.page()).data
        return rows[0] if rows else None

    async def to_list(self, *, at_most: int) -> list[R]:
        """Read rows into a list, so many and no more."""
        rows: list[R] = []
        if at_most > 0:
            async for row in self:
                rows.append(row)
                if len(rows) == at_most:
                    break
        return rows


class AsyncRowReader(Generic[R]):
    """One reading of the rows; see the reader of pages."""

    def __init__(self, pages: AsyncIterator[PageModel]) -> None:
        self._pages = pages
        self._rows: Iterator[R] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        while True:
            for row in self._rows:
                return row
            page = await anext(self._pages)
            self._rows = iter(page.data)
