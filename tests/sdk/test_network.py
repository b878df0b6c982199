"""Whatever the other side of the network does, an error of the client's own tells what happened and what to do."""

from __future__ import annotations

import gc
import gzip
import ipaddress
import itertools
import json
import pickle
import re
import socket
import socketserver
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer
from tests.sdk import doubles
from tests.sdk.doubles import APP, Server, Visit, example, serving, until
from werkzeug import Response

from openteller import AsyncOpenTeller, OpenTeller, errors
from openteller._drivers import network
from openteller.errors import BrokenAnswer, ConnectionFailed, OpenTellerError, TimedOut
from openteller.models import ServiceStatus

STATUS = json.dumps(example("getStatus")).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BACKENDS = ["blocking", "asyncio", "trio"]


@dataclass
class Case:
    """What the other side does, and what the client says of it."""

    handle: Callable[[Visit], None]
    kind: type[OpenTellerError]
    says: str
    retryable: str = "later"
    options: dict[str, Any] | None = None


def says(content: bytes) -> Callable[[Visit], None]:
    """Answer with these bytes, and hang up."""

    def handle(visit: Visit) -> None:
        visit.send(content)
        visit.hang_up()

    return handle


def drips_its_head(visit: Visit) -> None:
    visit.send(b"HTTP/1.1 200 OK\r\n")
    visit.drip((b"X-%d: y\r\n" % number for number in itertools.count()), 0.02)


def drips_its_body(visit: Visit) -> None:
    visit.send(HEAD + b"Content-Length: 100000\r\n\r\n")
    visit.drip(itertools.repeat(b" "), 0.02)


def stops_halfway(visit: Visit) -> None:
    visit.send(HEAD + b"Content-Length: 100000\r\n\r\n{")
    visit.stopping.wait(30)


def never_ends(visit: Visit) -> None:
    visit.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    while True:
        visit.send(chunk)


def bomb(visit: Visit) -> None:
    packed = gzip.compress(b" " * 50_000_000)
    visit.answer(packed, "200 OK", "application/json", "Content-Encoding: gzip")


def redirects(status: str) -> Callable[[Visit], None]:
    return lambda visit: visit.answer(b"", status, "text/plain", "Location: http://elsewhere.test/v1/status?a=b")


