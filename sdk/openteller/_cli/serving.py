"""``openteller sandbox serve``: from options to a running sandbox, every failure in one line."""

from __future__ import annotations

import errno
import gc
import ipaddress
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import click

from openteller import __version__
from openteller._cli.credentials import is_loopback
from openteller._cli.signals import leave_on_signals

if TYPE_CHECKING:
    from openteller_sandbox.bank import Bank
    from openteller_sandbox.clock import Clock
    from openteller_sandbox.settings import BillerLeg, Settings

SANDBOX_PACKAGES = (
    "alembic",
    "authlib",
    "flask",
    "flask_swagger_ui",
    "fpdf",
    "granian",
    "joserfc",
    "jsonschema_rs",
    "marshmallow",
    "noto_cjk_sans_otc",
    "segno",
    "sqlalchemy",
)
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_YEARS = range(2000, 2100)
_BILLER_TOKEN = "OPENTELLER_BILLER_TOKEN"  # noqa: S105 - the name of a variable


class BadOption(click.ClickException):
    """An option that cannot be used, told in one line."""

    exit_code = 2

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was typed. clock: RFC 3339; rate limits: requests a minute; lease_s: of webhooks that are on their way."""

    host: str
    port: int
    database: str
    seed: Path | None
    clock: str | None
    check_answers: str
    public_url: str | None
    workers: int
    trusted_proxies: tuple[str, ...]
    biller_url: str | None
    biller_timeout_s: float
    fapi_only: bool
    dpop_nonce: bool
    jwks_hosts: tuple[str, ...]
    redis_url: str | None
    verbose: bool
    no_limits: bool
    rate_limit_app: int | None
    rate_limit_anonymous: int | None
    lease_s: float

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def serve(options: Options) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        click.ClickException: an option does not fit, or the bank cannot be opened or reached.
    """
    gc.disable()  # a start makes a hundred thousand objects that stay: looking at them again and again finds nothing
    need_sandbox()
    leave_on_signals()
    try:
        _serve(options)
    except KeyboardInterrupt:
        return
    end_at_once()


def end_at_once() -> NoReturn:
    """End the process without taking the interpreter down.

    A thread of granian's may still be waiting for the interpreter when it goes; a Rust thread that finds it gone aborts
    the process. Everything has been closed by now, so nothing is lost.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def need_sandbox() -> None:
    """Look whether the sandbox's packages are there, before anything is begun.

    Raises:
        click.ClickException: one is missing; the message names the extra that brings it.
    """
    missing = [name for name in SANDBOX_PACKAGES if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f'the sandbox is an extra ({missing[0]} is missing): pip install "openteller[sandbox]"'
        )


def _serve(options: Options) -> None:
    from openteller_sandbox import workers  # noqa: PLC0415 - an extra, as all of the sandbox
    from openteller_sandbox.db import open_database  # noqa: PLC0415 - likewise

    log_to_stderr(verbose=options.verbose)
    settings, clock = _settings(options), _clock(options.clock)
    _check_free(options)
    if options.workers == 1:
        with ExitStack() as held:
            with _told_in_a_line():
                held.enter_context(open_database(settings.database).served())
            _work(options, _open(settings, clock))
        return
    _refuse_workers(options)
    _make(settings, clock)
    try:
        workers.keep(
            options.workers,
            lambda tells, leash, ready: _work(options, _open(settings, clock), tells=tells, leash=leash, ready=ready),
        )
    except workers.WorkerError as error:
        raise click.ClickException(str(error)) from error


def _work(
    options: Options,
    bank: Bank,
    *,
    tells: bool = True,
    leash: int | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve an open bank. The arguments after it are those of one of several workers."""
    from openteller_sandbox import app  # noqa: PLC0415
    from openteller_sandbox import serve as server  # noqa: PLC0415

    def listening() -> None:
        if tells:
            _announce(options, bank)
        ready()

    try:
        flask_app = app.create_app(bank)
        gc.freeze()
        gc.enable()
        server.serve(bank, flask_app, options.host, options.port, listening, leash=leash)
    finally:
        bank.db.close()


def _check_free(options: Options) -> None:
    """Look whether the address can be had, before a database is made or its clock set."""
    from openteller_sandbox import serve as server  # noqa: PLC0415

    try:
        server.check_free(options.host, options.port)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "; choose another --port" if error.errno == errno.EADDRINUSE else ""
        raise click.ClickException(f"cannot listen on {options.authority}: {reason}{hint}") from error


