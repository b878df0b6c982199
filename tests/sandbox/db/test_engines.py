"""What services rely on is so on either engine: acts are whole, rows have names, and nobody's event is skipped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import bindparam, select
from tests.conftest import CONNECT

from openteller_sandbox.db import Database, EngineError, Insert, Statement, Tx, facts, insert_or_ignore
from openteller_sandbox.db.facts import bank_facts
from openteller_sandbox.db.sqlite import SqliteDatabase
from openteller_sandbox.events import store as events

Reach = Callable[[str], Database]
ALL = Statement(select(bank_facts).order_by(bank_facts.c.name))
LIKE = Statement(select(bank_facts.c.name).where(bank_facts.c.name.like(bindparam("pattern"), escape="\\")))
ONCE = insert_or_ignore(bank_facts)
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM \
pg_database WHERE datname = current_database())"


@pytest.fixture
def database(address: str, reach: Reach) -> Database:
    return reach(address)


def put(database: Database, name: str, scope: str | None = None) -> None:
    with database.act(scope) as tx:
        facts.put(tx, name, "1")


def act(database: Database, work: Callable[[Tx], None]) -> None:
    with database.act() as tx:
        work(tx)


def may(database: Database, name: str) -> bool:
    """Tell whether something can be done alone now."""
    with database.alone(name, wait=False) as mine:
        return mine


def names(database: Database) -> list[str]:
    return [row["name"] for row in database.read().all(ALL)]


def test_a_row_has_its_values_by_name_and_by_position_and_in_order(database: Database) -> None:
    put(database, "a")
    row = database.read().one(ALL)
    assert row is not None
    assert (row["name"], row[1], tuple(row), list(row.keys())) == ("a", "1", ("a", "1"), ["name", "value"])


def known(database: Database) -> str | None:
    """Look a fact up as a token is looked up with each request."""
    return database.while_unchanged("a", lambda tx: facts.get(tx, "a"))


def test_a_look_up_that_is_kept_shows_what_anybody_has_written_since(
    address: str, database: Database, reach: Reach
) -> None:
    other = reach(address)
    assert known(database) is None
    put(database, "a")
    assert known(database) == "1"
    with other.act() as tx:
        facts.put(tx, "a", "another process was here")
    assert known(database) == "another process was here"
    with other.act() as tx:
        facts.drop(tx, "a")
    assert known(database) is None


def test_a_look_up_within_what_is_undone_is_not_kept(database: Database) -> None:
    assert known(database) is None

    def undone(tx: Tx) -> None:
        facts.put(tx, "a", "1")
        assert known(database) in {"1", None}  # on PostgreSQL readers stand beside the act
        raise LookupError

    with pytest.raises(LookupError):
        act(database, undone)
    assert known(database) is None


def test_a_look_up_is_made_once_while_nothing_is_written(tmp_path: Path, reach: Reach) -> None:
    database, made = reach(str(tmp_path / "bank.db")), []
    for _ in range(3):
        database.while_unchanged("a", made.append)
    assert len(made) == 1
    put(database, "b")
    database.while_unchanged("a", made.append)
    assert len(made) == 2


def waits_for_the_disk(database: Database) -> bool:
    """Tell it of this thread's acts."""
    sql = "PRAGMA synchronous" if not database.shared else "SHOW synchronous_commit"
    found = database._connection() if not database.shared else database.connection()  # type: ignore[attr-defined]
    return found.execute(sql).fetchone()[0] in {2, "on"}


def test_a_thread_that_is_relaxed_does_not_wait_for_the_disk_and_others_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteDatabase, "_connect", CONNECT)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert one.submit(waits_for_the_disk, database).result()
        other.submit(database.relax).result()
        assert not other.submit(waits_for_the_disk, database).result()
        other.submit(put, database, "a").result()
        assert names(database) == ["a"]
        if database.shared:  # another connection of the thread is as the first one was
            other.submit(lambda: database.connection().close()).result()  # type: ignore[attr-defined]
            assert not other.submit(waits_for_the_disk, database).result()
        assert one.submit(waits_for_the_disk, database).result()


