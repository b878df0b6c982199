"""How values are written for people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from openteller.models import ListLinks, LocalizedText

__all__ = ["both", "cursor", "instant", "moment", "more", "open_hours", "percent"]


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


def open_hours(status: str, usual: str, *, open_now: bool, next_change_at: datetime | None) -> str:
    """Say whether a place is open, and until when that stays so. usual: the status that needs no word."""
    said = "open" if open_now else "closed"
    until = f" until {moment(next_change_at)}" if next_change_at else ""
    return f"{said}{until}" if status == usual else f"{said}{until} ({status})"


def more(links: ListLinks) -> str:
    """Say how to see the next page; nothing on the last one."""
    after = cursor(links)
    return f"\nThere is more: --after {after}" if after else ""


def cursor(links: ListLinks) -> str | None:
    """Give where the next page begins; None on the last one."""
    cursors = parse_qs(urlsplit(links.next or "").query).get("after")
    return cursors[0] if cursors else None
