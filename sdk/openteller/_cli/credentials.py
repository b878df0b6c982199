"""Which app a command calls as. A secret comes from the environment or a file, never from the command line, where
every process of the machine and the shell's history would see it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from openteller.errors import ConfigurationError

__all__ = ["ANONYMOUS", "DEMO", "Credentials", "find", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app's. private_key: the file of the key of an app that has no secret."""

    client_id: str
    client_secret: str = field(repr=False)
    private_key: str | None = None


DEMO = Credentials(
    "app_demo00000000",
    "ots_openteller_demo_secret_for_local_play_only",  # published in README.md and by every sandbox at its start
)
ANONYMOUS = Credentials("", "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find(url: str, *, client_id: str | None, file: Path | None) -> Credentials:
    """Give the app's credentials; options go before the environment, and a pair in the environment before a file there.

    With nothing given: those of the demo app at a sandbox of this machine, none elsewhere.

    Raises:
        click.UsageError: half of a pair, two ways at once, or a file that holds no credentials.
    """
    if file and client_id:
        raise click.UsageError("--credentials and --client-id both name an app: give one of them")
    if file:
        return _read(file)
    found = _of_environment(client_id)
    if found:
        return found
    if path := os.environ.get("OPENTELLER_CREDENTIALS"):
        return _read(Path(path))
    return DEMO if is_loopback(_host(url)) else ANONYMOUS


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _of_environment(client_id: str | None) -> Credentials | None:
    client_id = client_id or os.environ.get("OPENTELLER_CLIENT_ID")
    secret, key = os.environ.get("OPENTELLER_CLIENT_SECRET"), os.environ.get("OPENTELLER_PRIVATE_KEY")
    if not client_id and not secret:
        return None
    if not client_id:
        raise click.UsageError("OPENTELLER_CLIENT_SECRET is set without OPENTELLER_CLIENT_ID: set both")
    if not secret and key:
        return Credentials(client_id, "", key)
    if not secret:
        raise click.UsageError("the app's secret is missing: set OPENTELLER_CLIENT_SECRET, or give --credentials FILE")
    return Credentials(client_id, secret)


def _read(file: Path) -> Credentials:
    from openteller._core.setup import read_credentials  # noqa: PLC0415 - with the client

    try:
        client_id, client_secret, private_key = read_credentials(file)
    except ConfigurationError as error:
        raise click.UsageError(error.message) from None
    return Credentials(client_id, client_secret or "", private_key)
