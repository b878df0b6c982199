"""HTTP for the payer's browser, on the standard library: one request, one reply, no redirects and no proxies."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import click

TIMEOUT_S = 15.0
_CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


class Unreachable(click.ClickException):
    """Nobody answers at the URL."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """Give the body as JSON.

        Raises:
            click.ClickException: it is something else, so whoever answers is no sandbox.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            kind = self.headers.get_content_type()
            raise click.ClickException(f"no sandbox: the answer is {self.status} with {kind}, not JSON") from None


def send(method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """Send a request and read the reply.

    Raises:
        Unreachable: no connection, or no HTTP at its other end.
        click.ClickException: ``url`` is no http or https URL.
    """
    connection = _connection(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, response.msg, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no sandbox answers at {parts.scheme}://{parts.netloc} ({_reason(error)})") from error
    finally:
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    refusal = click.ClickException(f"{url} is no http or https URL")
    try:
        parts = urlsplit(url)
        if not parts.hostname or not url.isascii():
            raise refusal
        return _CONNECTIONS[parts.scheme](parts.netloc, timeout=TIMEOUT_S)
    except (KeyError, ValueError, http.client.InvalidURL) as error:
        raise refusal from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
