"""What an operator can set, and nothing that a request can."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SEED_FOLDER = Path(__file__).with_name("seed")


class AnswerCheck(StrEnum):
    """How much of each answer is compared with the contract before it leaves.

    Records are always checked when they are written; this is about what is sent.
    """

    OFF = "off"
    ENVELOPE = "envelope"  # what is computed for the request: lists' envelopes and tails
    ALL = "all"  # the whole body; tests run so


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Token buckets in wall time: as many requests at once, refilled over ``window_s`` seconds."""

    app: int = 6000
    anonymous: int = 120
    window_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BillerLeg:
    """How billers are asked over HTTP.

    url: what the port's paths begin with, without a trailing slash. token: shown to whoever answers there. timeout_s:
    for one question, from the connection to the last byte of its answer. pause_s: for how long nobody is asked after
    a time-out: a biller that hangs holds up one question, and not each that comes.
    """

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = 5.0
    pause_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What keeps accounts from being tried out. A day is one of the bank's calendar, in bank time.

    new_accounts: that an end user of an app may ask about in a day, beside those of the last 30 days. per_account:
        fetches of one account in a day, over all partners of a world. window: how many of an app's latest fetches are
        looked at; misses: how many of them may name an account that cannot be paid; run: how many of a day may be
        numbers that stand within ``distance`` of one another, or at one distance each. suspension_days: how long an
        app's fetches are suspended then; again_days: where that happens again within 30 days. page_accounts: that a
        payer may look up on the bank's page in a day.
    """

    new_accounts: int = 5
    per_account: int = 10
    window: int = 200
    misses: int = 40
    run: int = 10
    distance: int = 10
    suspension_days: int = 1
    again_days: int = 7
    page_accounts: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLimits:
    """What a payer may pay, and how many payers an account may have. A day is one of the bank's calendar.

    day_yuan: what a payer may pay in a day, fees included. new_accounts_day, new_accounts_month: accounts that a payer
        has never paid before, in a day and in 30 days. new_payers_day, new_payers_month: payers who have never paid an
        account before. business: how many times as much a customer with a business account may do.
    """

    day_yuan: int = 200_000
    new_accounts_day: int = 50
    new_accounts_month: int = 300
    new_payers_day: int = 3
    new_payers_month: int = 10
    business: int = 20


_ENDLESS = 2**40
NO_FETCH_LIMITS = FetchLimits(
    new_accounts=_ENDLESS, per_account=_ENDLESS, misses=_ENDLESS, run=_ENDLESS, page_accounts=_ENDLESS
)
NO_PAYMENT_LIMITS = PaymentLimits(
    day_yuan=_ENDLESS,
    new_accounts_day=_ENDLESS,
    new_accounts_month=_ENDLESS,
    new_payers_day=_ENDLESS,
    new_payers_month=_ENDLESS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The sandbox's settings.

    database: a path, or a ``sqlite:///`` or ``postgresql://`` URL, which may hold a password. public_url: what links
        begin with, without a trailing slash. seed: a folder of contract-shaped records.
    trusted_proxies: addresses whose ``X-Forwarded-For`` is believed. webhook_loopback: whether webhooks may go to this
        machine's own loopback addresses, as they must while a partner develops on it. webhook_lease_s: after so long
        others take over what the server's dispatcher has claimed. billers: where billers are asked over HTTP; without
        it, those of the bank's own process.
    jwks_hosts: where clients may keep their keys (``jwks_uri``): names, with a port where it is not 443; nowhere unless
        told. redis_url: of the Redis that remembers what was used once, over all processes, instead of the database.
    fapi_only: whether clients of the profile fapi2 alone get tokens. dpop_nonce: whether DPoP proofs need a nonce.
    """

    database: str = field(default="openteller-sandbox.db", repr=False)
    public_url: str = "http://127.0.0.1:8080"
    seed: Path = SEED_FOLDER
    check_answers: AnswerCheck = AnswerCheck.ENVELOPE
    rate_limits: RateLimits = RateLimits()
    fetch_limits: FetchLimits = FetchLimits()
    payment_limits: PaymentLimits = PaymentLimits()
    trusted_proxies: frozenset[str] = frozenset()
    webhook_loopback: bool = True
    webhook_lease_s: float = 30.0
    billers: BillerLeg | None = None
    jwks_hosts: frozenset[str] = frozenset()
    redis_url: str | None = field(default=None, repr=False)
    fapi_only: bool = False
    dpop_nonce: bool = False