PACKED = gzip.compress(STATUS)
SHORT = {"timeout": 0.5}
CASES = {
    "HTML": Case(
        lambda visit: visit.answer(b"<html>Sign in to the Wi-Fi</html>", media="text/html"),
        BrokenAnswer,
        "the answer is text/html, not JSON; is base_url right?",
        "never",
    ),
    "no type": Case(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), BrokenAnswer, "is of no type", "never"),
    "truncated JSON": Case(
        lambda visit: visit.answer(STATUS[:-5]), BrokenAnswer, "not what the contract says", "never"
    ),
    "another record": Case(lambda visit: visit.answer({"a": 1}), BrokenAnswer, "not what the contract says", "never"),
    "wrong types": Case(
        lambda visit: visit.answer(example("getStatus") | {"bank_time": 5}), BrokenAnswer, r"\$\.bank_time", "never"
    ),
    "no content": Case(says(b"HTTP/1.1 204 No Content\r\n\r\n"), BrokenAnswer, "is of no type", "never"),
    "body cut off": Case(
        says(HEAD + b"Content-Length: 999\r\n\r\n" + STATUS[:20]), ConnectionFailed, "connection to .* broke"
    ),
    "chunks cut off": Case(
        says(HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a"'), ConnectionFailed, "connection to .* broke"
    ),
    "head cut off": Case(says(b"HTTP/1.1 200 OK\r\nContent-"), ConnectionFailed, "connection to .* broke"),
    "hung up": Case(lambda visit: visit.hang_up(), ConnectionFailed, "connection to .* broke"),
    "no HTTP": Case(says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), ConnectionFailed, "connection to .* broke"),
    "bad length": Case(says(HEAD + b"Content-Length: many\r\n\r\n{}"), ConnectionFailed, "connection to .* broke"),
    "huge head": Case(says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000), ConnectionFailed, "connection to .* broke"),
    "damaged gzip": Case(
        lambda visit: visit.answer(b"\x1f\x8b" + PACKED[12:], "200 OK", "application/json", "Content-Encoding: gzip"),
        BrokenAnswer,
        "cannot be read: its encoding is damaged",
    ),
    "gzip cut off": Case(
        lambda visit: visit.answer(PACKED[:-20], "200 OK", "application/json", "Content-Encoding: gzip"),
        BrokenAnswer,
        "cannot be read: its encoding is damaged: it ends too early",
    ),
    "gzip in name only": Case(
        lambda visit: visit.answer(STATUS, "200 OK", "application/json", "Content-Encoding: gzip"),
        BrokenAnswer,
        "its encoding is damaged",
    ),
    "packed otherwise": Case(
        lambda visit: visit.answer(STATUS, "200 OK", "application/json", "Content-Encoding: br"),
        BrokenAnswer,
        "packed in a way that was not asked for",
    ),
    "endless": Case(never_ends, BrokenAnswer, "it is larger than 1 MiB"),
    "gzip bomb": Case(bomb, BrokenAnswer, "it is larger than 1 MiB"),
    "dripping head": Case(drips_its_head, TimedOut, "no answer from 127.0.0.1:.* in time .*; repeat it", options=SHORT),
    "dripping body": Case(drips_its_body, TimedOut, "no answer from 127.0.0.1:.* in time .*; repeat it", options=SHORT),
    "half a body": Case(stops_halfway, TimedOut, "no answer from 127.0.0.1:.* in time .*; repeat it", options=SHORT),
    "silence": Case(
        lambda visit: visit.stopping.wait(30) and None, TimedOut, "no answer from 127.0.0.1:.* in time", options=SHORT
    ),
    "301": Case(redirects("301 Moved"), BrokenAnswer, "301, a redirect to http://elsewhere.test, which", "never"),
    "302": Case(redirects("302 Found"), BrokenAnswer, "302, a redirect to http://elsewhere.test, which", "never"),
    "307": Case(redirects("307 Temporary"), BrokenAnswer, "307, a redirect", "never"),
    "308": Case(redirects("308 Permanent"), BrokenAnswer, "308, a redirect", "never"),
    "304": Case(says(b"HTTP/1.1 304 Not Modified\r\n\r\n"), BrokenAnswer, "304, which the contract does not", "never"),
    "error page": Case(
        lambda visit: visit.answer(b"<h1>Bad gateway</h1>", "502 Bad Gateway", "text/html"),
        errors.BankFailure,
        "502 with text/html and no problem details",
    ),
    "strange status": Case(
        lambda visit: visit.answer(b"", "799 Whatever", "text/plain"), errors.BankFailure, "799 with text/plain"
    ),
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that stand behind it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def looks_well(error: OpenTellerError) -> None:
    """Nothing of the transport stands behind it, it says what to do, and another process can read it."""
    foreign = [one for one in chain(error) if type(one).__module__.partition(".")[0] not in {"openteller", "builtins"}]
    assert foreign == []
    assert not any(word in str(error).lower() for word in ("httpx", "httpcore", "h11", "anyio", "token"))
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)


