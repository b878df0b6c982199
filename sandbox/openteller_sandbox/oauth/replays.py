"""What may be used once: a unique row decides, or a key of Redis that is set where there was none; in whatever process.
Where it cannot be written, nothing is let in.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import DatabaseError
from openteller_sandbox.oauth import store

if TYPE_CHECKING:
    from redis import Redis

_PURGES = "0"
"""What the hashes of one use in sixteen begin with: these look for what has expired, too."""
_PREFIX = "openteller:once:"
_REDIS_TIMEOUT_S = 0.5


def add(bank: Bank, kind: str, owner: str, key: str, expires_at: int) -> bool:
    """Note that a key has been used; False where it had been already.

    Args:
        bank: whose database, or Redis, it is.
        kind: what the key is of, such as ``dpop``.
        owner: whose keys are meant: the same key of two owners is two.
        key: of whatever was sent; only a hash is kept.
        expires_at: until when what bears the key would be taken (wall time, epoch milliseconds).

    Raises:
        DatabaseError: it cannot be noted: whoever calls is told to come back.
    """
    key_hash = sha256(f"{kind}\0{owner}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    if bank.settings.redis_url:
        return _add_to_redis(bank.settings.redis_url, key_hash, max(expires_at - bank.clock.wall(), 1))
    with bank.db.act(f"replays {owner}") as tx:
        if key_hash[0] == _PURGES:
            tx.run(store.PURGE_REPLAYS, now=bank.clock.wall())
        return tx.run(store.ADD_REPLAY, key_hash=key_hash, expires_at=expires_at) == 1


def _add_to_redis(url: str, key_hash: str, life_ms: int) -> bool:
    from redis import RedisError  # noqa: PLC0415 - an extra

    try:
        return bool(_redis(url).set(f"{_PREFIX}{key_hash}", b"1", nx=True, px=life_ms))
    except RedisError as error:
        raise DatabaseError(f"what was used once cannot be noted: {type(error).__name__}") from error


@lru_cache(maxsize=4)
def _redis(url: str) -> Redis:
    """Give the client of a Redis. It does not repeat: a note that was made, and whose answer was lost, would be one."""
    from redis import Redis  # noqa: PLC0415 - an extra
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    return Redis.from_url(
        url,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
