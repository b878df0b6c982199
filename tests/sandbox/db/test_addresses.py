"""Whatever is wrong with a database is told in one line, and its password is in none."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
import pytest
from tests import postgres
from tests.sdk.processes import free_port, run

from openteller_sandbox import app
from openteller_sandbox.db import DatabaseError, open_database
from openteller_sandbox.settings import Settings

SECRET = "s3cret-pw"


def refusal(address: str) -> str:
    """Give what a start is told, and look that it is a line without the password."""
    app.declare_tables()
    with pytest.raises(DatabaseError) as caught:
        open_database(address).prepare()
    text = str(caught.value)
    assert "\n" not in text and SECRET not in text
    return text


def test_a_server_that_is_not_there() -> None:
    port = free_port()
    text = refusal(f"postgresql://bank:{SECRET}@127.0.0.1:{port}/bank")
    assert text.startswith(f"cannot open postgresql://bank@127.0.0.1:{port}/bank: ") and "refused" in text


def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal(f"postgresql://bank:{SECRET}@/bank?host={tmp_path}")


def test_a_wrong_password() -> None:
    text = refusal(postgres.shared().tcp_url(password=SECRET))
    assert text.endswith('password authentication failed for user "bank"')


def test_a_database_that_is_missing() -> None:
    assert refusal(postgres.shared().url("nowhere")).endswith('database "nowhere" does not exist')


def test_a_database_that_does_not_store_utf_8() -> None:
    server = postgres.shared()
    name = server.new_database("template0", encoding="SQL_ASCII")
    assert "ENCODING 'UTF8'" in refusal(server.url(name))


def test_a_server_that_is_too_old(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openteller_sandbox.db.postgresql.OLDEST_SERVER", 99)
    assert "needs 99 or newer" in refusal(postgresql)


def test_a_database_that_holds_something_else_is_left_as_it_is(postgresql: str) -> None:
    with psycopg.connect(postgresql) as connection:
        connection.execute("CREATE TABLE payments (mine int)")
    assert "a table payments that is not the sandbox's" in refusal(postgresql)
    with psycopg.connect(postgresql) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://bank:{SECRET}@host:port/bank",
        f"postgresql://bank:{SECRET}@[host/bank",
        f"postgresql://bank:{SECRET}@host/bank?color=red",
        f"postgresql://bank:{SECRET}%zz@host/bank",
        f"mysql://bank:{SECRET}@host/bank",
        f"postgresql:bank:{SECRET}://",
    ],
)
def test_an_address_that_is_none(address: str) -> None:
    refusal(address)


def test_settings_do_not_show_a_password() -> None:
    assert SECRET not in repr(Settings(database=f"postgresql://bank:{SECRET}@host/bank"))


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "openteller_sandbox.db.postgresql", raising=False)
    with pytest.raises(DatabaseError, match=r'pip install "openteller\[sandbox,postgres\]"'):
        open_database("postgresql://bank@host/bank")


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    server = postgres.shared()
    done = run(
        "sandbox", "serve", "--port", str(free_port()), "--database", server.tcp_url(password=SECRET), cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: cannot open postgresql://bank@127.0.0.1:")
    assert len(done.stderr.splitlines()) == 1 and SECRET not in done.stderr
