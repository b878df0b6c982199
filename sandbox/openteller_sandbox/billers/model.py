"""A biller as the rules see it, read from its record, and what follows from the record alone: hours, fees, bounds,
inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from openteller_sandbox import clock
from openteller_sandbox.billers import account_numbers
from openteller_sandbox.money import Money, rounded

_WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_PAGE_ONLY = "Of HIGH sensitivity, or part of what is: only the page of the bank asks for it. Leave it out."
_PLACES = ("area_code",)
_OCCASIONS = ("term", "violation_date")
"""Names of fields that say where an account is, and which of its bills are meant."""
_FIXED_LEAD = re.compile(r"\^([0-9]+)\[0-9\]\{([0-9]+)\}\$")


@dataclass(frozen=True)
class InputField:
    """A field that the biller needs, from its record."""

    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name in ``inputs``."""
        return str(self.facts["name"])

    @property
    def high(self) -> bool:
        """Whether only the bank's page may ask for it."""
        return bool(self.facts["sensitivity"] == "HIGH")

    @property
    def check_digit(self) -> str | None:
        """The algorithm of its check digits."""
        return self.facts.get("check_digit")

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        pattern = self.facts.get("pattern")
        return re.compile(pattern) if pattern else None

    def fault(self, value: str) -> str | None:
        """Say what is wrong with a value, or None. Checks what anyone can check from the published format."""
        facts = self.facts
        if not facts["min_length"] <= len(value) <= facts["max_length"]:
            return f"Must have {facts['min_length']} to {facts['max_length']} characters."
        if self._pattern and not self._pattern.fullmatch(value):
            example = f", such as {facts['example']}" if "example" in facts else ""
            return f"Must match {facts['pattern']}{example}."
        if facts["data_type"] == "ENUM" and value not in {choice["value"] for choice in facts["values"]}:
            return "Must be one of the values that the biller lists."
        if facts["data_type"] == "DATE" and not _is_date(value):
            return "Must be a date."
        if self.check_digit and not account_numbers.is_valid(self.check_digit, value):
            return f"The check digit is wrong ({self.check_digit})."
        return None

    @cached_property
    def serial_format(self) -> bool:
        """Whether this is an account number with a fixed lead, a serial and check digits."""
        return bool(self.check_digit and _FIXED_LEAD.fullmatch(self.facts.get("pattern", "")))

    def serial(self, value: str) -> int | None:
        """Give the serial number inside an account number: what stands between the fixed lead and the check digits."""
        found = _FIXED_LEAD.fullmatch(self.facts.get("pattern", ""))
        if not found or not self.check_digit:
            return None
        checks = account_numbers.ALGORITHMS[self.check_digit].length
        return int(value[len(found.group(1)) : -checks])

    def with_serial(self, serial: int) -> str | None:
        """Make the account number that has a serial number, or None where the format has none."""
        found = _FIXED_LEAD.fullmatch(self.facts.get("pattern", ""))
        if not found or not self.check_digit:
            return None
        width = int(found.group(2)) - account_numbers.ALGORITHMS[self.check_digit].length
        body = f"{found.group(1)}{serial:0{width}d}"
        return body + account_numbers.check_digits(self.check_digit, body)