def failing(backend: str, url: str, **options: Any) -> OpenTellerError:
    """Ask for the bank's status, in one of the three ways; give the error."""
    options = {"max_retries": 0, **options}
    if backend == "blocking":
        with OpenTeller(url, **options) as bank, pytest.raises(OpenTellerError) as caught:
            bank.status.get()
        return caught.value

    async def ask() -> OpenTellerError:
        async with AsyncOpenTeller(url, **options) as bank:
            with pytest.raises(OpenTellerError) as caught:
                await bank.status.get()
            return caught.value

    return anyio.run(ask, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_bad_answer_is_an_error_that_says_what_to_do(
    case: Case, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "LARGEST_ANSWER", 1 << 20)
    with serving(case.handle) as server:
        began = time.monotonic()
        error = failing(backend, server.url, **(case.options or {}))
        seconds = time.monotonic() - began

    assert type(error) is case.kind, error
    assert re.search(case.says, str(error)), str(error)
    assert error.retryable == case.retryable
    assert error.attempts == 1
    assert len(server.visits) == 1
    looks_well(error)
    if case.options:
        assert seconds < 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_port_where_nobody_listens(backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failing(backend, f"http://127.0.0.1:{port}")

    assert type(error) is ConnectionFailed
    assert "cannot be reached" in str(error) and "is the bank running" in str(error)
    assert "refused" in str(error).lower()
    looks_well(error)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_name_that_nobody_has(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failing(backend, "https://no-such-bank.invalid", deadline=20)

    assert type(error) is ConnectionFailed
    assert "no-such-bank.invalid cannot be reached (Name or service not known)" in str(error)
    looks_well(error)


@pytest.mark.parametrize("backend", BACKENDS)
def test_clear_text_where_tls_is_meant(backend: str) -> None:
    with serving(lambda visit: visit.hang_up()) as server:
        error = failing(backend, server.url.replace("http:", "https:"), timeout=2)

    assert isinstance(error, errors.TransportError)
    looks_well(error)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine's address that it has signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bank.test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "bank.pem"
    file.write_bytes(plain + made.public_bytes(pem))
    return file


def with_tls(handle: Callable[[Visit], None], certificate: Path) -> AbstractContextManager[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serving(handle, context)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_certificate_that_nobody_vouches_for(backend: str, certificate: Path) -> None:
    with with_tls(lambda visit: visit.answer(STATUS), certificate) as server:
        error = failing(backend, server.url)

    assert type(error) is ConnectionFailed
    assert "certificate verify failed" in str(error).lower()
    looks_well(error)


class ClearText(socketserver.BaseRequestHandler):
    """Answers whatever comes, as servers of HTTP answer what they cannot read."""

    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bank_that_does_not_speak_tls_is_told_so(backend: str) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ClearText) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        error = failing(backend, f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()

    assert type(error) is ConnectionFailed
    assert "does not speak TLS: perhaps http://" in str(error)
    looks_well(error)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_authority_of_ones_own(backend: str, certificate: Path) -> None:
    verify = ssl.create_default_context(cafile=certificate)
    with with_tls(lambda visit: visit.answer(STATUS), certificate) as server:
        assert len(status_of(backend, server.url, 2, verify=verify)) == 2
        assert server.connections == 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["hung up", "body cut off", "dripping head", "dripping body", "endless", "silence"])
def test_the_same_behind_tls(name: str, backend: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LARGEST_ANSWER", 1 << 20)
    case = CASES[name]
    verify = ssl.create_default_context(cafile=certificate)
    with with_tls(case.handle, certificate) as server:
        error = failing(backend, server.url, verify=verify, **(case.options or {}))

    assert type(error) is case.kind, error
    looks_well(error)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_token_does_not_follow_a_redirect(backend: str) -> None:
    with serving(lambda visit: visit.answer(STATUS)) as elsewhere:

        def handle(visit: Visit) -> None:
            if not doubles.gives_token(visit):
                visit.answer(b"", "307 Temporary", "text/plain", f"Location: {elsewhere.url}/v1/status")

        with serving(handle) as server:
            error = failing(backend, server.url, **APP)

        assert isinstance(error, BrokenAnswer)
        assert elsewhere.visits == [] and elsewhere.connections == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_credentials_do_not_follow_a_redirect_of_the_token_endpoint(backend: str) -> None:
    with serving(lambda visit: visit.answer(STATUS)) as elsewhere:
        with serving(
            lambda visit: visit.answer(b"", "308 Moved", "text/plain", f"Location: {elsewhere.url}")
        ) as server:
            error = failing(backend, server.url, **APP)

        assert "fetchToken" in str(error) and "not followed" in str(error)
        assert elsewhere.connections == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_429_for_ever_ends(backend: str) -> None:
    body = doubles.problem(429, "RATE_LIMITED", retryable="later")
    with serving(
        lambda visit: visit.answer(body, "429 Slow down", "application/problem+json", "Retry-After: 0")
    ) as server:
        error = failing(backend, server.url, max_retries=3)

    assert isinstance(error, errors.RateLimited)
    assert error.attempts == len(server.visits) == 4
    assert error.retry_after == 0.0


@pytest.mark.parametrize("name", ["endless", "damaged gzip", "gzip bomb", "dripping body", "body cut off", "HTML"])
def test_trio_has_nothing_to_complain_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It warns of every async generator that is left before its end; those of httpx2 lie within each other."""
    monkeypatch.setattr(network, "LARGEST_ANSWER", 1 << 20)
    case = CASES[name]

    async def ask(url: str) -> None:
        async with AsyncOpenTeller(url, max_retries=0, **(case.options or {})) as bank:
            with suppress(OpenTellerError):
                await bank.status.get()
            gc.collect()
            await anyio.lowlevel.checkpoint()

    with serving(case.handle) as server, warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        anyio.run(ask, server.url, backend="trio")

    assert [str(one.message) for one in complaints] == []


def once(*handlers: Callable[[Visit], None]) -> Callable[[Visit], None]:
    """Do one after the other, and the last for ever."""
    return lambda visit: handlers[min(visit.number, len(handlers)) - 1](visit)


def status_of(backend: str, url: str, calls: int = 1, **options: Any) -> list[ServiceStatus]:
    if backend == "blocking":
        with OpenTeller(url, **options) as bank:
            return [bank.status.get() for _ in range(calls)]

    async def ask() -> list[ServiceStatus]:
        async with AsyncOpenTeller(url, **options) as bank:
            return [await bank.status.get() for _ in range(calls)]

    return anyio.run(ask, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_connections_are_kept(backend: str) -> None:
    with serving(lambda visit: visit.answer(STATUS)) as server:
        status_of(backend, server.url, 3)

        assert (len(server.visits), server.connections) == (3, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_connection_that_the_server_has_closed_between_calls_is_made_again(backend: str) -> None:
    def handle(visit: Visit) -> None:
        visit.answer(STATUS)
        visit.hang_up()

    with serving(handle) as server:
        status_of(backend, server.url, 3)

        assert server.connections == 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_connection_that_breaks_is_tried_again(backend: str) -> None:
    with serving(once(lambda visit: visit.hang_up(), lambda visit: visit.answer(STATUS))) as server:
        status_of(backend, server.url)

        assert len(server.visits) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_gzip_is_asked_for_and_unpacked(backend: str) -> None:
    with serving(lambda visit: visit.answer(PACKED, "200 OK", "application/json", "Content-Encoding: gzip")) as server:
        (status,) = status_of(backend, server.url)

        assert status.services
        assert server.visits[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("backend", BACKENDS)
def test_chunks_are_put_together(backend: str) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, STATUS[at : at + 1]) for at in range(len(STATUS)))
    content = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with serving(lambda visit: visit.send(content)) as server:
        assert status_of(backend, server.url)[0].services


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_body_until_the_end_of_the_connection_is_read(backend: str) -> None:
    with serving(says(HEAD + b"Connection: close\r\n\r\n" + STATUS)) as server:
        assert status_of(backend, server.url)[0].services


def test_what_goes_out_names_the_client(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/status").respond_with_response(Response(STATUS, content_type="application/json"))
    with OpenTeller(httpserver.url_for("").rstrip("/"), headers={"X-Team": "bills"}) as bank:
        bank.status.get()

    headers = httpserver.log[0][0].headers
    assert headers["User-Agent"].startswith("openteller-python/")
    assert (headers["Accept"], headers["X-Team"]) == ("application/json, */*;q=0.1", "bills")
    assert "Authorization" not in headers and "Cookie" not in headers


def test_cookies_are_not_kept() -> None:
    with serving(lambda visit: visit.answer(STATUS, "200 OK", "application/json", "Set-Cookie: a=b")) as server:
        status_of("blocking", server.url, 2)

        assert [visit.headers.get("cookie") for visit in server.visits] == [None, None]


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_leaves_a_client_that_works() -> None:
    with serving(once(stops_halfway, lambda visit: visit.answer(STATUS))) as server:
        async with AsyncOpenTeller(server.url) as bank:
            with anyio.CancelScope() as impatience:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(bank.status.get)
                    await until(lambda: bool(server.visits))
                    impatience.cancel()
            assert (await bank.status.get()).services


def test_more_threads_than_connections_wait_their_turn() -> None:
    with (
        serving(lambda visit: visit.answer(STATUS)) as server,
        OpenTeller(server.url) as bank,
        ThreadPoolExecutor(16) as threads,
    ):
        assert len(list(threads.map(lambda _: bank.status.get(), range(64)))) == 64


@pytest.mark.parametrize("kind", [network.Network, network.AsyncNetwork])
def test_the_streams_count_what_is_left(kind: Callable[..., Any]) -> None:
    """They are put into httpx2's pool, whose inside may change: without them a dripping server holds a call."""
    pool: Any = kind("http://127.0.0.1:1", verify=None, proxy=None)._transport._pool

    assert type(pool._network_backend).__module__ == network.__name__
