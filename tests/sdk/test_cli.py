"""The command line, as a user meets it."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.sdk import processes
from tests.sdk.processes import MORNING, ROOT

import openteller
import openteller_sandbox
from openteller import OpenTeller
from openteller._cli import commands, serving
from openteller._cli.demo import wire
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    with processes.sandbox(folder, "--clock", MORNING) as (url, _):
        yield url


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a database in which bank time began on the morning of the demo."""
    folder = tmp_path_factory.mktemp("known")
    with processes.sandbox(folder, "--clock", MORNING) as (_, running):
        running.end(signal.SIGTERM)
    return folder


def bank_time(url: str) -> datetime:
    with OpenTeller(url, client_id="") as client:
        return client.status.get().bank_time


def one_error_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("Error: ")
    return lines[0]


def run_with_packages(*names: str, arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter that has these packages and no others."""
    packages = folder / "packages"
    packages.mkdir()
    for name in names:
        found = find_spec(name)
        assert found
        assert found.origin
        (packages / name).symlink_to(Path(found.origin).parent)
    return subprocess.run(
        [sys.executable, "-S", "-m", "openteller", *arguments],
        cwd=folder,
        env=processes.environment(ahead=str(packages)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def commands_of(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_of(command, *path, name)


def test_there_is_one_version() -> None:
    contract = json.loads((Path(openteller_sandbox.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
    versions = {openteller.__version__, openteller_sandbox.__version__, contract["info"]["version"]}

    assert len(versions) == 1
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dynamic"]


def test_version_is_printed(tmp_path: Path) -> None:
    done = processes.run("--version", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"openteller, version {openteller.__version__}\n")


@pytest.mark.parametrize("path", [(), *commands_of(commands.openteller)], ids=" ".join)
def test_each_command_explains_itself(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(commands.openteller, [*path, "--help"])

    assert done.exit_code == 0
    assert done.output.startswith("Usage:")


def test_without_click_one_line_names_the_extra(tmp_path: Path) -> None:
    done = run_with_packages(arguments=("demo",), folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith('openteller: the command line is an extra: pip install "openteller[sandbox]"')


@pytest.mark.parametrize("arguments", [("sandbox", "serve"), ("demo", "--once")], ids=" ".join)
def test_without_the_sandbox_one_line_names_the_extra(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run_with_packages("click", arguments=arguments, folder=tmp_path)

    assert done.returncode == 1
    assert 'pip install "openteller[sandbox]"' in one_error_line(done.stderr)


@pytest.mark.parametrize("arguments", [("--version",), ("apps", "create", "--help")], ids=" ".join)
def test_the_other_commands_need_no_more_than_click(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run_with_packages("click", arguments=arguments, folder=tmp_path).returncode == 0


def test_the_packages_that_are_looked_for_are_those_of_the_extra() -> None:
    """tzdata is left out: most systems have time zones of their own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^a-z-]", each)[0].replace("-", "_") for each in project["optional-dependencies"]["sandbox"]}

    assert set(serving.SANDBOX_PACKAGES) == names - {"openteller", "tzdata"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--clock", "tomorrow"], "'tomorrow' is no date and time with an offset"),
        (["--clock", "2026-09-29T10:30:00"], "no date and time with an offset"),
        (["--clock", "9999-12-31T23:59:59Z"], "--clock"),
        (["--clock", "2300-01-01T00:00:00Z"], "give a year from 2000 to 2099"),
        (["--workers", "2"], "PostgreSQL"),
        (["--database", ""], "--database: name a file"),
        (["--public-url", "bank.example"], "--public-url"),
        (["--jwks-host", "https://keys.example"], "--jwks-host"),
        (["--jwks-host", "keys.example/keys.json"], "--jwks-host"),
        (["--jwks-host", "me@keys.example"], "--jwks-host"),
        (["--jwks-host", "keys.example:99999"], "--jwks-host"),
        (["--redis-url", "127.0.0.1:6379"], "--redis-url"),
        (["--public-url", "https://bank.example/?x=1"], "--public-url"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_an_option_that_cannot_be_used_is_one_line_and_code_2(tmp_path: Path, options: list[str], reason: str) -> None:
    done = processes.run("sandbox", "serve", *free_port(), *options, cwd=tmp_path)

    assert done.returncode == 2
    assert reason in one_error_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


def free_port() -> tuple[str, str]:
    """Give the option of a port that nobody has: the default one may be taken on this machine."""
    return "--port", str(processes.free_port())


def test_a_database_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    done = processes.run("sandbox", "serve", *free_port(), cwd=tmp_path, env={"OPENTELLER_DATABASE_URL": str(file)})

    assert done.returncode == 1
    assert "schema 99" in one_error_line(done.stderr)
    assert file.exists()


@pytest.mark.parametrize("name", ["missing/bank.db", "text.db", "postgresql://bank", ":memory:"])
def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("no database, by its looks\n" * 100, encoding="utf-8")

    done = processes.run("sandbox", "serve", *free_port(), "--database", name, cwd=tmp_path)

    assert done.returncode == 1
    one_error_line(done.stderr)


def test_a_seed_that_does_not_fit_leaves_no_database(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir()

    done = processes.run("sandbox", "serve", *free_port(), "--seed", "seed", cwd=tmp_path)

    assert done.returncode == 1
    assert "the seed cannot be loaded" in one_error_line(done.stderr)
    assert [each.name for each in tmp_path.iterdir()] == ["seed"]


def test_a_taken_port_is_one_line(known: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = processes.run("sandbox", "serve", "--port", port, "--database", "bank.db", cwd=known)

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in one_error_line(done.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_sandbox_cleanly(known: Path, number: signal.Signals) -> None:
    with processes.sandbox(known) as (url, running):
        assert wire.send("GET", f"{url}/v1/status").status == 200
        code, said = running.end(number)

    assert code == 0
    assert said.rstrip().endswith("Ctrl-C ends it.")


def test_the_start_says_where_everything_is(known: Path) -> None:
    with processes.sandbox(known, "--public-url", "https://bank.example/") as (_, running):
        _, said = running.end(signal.SIGTERM)

    assert processes.value_of(said, "API") == "https://bank.example/v1/"
    assert processes.value_of(said, "Reference") == "https://bank.example/docs/"
    assert processes.value_of(said, "Payment pages") == "https://bank.example/pay/"
    assert processes.value_of(said, "Errors") == "https://bank.example/errors/"
    assert processes.value_of(said, "client_id") == DEMO_APP_ID
    assert processes.value_of(said, "client_secret") == DEMO_CLIENT_SECRET
    assert processes.value_of(said, "Database") == str(known / "bank.db")
    assert "WARNING" not in said


def test_the_pages_that_the_start_names_are_there(served: str) -> None:
    for path in ("/", "/docs/", "/openapi.json", "/errors/", "/v1/status"):
        assert wire.send("GET", served + path).status == 200, path


def test_listening_for_others_warns(known: Path) -> None:
    with processes.sandbox(known, "--host", "0.0.0.0") as (_, running):
        running.read_until("never put it on the internet")
        _, said = running.end(signal.SIGTERM)

    assert processes.value_of(said, "API").startswith("http://127.0.0.1:")
    assert "payment links begin with http://127.0.0.1:" in said
    assert "--public-url" in said


def test_links_with_an_address_of_their_own_need_no_warning(known: Path) -> None:
    with processes.sandbox(known, "--host", "0.0.0.0", "--public-url", "https://bank.example") as (_, running):
        running.read_until("never put it on the internet")
        _, said = running.end(signal.SIGTERM)

    assert "--public-url" not in said


def test_the_clock_of_a_known_database_goes_on_or_is_set_forward_and_never_back(known: Path) -> None:
    """A morning long past is far from now, so an hour tells the two apart."""
    morning = datetime.fromisoformat(MORNING)
    evening = morning + timedelta(days=1, hours=9)

    with processes.sandbox(known) as (url, _):
        assert timedelta(0) <= bank_time(url) - morning < timedelta(hours=1)
    with processes.sandbox(known, "--clock", evening.isoformat()) as (url, _):
        assert timedelta(0) <= bank_time(url) - evening < timedelta(minutes=5)
    with processes.sandbox(known) as (url, _):
        assert timedelta(0) <= bank_time(url) - evening < timedelta(hours=1)
    with processes.sandbox(known, "--clock", MORNING) as (url, running):
        assert timedelta(0) <= bank_time(url) - evening < timedelta(hours=1)
        _, said = running.end(signal.SIGTERM)
    assert "that of a known database is not set back" in said


def test_requests_are_logged_when_asked_for_and_without_what_they_carry(known: Path) -> None:
    with processes.sandbox(known) as (url, running):
        wire.send("GET", f"{url}/v1/billers?q=3100000011")
        _, quiet = running.end(signal.SIGTERM)
    with processes.sandbox(known, "--verbose") as (url, running):
        wire.send("GET", f"{url}/v1/billers?q=3100000011")
        _, verbose = running.end(signal.SIGTERM)

    assert "/v1/billers" not in quiet
    assert "GET /v1/billers 200" in verbose
    assert "3100000011" not in verbose


def test_the_rate_limits_can_be_set_for_a_benchmark(known: Path) -> None:
    limits = {"OPENTELLER_RATE_LIMIT_ANONYMOUS": "123456", "OPENTELLER_RATE_LIMIT_APP": "234567"}

    with processes.sandbox(known, env=limits) as (url, _):
        reply = wire.send("GET", f"{url}/v1/status")

    assert reply.headers["RateLimit-Policy"] == '"anonymous";q=123456;w=60'


def test_apps_create_prints_credentials_that_work(served: str, tmp_path: Path) -> None:
    done = processes.run(
        *("apps", "create", "--name", "缴费助手", "--url", served),
        *("--return-url", "https://bot.example/done", "--return-url", "https://bot.example/back"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    app = json.loads(done.stdout)
    assert app["name"] == "缴费助手"
    assert app["return_urls"] == ["https://bot.example/done", "https://bot.example/back"]
    assert "payments:create" in app["scopes"]
    with OpenTeller(served, client_id=app["client_id"], client_secret=app["client_secret"]) as client:
        assert client.payments.list().first() is None


def test_a_refused_app_is_one_line_that_points_at_the_fault(served: str, tmp_path: Path) -> None:
    done = processes.run("apps", "create", "--name", "<b>", "--url", served, cwd=tmp_path)

    assert done.returncode == 1
    assert "/name" in one_error_line(done.stderr)


def test_an_app_whose_name_would_deceive_payers_is_refused_in_words(served: str, tmp_path: Path) -> None:
    done = processes.run("apps", "create", "--name", "Bank\u202eknab", "--url", served, cwd=tmp_path)

    assert done.returncode == 1
    assert "/name: Must be a name that payers can read as it is" in one_error_line(done.stderr)


@pytest.mark.parametrize(
    ("url", "code", "reason"),
    [
        ("http://127.0.0.1:9", 1, "start one with: openteller sandbox serve"),
        ("ftp://127.0.0.1", 2, "--url begins with http:// or https://"),
        ("127.0.0.1:8080", 2, "--url begins with http:// or https://"),
        ("http://127.0.0.1:port", 2, "--url is no URL"),
        ("http://bank.example", 2, "--allow-http"),
    ],
)
def test_where_no_sandbox_is_one_line_says_so(tmp_path: Path, url: str, code: int, reason: str) -> None:
    done = processes.run("apps", "create", "--name", "x", "--url", url, cwd=tmp_path)

    assert done.returncode == code
    assert reason in one_error_line(done.stderr)


def test_old_credentials_in_the_environment_do_not_hinder_making_new_ones(served: str, tmp_path: Path) -> None:
    old = {"OPENTELLER_CLIENT_ID": "app_gone00000000", "OPENTELLER_CLIENT_SECRET": "ots_gone"}

    done = processes.run("apps", "create", "--name", "x", "--url", served, cwd=tmp_path, env=old)

    assert done.returncode == 0, done.stderr


def test_a_proxy_is_not_asked_for_a_sandbox_of_this_machine(served: str, tmp_path: Path) -> None:
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}

    done = processes.run("status", "--url", served, cwd=tmp_path, env=proxies)

    assert done.returncode == 0, done.stderr
