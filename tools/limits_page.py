"""The page on limits: every figure is read where it is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openteller_sandbox import clock, contract
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bills.velocity import Limit as FetchLimit
from openteller_sandbox.customers import service as customers
from openteller_sandbox.disputes import service as disputes
from openteller_sandbox.hosted import flow
from openteller_sandbox.http.checks import BODY_LIMIT
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.payments import amounts, authorisation
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.settings import FetchLimits, PaymentLimits, RateLimits
from openteller_sandbox.webhooks import service as webhooks

Row = tuple[str, ...]
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]

_MIDNIGHT = "the bank's midnight"


def page(note: str, table: Table) -> str:
    """Give the page, with a note on what generates it at its head."""
    pay = PaymentLimits()
    return f"""{note}

# Limits

Everything is counted in a world, in the act that it is about: of requests at once no more get through than one by one.
A day is one of the bank's calendar, in bank time. A refusal moves no money, and names what works instead: a link whose
page asks for the account can always be made.

## Fetches

They keep account numbers from being tried out. The answer is 429 `FETCH_LIMIT`; `limit` names which, `resets_at` and
`Retry-After` say until when. What is refused is not counted. Numbers are compared without check digits, and magic
accounts are nobody's neighbours. In the sandbox, advance the clock or reset the world.

{table(("What", "At most", "`limit`", "Ends", "How it is counted"), _fetches())}

## Payers

They are looked at when a payer confirms. The page tells the payer which limit it is, what is left, and until when, in
Chinese and in English; the attempt ends, no money is held, and the link stays good. The partner sees the attempt's
`reason`: `LIMIT_EXCEEDED`, and nothing else of the payer. Customers with a business account, such as a property
manager, may pay {pay.business} times as much and as many accounts; among the demo customers that is `62000004`.

{table(("What", "At most", "Ends", "How it is counted"), _payers(pay))}

A limit of 30 days ends when the earliest day that counts is 30 days ago.

## Requests

{table(("What", "At most", "Code"), _requests())}

For load tests `openteller sandbox serve --no-limits` counts fetches and payers and refuses none; the page's own limits
stay.
"""


def _fetches() -> list[Row]:
    fetch = FetchLimits()
    per_user, per_account, misses, run = (
        f"`{limit}`" for limit in (FetchLimit.NEW_ACCOUNTS, FetchLimit.PER_ACCOUNT, FetchLimit.MISSES, FetchLimit.RUN)
    )
    suspended = f"suspended for {fetch.suspension_days} day, for {fetch.again_days} where it happens again in 30 days"
    return [
        (
            "new accounts of an end user",
            f"{fetch.new_accounts} a day",
            per_user,
            _MIDNIGHT,
            "An account is new for an `end_user_ref` that has not asked about it in 30 days.",
        ),
        (
            "fetches of an account",
            f"{fetch.per_account} a day",
            per_account,
            _MIDNIGHT,
            "Over all partners of a world, however it was typed; a look at a [saved account](reminders.md) is one.",
        ),
        (
            "misses of an app",
            f"{fetch.misses} of its last {fetch.window}",
            misses,
            suspended,
            "A miss is an account that cannot be paid, whatever the reason.",
        ),
        (
            "runs of neighbouring numbers",
            f"{fetch.run - 1} a day",
            run,
            suspended,
            f"New accounts of an app at one biller, at most {fetch.distance} apart, or evenly spaced; in any order.",
        ),
    ]


def _payers(pay: PaymentLimits) -> list[Row]:
    return [
        ("one payment", f"{_yuan(int(amounts.MOST_PER_PAYMENT.amount))}", "–", "Also of a partner's request: 422."),
        ("paid by a payer in a day", _yuan(pay.day_yuan), _MIDNIGHT, "With fees. What comes back counts no more."),
        (
            "new accounts of a payer",
            f"{pay.new_accounts_day} a day, {pay.new_accounts_month} in 30 days",
            _MIDNIGHT,
            "An account is new for a payer who has never paid it.",
        ),
        (
            "new payers of an account",
            f"{pay.new_payers_day} a day, {pay.new_payers_month} in 30 days",
            _MIDNIGHT,
            "Who has paid it once can always pay it again.",
        ),
        (
            "accounts that a payer looks up on the page",
            f"{FetchLimits().page_accounts} a day",
            _MIDNIGHT,
            "Those looked up in the last 30 days are free.",
        ),
        ("attempts at a link", f"{authorisation.MOST_ATTEMPTS} that fail", "–", "The payment has `failed` then."),
        ("sign-ins at a link", f"{authorisation.MOST_SIGN_INS}", "–", "However they end."),
        (
            "wrong codes in a row for a customer number",
            f"{customers.MOST_FAILURES}",
            f"{customers.LOCK_MS // clock.MINUTE} minutes",
            "Alike for a number that nobody has.",
        ),
        ("wrong last digits of an account", f"{flow.MOST_WRONG_DIGITS}", "–", "The attempt ends, the link stays good."),
    ]


def _requests() -> list[Row]:
    rate = RateLimits()
    return [
        ("requests of an app", f"{rate.app} in {rate.window_s} s", _code("RATE_LIMITED")),
        ("requests of an anonymous address", f"{rate.anonymous} in {rate.window_s} s", _code("RATE_LIMITED")),
        ("body", f"{BODY_LIMIT // 1024} KiB", _code("BODY_TOO_LARGE")),
        ("webhook endpoints of an app", f"{webhooks.MOST_ENDPOINTS}", _code("WEBHOOK_ENDPOINTS_EXCEEDED")),
        (
            "disputes of a payment",
            f"{disputes.MOST_PER_PAYMENT}, within {disputes.TIME_LIMIT_MS // clock.DAY} days",
            _code("DISPUTE_NOT_POSSIBLE"),
        ),
        (
            "wrong nonces for an account link",
            f"{account_links.MOST_WRONG_NONCES}, within {account_links.LIFETIME_MS // clock.MINUTE} minutes",
            _code("ACCOUNT_LINK_NONCE_INVALID"),
        ),
        ("open account links of a social account with an app", "1", _code("ACCOUNT_LINK_EXISTS")),
        (
            "until when a consent can be extended",
            f"{oauth.MOST_CONSENT_MS // clock.DAY} days from the request, in wall time",
            _code("EXTENSION_OUT_OF_RANGE"),
        ),
        ("saved billers of a customer, for an app", f"{saved_billers.MOST}", _code("SAVED_BILLERS_EXCEEDED")),
    ]


def _code(name: str) -> str:
    """Name an error code that there is."""
    return f"`{contract.load().error_codes[name].code}`"


def _yuan(amount: int) -> str:
    return f"{amount:,}.00 CNY"
