"""Requests over the network, on httpx2's transports: pooled connections, no redirects, no cookies, one deadline."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2

from openteller._core.wire import Answer, Fault, Request

__all__ = ["AsyncNetwork", "Network"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes, unpacked. The contract's largest page has less than one megabyte."""


class Network:
    """The blocking transport. Threads may share it."""

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | None, proxy: str | None) -> None:
        self._transport = httpx2.HTTPTransport(verify=_context(base_url, verify), proxy=_proxy(base_url, proxy))

    def send(self, request: Request, timeout: float) -> Answer:
        """Send a request; give the whole answer.

        Raises:
            Fault: there is none in time, or it cannot be read.
        """
        ends = time.monotonic() + timeout
        with _faults():
            response = self._transport.handle_request(_outgoing(request, timeout))
            try:
                body = _Body()
                for chunk in response.iter_bytes():
                    body.add(chunk, ends)
            finally:
                response.close()
        return _answer(response, body)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncNetwork:
    """The transport for async programs. Tasks of one event loop may share it."""

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | None, proxy: str | None) -> None:
        self._transport = httpx2.AsyncHTTPTransport(verify=_context(base_url, verify), proxy=_proxy(base_url, proxy))

    async def send(self, request: Request, timeout: float) -> Answer:  # noqa: ASYNC109 - one deadline over all phases
        """Send a request; give the whole answer.

        Raises:
            Fault: there is none in time, or it cannot be read.
        """
        ends = time.monotonic() + timeout
        with _faults():
            response = await self._transport.handle_async_request(_outgoing(request, timeout))
            try:
                body = _Body()
                async for chunk in response.aiter_bytes():
                    body.add(chunk, ends)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        return _answer(response, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class _Body:
    """An answer's body as it comes in: neither endless nor slower than the deadline."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes, ends: float) -> None:
        self._size += len(chunk)
        if self._size > LARGEST_ANSWER:
            raise Fault("broken", f"it is larger than {LARGEST_ANSWER >> 20} MiB", is_unsent=False)
        if time.monotonic() > ends:
            raise Fault("timeout", "the answer comes in too slowly", is_unsent=False)
        self.parts.append(chunk)


def _context(base_url: str, verify: ssl.SSLContext | None) -> ssl.SSLContext | bool:
    """Give the TLS context; without TLS none is made, which costs 20 ms."""
    return verify or base_url.startswith("https:")


def _proxy(base_url: str, proxy: str | None) -> str | None:
    """Give the proxy: the one passed, or the environment's (``HTTPS_PROXY``, ``NO_PROXY`` and the like)."""
    if proxy is not None:
        return proxy
    parts = urlsplit(base_url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _outgoing(request: Request, timeout: float) -> httpx2.Request:
    limits = {"connect": timeout, "read": timeout, "write": timeout, "pool": timeout}
    return httpx2.Request(
        request.method, request.url, headers=list(request.headers), content=request.body, extensions={"timeout": limits}
    )


def _answer(response: httpx2.Response, body: _Body) -> Answer:
    headers = {name.decode("ascii", "replace").lower(): value.decode("latin-1") for name, value in response.headers.raw}
    return Answer(response.status_code, headers, b"".join(body.parts))


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
    except httpx2.DecodingError as error:
        raise Fault("broken", "its encoding is damaged", is_unsent=False) from error
    except (httpx2.RequestError, httpx2.StreamError) as error:
        raise Fault("connection", _cause(error), is_unsent=False) from error


def _cause(error: BaseException) -> str:
    """Give what the operating system or the protocol says: the deepest cause that has words."""
    text = type(error).__name__
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        if isinstance(seen, httpx2.RemoteProtocolError):
            text = str(seen)
        seen = seen.__cause__ or seen.__context__
    return text
