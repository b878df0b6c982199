"""Where customers' tokens are kept: what a store has to do, and what is kept in it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from openteller._core.setup import Setup
from openteller._core.wire import Consult, Effect
from openteller.errors import ConfigurationError, OpenTellerError, TokenStoreFailed

__all__ = ["Kept", "TokenStore", "consult", "store_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store has under a name. Its ``repr`` does not show the content, which is secret.

    Attributes:
        version: another one with each change, above 0.
        content: as it was given.
    """

    version: int
    content: bytes = field(repr=False)


class TokenStore(Protocol):
    """Keeps customers' tokens, for all threads, tasks and processes that share it.

    Each method is one atomic step. They may block: async clients call them in a thread. Whatever they raise reaches the
    program as ``TokenStoreFailed``.
    """

    def load(self, name: str) -> Kept | None:
        """Give what is kept under a name; None where nothing is."""

    def swap(self, name: str, content: bytes | None, *, version: int, seconds: float | None = None) -> bool:
        """Keep something in the place of what has this version, and end its claim; False where that is gone.

        Args:
            name: under which it is kept.
            content: None to forget it.
            version: that of what is there; 0 where nothing may be.
            seconds: after which it is forgotten by itself; None for never.
        """

    def claim(self, name: str, *, version: int, seconds: float) -> bool:
        """Claim the right to replace what has this version; False where it is gone, or somebody else's claim holds.

        A claim ends after so many seconds, with ``release``, and with the next ``swap``.
        """

    def release(self, name: str, *, version: int) -> None:
        """Give up a claim, where there still is one for this version."""


def store_of(setup: Setup) -> TokenStore:
    """Give the client's store.

    Raises:
        ConfigurationError: it has none.
    """
    if setup.store is None:
        raise ConfigurationError("this client keeps no customers' tokens: pass token_store")
    return setup.store


def consult(act: Callable[[], T]) -> Generator[Effect, Any, T]:
    """Ask a store.

    Raises:
        TokenStoreFailed: it did not answer as a store does.
    """

    def guarded() -> T:
        try:
            return act()
        except OpenTellerError:
            raise
        except Exception as error:
            raise TokenStoreFailed(f"the token store failed: {type(error).__name__}") from error

    kept: T = yield Consult(guarded)
    return kept
