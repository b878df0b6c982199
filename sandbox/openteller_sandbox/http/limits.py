"""Quotas: a token bucket for each app, and for each address of anonymous callers. Wall time, in this process's
memory.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

_MOST_BUCKETS = 50_000


class Quota(NamedTuple):
    """What is left of a quota after a request. ``wait_s`` is above zero when the request is refused."""

    name: str
    limit: int
    window_s: int
    remaining: int
    reset_s: int
    wait_s: int = 0

    def headers(self) -> dict[str, str]:
        """Give the ``RateLimit`` fields (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset_s}',
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={self.window_s}',
        }


class TokenBuckets:
    """As many requests as ``limit`` at once; the bucket fills again evenly over ``window_s`` seconds."""

    def __init__(self, name: str, limit: int, window_s: int) -> None:
        self._name = name
        self._limit = limit
        self._window_s = window_s
        self._per_ms = limit / (window_s * 1000)
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now_ms: int) -> Quota:
        """Take one token for ``key``, or say how long to wait."""
        level, since = self._buckets.get(key, (float(self._limit), now_ms))
        level = min(float(self._limit), level + max(0, now_ms - since) * self._per_ms)
        wait_s = 0
        if level >= 1:
            level -= 1
        else:
            wait_s = max(1, ceil((1 - level) / self._per_ms / 1000))
        self._buckets[key] = (level, now_ms)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        reset_s = ceil((self._limit - level) / self._per_ms / 1000)
        return Quota(self._name, self._limit, self._window_s, int(level), reset_s, wait_s)
