"""What the client knows of an operation before it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from openteller._core.encoding import segment

__all__ = ["Key", "Operation"]


class Key(Enum):
    """Whether an operation takes an ``Idempotency-Key``."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the catalogue.

    Attributes:
        name: the contract's ``operationId``.
        path: with ``{parameter}`` where an identifier goes.
        scope: what an app token needs for it.
        is_open: whether it can be called without a token.
        is_repeatable: whether doing it twice is the same as doing it once, without any key.
        hidden: parameters and members of the body that are personal or secret; None where any may be.
    """

    name: str
    method: str
    path: str
    scope: str
    is_open: bool
    key: Key
    is_repeatable: bool
    hidden: frozenset[str] | None

    def path_for(self, identifiers: Mapping[str, str]) -> str:
        """Put identifiers in their places, encoded so that none can leave its segment.

        Raises:
            ConfigurationError: an identifier is empty.
        """
        if not identifiers:
            return self.path
        return self.path.format_map({name: segment(name, value) for name, value in identifiers.items()})
