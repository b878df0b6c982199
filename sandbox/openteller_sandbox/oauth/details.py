"""``authorization_details`` (RFC 9396): one type, ``bill_payment_mandate``, with the control parameters of variable
recurring payments. What is taken here is complete and plain enough to be read to a customer, field by field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from openteller_sandbox.billers import service as billers
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.http.checks import read_json
from openteller_sandbox.oauth.model import Client, Profile, Refusal

MANDATE = "bill_payment_mandate"
TYPES = (MANDATE,)
LEAST_PROFILE = Profile.FAPI2
_MOST_DETAILS = 5
_MOST_BILLERS = 20
_MOST_DAYS = 366
_MOST_USES = 366
_OPTIONAL = frozenset({"periodic_limits", "maximum_uses"})
_REQUIRED = frozenset({"type", "billers", "maximum_individual_amount", "valid_from", "valid_to"})
_LIMIT_MEMBERS = frozenset({"period_type", "period_alignment", "amount"})
PERIODS = ("DAY", "WEEK", "MONTH", "YEAR")
ALIGNMENTS = ("CONSENT", "CALENDAR")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,8})\.[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BILLER = re.compile(r"blr_[0-9a-z]{4,44}")


def parse(tx: Tx, client: Client, text: str | None, today: date) -> list[dict[str, Any]]:
    """Read and check the parameter; give the details in one form.

    Args:
        tx: knows the billers.
        client: who asks.
        text: the parameter, or None.
        today: of the bank's calendar, in the client's world.

    Raises:
        Refusal: invalid_authorization_details.
    """
    if text is None:
        return []
    if not client.profile.reaches(LEAST_PROFILE):
        raise _bad("A mandate needs a client of the profile fapi2.")
    try:
        sent = read_json(text.encode("ascii"))
    except ValueError as error:
        raise _bad("Send a JSON array.") from error
    if not isinstance(sent, list) or not 1 <= len(sent) <= _MOST_DETAILS:
        raise _bad("Send a JSON array of 1 to 5 objects.")
    return [check(tx, detail, today) for detail in sent]


def check(tx: Tx, sent: object, today: date) -> dict[str, Any]:
    """Check one detail; give it in one form.

    Raises:
        Refusal: invalid_authorization_details.
    """
    if not isinstance(sent, dict) or sent.get("type") != MANDATE:
        raise _bad("The type is bill_payment_mandate.")
    if sent.keys() - _REQUIRED - _OPTIONAL or _REQUIRED - sent.keys():
        raise _bad(
            "A mandate has billers, maximum_individual_amount, valid_from and valid_to, may have periodic_limits and "
            "maximum_uses, and nothing else."
        )
    begins, ends = _date(sent["valid_from"]), _date(sent["valid_to"])
    if (begins - today).days > _MOST_DAYS:
        raise _bad("valid_from is at most a year after today.")
    if not begins <= ends or ends < today or (ends - max(begins, today)).days > _MOST_DAYS:
        raise _bad("valid_to is not before valid_from or today, and at most a year later.")
    return {
        "type": MANDATE,
        "billers": _billers(tx, sent["billers"]),
        "maximum_individual_amount": _amount(sent["maximum_individual_amount"]),
        "periodic_limits": _limits(sent.get("periodic_limits", [])),
        **({"maximum_uses": _uses(sent["maximum_uses"])} if "maximum_uses" in sent else {}),
        "valid_from": begins.isoformat(),
        "valid_to": ends.isoformat(),
    }


def _billers(tx: Tx, sent: object) -> list[str]:
    if not isinstance(sent, list) or not 1 <= len(sent) <= _MOST_BILLERS:
        raise _bad("billers: a list of 1 to 20 biller_ids.")
    if not all(isinstance(each, str) and _BILLER.fullmatch(each) for each in sent) or len(set(sent)) != len(sent):
        raise _bad("billers: different biller_ids of the directory.")
    for biller_id in sent:
        try:
            active = billers.get(tx, biller_id).active
        except Problem as problem:
            raise _bad("billers: one is not in the directory.") from problem
        if not active:
            raise _bad("billers: one takes no payments.")
    return sent


def _uses(sent: object) -> int:
    if not isinstance(sent, int) or isinstance(sent, bool) or not 1 <= sent <= _MOST_USES:
        raise _bad("maximum_uses: a number from 1 to 366.")
    return sent


def _limits(sent: object) -> list[dict[str, Any]]:
    if not isinstance(sent, list) or len(sent) > len(PERIODS):
        raise _bad("periodic_limits: a list, one limit for each period_type.")
    limits = [_limit(each) for each in sent]
    if len({limit["period_type"] for limit in limits}) != len(limits):
        raise _bad("periodic_limits: one limit for each period_type.")
    return limits


def _limit(sent: object) -> dict[str, Any]:
    if not isinstance(sent, dict) or sent.keys() != _LIMIT_MEMBERS:
        raise _bad("A periodic limit has period_type, period_alignment and amount.")
    if sent["period_type"] not in PERIODS or sent["period_alignment"] not in ALIGNMENTS:
        raise _bad("A period is DAY, WEEK, MONTH or YEAR, aligned to the CONSENT or the CALENDAR.")
    return {
        "period_type": sent["period_type"],
        "period_alignment": sent["period_alignment"],
        "amount": _amount(sent["amount"]),
    }


def _amount(sent: object) -> Mapping[str, str]:
    if not isinstance(sent, dict) or sent.keys() != {"amount", "currency"} or sent["currency"] != "CNY":
        raise _bad("An amount is {amount, currency} in CNY.")
    amount = sent["amount"]
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount) or not Decimal(amount):
        raise _bad("An amount is a decimal text above zero with two decimals.")
    return {"amount": amount, "currency": "CNY"}


def _date(sent: object) -> date:
    if not isinstance(sent, str) or not _DATE.fullmatch(sent):
        raise _bad("valid_from and valid_to are dates such as 2026-09-30.")
    try:
        return date.fromisoformat(sent)
    except ValueError as error:
        raise _bad("valid_from and valid_to are dates of the calendar.") from error


def _bad(description: str) -> Refusal:
    return Refusal("invalid_authorization_details", description)
