"""A branch or a cash machine by itself, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from openteller._cli.tables import facts
from openteller._cli.texts import both, on_its_clock, open_hours

if TYPE_CHECKING:
    from openteller.models import Atm, Availability, Branch, BranchService, DayHours

__all__ = ["of_atm", "of_branch"]

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def of_branch(one: Branch) -> str:
    """Say all of a branch."""
    return facts(
        [
            ("Branch", both(one.name)),
            ("Id", one.branch_id),
            ("Code", one.branch_code),
            ("Type", one.branch_type),
            ("Status", f"{one.status}, to {one.moved_to}" if one.moved_to else one.status),
            *_where(one),
            *_when(one, "OPEN"),
            ("Wait", _wait(one)),
            ("Services", ", ".join(service.code for service in one.services)),
            *_labelled("Other hours", map(_service_hours, one.services)),
            *_labelled("Besides", (both(other.name) for other in one.other_services)),
            ("Accessibility", ", ".join(one.accessibility)),
            ("Serves", ", ".join(one.customer_segments)),
            *((contact.type.capitalize(), contact.value) for contact in one.contacts),
            ("Run by", one.parent_branch_id),
            ("Page", one.page_url),
            ("Updated", f"{one.last_updated:%Y-%m-%d %H:%M:%S}"),
        ]
    )


def of_atm(one: Atm) -> str:
    """Say all of a cash machine."""
    return facts(
        [
            ("ATM", both(one.name)),
            ("Id", one.atm_id),
            ("Code", one.atm_code),
            ("Type", one.location_category),
            ("Status", one.status),
            *_where(one),
            *_when(one, "IN_SERVICE"),
            ("Services", ", ".join(one.atm_services)),
            ("Accessibility", ", ".join(one.accessibility)),
            ("Pays out", ", ".join(one.supported_currencies)),
            ("At least", one.minimum_amount),
            ("Languages", ", ".join(one.supported_languages)),
            ("Branch", one.branch_id),
            ("Page", one.page_url),
            ("Updated", f"{one.last_updated:%Y-%m-%d %H:%M:%S}"),
        ]
    )


def _where(one: Branch | Atm) -> Iterator[tuple[str, object]]:
    address, at = one.postal_address, one.location
    town = " ".join(part for part in (address.post_code, address.town_name, address.country) if part)
    yield "Address", "".join(address.address_lines)
    yield "In", town
    yield "Position", f"{at.latitude},{at.longitude} {at.crs}"
    yield "Time zone", one.timezone


def _when(one: Branch | Atm, usual: str) -> Iterator[tuple[str, object]]:
    said = open_hours(one.status, usual, open_now=one.open_now, until=one.next_change_at, zone=one.timezone)
    yield "Now", f"{said}, which holidays may change" if one.provisional else said
    yield "Hours", _week(one.availability.standard)
    yield from _labelled("Special days", _special(one.availability))


def _special(availability: Availability) -> Iterator[str]:
    for days in availability.special:
        first, last = days.start_date, days.end_date
        span = f"{first}" if first == last else f"{first} – {last}"
        hours = "closed" if days.closed else _week(days.days)
        yield f"{span}  {hours}  {days.name.zh_cn}" if days.name else f"{span}  {hours}"


def _service_hours(service: BranchService) -> str:
    """Give the week of a service that has hours of its own; else nothing."""
    return f"{service.code} {_week(service.availability.standard)}" if service.availability else ""


def _week(days: Iterable[DayHours]) -> str:
    """Set hours, days in a row that have the same ones together: ``MON–FRI 09:00–17:00, SAT 09:00–16:00``."""
    told = {day.day: " and ".join(f"{one.opens}–{one.closes}" for one in day.opening_hours) for day in days}
    runs = [(hours, list(run)) for hours, run in groupby(_DAYS, lambda day: told.get(day, ""))]
    return ", ".join(f"{_run(run)} {hours}" for hours, run in runs if hours) or "none"


def _run(days: list[str]) -> str:
    first, last = days[0][:3], days[-1][:3]
    return first if first == last else f"{first}–{last}"


def _wait(one: Branch) -> str | None:
    if one.wait is None:
        return None
    waiting = f"{one.wait.minutes} min, {one.wait.tickets_waiting} before"
    return f"{waiting}, as of {on_its_clock(one.wait.as_of, one.timezone)}"


def _labelled(label: str, lines: Iterable[str]) -> Iterator[tuple[str, object]]:
    """Give lines, the first with a label."""
    for number, line in enumerate(line for line in lines if line):
        yield ("" if number else label), line