def _open(settings: Settings, clock: Clock) -> Bank:
    from openteller_sandbox import app  # noqa: PLC0415

    with _told_in_a_line():
        return app.create_bank(settings, clock, make_in_child=True, on_import=_announce_import)


def _make(settings: Settings, clock: Clock) -> None:
    """Make the database ready before workers open it: what is wrong with it is told once."""
    from openteller_sandbox import app, seeding  # noqa: PLC0415

    with _told_in_a_line():
        seeding.in_child(lambda: app.make(settings, clock, _announce_import))


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    from openteller_sandbox import seeding  # noqa: PLC0415
    from openteller_sandbox.db import DatabaseError  # noqa: PLC0415

    try:
        yield
    except DatabaseError as error:
        raise click.ClickException(str(error)) from error
    except seeding.SeedError as error:
        raise click.ClickException(f"the seed cannot be loaded: {error}") from error


def _announce_import() -> None:
    click.echo("Loading the seed …")


def _settings(options: Options) -> Settings:
    from openteller_sandbox.settings import (  # noqa: PLC0415
        NO_FETCH_LIMITS,
        NO_PAYMENT_LIMITS,
        SEED_FOLDER,
        AnswerCheck,
        FetchLimits,
        PaymentLimits,
        RateLimits,
        Settings,
    )

    if not options.database.strip():
        raise BadOption("--database", "name a file, or postgresql://user@host/database")
    limits = RateLimits()
    return Settings(
        database=options.database,
        public_url=_public_url(options),
        seed=options.seed or SEED_FOLDER,
        check_answers=AnswerCheck(options.check_answers),
        webhook_loopback=is_loopback(options.host),
        fapi_only=options.fapi_only,
        dpop_nonce=options.dpop_nonce,
        jwks_hosts=frozenset(_listed_host(text) for text in options.jwks_hosts),
        redis_url=_redis_url(options),
        webhook_lease_s=options.lease_s,
        trusted_proxies=frozenset(_address(text) for text in options.trusted_proxies),
        billers=_biller_leg(options),
        rate_limits=RateLimits(
            app=options.rate_limit_app or limits.app,
            anonymous=options.rate_limit_anonymous or limits.anonymous,
        ),
        fetch_limits=NO_FETCH_LIMITS if options.no_limits else FetchLimits(),
        payment_limits=NO_PAYMENT_LIMITS if options.no_limits else PaymentLimits(),
    )


def _listed_host(text: str) -> str:
    """Read a host, with a port where it is not 443."""
    parts = urlsplit(f"https://{text}")
    try:
        port = parts.port
    except ValueError as error:
        raise BadOption("--jwks-host", "give a name such as keys.example, or keys.example:8443") from error
    if not parts.hostname or parts.netloc != text or parts.username is not None or parts.path:
        raise BadOption("--jwks-host", "give a name such as keys.example, or keys.example:8443")
    host = text.lower()
    return host.removesuffix(":443") if port == 443 else host


def _redis_url(options: Options) -> str | None:
    if not options.redis_url:
        return None
    if urlsplit(options.redis_url).scheme not in {"redis", "rediss", "unix"}:
        raise BadOption("--redis-url", "give a URL such as redis://127.0.0.1:6379/0")
    if find_spec("redis") is None:
        raise click.ClickException('Redis is an extra: pip install "openteller[sandbox,redis]"')
    return options.redis_url


