"""Keys that clients keep at an address of theirs (``jwks_uri``), fetched when needed and kept for some minutes.

The address is https, at a host that the operator has listed; its name is resolved once for a connection, which is made
to an address that was checked; redirects are not followed, and an exchange has an end in time and bytes. Whatever goes
wrong, there are no keys, and nobody authenticates with them. A client's stranger can have the keys fetched, with key
names that are unknown, twice a minute and no more.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from openteller_sandbox import guard
from openteller_sandbox.bank import Bank
from openteller_sandbox.bounded import BoundedSocket
from openteller_sandbox.clock import MINUTE, SECOND
from openteller_sandbox.http.checks import read_json
from openteller_sandbox.oauth import jose

log = logging.getLogger("openteller_sandbox.oauth")

FRESH_MS = 5 * MINUTE
"""How long keys are used after they were fetched: so long a key that its client has taken away may still be taken."""
FLOOR_MS = 30 * SECOND
"""How long nothing is fetched after a fetch, whoever asks for what."""
TIMEOUT_S = 3.0
_MOST_BYTES = 64 * 1024
_MOST_KEYS = 10
_MOST_SETS = 1000
_HEADERS = "Accept: application/jwk-set+json, application/json\r\nAccept-Encoding: identity\r\nConnection: close"


class Unusable(Exception):
    """What came is no set of public keys."""


@dataclass(slots=True)
class _KeySet:
    """What was fetched from an address. fetched_at: None where the last fetch failed; wall time."""

    keys: tuple[dict[str, Any], ...] = ()
    fetched_at: int | None = None
    tried_at: int | None = None
    fetching: threading.Lock = field(default_factory=threading.Lock)


_sets: OrderedDict[str, _KeySet] = OrderedDict()
_finding = threading.Lock()


def may_fetch(bank: Bank, uri: str) -> bool:
    """Tell whether keys may be at an address, as far as that can be seen without a look-up."""
    try:
        target = guard.parse(uri, allow_loopback=bank.settings.webhook_loopback)
    except (guard.Refused, ValueError):
        return False
    return target.scheme == "https" and target.authority in bank.settings.jwks_hosts


def keys_of(bank: Bank, uri: str, kid: object) -> tuple[dict[str, Any], ...]:
    """Give the public keys at an address: those that are kept, unless they are old or lack the one that is named."""
    kept, now = _set_of(uri), bank.clock.wall()
    with kept.fetching:  # who asks meanwhile waits for the same fetch
        fresh = kept.fetched_at is not None and now < kept.fetched_at + FRESH_MS
        known = kid is None or any(key.get("kid") == kid for key in kept.keys)
        if not (fresh and known) and (kept.tried_at is None or now >= kept.tried_at + FLOOR_MS):
            kept.tried_at = now
            _renew(bank, uri, kept, now)
            fresh = kept.fetched_at is not None
        return kept.keys if fresh else ()


def forget() -> None:
    """Forget every key."""
    with _finding:
        _sets.clear()


def _set_of(uri: str) -> _KeySet:
    with _finding:
        kept = _sets.setdefault(uri, _KeySet())
        _sets.move_to_end(uri)
        if len(_sets) > _MOST_SETS:
            _sets.popitem(last=False)
    return kept


def _renew(bank: Bank, uri: str, kept: _KeySet, now: int) -> None:
    """Fetch the keys anew; what is fresh stays where that fails, and what is old goes."""
    try:
        keys = _fetch(bank, uri)
    except (guard.Refused, guard.Unknown, Unusable, http.client.HTTPException, OSError, ValueError) as error:
        log.warning("a client's keys cannot be fetched: %s", type(error).__name__)
        if kept.fetched_at is not None and now >= kept.fetched_at + FRESH_MS:
            kept.keys, kept.fetched_at = (), None
    else:
        kept.keys, kept.fetched_at = keys, now


def _fetch(bank: Bank, uri: str) -> tuple[dict[str, Any], ...]:
    """Ask for the keys at an address.

    Raises:
        guard.Refused, guard.Unknown: the bank does not send there.
        Unusable, http.client.HTTPException, OSError, ValueError: there are none.
    """
    if not may_fetch(bank, uri):  # the operator may have taken the host off the list since
        raise Unusable
    loopback, deadline = bank.settings.webhook_loopback, time.monotonic() + TIMEOUT_S
    target = guard.parse(uri, allow_loopback=loopback)
    bounded = BoundedSocket(guard.connect(target, deadline, allow_loopback=loopback, tls=_tls), _MOST_BYTES)
    try:
        bounded.begin(deadline)
        bounded.sendall(f"GET {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n{_HEADERS}\r\n\r\n".encode("ascii"))
        answer = http.client.HTTPResponse(bounded, method="GET")  # type: ignore[arg-type] # it has what is asked of one
        answer.begin()
        if answer.status != 200:
            raise Unusable
        return _public(answer.read())
    finally:
        bounded.end()


def _public(body: bytes) -> tuple[dict[str, Any], ...]:
    """Read a key set; keys that are none of ours (of other kinds, for encryption) are passed over, private ones not."""
    sent = read_json(body)
    keys = sent.get("keys") if isinstance(sent, dict) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise Unusable
    if any(jose.is_private(key) for key in keys):
        raise Unusable
    usable = []
    for key in keys:
        try:
            usable.append(jose.public_key(key))
        except jose.Invalid:
            continue
    if len({key.get("kid") for key in usable}) != len(usable):
        raise Unusable
    return tuple(usable)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
