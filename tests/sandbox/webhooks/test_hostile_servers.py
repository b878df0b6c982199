"""Servers that answer slowly, endlessly, with garbage, elsewhere, or not at all: an attempt ends in time and says what
came of it.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable

import pytest
from tests.receivers import Answering, raw_server, receiver, saying

from openteller_sandbox import guard
from openteller_sandbox.webhooks.sender import Attempt, Outgoing, Sender

TIMEOUT_S = 0.6


def send(url: str, *, wall_s: Callable[[], float] = time.time) -> Attempt:
    sender = Sender(allow_loopback=True, timeout_s=TIMEOUT_S, wall_s=wall_s)
    began = time.monotonic()
    try:
        attempt = sender(Outgoing(url, "dlv_1", b'{"a":1}', lambda: {"webhook-id": "dlv_1"}))
    finally:
        sender.close()
    assert time.monotonic() - began < TIMEOUT_S + 5, "it has ended in time"
    return attempt


@pytest.mark.parametrize(
    ("said", "outcome", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "DELIVERED", 200),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "DELIVERED", 204),
        (b"HTTP/1.0 200 OK\r\n\r\nfine", "DELIVERED", 200),
        (b"HTTP/1.1 299 Strange\r\n\r\n", "DELIVERED", 299),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 410 Gone\r\n\r\n", "GONE", 410),
        (b"HTTP/1.1 500 Oh\r\n\r\n", "REFUSED", 500),
        (b"HTTP/1.1 404 Not here\r\n\r\n", "REFUSED", 404),
        (b"HTTP/1.1 999 What\r\n\r\n", "REFUSED", 999),
        (b"HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.1/\r\n\r\n", "REDIRECTED", 301),
        (b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\n\r\n", "REDIRECTED", 307),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "REDIRECTED", 304),
        # The status line is believed, whatever follows it.
        (b"HTTP/1.1 200 OK\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 " + b"O" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\n: nameless\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 200 OK\r\nX: \x00\xff\r\nContent-Length: 0\r\n\r\n", "DELIVERED", 200),
        (b"HTTP/1.1 500 No\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "REFUSED", 500),
        # Without one there is nothing to believe.
        (b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\n\r\n", "BROKEN_ANSWER", None),
        (b"HTTP/1.1 \xb200 OK\r\n\r\n", "BROKEN_ANSWER", None),
        (b"", "CONNECTION_FAILED", None),
        (b"HTTP/1.1 20", "BROKEN_ANSWER", None),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "BROKEN_ANSWER", None),
        (b"HTTP/1.1 OK\r\n\r\n", "BROKEN_ANSWER", None),
        (b"HTTP/1.1 099 Low\r\n\r\n", "BROKEN_ANSWER", None),
        (b"200 OK\r\n\r\n", "BROKEN_ANSWER", None),
        (b"\x00\xff\xfe garbage \r\n\r\n", "BROKEN_ANSWER", None),
        (b"<html>200 OK</html>", "BROKEN_ANSWER", None),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "BROKEN_ANSWER", None),
        (b"\x15\x03\x01\x00\x02\x02\x16", "BROKEN_ANSWER", None),
    ],
)
def test_what_a_server_says_decides(said: bytes, outcome: str, status: int | None) -> None:
    with raw_server(saying(said)) as server:
        attempt = send(server.url)
    assert (attempt.outcome, attempt.status_code) == (outcome, status)


def test_redirects_are_not_followed() -> None:
    with receiver() as target, receiver(lambda _: Answering(302, headers={"Location": target.url})) as server:
        assert send(server.url).outcome == "REDIRECTED"
        assert target.got == []


def endless(begin: bytes, part: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(part)

    return talk


@pytest.mark.abuse("webhooks", "answers without end, to fill the bank's memory")
@pytest.mark.parametrize(
    ("begin", "part", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096, "DELIVERED"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n", "DELIVERED"),
        (b"HTTP/1.1 503 Busy\r\n", b"X-Header: " + b"y" * 1000 + b"\r\n", "REFUSED"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "BROKEN_ANSWER"),
        (b"", b"a line without end", "BROKEN_ANSWER"),
    ],
    ids=["body", "chunks", "headers", "interim answers", "status line"],
)
def test_an_answer_without_end_is_cut_off(begin: bytes, part: bytes, outcome: str) -> None:
    with raw_server(endless(begin, part)) as server:
        attempt = send(server.url)
    assert attempt.outcome == outcome
    assert len(attempt.excerpt) <= 500


def dripping(text: bytes, stop: threading.Event) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for byte in text:
            connection.sendall(bytes([byte]))
            if stop.wait(0.05):
                return
        stop.wait(30)

    return talk


@pytest.mark.abuse("webhooks", "answers drop by drop, to hold the dispatcher")
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (b"HTTP/1.1 200 OK, but very slowly", "TIMED_OUT"),
        (b"HTTP", "TIMED_OUT"),
        (b"", "TIMED_OUT"),
    ],
)
def test_a_slow_drip_ends_at_the_time_out(text: bytes, outcome: str) -> None:
    stop = threading.Event()
    with raw_server(dripping(text, stop)) as server:
        attempt = send(server.url)
        stop.set()
    assert attempt.outcome == outcome
    assert attempt.duration_ms < (TIMEOUT_S + 3) * 1000


def test_a_body_that_drips_is_left_at_the_time_out_and_the_delivery_counts() -> None:
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nbeginning")
        stop.wait(30)

    with raw_server(talk) as server:
        attempt = send(server.url)
        stop.set()
    assert (attempt.outcome, attempt.status_code, attempt.excerpt) == ("DELIVERED", 202, "beginning")


def test_headers_that_drip_are_left_at_the_time_out_and_the_delivery_counts() -> None:
    """A thread is theirs for as long as for any other slow server, and not for as long as they like."""
    stop = threading.Event()
    with raw_server(dripping(b"HTTP/1.1 200 OK\r\n" + b"X-Drip: y\r\n" * 50, stop)) as server:
        attempt = send(server.url)
        stop.set()
    assert attempt.outcome in {"DELIVERED", "TIMED_OUT"}, "whether the status line came in time"
    assert attempt.duration_ms < (TIMEOUT_S + 3) * 1000


def test_a_compressed_body_is_neither_asked_for_nor_unpacked() -> None:
    bomb = zlib.compress(b"\0" * 10_000_000, wbits=31)
    headers = {"Content-Encoding": "gzip"}
    with receiver(lambda _: Answering(200, bomb, headers=headers)) as server:
        attempt = send(server.url)
        assert server.got[0].headers["accept-encoding"] == "identity"
    assert attempt.outcome == "DELIVERED"
    assert len(attempt.excerpt) <= 500


def test_a_request_has_what_a_server_needs_and_no_header_of_anybody_elses_making() -> None:
    with receiver() as server:
        assert send(server.url).outcome == "DELIVERED"
        (received,) = server.got
        assert received.headers == {
            "host": f"127.0.0.1:{server.server_address[1]}",
            "user-agent": "OpenTeller-Webhooks/1",
            "accept": "*/*",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "webhook-id": "dlv_1",
            "content-length": "7",
        }
        sender = Sender(allow_loopback=True, timeout_s=TIMEOUT_S)
        forged = Outgoing(server.url, "dlv_1", b"{}", lambda: {"webhook-id": "dlv_1\r\nX: y"})
        assert sender(forged).outcome == "BROKEN_ANSWER"
        sender.close()
        assert len(server.got) == 1


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://Bot.example/", "bot.example"),
        ("http://bot.example:80/", "bot.example"),
        ("https://bot.example:80/", "bot.example:80"),
        ("https://[2606:2800::1]/", "[2606:2800::1]"),
        ("http://[2606:2800::1]:8080/", "[2606:2800::1]:8080"),
    ],
)
def test_the_host_is_named_as_its_url_has_it(url: str, authority: str) -> None:
    assert guard.parse(url, allow_loopback=False).authority == authority


def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert send(f"http://127.0.0.1:{bound.getsockname()[1]}/").outcome == "CONNECTION_FAILED"


def test_tls_without_a_certificate_to_trust_is_refused() -> None:
    with raw_server(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        assert send(f"https://127.0.0.1:{server.port}/").outcome == "TLS_FAILED"


def test_a_silent_tls_server_is_not_waited_for() -> None:
    stop = threading.Event()
    with raw_server(lambda _: bool(stop.wait(30)) and None) as server:
        attempt = send(f"https://127.0.0.1:{server.port}/")
        stop.set()
    assert attempt.outcome in {"TIMED_OUT", "TLS_FAILED"}


def test_tls_names_the_host_and_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server sees the name (SNI), and its certificate is held against it."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: names.append(name)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(100)

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve_tls, args=(listening, talk), daemon=True)
    thread.start()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listening.getsockname()[1]))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert send(f"https://bot.example:{listening.getsockname()[1]}/").outcome == "TLS_FAILED"
    thread.join()
    listening.close()
    assert names == ["bot.example"]


def _serve_tls(listening: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    connection, _ = listening.accept()
    with connection:
        try:
            talk(connection)
        except (OSError, ssl.SSLError):
            return


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7 ", 7),
        ("Tue, 29 Sep 2026 02:31:00 GMT", 60),
        ("Tue, 29 Sep 2026 02:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 30, None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str, seconds: int | None) -> None:
    at = 1790649000.0  # 2026-09-29T02:30:00Z
    with receiver(lambda _: Answering(503, headers={"Retry-After": header})) as server:
        assert send(server.url, wall_s=lambda: at).retry_after_s == seconds


def test_an_excerpt_is_text_that_a_terminal_and_a_page_can_show() -> None:
    body = b"\x1b[31mred\x1b[0m\r\n\x00<script>\xff\xfe" + "中文".encode() + b"x" * 1000
    with receiver(lambda _: Answering(400, body)) as server:
        excerpt = send(server.url).excerpt
    assert excerpt.startswith("[31mred [0m <script>��中文xxx")
    assert len(excerpt) == 500


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    """A kept connection may end at any time; that is no failed attempt."""
    with receiver() as server:
        sender = Sender(allow_loopback=True, timeout_s=TIMEOUT_S)
        outgoing = Outgoing(server.url, "dlv_1", b"{}", dict)
        assert sender(outgoing).outcome == "DELIVERED"
        server.answers = lambda _: Answering(204, headers={"Connection": "close"})
        assert [sender(outgoing).outcome for _ in range(3)] == ["DELIVERED"] * 3
        sender.close()


def test_what_a_server_says_after_its_answer_is_not_taken_for_the_next_answer() -> None:
    """A second answer on one connection would confirm an event that was never handled."""
    twice = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(twice)
        stop.wait(30)

    with raw_server(talk) as server:
        sender = Sender(allow_loopback=True, timeout_s=TIMEOUT_S)
        outgoing = Outgoing(server.url, "dlv_1", b"{}", dict)
        assert [sender(outgoing).outcome for _ in range(2)] == ["REFUSED", "REFUSED"]
        assert server.connections == 2
        stop.set()
        sender.close()
