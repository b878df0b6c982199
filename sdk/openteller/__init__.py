"""A bank's counter for social apps: find a biller, fetch a bill, make a payment link, read the day's rates.

::

    from openteller import OpenTeller

    with OpenTeller() as bank:
        for branch in bank.branches.list(near="39.91,116.40", open_now=True, limit=3):
            print(branch.name.zh_cn, branch.distance_m)

Importing this imports neither the transport nor the models; each comes with its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openteller import errors, geo, hooks, models, oauth, rates, receipts, statements, webhooks
    from openteller._async.client import AsyncOpenTeller
    from openteller._core.raw import RawAnswer
    from openteller._core.user_refs import user_ref
    from openteller._sync.client import OpenTeller
    from openteller.errors import OpenTellerError
    from openteller.money import CurrencyMismatch, Money

__version__ = "0.1.0"

__all__ = [
    "AsyncOpenTeller",
    "CurrencyMismatch",
    "Money",
    "OpenTeller",
    "OpenTellerError",
    "RawAnswer",
    "__version__",
    "errors",
    "geo",
    "hooks",
    "models",
    "oauth",
    "rates",
    "receipts",
    "statements",
    "user_ref",
    "webhooks",
]

_HOMES = {
    "AsyncOpenTeller": "openteller._async.client",
    "CurrencyMismatch": "openteller.money",
    "Money": "openteller.money",
    "OpenTeller": "openteller._sync.client",
    "OpenTellerError": "openteller.errors",
    "RawAnswer": "openteller._core.raw",
    "user_ref": "openteller._core.user_refs",
}
_MODULES = {"errors", "geo", "hooks", "models", "oauth", "rates", "receipts", "statements", "webhooks"}


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        value = getattr(import_module(home), name)
    elif name in _MODULES:
        value = import_module(f"openteller.{name}")
    else:
        raise AttributeError(f"module 'openteller' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
