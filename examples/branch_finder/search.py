"""What a visitor looks for, and what the bank answers; what the bank refuses is told beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from openteller import OpenTeller, errors
from openteller.models import Atm, Branch, Location

__all__ = ["KINDS", "Found", "Kind", "Place", "Search", "find", "get"]

Kind = Literal["branches", "atms"]
Place = Branch | Atm
KINDS: tuple[Kind, ...] = ("branches", "atms")
ROWS = 10
_BANK_ZONE = timezone(timedelta(hours=8))
"""In which a visitor types a time: that of the demo bank's branches."""
_BROKEN_TEXT = "Must be text."
_NO_TIME = "Must be a day and a time, such as 2026-10-10T16:30."
_NO_PLACE = "There is no such place."


@dataclass(frozen=True, slots=True)
class Search:
    """The form as it was filled in; what is empty was left out.

    Attributes:
        around: the identifier of a branch or machine that was chosen from a list, which ``near`` goes before.
        open_now: ``1``, or empty.
        open_at: day and time without a zone, as browsers send them.
        after: where a page begins.
    """

    q: str = ""
    near: str = ""
    around: str = ""
    crs: str = ""
    open_now: str = ""
    open_at: str = ""
    service: str = ""
    accessibility: str = ""
    after: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> Search:
        """Read a query. Coordinates may have spaces, and the comma of a Chinese keyboard."""
        typed = {name: form.get(name, "").strip() for name in cls.__slots__}
        near = "".join(typed["near"].replace("，", ",").split())
        return cls(**typed | {"near": near, "around": "" if near else typed["around"]})

    def query(self, **other: str) -> dict[str, str]:
        """Give what leads to this search, or to one that differs in some fields; another one begins at its start."""
        changed = {**asdict(self), "after": "", **other}
        return {name: value for name, value in changed.items() if value}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it.

    Attributes:
        faults: what is wrong in each field, as the bank says it; "" is none of the form's.
        around: the place around which was looked, where one was chosen.
        centre: where that is, or what was typed; None where it was nowhere.
        next: where the next page begins; empty on the last one.
        as_of: bank time of the answer.
    """

    places: tuple[Place, ...] = ()
    next: str = ""
    as_of: datetime | None = None
    around: Place | None = None
    centre: Location | str | None = None
    faults: dict[str, list[str]] = field(default_factory=dict)


def get(bank: OpenTeller, kind: Kind, identifier: str, crs: Any = None) -> Place:
    """Get one branch or machine.

    Raises:
        NotFound: there is none.
    """
    return (bank.branches if kind == "branches" else bank.atms).get(identifier, crs=crs)


def find(bank: OpenTeller, kind: Kind, search: Search) -> Found:
    """Ask the bank; what it refuses is in ``faults``.

    Raises:
        OpenTellerError: the bank cannot be reached, or fails.
    """
    try:
        open_at = _instant(search.open_at)
    except ValueError:
        return Found(faults={"open_at": [_NO_TIME]})
    try:
        around = _chosen(bank, search)
    except errors.NotFound:
        return Found(faults={"around": [_NO_PLACE]})
    except errors.InvalidRequest as error:
        return Found(faults=_faults(error))
    centre = around.location if around else search.near or None
    return _ask(bank, kind, search, around, {"near": centre, "open_at": open_at})


def _ask(bank: OpenTeller, kind: Kind, search: Search, around: Place | None, known: dict[str, Any]) -> Found:
    typed = {name: getattr(search, name) or None for name in ("q", "crs", "service", "accessibility", "after")}
    resource: Any = bank.branches if kind == "branches" else bank.atms
    try:
        # Who asks for one by its name is told that it has moved; who asks for what is near wants to be served.
        states = {"serving": not search.q, "open_now": bool(search.open_now) or None}
        page = resource.list(**typed, **known, **states, limit=ROWS).page()
    except errors.InvalidRequest as error:
        return Found(around=around, centre=known["near"], faults=_faults(error))
    except errors.ConfigurationError:  # what browsers do not send, such as half a character
        return Found(faults={"": [_BROKEN_TEXT]})
    following = parse_qs(urlsplit(page.links.next or "").query).get("after", [""])[0]
    return Found(page.data, following, page.meta.as_of, around, known["near"])


def _chosen(bank: OpenTeller, search: Search) -> Place | None:
    if not search.around:
        return None
    kind: Kind = "atms" if search.around.startswith("atm_") else "branches"
    return get(bank, kind, search.around, search.crs or None)


def _instant(typed: str) -> datetime | None:
    """Read a time of the bank's.

    Raises:
        ValueError: it is none.
    """
    if not typed:
        return None
    at = datetime.fromisoformat(typed)
    return at if at.tzinfo else at.replace(tzinfo=_BANK_ZONE)


def _faults(error: errors.InvalidRequest) -> dict[str, list[str]]:
    """Sort what the bank says by field; a fault of what the form has not, such as a cursor, is under ""."""
    fields = {"q", "near", "crs", "open_now", "open_at", "service", "accessibility"}
    faults: dict[str, list[str]] = {}
    for fault in error.errors:
        faults.setdefault(fault.name if fault.name in fields else "", []).append(fault.message)
    return faults or {"": [error.message]}
