"""Why there is no new card. Whatever the reason, the old one stays.

::

    CardFault           exit code
    ├── WrongOrder      2   the command asks for something that cannot be
    ├── BankAway        3   the bank could not be asked, or refused
    ├── UnfitData       4   it answered, but with nothing that should be posted: no rates, or stale ones
    └── NoMeans         5   the card cannot be drawn or written here
"""

from __future__ import annotations

__all__ = ["BankAway", "CardFault", "NoMeans", "UnfitData", "WrongOrder"]


class CardFault(Exception):
    """No card was made; the message is one line that says why and what to do."""

    exit_code = 1


class WrongOrder(CardFault):
    """The command asks for something that cannot be."""

    exit_code = 2


class BankAway(CardFault):
    """The bank could not be asked, or it refused."""

    exit_code = 3


class UnfitData(CardFault):
    """The bank answered, but with nothing that should be posted."""

    exit_code = 4


class NoMeans(CardFault):
    """The card cannot be drawn or written on this machine."""

    exit_code = 5
