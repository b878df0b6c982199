"""Addresses of partners' pages, to which the bank sends browsers: every one that is registered can be gone to."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9_.-]{1,253}|\[(?P<six>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page is. scheme: http or https; host: in small letters, an IPv6 address in its brackets."""

    scheme: str
    host: str
    port: int | None

    @property
    def is_safe(self) -> bool:
        """Whether nobody on the way can read what a browser brings along."""
        return self.scheme == "https" or self.host in _LOOPBACK

    @property
    def origin(self) -> str:
        """The address up to its path."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")


def parse(url: str) -> Address | None:
    """Read the address of a page; None where there is none to which a browser could go, or that names more than one
    place: with a user before the host, a fragment, or a host or port that cannot be.
    """
    if not _PRINTABLE.fullmatch(url) or "#" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme not in {"http", "https"} or authority is None:
        return None
    host, port = authority["host"].lower(), authority["port"]
    known = _is(ipaddress.IPv6Address, authority["six"]) if authority["six"] else _is_name(host)
    if not known or (port is not None and not 1 <= int(port) <= 65535):
        return None
    return Address(parts.scheme, host, int(port) if port else None)


def _is_name(host: str) -> bool:
    """Tell whether a host has a name that can be looked up; one whose end is a number browsers take for an address."""
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _is(ipaddress.IPv4Address, host)
    return all(_LABEL.fullmatch(label) for label in labels)


def _is(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
