"""One attempt to deliver: a POST to a checked address, with a deadline for all of it and little patience for answers.

Connections are kept for a few seconds, so that many events for one server need one connection; a kept one leads to the
address that was checked when it was made.
"""

from __future__ import annotations

import http.client
import math
import re
import select
import socket
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from typing import NamedTuple

from openteller_sandbox import guard
from openteller_sandbox.bounded import BoundedSocket
from openteller_sandbox.guard import Target

TIMEOUT_S = 15.0
EXCERPT_CHARACTERS = 500
_MOST_BODY_BYTES = 4096
_MOST_BYTES = 64 * 1024
"""Of an answer altogether, its head included: servers that send headers without end are cut off."""
_BODY_PATIENCE_S = 2.0
"""How long to wait for the body of an answer, which is for the log only: the status has decided."""
_KEPT_S = 4.0
_KEPT_FOR_EACH = 4
_HEADERS = (
    "User-Agent: OpenTeller-Webhooks/1",
    "Accept: */*",
    "Accept-Encoding: identity",
    "Content-Type: application/json",
)
_PLAIN = re.compile(rb"HTTP/1[.]1 (2[0-9]{2})(?: [ -~]*)?\r(\n(?:[A-Za-z0-9_-]+:[\t -~]*\r\n)*)\r\n")
_LENGTH = re.compile(rb"\ncontent-length:[ ]*([0-9]{1,5})\r")
_target = lru_cache(256)(guard.parse)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is sent. headers: the signatures, made when it leaves."""

    url: str
    webhook_id: str
    body: bytes = field(repr=False)
    headers: Callable[[], Mapping[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it. outcome: of the contract's ``WebhookAttempt``; retry_after_s: what the server asks for."""

    outcome: str
    duration_ms: int = 0
    status_code: int | None = None
    excerpt: str = field(default="", repr=False)
    retry_after_s: int | None = None


Send = Callable[[Outgoing], Attempt]
"""Whoever wants to disturb deliveries wraps one of these."""


class Sender:
    """Sends over connections of its own; many threads may share it.

    Args:
        allow_loopback: whether this machine's own addresses will do.
        timeout_s: for one attempt, from the look-up of the name to the status line.
        wall_s: wall time in seconds, for dates in answers.
    """

    def __init__(
        self, *, allow_loopback: bool, timeout_s: float = TIMEOUT_S, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._allow_loopback = allow_loopback
        self._timeout_s = timeout_s
        self._wall_s = wall_s
        self._kept: defaultdict[tuple[str, str, int], deque[tuple[_Connection, float]]] = defaultdict(deque)

    def __call__(self, outgoing: Outgoing) -> Attempt:
        """Make one attempt. Whatever the server does, this ends in time and raises nothing."""
        began = time.monotonic()
        attempt = self._attempt(outgoing, began + self._timeout_s)
        duration_ms = int((time.monotonic() - began) * 1000)
        return Attempt(attempt.outcome, duration_ms, attempt.status_code, attempt.excerpt, attempt.retry_after_s)

    def close(self) -> None:
        """Let go of connections."""
        while self._kept:
            _, kept = self._kept.popitem()
            for connection, _ in kept:
                connection.close()

    def _attempt(self, outgoing: Outgoing, deadline: float) -> Attempt:
        try:
            target = _target(outgoing.url, allow_loopback=self._allow_loopback)
            connection = self._take(target)
            if connection is not None:
                try:
                    return self._exchange(connection, outgoing, deadline)
                except (ConnectionError, http.client.BadStatusLine):
                    connection.close()  # it had been closed by the other side, perhaps as we began
            return self._exchange(self._connect(target, deadline), outgoing, deadline)
        except (guard.Refused, guard.Unknown, http.client.HTTPException, OSError, ValueError) as error:
            return Attempt(next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)))

    def _connect(self, target: Target, deadline: float) -> _Connection:
        """Connect to an address that was checked.

        Raises:
            guard.Refused, guard.Unknown, OSError: as it happened.
        """
        opened = guard.connect(target, deadline, allow_loopback=self._allow_loopback, tls=lambda: self._tls)
        return _Connection(target, opened)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _exchange(self, connection: _Connection, outgoing: Outgoing, deadline: float) -> Attempt:
        """Send, and read the answer.

        Raises:
            http.client.HTTPException, OSError, ValueError: no status line came.
        """
        try:
            answer = connection.post(outgoing, deadline)
        except BaseException:
            connection.close()
            raise
        if isinstance(answer, _Plain):
            self._keep(connection)
            return Attempt("DELIVERED", 0, answer.status, _excerpt(answer.body))
        excerpt = connection.read_excerpt(answer, min(deadline, time.monotonic() + _BODY_PATIENCE_S))
        if connection.can_be_kept(answer):
            self._keep(connection)
        else:
            connection.close()
        return Attempt(_outcome(answer.status), 0, answer.status, excerpt, _retry_after(answer, self._wall_s()))

    def _take(self, target: Target) -> _Connection | None:
        kept = self._kept[target.origin]
        while kept:
            with suppress(IndexError):  # another thread was faster
                connection, since = kept.pop()
                if time.monotonic() - since < _KEPT_S and connection.is_quiet():
                    return connection
                connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        kept = self._kept[connection.target.origin]
        kept.append((connection, time.monotonic()))
        if len(kept) > _KEPT_FOR_EACH:
            with suppress(IndexError):
                kept.popleft()[0].close()


