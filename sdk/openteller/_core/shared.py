"""What clients over one driver have in common beside their connections."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from openteller._core.customers import CustomerTokens
    from openteller._core.grants import ServerMetadata

__all__ = ["Shared"]


class Shared:
    """What has been learnt of the bank, and the customers' tokens that are in use.

    Attributes:
        metadata: what the authorization server says of itself, and until when to believe it, on the steady clock.
        customers: by the program's own names for them, so that clients for one customer use one token.
    """

    def __init__(self) -> None:
        self.metadata: tuple[ServerMetadata, float] | None = None
        self.customers: WeakValueDictionary[str, CustomerTokens] = WeakValueDictionary()

    def __repr__(self) -> str:
        return "Shared()"
