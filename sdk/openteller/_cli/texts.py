"""How values are written for people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from openteller.models import ListLinks, LocalizedText

__all__ = ["both", "cursor", "instant", "moment", "more", "on_its_clock", "open_hours", "percent"]


def instant(at: datetime | None) -> str | None:
    """Give date and time in the offset that the bank wrote: ``2026-09-29 10:30:00``."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else None


def moment(at: datetime) -> str:
    """Give day and minute, for a time that is near: ``09-29 17:00``."""
    return f"{at:%m-%d %H:%M}"


def percent(fraction: Decimal) -> str:
    """Write a rate, which is a fraction, in per cent with all its digits and at least two: 0.0155 is ``1.55 %``."""
    scaled = (fraction * 100).normalize()
    exponent = scaled.as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{scaled:.{max(2, -exponent)}f} %"


def both(text: LocalizedText) -> str:
    """Give a text in Chinese and in English."""
    return f"{text.zh_cn} · {text.en}"


def open_hours(status: str, usual: str, *, open_now: bool, until: datetime | None, zone: str) -> str:
    """Say whether a place is open, and until when that stays so, on its own clock.

    usual: the status that needs no word. zone: the place's.
    """
    said = "open" if open_now else "closed"
    then = f" until {on_its_clock(until, zone)}" if until else ""
    return f"{said}{then}" if status == usual else f"{said}{then} ({status})"


def on_its_clock(at: datetime, zone: str) -> str:
    """Give day and minute by the clock of a place; where that is not the bank's, which clock it is."""
    try:
        there = at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):  # a machine without zones, or with fewer
        return f"{moment(at)} {at.isoformat()[-6:]}"
    return moment(there) if there.utcoffset() == at.utcoffset() else f"{moment(there)} {zone}"


def more(links: ListLinks) -> str:
    """Say how to see the next page; nothing on the last one."""
    after = cursor(links)
    return f"\nThere is more: --after {after}" if after else ""


def cursor(links: ListLinks) -> str | None:
    """Give where the next page begins; None on the last one."""
    cursors = parse_qs(urlsplit(links.next or "").query).get("after")
    return cursors[0] if cursors else None
