"""Where the bank sends requests to, with webhooks and for clients' keys. A partner chooses the URL, and must not reach
through the bank what only the bank can reach.

A URL is looked at when it is registered. Its name is resolved at each new connection, once, and the connection is made
to the very address that was checked: what the name says a moment later is of no matter.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from ssl import SSLContext
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from openteller_sandbox.bounded import seconds_left

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:[.](?!-)[A-Za-z0-9_-]{1,63}(?<!-))*[.]?")
_LIKE_A_NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)[.]?")
_GLOBAL_UNICAST_6 = ipaddress.ip_network("2000::/3")
_NOWHERE = [
    *map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",  # shared by carriers; a cloud's metadata, too
            "168.63.129.16/32",  # a cloud's metadata at a public address
            "192.0.0.0/24",  # protocols; a cloud's metadata
            "192.88.99.0/24",  # relays from 6to4
            "2001::/23",  # protocols, Teredo among them
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "3fff::/20",  # documentation
        ),
    )
]
_PORTS = {"http": 80, "https": 443}
_resolvers = ThreadPoolExecutor(32, "openteller-resolve")
"""Twice as many as deliveries are sent at once: a look-up that was given up still goes on as long as it likes."""
_asked: dict[str, Future[list[tuple[Any, ...]]]] = {}
"""Look-ups under way, by name. Whoever asks for one meanwhile waits for the same: a name that hangs, hangs once."""
_asking = Lock()

Address = IPv4Address | IPv6Address


class Refused(Exception):
    """The bank does not send there; the message says why and holds no part of the URL."""


class Unknown(Exception):
    """The name has no address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. host: a name in lower case, or an address without brackets; path: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a connection can be kept for."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the header ``Host`` says (RFC 9110 section 7.2): the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, allow_loopback: bool) -> Target:
    """Take a URL apart that the bank would send to, as far as that can be seen without a look-up.

    Raises:
        Refused: it would not.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise Refused("It is not http or https.")
    if "@" in parts.netloc or "\\" in url:
        raise Refused("It has a user name or a password.")
    if "#" in url:
        raise Refused("It has a fragment, which no server ever sees.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("It has characters that a URL does not have; encode them.")
    host, port = _host(parts.hostname or ""), _port(parts.netloc)
    if (address := _literal(host)) is not None:
        check(address, allow_loopback=allow_loopback)
    elif not allow_loopback and f".{host}".rstrip(".").endswith(".localhost"):
        raise Refused("Its name is one of the bank's own machine.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def check(address: Address, *, allow_loopback: bool) -> None:
    """Look whether the bank sends to an address.

    Raises:
        Refused: it does not.
    """
    is_mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    if address.is_loopback and allow_loopback and not is_mapped:
        return
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST_6:
        raise Refused("Its address is not a public one.")  # mapped, translated, local, multicast
    if not address.is_global or address.is_multicast or any(_within(address, network) for network in _NOWHERE):
        raise Refused("Its address is not a public one.")


def resolve(target: Target, deadline: float, *, allow_loopback: bool) -> list[str]:
    """Give the addresses of a target, each of which was checked; one that is refused refuses them all.

    Args:
        target: where to.
        deadline: on the monotonic clock.
        allow_loopback: whether this machine's own addresses will do.

    Raises:
        Refused: the bank does not send there.
        Unknown: the name has no address.
        TimeoutError: there was no answer before the deadline.
    """
    literal = _literal(target.host)
    addresses = [literal] if literal is not None else _look_up(target, deadline)
    for address in addresses:
        check(address, allow_loopback=allow_loopback)
    return [str(address) for address in addresses]


def connect(target: Target, deadline: float, *, allow_loopback: bool, tls: Callable[[], SSLContext]) -> socket.socket:
    """Connect to the first address of a target that takes it, each of which was checked.

    Args:
        target: where to.
        deadline: on the monotonic clock.
        allow_loopback: whether this machine's own addresses will do.
        tls: gives what a certificate is held against.

    Raises:
        Refused, Unknown, OSError: as it happened.
    """
    addresses = resolve(target, deadline, allow_loopback=allow_loopback)
    for address in addresses[:-1]:
        with suppress(OSError):
            return _opened(target, address, deadline, tls)
    return _opened(target, addresses[-1], deadline, tls)


def _opened(target: Target, address: str, deadline: float, tls: Callable[[], SSLContext]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(seconds_left(deadline))
        opened.connect((address, target.port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if target.scheme == "http":
            return opened
        secured = tls().wrap_socket(opened, server_hostname=target.host, do_handshake_on_connect=False)
        opened = secured
        secured.settimeout(seconds_left(deadline))
        secured.do_handshake()
    except BaseException:
        opened.close()
        raise
    return secured


def _look_up(target: Target, deadline: float) -> list[Address]:
    """Ask the resolver, which knows no deadline of its own, beside this thread."""
    try:
        found = _under_way(target.host).result(max(deadline - time.monotonic(), 0))
    except FutureTimeout as error:
        raise TimeoutError from error
    except (OSError, UnicodeError) as error:
        raise Unknown from error
    texts = dict.fromkeys(str(row[4][0]) for row in found)
    if not texts:
        raise Unknown
    try:
        return [ipaddress.ip_address(text) for text in texts]
    except ValueError as error:  # an address with a scope, which is of a link
        raise Refused("Its address is not a public one.") from error


def _under_way(host: str) -> Future[list[tuple[Any, ...]]]:
    with _asking:
        asked = _asked.get(host)
        if asked is None:
            asked = _asked[host] = _resolvers.submit(_ask, host)
    return asked


def _ask(host: str) -> list[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    finally:
        with _asking:
            _asked.pop(host, None)


def _host(text: str) -> str:
    """Check a host: an address as it is commonly written, or a name.

    Raises:
        Refused: neither, or a number that some resolvers take for an address.
    """
    if ":" in text:  # urlsplit has taken the brackets away
        if "%" in text or _literal(text) is None:  # a zone means something on the bank's own machine only
            raise Refused("Its host is no address and no name.")
        return text
    last = text.rstrip(".").rpartition(".")[2]
    if _literal(text) is None and (_LIKE_A_NUMBER.fullmatch(last) or not _HOST_NAME.fullmatch(text)):
        raise Refused("Its host is no address and no name.")
    if len(text) > 253:
        raise Refused("Its host is no address and no name.")
    return text.lower()


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _port(netloc: str) -> int | None:
    """Read the port of an authority.

    Raises:
        Refused: no port.
    """
    found = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?", netloc)
    if not found or (found[1] and not 0 < int(found[1]) < 65536):
        raise Refused("Its port is none.")
    return int(found[1]) if found[1] else None


def _within(address: Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return address.version == network.version and address in network
