"""Requests over the network, on httpx2's transports: pooled connections, no redirects, no cookies, one deadline.

httpx2 counts its time-outs for each phase and each read anew: a byte now and then would keep a call alive for ever.
Here each of them is what is left of one time-out over all of it.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2

from openteller._core.wire import Answer, Fault, Request
from openteller.errors import ConfigurationError

__all__ = ["AsyncNetwork", "Network"]

_SHORTEST = 1e-4
"""Seconds of a time-out that has run out: none at all would mean not to wait, and another error."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes, unpacked. The contract's largest page has less than one megabyte."""


T = TypeVar("T")


class Network:
    """The blocking transport. Threads may share it."""

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | None, proxy: str | None) -> None:
        self._transport = _made(httpx2.HTTPTransport, base_url, verify, proxy)
        _count_in(self._transport._pool, _Backend)

    def send(self, request: Request, timeout: float) -> Answer:
        """Send a request; give the whole answer.

        Raises:
            Fault: there is none in time, or it cannot be read.
        """
        limits = _Limits(timeout)
        with _faults():
            response = self._transport.handle_request(_outgoing(request, limits))
            try:
                body = _Body(response.headers)
                for chunk in response.iter_raw():
                    body.add(chunk, limits)
            finally:
                response.close()
        return _answer(response, body)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncNetwork:
    """The transport for async programs. Tasks of one event loop may share it."""

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | None, proxy: str | None) -> None:
        self._transport = _made(httpx2.AsyncHTTPTransport, base_url, verify, proxy)
        _count_in(self._transport._pool, _AsyncBackend)

    async def send(self, request: Request, timeout: float) -> Answer:  # noqa: ASYNC109 - one deadline over all phases
        """Send a request; give the whole answer.

        Raises:
            Fault: there is none in time, or it cannot be read.
        """
        limits = _Limits(timeout)
        with _faults():
            response = await self._transport.handle_async_request(_outgoing(request, limits))
            try:
                body = _Body(response.headers)
                chunks = response.aiter_raw()
                try:
                    async for chunk in chunks:
                        body.add(chunk, limits)
                except Fault:
                    await _abandon(response, chunks)
                    raise
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        return _answer(response, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class _Left(float):
    """The seconds that are left, and when they end."""

    ends: float


class _Limits:
    """httpx2's four time-outs: as each phase begins, what is left of the one for all of them."""

    def __init__(self, timeout: float) -> None:
        self.ends = time.monotonic() + timeout

    def get(self, _: str, __: object = None) -> _Left:
        """Give the time-out of a phase, when it begins: pool, connect, write or read."""
        left = _Left(max(self.ends - time.monotonic(), _SHORTEST))
        left.ends = self.ends
        return left


class _Around:
    """Something of httpcore2, with a part of it done otherwise."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Backend(_Around):
    """httpcore2's network, with streams that count what is left."""

    def connect_tcp(self, *where: Any, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(*where, **options))


class _Stream(_Around):
    """A connection. Each read and each write has what is left of the whole, however many there are."""

    def read(self, size: int, timeout: float | None = None) -> Any:
        return self._inner.read(size, _remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining(timeout))

    def start_tls(self, *context: Any, **options: Any) -> _Stream:
        return _Stream(self._inner.start_tls(*context, **options))


class _AsyncBackend(_Around):
    """The same for async programs."""

    async def connect_tcp(self, *where: Any, **options: Any) -> _AsyncStream:
        return _AsyncStream(await self._inner.connect_tcp(*where, **options))


class _AsyncStream(_Around):
    """The same for async programs."""

    async def read(self, size: int, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - httpcore2's way
        return await self._inner.read(size, _remaining(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - likewise
        await self._inner.write(buffer, _remaining(timeout))

    async def start_tls(self, *context: Any, **options: Any) -> _AsyncStream:
        return _AsyncStream(await self._inner.start_tls(*context, **options))


def _count_in(pool: Any, backend: Callable[[Any], object]) -> None:
    """Let the streams of a pool count what is left. A pool of another make is left as it is: its own counting stays."""
    if (inner := getattr(pool, "_network_backend", None)) is not None:
        pool._network_backend = backend(inner)


def _remaining(timeout: float | None) -> float | None:
    return max(timeout.ends - time.monotonic(), _SHORTEST) if isinstance(timeout, _Left) else timeout


async def _abandon(response: httpx2.Response, chunks: AsyncIterator[bytes]) -> None:
    """Read an answer no further. Generators within generators are at work: with the connection closed they end by
    themselves, from the inside out, while trio would complain of any that is left.
    """
    with anyio.CancelScope(shield=True):
        await response.aclose()
        with suppress(httpx2.HTTPError, httpx2.StreamError, OSError):
            async for _ in chunks:
                pass


class _Body:
    """An answer's body as it comes in: neither endless nor slower than the deadline, and unpacked."""

    def __init__(self, headers: httpx2.Headers) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        encoding = headers.get("content-encoding", "").strip().lower()
        self._gzip = zlib.decompressobj(wbits=31) if encoding in {"gzip", "x-gzip"} else None
        if self._gzip is None and encoding not in {"", "identity"}:
            raise Fault("broken", "it is packed in a way that was not asked for", is_unsent=False)

    def add(self, chunk: bytes, limits: _Limits) -> None:
        part = chunk if self._gzip is None else self._unpacked(self._gzip, chunk)
        self._size += len(part)
        if self._size > LARGEST_ANSWER:
            raise Fault("broken", f"it is larger than {LARGEST_ANSWER >> 20} MiB", is_unsent=False)
        if time.monotonic() > limits.ends:
            raise Fault("timeout", "the answer comes in too slowly", is_unsent=False)
        self._parts.append(part)

    def _unpacked(self, gzip: zlib._Decompress, chunk: bytes) -> bytes:
        try:
            return gzip.decompress(chunk, LARGEST_ANSWER + 1 - self._size)
        except zlib.error:
            raise Fault("broken", "its encoding is damaged", is_unsent=False) from None

    def whole(self) -> bytes:
        """Give all of it."""
        if self._gzip is not None and self._parts and not self._gzip.eof:
            raise Fault("broken", "its encoding is damaged: it ends too early", is_unsent=False)
        return b"".join(self._parts)


def _made(kind: Callable[..., T], base_url: str, verify: ssl.SSLContext | None, proxy: str | None) -> T:
    """Make a transport of httpx2.

    Raises:
        ConfigurationError: the proxy, or what ``verify`` gives, cannot be.
    """
    try:
        return kind(verify=_context(base_url, verify), proxy=_proxy(base_url, proxy))
    except (httpx2.InvalidURL, AttributeError, ImportError, TypeError, ValueError, OSError) as error:
        reason = type(error).__name__  # its text may hold the proxy's password
    raise ConfigurationError(
        f"the proxy, from the argument or the environment, or verify cannot be used ({reason}): a proxy is a URL that "
        "begins with http:// or https://, verify an ssl.SSLContext"
    )


def _context(base_url: str, verify: object) -> ssl.SSLContext | bool:
    """Give the TLS context; without TLS none is made, which costs 20 ms."""
    if verify is None:
        return base_url.startswith("https:")
    if not isinstance(verify, ssl.SSLContext):
        raise TypeError("verify")
    return verify


def _proxy(base_url: str, proxy: str | None) -> str | None:
    """Give the proxy: the one passed, or the environment's (``HTTPS_PROXY``, ``NO_PROXY`` and the like)."""
    if proxy is not None:
        return proxy
    parts = urlsplit(base_url)
    if parts.hostname is None or _is_this_machine(parts.hostname) or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_this_machine(host: str) -> bool:
    """Tell whether no proxy can lead there; what goes to this machine in clear text must not go through another."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _outgoing(request: Request, limits: _Limits) -> httpx2.Request:
    return httpx2.Request(
        request.method, request.url, headers=list(request.headers), content=request.body, extensions={"timeout": limits}
    )


def _answer(response: httpx2.Response, body: _Body) -> Answer:
    headers = {name.decode("ascii", "replace").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    return Answer(response.status_code, headers, body.whole())


@contextmanager
def _faults() -> Iterator[None]:
    """Turn httpx2's exceptions into faults; their texts may hold a URL, so the kind of error has to do."""
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Fault("timeout", "no connection in time", is_unsent=True) from error
    except httpx2.TimeoutException as error:
        raise Fault("timeout", "sent, and then silence", is_unsent=False) from error
    except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
        raise Fault("connection", _cause(error), is_unsent=True) from error
    except (httpx2.RequestError, httpx2.StreamError, OSError) as error:
        raise Fault("connection", _cause(error), is_unsent=False) from error
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise Fault("connection", "it is no address", is_unsent=True) from error


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"})
"""How OpenSSL's releases name an answer that is none of TLS."""


def _cause(error: BaseException) -> str:
    """Give what the operating system or the protocol says: the deepest cause that has words."""
    text = type(error).__name__
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionError) and seen.errno:
            return os.strerror(seen.errno)  # asyncio has words of its own
        if isinstance(seen, ssl.SSLError) and seen.reason in _NO_TLS:
            return "it does not speak TLS: perhaps http://, not https://"
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        if isinstance(seen, httpx2.RemoteProtocolError):
            text = str(seen)
        several = seen.exceptions if isinstance(seen, BaseExceptionGroup) else ()
        seen = several[0] if several else seen.__cause__ or seen.__context__
    return text
