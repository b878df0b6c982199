"""Opening hours as people write them in a cell, ``Mo-Fr 09:00-12:00,13:30-17:00; Sa 10:00-14:00``, as the contract's.

The simple part of OpenStreetMap's opening_hours; 周一至周五 is understood, too. What closes after midnight is cut there
in two.
"""

from __future__ import annotations

import re
from typing import Any

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_NAMES = {
    **{name[:2].lower(): number for number, name in enumerate(_DAYS)},
    **{name[:3].lower(): number for number, name in enumerate(_DAYS)},
    **{name.lower(): number for number, name in enumerate(_DAYS)},
    **{f"周{name}": number for number, name in enumerate("一二三四五六日")},
    **{f"星期{name}": number for number, name in enumerate("一二三四五六日")},
}
_DASHES = str.maketrans(
    {"–": "-", "—": "-", "~": "-", "～": "-", "至": "-", "到": "-", "：": ":", "；": ";", "，": ",", "、": ","}
)
_RULE = re.compile(r"(?:(?P<days>[^0-9]+?)\s*)?(?P<hours>[0-9].*|off|closed|休息)?", re.IGNORECASE)
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_END = 24 * 60
_LONGEST = 400


def availability(text: str) -> dict[str, Any]:
    """Read a week.

    Raises:
        ValueError: it is not written so; the message says what of it.
    """
    if len(text) > _LONGEST:
        raise ValueError("is too long")
    week: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    if text.replace(" ", "") == "24/7":
        week = [[(0, _END)] for _ in _DAYS]
    else:
        for rule in filter(str.strip, text.translate(_DASHES).split(";")):
            _apply(rule.strip(), week)
    days = zip(_DAYS, _cut_at_midnight(week), strict=True)
    return {"standard": [_day(name, spans) for name, spans in days if spans], "special": []}


def _apply(rule: str, week: list[list[tuple[int, int]]]) -> None:
    """Let a rule decide for its days, whatever an earlier one said of them."""
    found = _RULE.fullmatch(rule)
    if found is None or not found["hours"]:
        raise ValueError("has a part without hours, such as Mo-Fr 09:00-17:00")
    spans = [_span(part) for part in found["hours"].split(",")] if found["hours"][0].isdigit() else []
    for day in _days_of((found["days"] or "").strip(" :")):
        week[day] = spans


def _cut_at_midnight(week: list[list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    cut: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for day, spans in enumerate(week):
        for opens, closes in spans:
            cut[day].append((opens, min(closes, _END)))
            if closes > _END:
                cut[(day + 1) % 7].append((0, closes - _END))
    return [sorted(spans) for spans in cut]


def _days_of(text: str) -> list[int]:
    if not text:
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().lower().partition("-")
        begin, end = _weekday(first), _weekday(last) if dash else _weekday(first)
        days += [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]
    return sorted(set(days))


def _weekday(name: str) -> int:
    day = _NAMES.get(name.strip(" .:"))
    if day is None:
        raise ValueError("names a day that is none of Mo Tu We Th Fr Sa Su")
    return day


def _span(text: str) -> tuple[int, int]:
    """Read from when to when, in minutes of the day; what closes after midnight does so beyond the day's end."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError("has hours that are not written as 09:00-17:00")
    opens, closes = _minute(found[1], found[2]), _minute(found[3], found[4])
    if opens in {closes, _END}:
        raise ValueError("has hours that end when they begin")
    return (opens, closes) if closes > opens else (opens, closes + _END)


def _minute(hour: str, minute: str) -> int:
    at = int(hour) * 60 + int(minute)
    if int(minute) > 59 or at > _END:
        raise ValueError(f"has a time that no clock shows ({hour}:{minute})")
    return at


def _day(name: str, spans: list[tuple[int, int]]) -> dict[str, Any]:
    return {"day": name, "opening_hours": [{"opens": _text(opens), "closes": _text(closes)} for opens, closes in spans]}


def _text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
