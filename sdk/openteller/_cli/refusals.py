"""Errors in one line that says what to do. No account number and no secret is in any."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from openteller import errors
from openteller._cli.credentials import DEMO, Credentials, is_loopback
from openteller._cli.tables import plain

if TYPE_CHECKING:
    from openteller.models import Biller

__all__ = ["Refused", "about_biller", "guarded", "without_numbers"]

_EXTRA = re.compile(r"(unexpected extra arguments?) \(.*\)", re.DOTALL)
_DIGITS = re.compile(r"\d(?:[ -]?\d)+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FEWEST_DIGITS = 6
"""Of an account number; the shortest of the contract's have as many."""


class Refused(click.ClickException):
    """A call came to nothing."""


class _Misused(Refused):
    """The call could not be made as it was told."""

    exit_code = 2


@contextmanager
def guarded(url: str, credentials: Credentials) -> Iterator[None]:
    """Turn what the client raises into one line. A note on the error, which a command puts there, says how to go on.

    Raises:
        Refused: the client raised; code 2 where the call itself is at fault and nothing was sent.
    """
    try:
        yield
    except errors.OpenTellerError as error:
        kind = _Misused if isinstance(error, errors.ConfigurationError) else Refused
        raise kind(_line(error, url, credentials)) from error


def _line(error: errors.OpenTellerError, url: str, credentials: Credentials) -> str:
    text = str(error)
    for name, option in _NAMES.items():
        text = text.replace(name, option)
    notes = getattr(error, "__notes__", [])
    advice = "; ".join(part for part in [_advice(error, url, credentials), *notes] if part)
    return plain(f"{text}{_joint(text)}{advice}" if advice else text)


def _joint(text: str) -> str:
    """Give what stands between a message and the advice after it."""
    return " " if text.endswith(("?", ".")) else "; "


_NAMES = {
    "base_url": "--url",
    "allow_http=True": "--allow-http",
    "pass client_id and client_secret": "give --credentials FILE",
    # The key was made for this command; what can be repeated is the command.
    "repeat it with the same idempotency_key, which this error carries": "repeat the command",
}


def _advice(error: errors.OpenTellerError, url: str, credentials: Credentials) -> str:
    if isinstance(error, errors.ConnectionFailed):
        parts = urlsplit(url)
        if not is_loopback(parts.hostname or ""):
            return ""
        if parts.scheme == "https":
            return f"a sandbox is at http://{parts.netloc}"
        return "start one with: openteller sandbox serve"
    if isinstance(error, errors.AuthenticationFailed):
        return _about_app(credentials)
    if isinstance(error, errors.RateLimited):
        return f"wait {error.retry_after or 60:.0f} s"
    if isinstance(error, errors.BankError) and (give := _BY_CODE.get(error.code)):
        return give(error)
    return ""


def _about_app(credentials: Credentials) -> str:
    if credentials == DEMO:
        return "this bank does not know the demo app: openteller apps create makes one of your own"
    proof = "OPENTELLER_PRIVATE_KEY" if credentials.private_key else "OPENTELLER_CLIENT_SECRET"
    return (
        f"check OPENTELLER_CLIENT_ID and {proof}, or the file of --credentials; where the bank's database is new, it "
        "knows no app of the old one, and openteller apps create makes one"
    )


_BILLER = "openteller.biller"


def about_biller(found: Biller) -> Biller:
    """Let the advice of this command name a biller. Its code is the bank's own, whatever was typed."""
    if context := click.get_current_context(silent=True):
        context.meta[_BILLER] = found.biller_code
    return found


def _biller() -> str:
    context = click.get_current_context(silent=True)
    return str(context.meta.get(_BILLER, "BILLER")) if context else "BILLER"


def _about_fields(error: errors.BankError) -> str:
    pointers = {one.pointer or "" for one in error.errors}
    if any(pointer.startswith("/inputs") for pointer in pointers):
        return f"what it asks for: openteller billers show {_biller()}"
    if any(pointer.startswith("/event_types") for pointer in pointers):
        from openteller.models import EventType  # noqa: PLC0415 - a refusal is rare

        return f"they are: {', '.join(EventType)}; payment.* and the like stand for several"
    if "/category_code" in pointers:
        return "openteller billers categories lists them"
    if pointers & {"/biller_id", "/amount"}:
        return f"a biller that has bills: openteller bills fetch {_biller()} ACCOUNT, then payments create --bill ID"
    return ""


_BY_CODE: dict[str, Callable[[errors.BankError], str]] = {
    "BILLER_NOT_FOUND": lambda _: "find it with: openteller billers find WORDS",
    "DISPUTE_OPEN": lambda error: f"it is: openteller disputes show {error.dispute_id}",
    "DUPLICATE_REFERENCE": lambda error: f"it belongs to: openteller payments show {error.payment_id}",
    "FIELD_INVALID": _about_fields,
    "FIELD_MISSING": _about_fields,
    "INVALID_TRANSITION": lambda error: f"it can become: {', '.join(error.allowed)}" if error.allowed else "",
    "INSUFFICIENT_SCOPE": lambda _: "openteller apps create makes an app that has every scope",
    "RECEIPT_NOT_READY": lambda _: "watch for it with: openteller events tail --follow",
    "WORLD_LOG_INCOMPLETE": lambda _: "openteller reset begins a new log",
}


def without_numbers(text: str) -> str:
    """Take from a usage error what may be somebody's number or name: words that no argument takes, and digits,
    grouped or not. Dates stay.
    """
    return _DIGITS.sub(lambda found: found[0] if _is_harmless(found[0]) else "…", _EXTRA.sub(r"\1", text))


def _is_harmless(digits: str) -> bool:
    return bool(_DATE.fullmatch(digits)) or sum(one.isdecimal() for one in digits) < _FEWEST_DIGITS