class _Connection:
    """HTTP/1.1 over a socket that is open already: nobody looks the name up again."""

    def __init__(self, target: Target, opened: socket.socket) -> None:
        self.target = target
        self._socket = BoundedSocket(opened, _MOST_BYTES)

    def post(self, outgoing: Outgoing, deadline: float) -> _Plain | http.client.HTTPResponse:
        """Send; give an answer that is plain and came whole, as nearly all do, or what there is to read."""
        self._socket.begin(deadline)
        plain = _plain(self._socket.ask(_request(self.target, outgoing)))
        if plain is not None:
            self._socket.taken()
            return plain
        answer = _Answer(self._socket, method="POST")  # type: ignore[arg-type] # it has what http.client asks of one
        answer.begin()
        return answer

    def read_excerpt(self, answer: http.client.HTTPResponse, deadline: float) -> str:
        """Read the beginning of a body, as far as it comes."""
        self._socket.deadline = deadline
        body = b""
        with suppress(http.client.HTTPException, OSError, ValueError):
            while len(body) < _MOST_BODY_BYTES and (part := answer.read1(_MOST_BODY_BYTES - len(body))):
                body += part
            if answer.length == 0:
                answer.read(0)  # notes that this is all
        return _excerpt(body)

    def can_be_kept(self, answer: http.client.HTTPResponse) -> bool:
        """Tell whether the connection stands ready for another request."""
        return answer.isclosed() and not answer.will_close and self._socket.was_read_up

    def is_quiet(self) -> bool:
        """Tell whether the other side has neither closed nor said anything since."""
        try:
            return not select.select([self._socket], [], [], 0)[0]
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close it."""
        with suppress(OSError):
            self._socket.end()


class _Plain(NamedTuple):
    """An answer that says that all is well, whole."""

    status: int
    body: bytes


def _plain(came: bytes) -> _Plain | None:
    """Read an answer of the common form: 2xx, its length known, nothing about transfer or connection, nothing after it.

    Anything else is for ``http.client``; to read these with it costs as much as to send.
    """
    found = _PLAIN.match(came)
    if found is None:
        return None
    status, head = int(found[1]), found[2].lower()
    if b"\ntransfer-encoding" in head or b"\nconnection" in head:
        return None
    lengths = _LENGTH.findall(head)
    if len(lengths) != head.count(b"\ncontent-length") or len(lengths) > 1 or not (lengths or status == 204):
        return None
    body = came[found.end() :]
    return _Plain(status, body) if len(body) == (int(lengths[0]) if lengths else 0) else None


class _Answer(http.client.HTTPResponse):
    """An answer that is believed from its status line on; what the server does after it does not take it back."""

    def begin(self) -> None:
        try:
            super().begin()
        except (http.client.HTTPException, OSError, ValueError):
            if not isinstance(self.status, int):
                raise
            self.will_close, self.chunked, self.length = True, False, 0


_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (guard.Refused, "ADDRESS_REFUSED"),
    (guard.Unknown, "NAME_NOT_FOUND"),
    (TimeoutError, "TIMED_OUT"),
    (http.client.RemoteDisconnected, "CONNECTION_FAILED"),
    (http.client.HTTPException, "BROKEN_ANSWER"),
    (ssl.SSLError, "TLS_FAILED"),
    (OSError, "CONNECTION_FAILED"),
    (ValueError, "BROKEN_ANSWER"),
)
"""What an attempt came to that ended with an exception; the first that fits."""


def _request(target: Target, outgoing: Outgoing) -> bytes:
    """Write a request down. The URL and what it is signed with have no end of a line in them, else it is refused.

    Raises:
        ValueError: they have.
    """
    lines = [f"{name}: {value}" for name, value in outgoing.headers().items()]
    head = "\r\n".join([f"POST {target.path} HTTP/1.1", f"Host: {target.authority}", *_HEADERS, *lines])
    if head.count("\n") != len(lines) + len(_HEADERS) + 1:
        raise ValueError("a header has an end of a line in it")
    return f"{head}\r\nContent-Length: {len(outgoing.body)}\r\n\r\n".encode("ascii") + outgoing.body


def _excerpt(body: bytes) -> str:
    if not body:
        return ""
    text = body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:EXCERPT_CHARACTERS]


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return "DELIVERED"
    if 300 <= status < 400:
        return "REDIRECTED"
    return "GONE" if status == 410 else "REFUSED"


def _retry_after(answer: http.client.HTTPResponse, wall_s: float) -> int | None:
    """Read ``Retry-After`` (RFC 9110 section 10.2.3): seconds, or a date."""
    headers = getattr(answer, "headers", None)  # none where the head broke off
    text = (headers.get("Retry-After") or "").strip() if headers else ""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(math.ceil(moment - wall_s), 0)
