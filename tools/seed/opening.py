"""Opening hours of the demo bank's branches as wire records (schema `Availability`): weeks and special days."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from typing import Any

from .places import read_csv

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
WEEKDAYS, WEEKEND = DAYS[:5], DAYS[5:]
# Records list the special days from here on; for earlier ones the bank's calendar (workdays.jsonl) speaks.
SPECIAL_FROM = date(2026, 9, 28)
HOLIDAY_NAMES = {
    "元旦": "New Year's Day",
    "春节": "Spring Festival",
    "清明节": "Qingming Festival",
    "劳动节": "Labour Day",
    "端午节": "Dragon Boat Festival",
    "中秋节": "Mid-Autumn Festival",
    "国庆节": "National Day",
}

Hours = tuple[tuple[str, str], ...]
Record = dict[str, Any]
ALL_DAY: Hours = (("00:00", "24:00"),)


@dataclass(frozen=True)
class Week:
    """Hours per weekday; a weekday that is not there is closed.

    `on_holidays` is the short day of a branch that opens on public holidays.
    """

    days: tuple[tuple[str, Hours], ...]
    on_holidays: Hours = ()
    keeps_holidays: bool = True

    def hours(self, day: str) -> Hours:
        """Hours of a weekday."""
        return dict(self.days).get(day, ())


@dataclass(frozen=True)
class Run:
    """Days in a row of one holiday, all off or all make-up working days."""

    holiday: str
    off: bool
    start: date
    end: date


def week(weekdays: Hours, saturday: Hours = (), sunday: Hours = (), on_holidays: Hours = ()) -> Week:
    """A week with the same hours from Monday to Friday."""
    pairs = [*((day, weekdays) for day in WEEKDAYS), ("SATURDAY", saturday), ("SUNDAY", sunday)]
    return Week(tuple((day, hours) for day, hours in pairs if hours), on_holidays)


def calendar_rows() -> list[Record]:
    """`{date, holiday, off}` of every public holiday (`off`) and make-up working day that was announced."""
    return [
        {"date": row["date"], "holiday": row["holiday"], "off": row["off"] == "1"}
        for row in read_csv("cn_workdays_2024_2026.csv")
    ]


@cache
def special_runs() -> tuple[Run, ...]:
    """The runs of holidays and make-up days from `SPECIAL_FROM` on, in order."""
    rows = [(date.fromisoformat(row["date"]), row["holiday"], row["off"]) for row in calendar_rows()]
    ahead = [row for row in rows if row[0] >= SPECIAL_FROM]
    runs = []
    for (_, holiday, off), group in groupby(
        enumerate(ahead), key=lambda pair: (pair[1][0].toordinal() - pair[0], *pair[1][1:])
    ):
        days = [row[0] for _, row in group]
        runs.append(Run(holiday, off, days[0], days[-1]))
    return tuple(runs)


def _day_records(days: tuple[tuple[str, Hours], ...]) -> list[Record]:
    return [
        {"day": day, "opening_hours": [{"opens": opens, "closes": closes} for opens, closes in hours]}
        for day, hours in days
    ]


def _special(name: tuple[str, str], start: date, end: date, days: tuple[tuple[str, Hours], ...]) -> Record:
    return {
        "name": {"zh-CN": name[0], "en": name[1]},
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "closed": not days,
        "days": _day_records(days),
    }


def _holiday_records(run: Run, on_holidays: Hours) -> list[Record]:
    """A holiday: closed, or, where a branch opens on holidays at all, closed for three days and then short hours."""
    name = (run.holiday, HOLIDAY_NAMES[run.holiday])
    opens_on = run.start + timedelta(days=3)
    if not on_holidays or opens_on > run.end:
        return [_special(name, run.start, run.end, ())]
    short_days = tuple((DAYS[day.weekday()], on_holidays) for day in _days(opens_on, run.end))
    return [_special(name, run.start, opens_on - timedelta(days=1), ()), _special(name, opens_on, run.end, short_days)]


def _make_up_records(run: Run, hours: Hours) -> list[Record]:
    """A weekend day that is worked (调休): the weekdays' hours."""
    name = (f"{run.holiday}调休上班", f"Working day for {HOLIDAY_NAMES[run.holiday]}")
    return (
        [_special(name, run.start, run.end, tuple((DAYS[day.weekday()], hours) for day in _days(run.start, run.end)))]
        if hours
        else []
    )


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def availability(hours: Week) -> Record:
    """The wire record of a week with the special days ahead."""
    special: list[Record] = []
    for run in special_runs() if hours.keeps_holidays else ():
        special += _holiday_records(run, hours.on_holidays) if run.off else _make_up_records(run, hours.hours("MONDAY"))
    return {"standard": _day_records(hours.days), "special": special}


def service_availability(hours: Week) -> Record:
    """The same for one service; its special days bear no names, those of the branch do."""
    whole = availability(hours)
    return {
        **whole,
        "special": [{key: value for key, value in day.items() if key != "name"} for day in whole["special"]],
    }


ALWAYS = Week(tuple((day, ALL_DAY) for day in DAYS), keeps_holidays=False)
EARLY_TO_LATE = Week(tuple((day, (("06:00", "23:00"),)) for day in DAYS), keeps_holidays=False)