def _biller_leg(options: Options) -> BillerLeg | None:
    """Say where billers are asked, unless it is here."""
    from openteller_sandbox.settings import BillerLeg  # noqa: PLC0415

    if not options.biller_url:
        return None
    parts = urlsplit(options.biller_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise BadOption("--biller-url", "give a URL such as http://127.0.0.1:8090")
    token, timeout_s = os.environ.get(_BILLER_TOKEN, ""), options.biller_timeout_s
    return BillerLeg(url=options.biller_url.rstrip("/"), token=token, timeout_s=timeout_s, pause_s=timeout_s)


def serve_billers(host: str, port: int, database: str, seed: Path | None) -> None:
    """Serve the billers' side of the port until SIGINT or SIGTERM.

    Raises:
        click.ClickException: an option does not fit, or their books cannot be opened.
    """
    need_sandbox()
    log_to_stderr(verbose=False)
    leave_on_signals()
    try:
        _serve_billers(host, port, database, seed)
    except KeyboardInterrupt:
        return
    end_at_once()


def _serve_billers(host: str, port: int, database: str, seed: Path | None) -> None:
    from openteller_sandbox import app  # noqa: PLC0415
    from openteller_sandbox import serve as server  # noqa: PLC0415
    from openteller_sandbox.settings import SEED_FOLDER, Settings  # noqa: PLC0415

    if not database.strip():
        raise BadOption("--database", "name a file, or postgresql://user@host/database")
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        server.check_free(host, port)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {url}: {error.strerror or error}") from error
    settings = Settings(database=database, seed=seed or SEED_FOLDER)
    with _told_in_a_line():
        books, billers = app.create_billers(settings, os.environ.get(_BILLER_TOKEN, ""), _announce_import)
    try:
        server.serve_plain(
            billers, books, host, port, lambda: click.echo(f"Billers of {books.name} at {url}. Ctrl-C ends it.")
        )
    finally:
        books.close()


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise BadOption("--trusted-proxy", f"{text!r} is no IP address") from error


def _refuse_workers(options: Options) -> None:
    """Look whether several processes can be one bank."""
    from openteller_sandbox import workers  # noqa: PLC0415
    from openteller_sandbox.db import open_database  # noqa: PLC0415

    with _told_in_a_line():
        shared = open_database(options.database).shared
    if not shared:
        text = f"SQLite has one writer: {options.workers} processes need PostgreSQL, --database postgresql://…"
        raise BadOption("--workers", text)
    if not workers.can_fork():
        raise BadOption("--workers", "this system cannot fork processes: start one, or several on ports of their own")


def _public_url(options: Options) -> str:
    """Give what links begin with: as told, or where the sandbox listens (for every address: this machine's own)."""
    if not options.public_url:
        return f"http://127.0.0.1:{options.port}" if options.host in EVERYWHERE else f"http://{options.authority}"
    parts = urlsplit(options.public_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadOption("--public-url", "give a URL such as https://bank.example")
    return options.public_url.rstrip("/")


def _clock(text: str | None) -> Clock:
    """Make a clock whose bank time is ``text`` now.

    Raises:
        BadOption: no instant, or one far from all that the sandbox knows.
    """
    from openteller_sandbox import clock  # noqa: PLC0415

    if text is None:
        return clock.Clock()
    try:
        begin = clock.parse(text)
        year = clock.to_datetime(begin).year
    except (ValueError, OverflowError) as error:
        hint = f"{text!r} is no date and time with an offset, such as 2026-09-29T10:30:00+08:00"
        raise BadOption("--clock", hint) from error
    if year not in _YEARS:
        raise BadOption("--clock", f"give a year from {_YEARS[0]} to {_YEARS[-1]}")
    return clock.Clock(begin - clock.Clock().wall())


def log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if verbose:
        logging.getLogger("openteller_sandbox.http").setLevel(logging.INFO)


def _announce(options: Options, bank: Bank) -> None:
    """Say where everything is, when the server is about to listen."""
    from openteller_sandbox import clock  # noqa: PLC0415
    from openteller_sandbox.partners import service as partners  # noqa: PLC0415

    url = bank.settings.public_url
    rows = {
        "API": f"{url}/v1/",
        "Reference": f"{url}/docs/",
        "Contract": f"{url}/openapi.json",
        "Payment pages": f"{url}/pay/",
        "Errors": f"{url}/errors/",
        "Bank time": clock.to_wire(bank.now()),
        "Database": bank.db.name,
        "Token URL": f"{url}/oauth/token",
        "client_id": partners.DEMO_APP_ID,
        "client_secret": partners.DEMO_CLIENT_SECRET,
    }
    click.echo(f"OpenTeller sandbox {__version__} · 示范银行 Demo Bank · play money, published credentials")
    for name, value in rows.items():
        click.echo(f"  {name:<14} {value}")
    click.echo("Ctrl-C ends it.")
    if options.host in EVERYWHERE and not options.public_url:
        told = f"WARNING: payment links begin with {url}, this machine's own address: name another with --public-url."
        click.secho(told, err=True, fg="yellow")
    if not is_loopback(options.host):
        warning = "WARNING: this is a sandbox. Others on your network can reach it; never put it on the internet."
        click.secho(warning, err=True, fg="yellow")
