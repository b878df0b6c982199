"""``/v1/statements``. A version never changes, so that each of its answers has a strong ETag."""

from __future__ import annotations

from openteller_sandbox.http import Answer, Call, Problem, Routes, decode_cursor, encode_cursor, open_answer, page
from openteller_sandbox.statements import service
from openteller_sandbox.statements.schemas import StatementQuery, StatementRowQuery
from openteller_sandbox.statements.service import Found

routes = Routes()


@routes.operation("listStatements", query=StatementQuery)
def list_statements(call: Call) -> Answer:
    """List the partner's statements, the one made last first."""
    cursor = decode_cursor(call, int)
    rows = service.page(
        call.bank.db.read(),
        call.caller,
        before=cursor[0] if cursor else None,
        day=call.query.get("business_date"),
        count=call.limit + 1,
    )
    return _page(call, rows)


@routes.operation("getStatement")
def get_statement(call: Call) -> Answer:
    """Read a version of a statement."""
    found = _found(call)
    return open_answer(call, found.made_at, lambda: Answer(found.wire.encode()), max_age_s=0)


@routes.operation("listStatementRows", query=StatementRowQuery)
def list_statement_rows(call: Call) -> Answer:
    """List the rows of a version, as they were booked."""
    found = _found(call)
    cursor = decode_cursor(call, int)

    def make() -> Answer:
        after = cursor[0] if cursor else 0
        return _page(call, service.rows(call.bank.db.read(), found.statement_id, after=after, count=call.limit + 1))

    return open_answer(call, found.made_at, make, max_age_s=0)


@routes.operation("downloadStatement")
def download_statement(call: Call) -> Answer:
    """Download the file of a version."""
    found = _found(call)

    def make() -> Answer:
        file = service.file(call.bank.db.read(), call.caller, found.statement_id)
        headers = {"Content-Digest": file.digest, "Content-Disposition": f'attachment; filename="{file.name}"'}
        return Answer(file.body, headers=headers, media_type="text/csv; charset=utf-8")

    return open_answer(call, found.made_at, make, max_age_s=0)


def _found(call: Call) -> Found:
    found = service.find(call.bank.db.read(), call.caller, call.path["statement_id"])
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _page(call: Call, rows: list[tuple[int, str]]) -> Answer:
    """Answer with rows of which one more than asked for was read: whether there is a page after this one."""
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [wire for _, wire in rows[: call.limit]], more)
