"""What an authorization server says of itself (RFC 8414): found once, believed for an hour."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

from openteller._core.decoding import decode
from openteller._core.exchange import Ask, exchange
from openteller._core.grants import ServerMetadata
from openteller._core.setup import Setup
from openteller._core.wire import Effect, Request
from openteller.errors import BrokenAnswer

__all__ = ["discover"]

_PATH = "/.well-known/oauth-authorization-server"
_BELIEVED = 3600.0


def discover(setup: Setup) -> Generator[Effect, Any, ServerMetadata]:
    """Give what the bank's authorization server says of itself, which is asked for once an hour.

    Raises:
        BrokenAnswer: it is no such thing, or speaks for another server than ``base_url``.
    """
    if (known := setup.shared.metadata) and setup.monotonic() < known[1]:
        return known[0]
    request = Request("GET", setup.base_url + _PATH, setup.headers)
    ask = Ask(name="discoverServer", path=_PATH, is_safe=True, needs_token=False, request=lambda _: request)
    metadata = decode("discoverServer", ServerMetadata, (yield from exchange(setup, ask)))
    _check(setup.base_url, metadata)
    setup.shared.metadata = (metadata, setup.monotonic() + _BELIEVED)
    return metadata


def _check(base_url: str, metadata: ServerMetadata) -> None:
    """Look whether the server speaks for itself, and leads nowhere in clear text (RFC 8414 sections 3.3 and 6.2)."""
    if metadata.issuer.rstrip("/") != base_url:
        raise BrokenAnswer(
            "discoverServer: the server speaks for another issuer than base_url: base_url has to be the bank's public "
            "address",
            retryable="never",
        )
    scheme = urlsplit(base_url).scheme
    for name in metadata.__struct_fields__:
        url = getattr(metadata, name) if name.endswith("_endpoint") else None
        if url is not None and urlsplit(url).scheme not in {scheme, "https"}:
            raise BrokenAnswer(f"discoverServer: {name} is no address of https://", retryable="never")