@dataclass(frozen=True)
class Biller:
    """A biller, from its record."""

    facts: Mapping[str, Any]

    @property
    def biller_id(self) -> str:
        """Its identifier."""
        return str(self.facts["biller_id"])

    @property
    def name(self) -> dict[str, str]:
        """Its name in Chinese and English."""
        return dict(self.facts["name"])

    @property
    def category_code(self) -> str:
        """Its category."""
        return str(self.facts["category_code"])

    @property
    def adcode(self) -> str:
        """The division that it serves."""
        return str(self.facts["region"]["adcode"])

    @property
    def active(self) -> bool:
        """Whether it takes payments at all."""
        return bool(self.facts["status"] == "ACTIVE")

    @property
    def fetch_mode(self) -> str:
        """FETCH, VALIDATE or DIRECT."""
        return str(self.facts["fetch_mode"])

    @property
    def presentment(self) -> str:
        """What a fetch shows: NONE, EXISTENCE, AMOUNT or FULL."""
        return str(self.facts["presentment"])

    @property
    def exactness(self) -> str:
        """EXACT, EXACT_UP, EXACT_DOWN, ANY or RANGE."""
        return str(self.facts["exactness"])

    @property
    def selection(self) -> str:
        """ONE, MANY, ALL or OLDEST_FIRST."""
        return str(self.facts["selection"])

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of its local times."""
        return ZoneInfo(self.facts["timezone"])

    @cached_property
    def input_fields(self) -> tuple[InputField, ...]:
        """What it needs to know, the account first."""
        return tuple(InputField(field) for field in self.facts["input_fields"])

    @cached_property
    def _high(self) -> frozenset[str]:
        return frozenset(field.name for field in self.input_fields if field.high)

    @cached_property
    def plan_amounts(self) -> tuple[Decimal, ...]:
        """The amounts of the biller's plans, the least first."""
        return tuple(sorted({Decimal(plan["amount"]["amount"]) for plan in self.facts["plans"]}))

    @cached_property
    def page_only(self) -> frozenset[str]:
        """Names of the fields that only the bank's page asks for: of HIGH sensitivity, or to be given together with
        one that is.
        """
        high = self._high
        together = (set(group["fields"]) for group in self.facts["input_groups"] if group["rule"] == "ALL_OF")
        return frozenset(high.union(*(names for names in together if names & high)))

    @cached_property
    def min_amount(self) -> Money:
        """The least that it takes."""
        return money(self.facts["min_amount"])

    @cached_property
    def max_amount(self) -> Money:
        """The most that it takes."""
        return money(self.facts["max_amount"])

    def takes_payments_at(self, now: int) -> bool:
        """Tell whether an instant (bank time, epoch milliseconds) is within the service hours and before a rejecting
        cut-off.
        """
        local = clock.to_datetime(now).astimezone(self.zone)
        text, day = local.strftime("%H:%M"), _WEEKDAYS[local.weekday()]
        open_now = any(
            day in hours["days"] and hours["opens"] <= text < hours["closes"] for hours in self.facts["service_hours"]
        )
        cutoff = self.facts.get("cutoff")
        return open_now and not (cutoff and cutoff["after"] == "REJECT" and text >= cutoff["time"])

    def maintenance_until(self, now: int) -> int | None:
        """Give the end (epoch milliseconds) of the maintenance window that an instant lies in, or None."""
        for window in self.facts["maintenance_windows"]:
            if clock.parse(window["starts_at"]) <= now < clock.parse(window["ends_at"]):
                return clock.parse(window["ends_at"])
        return None

    def value_date(self, now: int) -> date:
        """Give the day as of which a payment made now counts: the next one past a NEXT_DAY cut-off."""
        local = clock.to_datetime(now).astimezone(self.zone)
        cutoff = self.facts.get("cutoff")
        late = cutoff and cutoff["after"] == "NEXT_DAY" and local.time() >= time.fromisoformat(cutoff["time"])
        return local.date() + timedelta(days=1 if late else 0)

    def payer_fee(self, amount: Money, on: date) -> Money:
        """Give the fee that the payer bears for an amount, by the schedule in force on a day; zero where there is
        none.
        """
        total = Decimal(0)
        for slab in self._slabs(on):
            if Decimal(slab["min"]["amount"]) <= amount.amount <= Decimal(slab["max"]["amount"]):
                total += Decimal(slab["flat"]["amount"]) + amount.amount * Decimal(slab["rate"])
        return Money(rounded(total, amount.currency), amount.currency)

    def keeps_payer_fee(self, on: date) -> bool:
        """Tell whether the payer's fee, by the schedule in force on a day, is not refundable."""
        schedule = self._payer_fees(on)
        return schedule is not None and not schedule["refundable"]

    def _slabs(self, on: date) -> Iterator[Mapping[str, Any]]:
        schedule = self._payer_fees(on)
        if schedule:
            yield from schedule["slabs"]

    def _payer_fees(self, on: date) -> Mapping[str, Any] | None:
        schedules = [
            fee for fee in self.facts["fees"] if fee["type"] == "PAYER_FEE" and fee["effective_from"] <= on.isoformat()
        ]
        return max(schedules, key=lambda fee: str(fee["effective_from"])) if schedules else None

    def bill_bounds(self, outstanding: Money) -> tuple[Money, Money]:
        """Give the least and the most that may be paid for a bill of which so much is outstanding."""
        most = max(self.max_amount.amount, outstanding.amount)
        if self.exactness in {"EXACT", "EXACT_DOWN"}:
            most = outstanding.amount
        least = min(self.min_amount.amount, outstanding.amount)
        if self.exactness in {"EXACT", "EXACT_UP"}:
            least = outstanding.amount
        return Money(least, outstanding.currency), Money(most, outstanding.currency)

    def amount_refusal(self, amount: Money) -> str | None:
        """Give the error code for an amount that the biller does not take, judged without a bill; None when it does."""
        if (
            amount.currency != self.min_amount.currency
            or not self.min_amount.amount <= amount.amount <= self.max_amount.amount
        ):
            return "AMOUNT_OUT_OF_RANGE"
        multiple = self.facts.get("amount_multiple")
        if multiple and amount.amount % Decimal(multiple["amount"]):
            return "AMOUNT_OUT_OF_RANGE"
        if self.plan_amounts and self.exactness == "EXACT" and amount.amount not in self.plan_amounts:
            return "AMOUNT_NOT_EXACT"
        return None

    def input_faults(self, inputs: Mapping[str, str], *, on_page: bool) -> list[tuple[str, str, str]]:
        """Find what is wrong with inputs: (field name, error code, message) each.

        Args:
            inputs: values by field name.
            on_page: whether the bank's own page asked; only there are fields of HIGH sensitivity taken, and needed, and
                those that go together with one.
        """
        names = {field.name for field in self.input_fields}
        faults = [(name, "FIELD_UNKNOWN", "The biller has no such field.") for name in inputs if name not in names]
        for field in self.input_fields:
            value = inputs.get(field.name)
            if value is not None and field.name in self.page_only and not on_page:
                faults.append((field.name, "FIELD_INVALID", _PAGE_ONLY))
            elif value is not None:
                message = field.fault(value)
                faults += [(field.name, "FIELD_INVALID", message)] if message else []
            elif field.facts["required"] and (on_page or not field.high):
                faults.append((field.name, "FIELD_MISSING", "The biller needs this field."))
        return faults + self._group_faults(inputs, on_page=on_page)

    def _group_faults(self, inputs: Mapping[str, str], *, on_page: bool) -> list[tuple[str, str, str]]:
        faults = []
        high = self._high
        for group in self.facts["input_groups"]:
            given = [name for name in group["fields"] if name in inputs]
            waits_for_page = not on_page and bool(high & set(group["fields"]))
            names = ", ".join(group["fields"])
            if group["rule"] == "ONE_OF" and (len(given) > 1 or not (given or waits_for_page)):
                faults.append(
                    (group["fields"][0], "FIELD_INVALID" if given else "FIELD_MISSING", f"Give exactly one of {names}.")
                )
            if group["rule"] == "ALL_OF" and given and len(given) < len(group["fields"]) and not waits_for_page:
                faults.append((group["fields"][0], "FIELD_INVALID", f"Give all of {names}, or none."))
        return faults

    def account(self, inputs: Mapping[str, str]) -> str:
        """Give the account reference among inputs: the first field of the biller's that is there."""
        return next(inputs[field.name] for field in self.input_fields if field.name in inputs)

    def account_key(self, inputs: Mapping[str, str]) -> str:
        """Give the account reference with what tells it from another: lines of two areas may have the same number."""
        return "".join(inputs.get(name, "") for name in _PLACES) + self.account(inputs)

    def bills_key(self, inputs: Mapping[str, str]) -> str:
        """Give the account with what says which of its bills are meant: of a term, or of a day."""
        return "/".join((self.account_key(inputs), *(inputs[name] for name in _OCCASIONS if name in inputs)))

    def account_label(self, inputs: Mapping[str, str]) -> dict[str, str] | None:
        """Give what the biller calls the account reference among inputs, in Chinese and English; without inputs what
        it asks for, or None where that may be one of several things.
        """
        if inputs:
            return next(dict(field.facts["label"]) for field in self.input_fields if field.name in inputs)
        alternatives = any(group["rule"] == "ONE_OF" for group in self.facts["input_groups"])
        return None if alternatives else dict(self.input_fields[0].facts["label"])

    def serial(self, inputs: Mapping[str, str]) -> int | None:
        """Give the serial number of the account, where the format has one."""
        for field in self.input_fields:
            if field.name in inputs and (serial := field.serial(inputs[field.name])) is not None:
                return serial
        return None


def money(wire: Mapping[str, str]) -> Money:
    """Read the contract's ``Money``."""
    return Money(Decimal(wire["amount"]), wire["currency"])


def masked(reference: str) -> str:
    """Mask an account number or a reference, but for its last ``min(4, length / 3)`` characters."""
    shown = min(4, len(reference) // 3)
    return "*" * (len(reference) - shown) + reference[len(reference) - shown :]


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a day without a time
    except ValueError:
        return False
    return True
