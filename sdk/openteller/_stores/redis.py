"""Tokens in Redis, for the processes of several machines."""

from __future__ import annotations

import secrets
from typing import Any, Protocol

from openteller._core.store import Kept

__all__ = ["RedisClient", "RedisTokenStore"]

# A key's value is its version in decimal, a colon, and the content. The claim is a key beside it, named by the version,
# that ends by itself. Each script is one atomic step; the braces let a cluster keep both keys in one place.
_SWAP = """
local held = redis.call('GET', KEYS[1])
local version = held and string.match(held, '^(%d+):') or '0'
if version ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
_CLAIM = """
local held = redis.call('GET', KEYS[1])
if not held or string.match(held, '^(%d+):') ~= ARGV[1] then return 0 end
return redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
_RELEASE = """
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
"""


class RedisClient(Protocol):
    """What is needed of a ``redis.Redis``, one that blocks."""

    def get(self, name: str, /) -> Any:
        """Give what a key holds."""

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script."""


class RedisTokenStore:
    """Keeps tokens in Redis, for all processes of all machines that share it. Redis keeps the time.

    Args:
        client: a ``redis.Redis`` of the package ``redis``; not an async one.
        prefix: what the names of its keys begin with.
    """

    def __init__(self, client: RedisClient, *, prefix: str = "openteller:") -> None:
        self._client = client
        self._prefix = prefix

    def load(self, name: str) -> Kept | None:
        """Give what is kept under a name; None where nothing is."""
        held = self._client.get(self._keys(name)[0])
        if held is None:
            return None
        version, _, content = (held.encode() if isinstance(held, str) else bytes(held)).partition(b":")
        return Kept(int(version), content)

    def swap(self, name: str, content: bytes | None, *, version: int, seconds: float | None = None) -> bool:
        """Keep something in the place of what has this version; False where that is not there any more."""
        value = b"" if content is None else b"%d:%s" % (secrets.randbits(62) + 1, content)
        return self._run(_SWAP, name, str(version), value, str(_milliseconds(seconds)))

    def claim(self, name: str, *, version: int, seconds: float) -> bool:
        """Claim the right to replace what has this version; False where somebody else's claim holds."""
        return self._run(_CLAIM, name, str(version), str(_milliseconds(seconds)))

    def release(self, name: str, *, version: int) -> None:
        """Give up a claim."""
        self._run(_RELEASE, name, str(version))

    def _run(self, script: str, name: str, *arguments: str | bytes) -> bool:
        return bool(self._client.eval(script, 2, *self._keys(name), *arguments))

    def _keys(self, name: str) -> tuple[str, str]:
        return f"{self._prefix}{{{name}}}", f"{self._prefix}{{{name}}}:claim"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prefix={self._prefix!r})"


def _milliseconds(seconds: float | None) -> int:
    """Give whole milliseconds, at least one; 0 for ever."""
    return 0 if seconds is None else max(1, round(seconds * 1000))
