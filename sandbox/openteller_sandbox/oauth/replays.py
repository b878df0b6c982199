"""What may be used once: a unique row decides, in whatever process. Where it cannot be written, nothing is let in."""

from __future__ import annotations

from hashlib import sha256

from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import store

_PURGES = "0"
"""What the hashes of one use in sixteen begin with: these look for what has expired, too."""


def add(bank: Bank, kind: str, owner: str, key: str, expires_at: int) -> bool:
    """Note that a key has been used; False where it had been already.

    Args:
        bank: whose database it is.
        kind: what the key is of, such as ``dpop``.
        owner: whose keys are meant: the same key of two owners is two.
        key: of whatever was sent; only a hash is kept.
        expires_at: until when what bears the key would be taken (wall time, epoch milliseconds).
    """
    key_hash = sha256(f"{kind}\0{owner}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    with bank.db.act(f"replays {owner}") as tx:
        if key_hash[0] == _PURGES:
            tx.run(store.PURGE_REPLAYS, now=bank.clock.wall())
        return tx.run(store.ADD_REPLAY, key_hash=key_hash, expires_at=expires_at) == 1
