"""Statements: what moved on a business day, to be compared with one's own books."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable
from datetime import date

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.errors import BrokenAnswer, ConfigurationError, NotFound
from openteller.models.statements import Statement, StatementList, StatementRow, StatementRowList
from openteller.statements import Own, Reconciliation, compare, read_own

__all__ = ["AsyncStatements"]

_MOST_ROWS = 100


class AsyncStatements:
    """``client.statements``: one for each business day, over all apps of the partner. Scope ``statements:read``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self, *, business_date: date | str | None = None, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[StatementList, Statement]:
        """List the partner's statements, the one made last first: of a day, that is the version which counts."""
        query = {"business_date": business_date, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_STATEMENTS, StatementList, Statement, query)

    async def get(self, statement_id: str) -> Statement:
        """Get a version of a statement.

        Raises:
            NotFound: there is none for this partner.
        """
        return await self._caller.get(catalogue.GET_STATEMENT, Statement, identifiers={"statement_id": statement_id})

    def rows(
        self, statement_id: str, *, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[StatementRowList, StatementRow]:
        """List the rows of a version, as the bank has booked them.

        Raises:
            NotFound: when it is read: there is none for this partner.
        """
        return self._caller.rows(
            catalogue.LIST_STATEMENT_ROWS,
            StatementRowList,
            StatementRow,
            {"after": after, "limit": limit},
            identifiers={"statement_id": statement_id},
        )

    async def download(self, statement_id: str) -> bytes:
        """Download a version as the CSV file that its ``sha256`` is of. A file that its ``Content-Digest`` does not fit
        was damaged on its way, and is a ``BrokenAnswer``.

        Raises:
            NotFound: there is none for this partner.
        """
        outcome = await self._caller.send(
            catalogue.DOWNLOAD_STATEMENT, identifiers={"statement_id": statement_id}, accept="text/csv"
        )
        file = outcome.answer.body
        digest = base64.b64encode(hashlib.sha256(file).digest()).decode()
        if outcome.answer.headers.get("content-digest") != f"sha-256=:{digest}:":
            raise BrokenAnswer(
                "downloadStatement: the file is not what its Content-Digest says",
                status=outcome.answer.status,
                request_id=outcome.answer.headers.get("x-request-id"),
                attempts=outcome.attempts,
                retryable="later",
            )
        return file

    async def reconcile(
        self,
        mine: Iterable[Own],
        *,
        business_date: date | str | None = None,
        statement_id: str | None = None,
        types: Collection[str] | None = None,
    ) -> Reconciliation:
        """Compare your books of a day with the bank's statement of it, and list what differs.

        Your rows are read before anything is sent. Then all rows of the statement are fetched, and held against its
        count, its sums and its SHA-256 before they are compared.

        Args:
            mine: your rows of the day: ``openteller.statements.OwnRow``, or mappings with the same members.
            business_date: the day; its latest version is taken. Without one, the statement that was made last.
            statement_id: this version, whatever its day.
            types: compare rows of these types only; ``["PAYMENT"]`` where your books have nothing else.

        Raises:
            ConfigurationError: an entry of yours is no row.
            NotFound: there is no such statement: the day is not over, or no money had moved by then.
            BrokenAnswer: the bank's rows are not those that its statement was made of.
        """
        if business_date is not None and statement_id is not None:
            raise ConfigurationError("name a business_date or a statement_id, not both")
        own = read_own(mine)
        statement = await (self.get(statement_id) if statement_id else self._latest(business_date))
        rows = self.rows(statement.statement_id, limit=_MOST_ROWS)
        return compare(statement, await rows.to_list(at_most=statement.count + 1), own, types=types)

    async def _latest(self, business_date: date | str | None) -> Statement:
        statement = await self.list(business_date=business_date, limit=1).first()
        if statement is None:
            raise NotFound(f"there is no statement of {business_date or 'any day'} yet", code="NOT_FOUND")
        return statement
