"""The commands and their options. What they do is in the modules beside this one."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from openteller import __version__
from openteller._cli import importing, serving

_REQUESTS = click.IntRange(1, 1_000_000_000)


_ELSEWHERE = {
    "account-links": "links:account_links",
    "apps": "apps:apps",
    "atms": "places:atms",
    "billers": "billers:billers",
    "bills": "bills:bills",
    "branches": "places:branches",
    "calc": "calculators:calc",
    "clock": "world:clock",
    "consents": "links:consents",
    "disputes": "disputes:disputes",
    "drill": "drills:drill",
    "events": "events:events",
    "faults": "faults:faults",
    "listen": "listening:listen",
    "logs": "control:logs",
    "magic-values": "world:magic_values",
    "official-accounts": "bank:official_accounts",
    "outages": "bank:outages",
    "payments": "payments:payments",
    "rates": "rates:rates",
    "receipts": "receipts:receipts",
    "refunds": "refunds:refunds",
    "reset": "world:reset",
    "scenarios": "drills:scenarios",
    "statements": "statements:statements",
    "status": "bank:status",
    "transition": "control:transition",
    "trigger": "control:trigger",
    "webhooks": "webhooks:webhooks",
    "worlds": "worlds:worlds",
}
"""Where the commands that call a bank are: module and name. What speaks to a bank is nothing to whoever serves one."""


@contextmanager
def _discreetly() -> Iterator[None]:
    """Keep what may be an account number, typed in the wrong place, out of usage errors."""
    try:
        yield
    except click.UsageError as error:
        from openteller._cli.refusals import without_numbers  # noqa: PLC0415 - a command that is well has no use for it

        text = error.format_message()
        if without_numbers(text) == text:
            raise
        raise click.UsageError(without_numbers(text), error.ctx) from None


_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO}


def _leave_unprinted(error: OSError) -> NoReturn:
    """End where a stream takes no more. What is left in it would be tried once more at the end, with a traceback."""
    with suppress(OSError):
        click.echo(f"Error: the standard output cannot be written: {error.strerror}", err=True)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
    raise SystemExit(1) from None


class _Counter(click.Group):
    """The whole command line. Commands are imported when they are asked for; usage errors hold no account number."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Name all commands."""
        return sorted({*self.commands, *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command."""
        if cmd_name in _ELSEWHERE and cmd_name not in self.commands:
            module, _, name = _ELSEWHERE[cmd_name].partition(":")
            self.add_command(getattr(import_module(f"openteller._cli.{module}"), name), cmd_name)
        return super().get_command(ctx, cmd_name)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; where what it prints to is full, say so in one line."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno not in _FULL or error.filename is not None:
                raise
            _leave_unprinted(error)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        with _discreetly():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse what follows, and run it."""
        with _discreetly():
            return super().invoke(ctx)


@click.group(cls=_Counter, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="openteller")
def openteller() -> None:
    """Stand at a bank's counter for social apps: look around, pay, run a sandbox bank, watch a demo."""


@openteller.group()
def sandbox() -> None:
    """Run the sandbox: a demo bank on this machine."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option(
    "--database",
    default="openteller-sandbox.db",
    show_default=True,
    envvar="OPENTELLER_DATABASE_URL",
    show_envvar=True,
    help="SQLite file, made and seeded when it is missing: a path, or sqlite:///path. Or a database of a PostgreSQL "
    "server: postgresql://user:password@host/database; the environment keeps the password out of the process list.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of records to load into a new database, instead of the built-in ones.",
)
@click.option(
    "--clock",
    metavar="RFC3339",
    help="Bank time at the start, such as 2026-09-29T10:30:00+08:00; it ticks from there. Without it a new database "
    "begins now, and a known one goes on where its bank time is; with it a known one may go forward, and never back.",
)
@click.option(
    "--check-answers",
    default="envelope",
    show_default=True,
    type=click.Choice(["off", "envelope", "all"]),
    help="How much of each answer is held against the contract before it is sent.",
)
@click.option(
    "--public-url",
    envvar="OPENTELLER_PUBLIC_URL",
    show_envvar=True,
    help="What payment links begin with. [default: http://HOST:PORT]",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Server processes, which are one bank. SQLite has one writer: more than one need PostgreSQL.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    envvar="OPENTELLER_TRUSTED_PROXIES",
    show_envvar=True,
    help="Address of a proxy whose X-Forwarded-For is believed; may be given several times.",
)
@click.option(
    "--biller-url",
    envvar="OPENTELLER_BILLER_URL",
    show_envvar=True,
    help="Ask billers over HTTP, such as those of `openteller sandbox billers`. [default: in this process]",
)
@click.option(
    "--biller-timeout",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    help="Seconds to wait for a biller's answer over HTTP.",
)
@click.option(
    "--fapi-only",
    is_flag=True,
    envvar="OPENTELLER_FAPI_ONLY",
    show_envvar=True,
    help="Give tokens to clients of the profile fapi2 only.",
)
@click.option(
    "--dpop-nonce",
    is_flag=True,
    envvar="OPENTELLER_DPOP_NONCE",
    show_envvar=True,
    help="Want a nonce of the server in each DPoP proof.",
)
@click.option(
    "--jwks-host",
    "jwks_hosts",
    multiple=True,
    metavar="HOST[:PORT]",
    envvar="OPENTELLER_JWKS_HOSTS",
    show_envvar=True,
    help="A host at which clients may keep their keys (jwks_uri); may be given several times. [default: none]",
)
@click.option(
    "--redis-url",
    envvar="OPENTELLER_REDIS_URL",
    show_envvar=True,
    help="A Redis that remembers which proofs and assertions were used. [default: the database]",
)
@click.option("--verbose", is_flag=True, help="Log each request to the standard error, without what it carried.")
@click.option(
    "--no-limits",
    is_flag=True,
    envvar="OPENTELLER_NO_LIMITS",
    show_envvar=True,
    help="Count fetches and payers, but refuse none: for load tests.",
)
@click.option("--rate-limit-app", type=_REQUESTS, envvar="OPENTELLER_RATE_LIMIT_APP", hidden=True)
@click.option("--rate-limit-anonymous", type=_REQUESTS, envvar="OPENTELLER_RATE_LIMIT_ANONYMOUS", hidden=True)
@click.option("--lease", default=30.0, type=click.FloatRange(0.1, 600), hidden=True)
def serve(
    *,
    host: str,
    port: int,
    database: str,
    seed: Path | None,
    clock: str | None,
    check_answers: str,
    public_url: str | None,
    workers: int,
    trusted_proxies: tuple[str, ...],
    biller_url: str | None,
    biller_timeout: float,
    fapi_only: bool,
    dpop_nonce: bool,
    jwks_hosts: tuple[str, ...],
    redis_url: str | None,
    verbose: bool,
    no_limits: bool,
    rate_limit_app: int | None,
    rate_limit_anonymous: int | None,
    lease: float,
) -> None:
    """Serve the sandbox until Ctrl-C.

    It is a demo bank with play money and published credentials. It listens on this machine only, unless --host says
    otherwise.
    """
    serving.serve(
        serving.Options(
            host=host,
            port=port,
            database=database,
            seed=seed,
            clock=clock,
            check_answers=check_answers,
            public_url=public_url,
            workers=workers,
            trusted_proxies=trusted_proxies,
            biller_url=biller_url,
            biller_timeout_s=biller_timeout,
            fapi_only=fapi_only,
            dpop_nonce=dpop_nonce,
            jwks_hosts=jwks_hosts,
            redis_url=redis_url,
            verbose=verbose,
            no_limits=no_limits,
            rate_limit_app=rate_limit_app,
            rate_limit_anonymous=rate_limit_anonymous,
            lease_s=lease,
        )
    )


sandbox.add_command(importing.imports, "import")


@sandbox.command("rotate-receipt-key", short_help="Sign receipts with a new key.")
@click.option(
    "--database",
    default="openteller-sandbox.db",
    show_default=True,
    envvar="OPENTELLER_DATABASE_URL",
    show_envvar=True,
    help="The database of a sandbox.",
)
def rotate_receipt_key(*, database: str) -> None:
    """Sign receipts with a new key from now on; receipts signed with the old one stay good.

    The old key's private part is forgotten. A server that runs needs no restart.
    """
    from openteller._cli import dispatching  # noqa: PLC0415 - nothing to the other commands

    dispatching.rotate_receipt_key(database)


@sandbox.command("rotate-signing-key", short_help="Give the authorization server its next key.")
@click.option(
    "--database",
    default="openteller-sandbox.db",
    show_default=True,
    envvar="OPENTELLER_DATABASE_URL",
    show_envvar=True,
    help="The database of a sandbox.",
)
@click.option(
    "--at-once", is_flag=True, help="The keys that there are have leaked: sign with the new one now, and forget them."
)
def rotate_signing_key(*, database: str, at_once: bool) -> None:
    """Publish the next key with which the authorization server signs its metadata; ten minutes later it signs.

    The key before it stays published for a day. A server that runs needs no restart.
    """
    from openteller._cli import dispatching  # noqa: PLC0415 - nothing to the other commands

    dispatching.rotate_signing_key(database, at_once=at_once)


@sandbox.command(short_help="Send webhooks and print receipts in a process of its own.")
@click.option(
    "--database",
    default="openteller-sandbox.db",
    show_default=True,
    envvar="OPENTELLER_DATABASE_URL",
    show_envvar=True,
    help="The database of a sandbox.",
)
@click.option(
    "--loopback/--no-loopback",
    default=True,
    show_default=True,
    help="Whether webhooks may go to this machine's own loopback addresses.",
)
@click.option("--lease", default=30.0, type=click.FloatRange(0.1, 600), hidden=True)
def dispatch(*, database: str, loopback: bool, lease: float) -> None:
    """Send what is due of a sandbox's webhooks and print its receipts, until Ctrl-C.

    A server does both itself. This does the same beside it, or beside others: they share the work, and what one of them
    leaves when it is killed the others take over within minutes.
    """
    from openteller._cli import dispatching  # noqa: PLC0415 - nothing to the other commands

    dispatching.dispatch(database, loopback=loopback, lease_s=lease)


@sandbox.command(short_help="Serve the billers in a process of their own.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option(
    "--database",
    default="openteller-billers.db",
    show_default=True,
    help="Their books: a file, or postgresql://user@host/database. Made and seeded when it is new.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with other records than those that come with the sandbox; the bank's own has to be the same.",
)
def billers(*, host: str, port: int, database: str, seed: Path | None) -> None:
    """Serve the simulated billers over HTTP, until Ctrl-C.

    A sandbox has them in its own process. This takes them out of it, with books of their own, so that the bank and a
    biller can fail apart: `openteller sandbox serve --biller-url http://127.0.0.1:8090`.

    Where OPENTELLER_BILLER_TOKEN is set, a bank has to show the same one.
    """
    serving.serve_billers(host, port, database, seed)


@openteller.command(short_help="Watch a bill being paid at a sandbox of its own.")
@click.option(
    "--once", is_flag=True, envvar="ONCE", show_envvar=True, help="End when the story is told, instead of staying up."
)
def demo(*, once: bool) -> None:
    """Watch a bill being found, linked, paid and receipted at a sandbox of its own.

    The sandbox gets a free port and a temporary database. Bank time begins at 2026-09-29 10:30 in Beijing.
    """
    from openteller._cli import demo as demos  # noqa: PLC0415 - nothing to the other commands

    demos.run(once=once)
