"""Keys, and where customers' tokens are kept; what ``client.authorization`` gives. Needs the extra ``oauth``.

::

    from openteller import OpenTeller
    from openteller.oauth import SqliteTokenStore

    bank = OpenTeller(client_id="app_…", private_key="bot.key.json", token_store=SqliteTokenStore("tokens.db"))
    asked = bank.authorization.start(redirect_uri="https://bot.example/cb", scope=["bills:read"])
"""

from __future__ import annotations

from openteller._core.grants import (
    AuthorizationRequest,
    CustomerGrant,
    DeviceAuthorization,
    RegisteredClient,
    ServerMetadata,
    TokenDescription,
)
from openteller._core.jose import SigningKey
from openteller._core.store import Kept, TokenStore
from openteller._stores.memory import MemoryTokenStore
from openteller._stores.redis import RedisTokenStore
from openteller._stores.sqlite import SqliteTokenStore

__all__ = [
    "AuthorizationRequest",
    "CustomerGrant",
    "DeviceAuthorization",
    "Kept",
    "MemoryTokenStore",
    "RedisTokenStore",
    "RegisteredClient",
    "ServerMetadata",
    "SigningKey",
    "SqliteTokenStore",
    "TokenDescription",
    "TokenStore",
]
