"""Acts of one turn become durable together, and no answer leaves before: undone alone, or kept and lost as one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openteller_sandbox.db import Database, DatabaseError, facts, open_database
from openteller_sandbox.serve import Reply, Shell, Turns


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(str(tmp_path / "facts.db"))
    opened.prepare()
    yield opened
    opened.close()


def seen_by_others(database: Database) -> list[str]:
    with closing(sqlite3.connect(database.path)) as other:
        return [name for (name,) in other.execute("SELECT name FROM bank_facts ORDER BY name")]


def put(database: Database, name: str) -> None:
    with database.act() as tx:
        facts.put(tx, name, "1")


def put_and_fail(database: Database, name: str) -> None:
    with database.act() as tx:
        facts.put(tx, name, "1")
        raise ZeroDivisionError


def test_others_see_gathered_acts_after_the_commit_only(database: Database) -> None:
    begun: list[bool] = []
    database.gather(lambda: begun.append(True))

    put(database, "a")
    put(database, "b")

    assert (begun, seen_by_others(database), facts.get(database.read(), "b")) == ([True], [], "1")
    database.commit()
    assert seen_by_others(database) == ["a", "b"]


def test_an_act_that_raises_is_undone_alone(database: Database) -> None:
    database.gather(lambda: None)
    put(database, "a")

    with pytest.raises(ZeroDivisionError):
        put_and_fail(database, "b")
    put(database, "c")
    database.commit()

    assert seen_by_others(database) == ["a", "c"]


def test_an_act_inside_an_act_is_refused_also_when_acts_are_gathered(database: Database) -> None:
    database.gather(lambda: None)

    with pytest.raises(RuntimeError, match="hand its tx on"), database.act():
        put(database, "a")

    database.commit()
    assert seen_by_others(database) == []


def lose(database: Database) -> None:
    """Undo the whole transaction, as SQLite does by itself when a disk is full."""
    with database.act() as tx:
        tx._connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")


def test_after_a_fault_that_undid_everything_nothing_counts_until_the_commit_has_said_so(database: Database) -> None:
    database.gather(lambda: None)
    put(database, "a")

    with pytest.raises(sqlite3.OperationalError):
        lose(database)
    with pytest.raises(DatabaseError):
        put(database, "b")
    with pytest.raises(DatabaseError):
        database.commit()

    put(database, "c")
    database.commit()
    assert seen_by_others(database) == ["c"]


class Protocol:
    """Where the shell answers; keeps what others saw in the database at that moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.answers: list[tuple[int, list[str]]] = []

    def response_bytes(self, status: int, headers: object, body: bytes) -> None:
        self.answers.append((status, seen_by_others(self._database)))


def ask(database: Database, app: Any, *names: str) -> Protocol:
    """Send requests at once through a shell."""
    protocol = Protocol(database)

    async def serve() -> None:
        turns = Turns(database)
        shell: Any = Shell(app, turns, lambda _: fault())
        await asyncio.gather(*(shell.__rsgi__(scope(name), protocol) for name in names))
        turns.close()

    asyncio.run(serve())
    return protocol


def fault() -> Reply:
    return 500, [], b"{}"


def scope(name: str) -> SimpleNamespace:
    return SimpleNamespace(
        method="GET",
        path=f"/{name}",
        query_string="",
        server="127.0.0.1:80",
        client="127.0.0.1:50000",
        scheme="http",
        http_version="1.1",
        authority=None,
        headers={},
    )


def test_answers_of_a_turn_leave_when_all_of_it_is_on_disk(database: Database) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        put(database, environ["PATH_INFO"])
        start_response("201 CREATED", [])
        return [b"{}"]

    assert ask(database, app, "a", "b").answers == [(201, ["/a", "/b"])] * 2


def test_requests_whose_bodies_are_read_some_rounds_of_the_loop_later_are_in_the_turn(database: Database) -> None:
    async def serve() -> list[str]:
        turns = Turns(database)
        for name in "abcd":
            put(database, name)
            assert seen_by_others(database) == []
            await asyncio.sleep(0)
        await turns.durable()
        turns.close()
        return seen_by_others(database)

    assert asyncio.run(serve()) == ["a", "b", "c", "d"]


def test_where_a_turn_is_lost_all_its_answers_are_faults(database: Database) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/lost":
            with pytest.raises(sqlite3.OperationalError):
                lose(database)
        else:
            put(database, environ["PATH_INFO"])
        start_response("201 CREATED", [])
        return [b"{}"]

    assert ask(database, app, "a", "lost").answers == [(500, [])] * 2


def between(database: Database, wait: Any) -> list[bool]:
    """Do something in a turn, then what has to be on disk at once, then more; give what those are told who wait."""

    async def serve() -> list[bool]:
        turns = Turns(database)
        put(database, "before")
        told = [asyncio.ensure_future(turns.durable())]
        await asyncio.sleep(0)
        with wait:
            database.commit()
        put(database, "after")
        told.append(asyncio.ensure_future(turns.durable()))
        await asyncio.wait_for(asyncio.gather(*told), timeout=60)
        turns.close()
        return [each.result() for each in told]

    return asyncio.run(serve())


def test_who_waits_for_a_turn_is_told_when_somebody_else_had_to_commit_in_its_middle(database: Database) -> None:
    """A payment is on disk before its biller hears of it; the other requests of the turn still get their answers."""
    assert between(database, nullcontext()) == [True, True]
    assert seen_by_others(database) == ["after", "before"]


def test_who_waits_for_a_turn_is_told_when_that_commit_has_undone_it(database: Database) -> None:
    refused: Any = pytest.raises(DatabaseError)
    database.gather(lambda: None)
    put(database, "warm")
    database.commit()
    connection = database._connection()  # type: ignore[attr-defined]

    class Lost:
        """A disk that is full when the commit comes."""

        def __enter__(self) -> None:
            connection.execute("ROLLBACK")
            refused.__enter__()

        def __exit__(self, *error: object) -> object:
            return refused.__exit__(*error)

    assert between(database, Lost()) == [False, True]
    assert seen_by_others(database) == ["after", "warm"]


def test_closing_keeps_what_was_done_last(database: Database) -> None:
    async def stop_at_once() -> None:
        turns = Turns(database)
        put(database, "last")
        turns.close()

    asyncio.run(stop_at_once())

    assert seen_by_others(database) == ["last"]
