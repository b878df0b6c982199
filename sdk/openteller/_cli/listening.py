"""``openteller listen``: events to a program on this machine while it is written, a line for each delivery.

A temporary endpoint leads to a small server here, which hands on what comes, byte for byte and with its signature, and
gives the bank what the program answered. So everything is as it will be: the schedule, the delivery log, sending again.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import click

from openteller import errors
from openteller import webhooks as verifying
from openteller._cli.calling import Session, calling
from openteller._cli.credentials import is_loopback
from openteller._cli.signals import leave_on_signals
from openteller._cli.tables import padded, plain
from openteller._cli.webhooks import events_option, split

if TYPE_CHECKING:
    from openteller.models import Event, WebhookEndpoint

__all__ = ["listen"]

_HANDED_ON = ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature")
_TIMEOUT_S = 14.0
"""Less than the bank waits, so that it hears of it from here."""
_MOST_OF_AN_ANSWER = 4096
_NOBODY = 502
_SECRET = "OPENTELLER_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable: a command line is for all to see


@click.command(short_help="Hand events on to a program on this machine.")
@click.option(
    "--forward-to", "target", required=True, metavar="URL", help="Such as http://127.0.0.1:3000/bank-webhook."
)
@events_option
@calling
def listen(session: Session, *, target: str, events: tuple[str, ...]) -> None:
    """Hand events on to a program on this machine, until Ctrl-C; with --json one JSON document a line, the endpoint's
    first.

    It makes an endpoint for as long as it runs, and prints its secret: verify with it. Each start has another one,
    unless OPENTELLER_WEBHOOK_SECRET holds one of yours, with which deliveries are then signed anew. What the program
    answers is what the bank sees: openteller webhooks deliveries shows it, and openteller webhooks resend sends it
    again.
    """
    forward = Forward(target, os.environ.get(_SECRET) or "")
    if not is_loopback(urlsplit(session.url).hostname or ""):
        raise click.ClickException(
            "a bank elsewhere cannot reach this machine: put the program at a public address, and name that to "
            "openteller webhooks add"
        )
    leave_on_signals()
    try:
        _listen(session, forward, split(events))
    except KeyboardInterrupt:
        return


def _listen(session: Session, forward: Forward, events: list[str] | None) -> None:
    with _relay(forward, as_json=session.as_json) as relay, _endpoint(session, relay, events) as endpoint:
        relay.secret = endpoint.secret or ""
        if session.as_json:
            told = endpoint.to_dict() | {"secret": forward.secret or endpoint.secret}
            click.echo(json.dumps({"forward_to": forward.url, **told}, ensure_ascii=False))
        else:
            click.echo(f"Events go to {forward.url}. Ctrl-C ends it.")
            click.echo(_about_secret(endpoint.secret or "", own=bool(forward.secret)))
        threading.Event().wait()


def _about_secret(secret: str, *, own: bool) -> str:
    if own:
        return f"Secret  that of {_SECRET}"
    return f"Secret  {secret}\n        To keep one over restarts: export {_SECRET}={secret}"


@contextmanager
def _endpoint(session: Session, relay: Relay, events: list[str] | None) -> Iterator[WebhookEndpoint]:
    """Make an endpoint, and remove it however this ends."""
    endpoints = session.client.webhook_endpoints
    made = endpoints.create(url=relay.url, event_types=events, description="openteller listen")
    try:
        yield made
    finally:
        leave_on_signals(again=False)
        endpoints.delete(made.webhook_endpoint_id)


@contextmanager
def _relay(forward: Forward, *, as_json: bool) -> Iterator[Relay]:
    relay = Relay(forward, as_json=as_json)
    thread = threading.Thread(target=relay.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.shutdown()
        relay.server_close()


@dataclass(frozen=True, slots=True)
class Told:
    """What the bank is told. body: the beginning of the answer; failure: a word for why there was none."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    failure: str = ""


class Forward:
    """Where to hand on. secret: signs what is handed on; without one the bank's own signature stays.

    Raises:
        click.BadParameter: no http or https URL.
        click.UsageError: no such secret can be.
    """

    def __init__(self, target: str, secret: str = "") -> None:
        self.secret = secret
        if secret:
            _try(secret)
        self.url = target if "://" in target else f"http://{target}"
        self._parts = self._split()

    def _split(self) -> SplitResult:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not self.url.isascii() or " " in self.url:
            raise click.BadParameter("give a URL such as http://127.0.0.1:3000/bank-webhook", param_hint="--forward-to")
        return parts

    def __call__(self, headers: dict[str, str], body: bytes) -> Told:
        """Hand a delivery on, and tell what the program answered."""
        parts = self._parts
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return Told(answer.status, answer.read(_MOST_OF_AN_ANSWER), answer.getheader("Retry-After"))
        except TimeoutError:
            return Told(_NOBODY, b"the program did not answer in time", failure="no answer in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = str(getattr(error, "strerror", None) or type(error).__name__)
            return Told(_NOBODY, f"the program cannot be reached: {reason}".encode(), failure=reason)
        finally:
            connection.close()


def _try(secret: str) -> None:
    try:
        verifying.sign(b"{}", secret)
    except errors.ConfigurationError as error:
        raise click.UsageError(f"{_SECRET}: {error.message}") from None


class Relay(ThreadingHTTPServer):
    """What the bank sends to. secret: of the endpoint; what does not bear its signature is not handed on."""

    daemon_threads = True

    def __init__(self, forward: Forward, *, as_json: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forward = forward
        self.secret = ""
        self._path = f"/{secrets.token_urlsafe(16)}"
        self._as_json = as_json
        self._printing = threading.Lock()

    @property
    def url(self) -> str:
        """What the endpoint's URL is."""
        return f"http://127.0.0.1:{self.server_address[1]}{self._path}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Told:
        """Hand a delivery on; give what to answer."""
        if path != self._path:
            return Told(404, b"this is openteller listen")
        try:
            event = verifying.verify(body, headers, self.secret)
        except errors.OpenTellerError as error:
            return Told(400, str(error).encode())
        began = time.monotonic()
        handed_on = {name: headers[name] for name in _HANDED_ON if name in headers}
        if self.forward.secret:
            at = float(headers["webhook-timestamp"])
            handed_on |= verifying.sign(body, self.forward.secret, webhook_id=headers["webhook-id"], timestamp=at)
        told = self.forward(handed_on, body)
        self._print(event, headers["webhook-id"], told, int((time.monotonic() - began) * 1000))
        return told

    def _print(self, event: Event, webhook_id: str, told: Told, duration_ms: int) -> None:
        if self._as_json:
            document = {
                "webhook_id": webhook_id,
                "event": event.to_dict(),
                "status": told.status if not told.failure else None,
                "error": told.failure or None,
                "duration_ms": duration_ms,
            }
            line = json.dumps(document, ensure_ascii=False)
        else:
            outcome = told.failure or str(told.status)
            line = plain(
                f"{event.timestamp:%H:%M:%S}  {padded(event.type, 22)}  {event.event_id}  {webhook_id}  "
                f"{outcome}  {duration_ms} ms"
            )
        with self._printing:
            click.echo(line)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Relay

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > verifying.LARGEST_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = self.server.take(self.path, headers, body)
        self.send_response(told.status)
        if told.retry_after:
            self.send_header("Retry-After", told.retry_after)
        if told.status != 204:
            self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body if told.status != 204 else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Say nothing: each delivery has its own line."""