def test_an_act_that_raises_leaves_nothing(database: Database) -> None:
    def fail(tx: Tx) -> None:
        facts.put(tx, "a", "1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act(database, fail)
    put(database, "b")
    assert names(database) == ["b"]


def test_an_act_whose_statement_is_refused_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    def repeat(tx: Tx) -> None:
        tx.run(ONCE, name="b", value="1")
        tx.run(Insert(bank_facts), name="a", value="2")

    put(database, "a")
    with pytest.raises(EngineError):
        act(database, repeat)
    put(database, "c")
    assert names(database) == ["a", "c"]


def test_an_act_inside_an_act_is_refused(database: Database) -> None:
    with pytest.raises(RuntimeError, match="hand its tx on"), database.act():
        put(database, "a")


def test_a_reader_sees_what_is_committed_by_then_and_not_what_is_not(address: str, reach: Reach) -> None:
    one, other = reach(address), reach(address)
    reader = other.read()
    with one.act() as tx:
        facts.put(tx, "a", "1")
        assert reader.one(ALL) is None
    assert reader.one(ALL) is not None


def test_inserting_a_known_key_is_ignored_and_told(database: Database) -> None:
    with database.act() as tx:
        assert [tx.run(ONCE, name="a", value=value) for value in "12"] == [1, 0]
    assert facts.get(database.read(), "a") == "1"


def test_texts_are_sorted_by_code_point(database: Database) -> None:
    for name in ("b", "A", "a-c", "ab", "银", "é"):
        put(database, name)
    assert names(database) == ["A", "a-c", "ab", "b", "é", "银"]


def test_a_pattern_is_taken_as_it_is_escaped(database: Database) -> None:
    put(database, "100%")
    put(database, "1000")
    assert [row["name"] for row in database.read().all(LIKE, pattern="100\\%")] == ["100%"]


def test_a_text_that_no_row_can_hold_is_not_found(database: Database) -> None:
    with database.act() as tx:
        facts.put(tx, "a", "1")
        assert facts.get(tx, "a\0") is None
        facts.put(tx, "b", "1")
    assert names(database) == ["a", "b"]


def test_what_is_done_alone_is_done_by_one_thread_at_a_time(postgresql: str, reach: Reach) -> None:
    one, other = reach(postgresql), reach(postgresql)
    with one.alone("due wld_1") as mine:
        assert mine
        assert [may(other, name) for name in ("due wld_1", "due wld_2")] == [False, True]
    assert may(other, "due wld_1")


def test_what_a_process_did_alone_is_taken_over_when_its_connection_is_gone(postgresql: str, reach: Reach) -> None:
    one, other = reach(postgresql), reach(postgresql)
    with one.alone("due wld_1"):
        end_connections(postgresql, but=other)
        with other.alone("due wld_1") as theirs:
            assert theirs


def test_a_connection_that_the_server_has_ended_is_made_anew(postgresql: str, reach: Reach) -> None:
    database = reach(postgresql)
    put(database, "a")
    end_connections(postgresql)
    assert names(database) == ["a"]
    end_connections(postgresql)
    put(database, "b")
    assert names(database) == ["a", "b"]


def test_an_act_whose_connection_ends_in_its_middle_is_undone(postgresql: str, reach: Reach) -> None:
    def lose(tx: Tx) -> None:
        facts.put(tx, "a", "1")
        end_connections(postgresql)
        facts.put(tx, "b", "1")

    database = reach(postgresql)
    with pytest.raises(EngineError):
        act(database, lose)
    assert names(database) == []


def test_a_reader_in_an_act_does_not_go_on_where_the_act_is_lost(postgresql: str, reach: Reach) -> None:
    def lose(tx: Tx) -> None:
        facts.put(tx, "a", "1")
        end_connections(postgresql)
        database.read().one(ALL)

    database = reach(postgresql)
    with pytest.raises(EngineError):
        act(database, lose)


def test_acts_of_one_world_wait_for_each_other_and_those_of_others_do_not(postgresql: str, reach: Reach) -> None:
    one, other = reach(postgresql), reach(postgresql)
    with ThreadPoolExecutor(1) as pool, one.act("wld_1") as tx:
        facts.put(tx, "first", "1")
        put(other, "elsewhere", "wld_2")
        waits = pool.submit(put, other, "second", "wld_1")
        assert waiting(postgresql, waits)
        assert names(other) == ["elsewhere"]
    assert waits.result() is None


def test_an_act_without_a_scope_waits_for_all_others_and_they_for_it(postgresql: str, reach: Reach) -> None:
    one, other = reach(postgresql), reach(postgresql)
    for scopes in ((None, "wld_1"), ("wld_1", None), (None, None)):
        with ThreadPoolExecutor(1) as pool, one.act(scopes[0]):
            waits = pool.submit(put, other, "a", scopes[1])
            assert waiting(postgresql, waits)
        assert waits.result() is None


def test_events_are_seen_in_the_order_of_their_numbers_so_that_a_reader_misses_none(
    postgresql: str, reach: Reach
) -> None:
    """The second event gets a higher number; were it committed first, who reads on after it would miss the first."""
    one, other = reach(postgresql), reach(postgresql)
    with ThreadPoolExecutor(1) as pool, one.act("wld_1") as tx:
        record(tx, "evt_first")
        second = pool.submit(record_alone, other, "evt_second")
        waiting(postgresql, second)
        seen = [row["event_id"] for row in page(other, 0)]
    second.result()
    assert seen == []
    assert [row["event_id"] for row in page(other, 0)] == ["evt_first", "evt_second"]


def test_a_reader_that_follows_many_writers_sees_every_event_once(postgresql: str, reach: Reach) -> None:
    writers, each = 4, 30
    reader, databases = reach(postgresql), [reach(postgresql) for _ in range(writers)]
    begin = threading.Barrier(writers)

    def write(number: int) -> None:
        begin.wait()
        for count in range(each):
            record_alone(databases[number], f"evt_{number}_{count}")

    seen: list[str] = []
    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(write, number) for number in range(writers)]
        after = 0
        while len(seen) < writers * each:
            stopped = all(future.done() for future in running)
            rows = page(reader, after)
            seen += [row["event_id"] for row in rows]
            after = reader.read().one(events.SEQ_OF, app_id="app_1", event_id=seen[-1])["seq"] if seen else 0
            if stopped and not rows:
                break
        assert [future.result() for future in running] == [None] * writers
    assert sorted(seen) == sorted(f"evt_{number}_{count}" for number in range(writers) for count in range(each))


def record(tx: Tx, event_id: str) -> None:
    tx.run(events.INSERT, event_id=event_id, world_id="wld_1", app_id="app_1", type="t", happened_at=1, wire="{}")


def record_alone(database: Database, event_id: str) -> None:
    with database.act("wld_1") as tx:
        record(tx, event_id)


def page(database: Database, after: int) -> list:
    return database.read().all(events.PAGE, app_id="app_1", after=after, type="", count=1000)


def waiting(address: str, future: Future[None]) -> bool:
    """Look until an act waits for a lock, or is over; tell whether it waits."""
    with watching(address) as connection:
        while not future.done():
            if connection.execute(WAITING).fetchone()[0]:
                return True
    return False


def end_connections(address: str, but: Database | None = None) -> None:
    """Let the server end every connection to a database, or all but one's."""
    kept = 0
    if but is not None:
        kept = but.read().one(Statement(select(bindparam("one", 1))), one=1) and but.connection().info.backend_pid
    query = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND \
backend_type = 'client backend' AND pid NOT IN (pg_backend_pid(), %s)"
    with watching(address) as connection:
        connection.execute(query, [kept])


@contextmanager
def watching(address: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection
